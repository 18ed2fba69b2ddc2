"""A result as a table that is made chunk by chunk, so that no format needs all rows at once."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.results import (
    Aggregation,
    Attribution,
    Conductances,
    Ranked,
    Refinement,
    Run,
    Sampled,
    path_labels,
    shares_of,
    signed_sums,
    widened,
)

from ._file import encodable

# Columns by name: lists of texts or of exact integers, and arrays of numbers.
Columns = Mapping[str, Any]


class Kind(Enum):
    """What a column holds."""

    TEXT = "text, or None"
    INTEGER = "integers that 64 bits hold"
    EXACT = "integers of any size"
    SINGLE = "floating numbers of 32 bits"
    DOUBLE = "floating numbers of 64 bits"


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a result.

    Arguments:
        columns: what each column holds, in order.
        chunks: makes columns of at most so many rows at a time.
    """

    columns: Mapping[str, Kind]
    chunks: Callable[[int], Iterator[Columns]]


@functools.singledispatch
def table_of(result: object) -> Table:
    """The rows of a result; another kind of result is registered with `table_of.register`.

    Raises:
        ArgumentError: it is no result, or one without rows.
    """
    raise ArgumentError(
        f"result is a {type(result).__name__}, which has no rows to write; give what "
        "pathflow.attribute returns."
    )


def _table(
    result: Any,
    kinds: Mapping[str, Kind],
    labels: Callable[[], Iterable[tuple[Any, ...]]],
    numbers: Callable[[int], Mapping[str, Callable[[slice], Any]]],
) -> Table:
    """A table with the rows of all examples, one example after the other.

    Arguments:
        result: whose it is.
        kinds: of the columns.
        labels: makes the values of the first columns, row by row, anew for each example.
        numbers: for each of the other columns of an example, what gives a part of it.
    """
    batch = result.n_examples
    columns = dict(kinds) if batch is None else {"example": Kind.INTEGER, **kinds}

    def chunks(size: int) -> Iterator[Columns]:
        for i in range(batch or 1):
            parts, rows, done = numbers(i), iter(labels()), 0
            names = [name for name in kinds if name not in parts]
            while some := list(itertools.islice(rows, size)):
                at = slice(done, done + len(some))
                done = at.stop
                chunk: dict[str, Any] = {} if batch is None else {"example": [i] * len(some)}
                chunk |= zip(names, map(_texts, zip(*some, strict=True)), strict=True)
                yield chunk | {name: part(at) for name, part in parts.items()}

    return Table(columns, chunks)


def _texts(values: Sequence[Any]) -> list[Any]:
    return [v if not isinstance(v, str) or v.isascii() else encodable(v) for v in values]


def _rows(values: Any) -> np.ndarray:
    """One row for each example, in a precision that every format has."""
    return np.atleast_2d(widened(values))


def _signed(row: np.ndarray) -> Mapping[str, Callable[[slice], np.ndarray]]:
    sums = signed_sums(row)
    return {
        "influence": lambda at: row[at],
        "share": lambda at: shares_of(row[at].astype(np.float64), *sums),
    }


def _of_total(row: np.ndarray, total: float) -> Mapping[str, Callable[[slice], np.ndarray]]:
    by = total or np.nan
    return {"influence": lambda at: row[at], "share": lambda at: row[at].astype(np.float64) / by}


def _precision(rows: np.ndarray) -> Kind:
    return Kind.DOUBLE if rows.dtype == np.float64 else Kind.SINGLE


def _kind(integers: Sequence[int]) -> Kind:
    small = all(abs(n) <= np.iinfo(np.int64).max for n in integers)
    return Kind.INTEGER if small else Kind.EXACT


@table_of.register
def _(result: Attribution) -> Table:
    rows = _rows(result.influences)
    kinds = {"path": Kind.TEXT, "rank": Kind.INTEGER, "influence": _precision(rows)}
    return _table(
        result,
        kinds | {"share": Kind.DOUBLE},
        lambda: zip(path_labels(result.space), itertools.count(), strict=False),
        lambda i: _signed(rows[i]),
    )


