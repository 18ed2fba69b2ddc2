"""JSON, one row a line."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pathflow.storage import new_file

from ._facts import facts_of, json_number, json_text
from ._file import PathLike, check_rows
from ._table import table_of


def write_json(result: Any, path: PathLike, *, rows: int = 2**14) -> None:
    """Writes a result as a JSON file: an object with `result` (its kind), `total`, `metadata`,
    `audit`, for lists of paths `certificate`, and `rows`: an object for each, with the columns of
    `write_parquet`.

    Numbers are written so that reading them as float64 gives the very same ones. JSON has no number
    that is not finite: those are the texts "NaN", "Infinity" and "-Infinity", which `float` reads.
    Integers are written in full; of more than 4,300 digits, which Python reads no number of, they
    are texts.

    Arguments:
        result: what `pathflow.attribute` or `pathflow.open_run` returns.
        path: of the file. It is there whole or not at all.
        rows: that are made at a time.

    Raises:
        ArgumentError: the result has no rows, or `rows` is less than 1.
    """
    found = json_rows(result, rows)
    with new_file(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(json_text(facts_of(result))[:-1] + ', "rows": [')
        comma = "\n"
        for row in found:
            file.write(comma + json_text(row))
            comma = ",\n"
        file.write("\n]}\n")


def json_rows(result: Any, rows: int = 2**14) -> Iterator[dict[str, Any]]:
    """A result's rows as `write_json` writes them, one after the other, in plain JSON.

    Arguments:
        result: what `pathflow.attribute` or `pathflow.open_run` returns.
        rows: that are made at a time.

    Raises:
        ArgumentError: the result has no rows, or `rows` is less than 1.
    """
    table, size = table_of(result), check_rows(rows)
    names = list(table.columns)
    return (
        dict(zip(names, row, strict=True))
        for chunk in table.chunks(size)
        for row in zip(*(_plain(chunk[name]) for name in names), strict=True)
    )


def _plain(values: Any) -> list[Any]:
    if not isinstance(values, np.ndarray):
        return values
    return json_number(values) if not np.isfinite(values).all() else values.tolist()
