"""Classes of paths as rows."""

from typing import Any

import numpy as np

import pathflow as pf

from ._output import finite


def class_rows(result: pf.Aggregation) -> list[dict[str, Any]]:
    """Each class and the rest, over a batch by its mean, in plain JSON."""
    counts, total = result.counts, float(np.mean(result.total))
    rows = []
    for name in (*result.names, "rest"):
        value = float(np.mean(result[name]))
        row = {"class": name, "influence": finite(value)}
        row["share"] = finite(value / total) if total else None
        rows.append(row if counts is None else {**row, "paths": counts[name]})
    return rows
