"""What commands print: text or one JSON object on the standard output."""

import dataclasses
import functools
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import pathflow as pf
from pathflow._printable import printable
from pathflow.exports import json_number, json_rows, json_text

from ._options import By, ProblemOptions

log = logging.getLogger("pathflow.cli")

ORDERS = {By.magnitude: pf.Magnitude(), By.largest: pf.Largest(), By.smallest: pf.Smallest()}


def write(text: str) -> None:
    """A line, or several, of results."""
    sys.stdout.write(f"{printable(text)}\n")


def write_json(facts: Mapping[str, Any]) -> None:
    """One JSON object."""
    write(json_text(facts, indent=2))


@functools.singledispatch
def row_facts(row: object) -> dict[str, Any]:
    """A row of a list as plain JSON."""
    raise TypeError(f"{row!r} is no row of a list")


@row_facts.register
def _(row: pf.PathInfluence) -> dict[str, Any]:
    shared = {} if row.share is None else {"share": json_number(row.share)}
    return {
        "path": str(row.path),
        "rank": row.rank,
        "influence": json_number(row.influence),
        **shared,
    }


@row_facts.register
def _(row: pf.NodeInfluence) -> dict[str, Any]:
    return {
        "node": str(row.node),
        "influence": json_number(row.influence),
        "share": json_number(row.share),
    }


@row_facts.register
def _(row: pf.EdgeInfluence) -> dict[str, Any]:
    start, end = row.edge
    ends = {"start": str(start), "end": str(end)}
    return {**ends, "influence": json_number(row.influence), "share": json_number(row.share)}


@row_facts.register
def _(row: pf.PartInfluence) -> dict[str, Any]:
    numbers = {"influence": json_number(row.influence), "share": json_number(row.share)}
    return {"parts": row.parts, "row": row.row, **numbers}


def with_command(result: Any, options: ProblemOptions) -> Any:
    """The result, with what the command was asked in its metadata."""
    metadata = {**result.metadata, "command": options.stored()}
    return dataclasses.replace(result, metadata=metadata)


@contextmanager
def saved(result: Any, folder: Path | None) -> Iterator[None]:
    """Saves a result where a folder is named. What is done inside is done whether that succeeds or
    not, since the result may have taken hours.
    """
    failure = None
    try:
        if folder is not None:
            result.save(folder)
            log.info("saved in %s", folder)
    except (pf.StorageError, OSError) as error:
        failure = error
    yield
    if failure is not None:
        raise failure


def class_rows(result: pf.Aggregation) -> list[dict[str, Any]]:
    """Each class and the rest, over a batch by its mean, in plain JSON."""
    return list(json_rows(result if result.n_examples is None else result.mean()))


def rows_text(rows: Iterable[Any], shown: int, count: int) -> list[str]:
    """Rows as lines, and how many more there are."""
    lines = [str(row) for row in rows]
    return [*lines, f"... and {count - shown:,} more"] if count > shown else lines


def head_of(result: Any, what: str) -> str:
    """The first line of a text: what there is, and the total."""
    total = float(np.mean(result.total))
    if result.n_examples is None:
        return f"{what}, {total:+.6g} in total"
    return f"{what}, means of {result.n_examples} examples, {total:+.6g} in total"


def warn_of_audit(result: Any) -> None:
    """Says on the standard error that a result did not pass its own check."""
    if not result.audit.ok:
        log.warning("warning: the audit of this result is not ok: do not rely on its numbers")
