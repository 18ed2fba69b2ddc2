"""Parquet, in groups of rows."""

import json
from typing import Any

import numpy as np

from pathflow._optional import optional_module

from ._facts import facts_of
from ._file import PathLike, check_rows, encodable, new_file
from ._table import Columns, Kind, table_of


def write_parquet(result: Any, path: PathLike, *, rows: int = 2**17) -> None:
    """Writes a result's rows as a Parquet file, a group of rows at a time.

    Columns are those of `to_pandas`; of draws `path`, `rank`, `influence` and `weight`; of
    conductances `kind` (node or edge), `start`, `end`, `influence` and `share`, and of refinements
    `parts`, `influence` and `share`. Influences keep their precision. Integers beyond 64 bits
    become text. The file's metadata holds, under the key `pathflow`, a JSON text with the total,
    the metadata and the audit.

    Arguments:
        result: what `pathflow.attribute` returns.
        path: of the file. It is there whole or not at all.
        rows: in a group; no more than these are in memory beside the result itself.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        ArgumentError: the result has no rows, or `rows` is less than 1.

    Example:
        ```python
        exports.write_parquet(result, "paths.parquet")
        pandas.read_parquet("paths.parquet", filters=[("influence", ">", 0.1)])
        ```
    """
    arrow = optional_module("pyarrow", "write_parquet", "export")
    parquet = optional_module("pyarrow.parquet", "write_parquet", "export")
    table, check = table_of(result), check_rows(rows)
    types = {Kind.TEXT: arrow.string(), Kind.EXACT: arrow.string(), Kind.INTEGER: arrow.int64()}
    wide = arrow.float64() if _is_wide(result) else arrow.float32()
    narrow = {"influence": wide}
    fields = [
        (name, narrow.get(name, arrow.float64()) if kind is Kind.NUMBER else types[kind])
        for name, kind in table.columns.items()
    ]
    schema = arrow.schema(fields, {"pathflow": json.dumps(facts_of(result))})
    with new_file(path) as draft, parquet.ParquetWriter(draft, schema, compression="zstd") as file:
        for chunk in table.chunks(check):
            arrays = {name: _values(chunk, name, kind) for name, kind in table.columns.items()}
            file.write_table(arrow.Table.from_pydict(arrays, schema), row_group_size=rows)


def _is_wide(result: Any) -> bool:
    values = getattr(result, "influences", None)
    values = result.node_influences if values is None else values
    return np.asarray(values).dtype == np.float64


def _values(chunk: Columns, name: str, kind: Kind) -> Any:
    values = chunk[name]
    if kind is Kind.TEXT:
        return [None if v is None else encodable(v) for v in values]
    return [str(v) for v in values] if kind is Kind.EXACT else values