@table_of.register
def _(result: Run) -> Table:
    batch = result.n_examples
    kinds = {"path": Kind.TEXT, "rank": Kind.INTEGER, "influence": _kind_of_run(result)}
    columns = {**kinds, "share": Kind.DOUBLE}
    columns = columns if batch is None else {"example": Kind.INTEGER, **columns}

    def chunks(size: int) -> Iterator[Columns]:
        sums = np.zeros((batch or 1, 2))
        for i, _, row in _stretches(result):
            sums[i] += signed_sums(row)
        labels: Iterator[str] = iter(())
        for i, ranks, row in _stretches(result):
            labels = path_labels(result.space) if ranks.start == 0 else labels
            for at in range(0, len(row), size):
                part = row[at : at + size]
                example = {} if batch is None else {"example": [i] * len(part)}
                first = ranks.start + at
                yield example | {
                    "path": _texts([*itertools.islice(labels, len(part))]),
                    "rank": list(range(first, first + len(part))),
                    "influence": part,
                    "share": shares_of(part.astype(np.float64), *sums[i].tolist()),
                }

    return Table(columns, chunks)


def _kind_of_run(run: Run) -> Kind:
    dtype = run.manifest.arrays["influences"].dtype
    return Kind.DOUBLE if np.dtype(dtype) == np.float64 else Kind.SINGLE


def _stretches(run: Run) -> Iterator[tuple[int, slice, np.ndarray]]:
    """The example, the ranks and the influences of what the blocks hold, in the order of both."""
    # A block holds whole examples, or a stretch of one.
    for block in run.blocks():
        first = 0 if block.examples is None else block.examples.start
        for i, row in enumerate(_rows(block.influences)):
            yield first + i, block.ranks, row


@table_of.register
def _(result: Ranked) -> Table:
    rows = _rows(result.influences)
    kinds = {"path": Kind.TEXT, "rank": _kind(result.ranks), "influence": _precision(rows)}
    return _table(
        result,
        kinds,
        lambda: ((str(result.space.unrank(rank)), rank) for rank in result.ranks),
        lambda i: {"influence": lambda at: rows[i, at]},
    )


@table_of.register
def _(result: Sampled) -> Table:
    rows, weights = _rows(result.influences), np.asarray(result.weights)
    kinds = {"path": Kind.TEXT, "rank": _kind(result.ranks), "influence": _precision(rows)}
    return _table(
        result,
        kinds | {"weight": Kind.DOUBLE},
        lambda: ((str(result.space.unrank(rank)), rank) for rank in result.ranks),
        lambda i: {"influence": lambda at: rows[i, at], "weight": lambda at: weights[at]},
    )


@table_of.register
def _(result: Aggregation) -> Table:
    names, counts = (*result.names, "rest"), result.counts
    rows = np.atleast_2d(np.stack([np.asarray(result[name]) for name in names], axis=-1))
    totals = np.atleast_1d(result.total)
    kinds = {"class": Kind.TEXT, "influence": _precision(rows), "share": Kind.DOUBLE}
    if counts is not None:
        kinds = {"class": Kind.TEXT, "paths": _kind([*counts.values()]), **kinds}
    return _table(
        result,
        kinds,
        lambda: ((name,) if counts is None else (name, counts[name]) for name in names),
        lambda i: _of_total(rows[i], float(totals[i])),
    )


@table_of.register
def _(result: Conductances) -> Table:
    edges = result.edges or ()
    parts = [result.node_influences, *([] if result.edges is None else [result.edge_influences])]
    rows = np.concatenate([_rows(part) for part in parts], axis=1)
    totals = np.atleast_1d(result.total)
    labels = [("node", str(n), None) for n in result.nodes]
    labels += [("edge", str(u), str(v)) for u, v in edges]
    kinds = dict.fromkeys(("kind", "start", "end"), Kind.TEXT)
    return _table(
        result,
        kinds | {"influence": _precision(rows), "share": Kind.DOUBLE},
        lambda: labels,
        lambda i: _of_total(rows[i], float(totals[i])),
    )


@table_of.register
def _(result: Refinement) -> Table:
    rows = _rows(result.influences)
    return _table(
        result,
        {"parts": Kind.TEXT, "influence": _precision(rows), "share": Kind.DOUBLE},
        lambda: ((label,) for label in result.labels),
        lambda i: _signed(rows[i]),
    )
