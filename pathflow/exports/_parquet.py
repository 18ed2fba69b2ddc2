"""Parquet, in groups of rows."""

from typing import Any

from pathflow._optional import optional_module
from pathflow.drawing import digits
from pathflow.storage import new_file

from ._facts import facts_of, json_text
from ._file import PathLike, check_rows
from ._table import Kind, table_of


def write_parquet(result: Any, path: PathLike, *, rows: int = 2**17) -> None:
    """Writes a result's rows as a Parquet file, a group of rows at a time.

    Of paths, the columns are `path`, `rank`, `influence` and `share` (where it is known), or
    `weight` (of draws); of classes `class`, `paths`, `influence` and `share`; of conductances
    `kind` ("node" or "edge"), `start`, `end`, `influence` and `share`; of refinements `parts`,
    `influence` and `share`. A batch has a row per example, with the column `example` in front.
    Influences keep their precision. Integers beyond 64 bits become text. The file's own metadata
    holds, under the key `pathflow`, a JSON text with the total, the metadata and the audit.

    Arguments:
        result: what `pathflow.attribute` or `pathflow.open_run` returns.
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
    table, size = table_of(result), check_rows(rows)
    types = {
        Kind.TEXT: arrow.string(),
        Kind.INTEGER: arrow.int64(),
        Kind.EXACT: arrow.string(),
        Kind.SINGLE: arrow.float32(),
        Kind.DOUBLE: arrow.float64(),
    }
    fields = [(name, types[kind]) for name, kind in table.columns.items()]
    schema = arrow.schema(fields, {"pathflow": json_text(facts_of(result))})
    exact = [name for name, kind in table.columns.items() if kind is Kind.EXACT]
    with new_file(path) as draft, parquet.ParquetWriter(draft, schema, compression="zstd") as file:
        for chunk in table.chunks(size):
            texts = {name: [digits(v) for v in chunk[name]] for name in exact}
            group = arrow.Table.from_pydict({**chunk, **texts}, schema)
            file.write_table(group, row_group_size=size)
