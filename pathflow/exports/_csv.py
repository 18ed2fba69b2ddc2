"""Comma-separated values."""

import csv
from typing import Any

import numpy as np

from pathflow.drawing import digits
from pathflow.storage import new_file

from ._file import PathLike, check_rows
from ._table import Kind, table_of


def write_csv(result: Any, path: PathLike, *, rows: int = 2**14) -> None:
    """Writes a result's rows as a CSV file in UTF-8, with the columns of `write_parquet`.

    Numbers are written so that reading them as float64 gives the very same ones; `nan`, `inf` and
    `-inf` stand for themselves. A CSV file has no place for the metadata and the audit: keep the
    result, too, or use another format.

    Arguments:
        result: what `pathflow.attribute` or `pathflow.open_run` returns.
        path: of the file. It is there whole or not at all.
        rows: that are made at a time.

    Raises:
        ArgumentError: the result has no rows, or `rows` is less than 1.

    Sharp edges:
        Names are written as they are. A spreadsheet takes one that begins with `=` for a formula:
        do not open names of strangers in one.
    """
    table, size = table_of(result), check_rows(rows)
    with new_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        for chunk in table.chunks(size):
            columns = [_plain(chunk[name], kind) for name, kind in table.columns.items()]
            writer.writerows(zip(*columns, strict=True))


def _plain(values: Any, kind: Kind) -> list[Any]:
    if kind is Kind.EXACT:
        return [digits(v) for v in values]
    # The writer prints Python's floats with all digits that they need, and NumPy's with fewer.
    return np.asarray(values, np.float64).tolist() if isinstance(values, np.ndarray) else values
