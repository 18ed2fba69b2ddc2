"""Classes of paths as a table, in text and as a data frame."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from pathflow.drawing import short_integer

from ._table import pandas_module


def class_text(
    rows: Sequence[tuple[str, float, int | None]], total: float, heading: str
) -> list[str]:
    """Lines with a name, an influence, its share of the total and a number of paths each.

    Arguments:
        rows: name, influence and number of paths; None where it is unknown, then of all rows.
        total: what the shares are of.
        heading: of the column of influences.
    """
    width = max(len("class"), *(len(name) for name, _, _ in rows))
    counted = rows[0][2] is not None
    lines = [f"{'class':<{width}}  {heading:>10}  share of total" + "  number of paths" * counted]
    for name, value, count in rows:
        paths = "" if count is None else f"  {short_integer(count):>15}"
        lines.append(f"{name:<{width}}  {value:>+10.4g}  {class_share(value, total):>14.1%}{paths}")
    return lines


def class_frame(
    names: Sequence[str],
    rows: Float64[np.ndarray, "B classes"],
    totals: Float64[np.ndarray, " B"],
    counts: Mapping[str, int] | None,
    batched: bool,
) -> Any:
    """A pandas data frame with a row per class (and per example)."""
    pandas = pandas_module()
    shares = [
        class_share(value, total) for row, total in zip(rows, totals, strict=True) for value in row
    ]
    columns: dict[str, Any] = {
        "class": [*names] * len(rows),
        "influence": rows.ravel(),
        "share": shares,
    }
    if counts is not None:
        # Python integers: a count may be beyond any fixed width.
        columns["paths"] = np.array([counts[name] for name in names] * len(rows), object)
    if batched:
        columns = {"example": np.repeat(np.arange(len(rows)), len(names)), **columns}
    return pandas.DataFrame(columns)


def class_share(value: float, total: float) -> float:
    """A part of the total; NaN for a total of 0."""
    # Adding zero makes a minus zero a zero.
    return float(value) / float(total) + 0.0 if total else np.nan
