"""Results as notebooks show them: the first rows, what is left, and the audit."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pathflow._errors import NonFiniteError
from pathflow.drawing import (
    BarCell,
    Page,
    Text,
    compact,
    escaped,
    heading,
    lines,
    short_integer,
    short_number,
    shortened,
    table,
)
from pathflow.graph import Path

from ._amount import means_of
from ._table import rest_by_sign

# How many rows are shown.
SHOWN = 10
_LETTERS = 120

# A row: its influence, its share or None, and its label.
Row = tuple[float, float | None, str]


def page(name: str, facts: str, tables: Iterable[str], audit: Any, note: str = "") -> Page:
    """A heading, tables, and the audit below.

    Arguments:
        name: of the class.
        facts: in a line.
        tables: as `influence_table` makes them.
        audit: the residuals; None for a result without.
        note: what else must be said.
    """
    said = f"<div><small>{escaped(note)}</small></div>" if note else ""
    residuals = "" if audit is None else lines(str(audit))
    return Page(f"<div>{heading(name, facts)}{''.join(tables)}{said}{residuals}</div>")


def influence_table(
    rows: Sequence[Row],
    rest: Sequence[Row],
    total: float,
    label: str = "path",
    share: str = "share",
) -> str:
    """Influences with a bar each, those of the rest and the total below.

    Arguments:
        rows: the listed ones.
        rest: what is not listed.
        total: of all.
        label: what rows are called.
        share: what the shares are called.
    """
    every = [*rows, *rest, (total, None, "total")]
    # Bars of the rest may be much longer than those of single rows, which are what one compares.
    largest = max((abs(value) for value, _, _ in rows), default=0.0)
    signs = {value < 0 for value, _, _ in rows if value}
    origin = 0.5 if len(signs) > 1 else float(True in signs)
    known = any(s is not None for _, s, _ in every)
    cells = []
    for i, (value, part, text) in enumerate(every):
        row: list[Any] = [Text(short_number(value), right=True)]
        row.append(BarCell(value / largest, origin) if largest and i < len(rows) else Text(""))
        if known:
            row.append(Text("" if part is None or np.isnan(part) else f"{part:.1%}", right=True))
        cells.append([*row, Text(text)])
    heads = ["influence", "", *([share] if known else []), label]
    return table(heads, cells)


def ranked_page(result: Any, facts: str, what: str, label_of: Any, name: str = "") -> Page:
    """The largest of all influences of a result with `top`, `influences` and `audit`.

    Arguments:
        result: the result.
        facts: about it.
        what: what its rows are called, in the plural.
        label_of: from a row of `top` to its number and its text.
        name: what the result is called; its class's name by default.
    """
    name, total = name or type(result).__name__, float(np.mean(result.total))
    mean = means_of(result.influences)
    try:
        top = result.top(SHOWN)
    except NonFiniteError as error:
        return page(name, facts, [], result.audit, str(error))
    labels = [label_of(row) for row in top]
    rows = [(row.influence, row.share, text) for row, (_, text) in zip(top, labels, strict=True)]
    others = rest_by_sign(mean, [number for number, _ in labels], what)
    rest = [(other.influence, other.share, other.label) for other in others]
    shown = influence_table(rows, rest, total, what.removesuffix("s"), "share of its sign")
    return page(name, facts, [shown], result.audit)


def path_text(path: Path) -> str:
    """A path's labels; shorter where they would run over a page."""
    text = str(path)
    return text if len(text) <= _LETTERS else shortened(compact(path), _LETTERS)


def paths_text(n: int) -> str:
    """A number of paths."""
    return f"{short_integer(n)} path{'s' * (n != 1)}"


def examples_text(n_examples: int | None) -> str:
    """How many examples a result holds, for the end of a line of facts."""
    return "" if n_examples is None else f", mean of {n_examples} examples"
