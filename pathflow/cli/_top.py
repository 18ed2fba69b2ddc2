"""`pathflow top`."""

import functools
from typing import Any

import pathflow as pf
from pathflow.exports import facts_of
from pathflow.results import short_integer

from ._classes import class_rows
from ._options import By, Top
from ._output import ORDERS, head_of, row_facts, rows_text, warn_of_audit, write, write_json


def run(options: Top) -> None:
    """Lists what comes first in a saved result."""
    result = pf.load(options.result)
    if options.example is not None:
        result = result.example(options.example)
    # Before anything is printed: a result without a list is refused.
    text, rows = listed(result, options)
    warn_of_audit(result)
    if options.json:
        write_json({**facts_of(result), "rows": rows})
    else:
        write(f"{text}\n{result.audit}")


@functools.singledispatch
def listed(result: object, options: Top) -> tuple[str, list[dict[str, Any]]]:  # noqa: ARG001
    """The first rows as a text and in plain JSON.

    Raises:
        ArgumentError: the result has no list, or cannot be put into that order.
    """
    raise pf.ArgumentError(f"a saved {type(result).__name__} has no list; load it in Python.")


@listed.register
def _(result: pf.Attribution, options: Top) -> tuple[str, list[dict[str, Any]]]:
    rows = result.top(options.rows, ORDERS[options.by])
    what = f"{short_integer(result.space.count)} paths"
    lines = rows_text(rows, len(rows), result.space.count)
    return "\n".join([head_of(result, what), *lines]), list(map(row_facts, rows))


@listed.register
def _(result: pf.Ranked, options: Top) -> tuple[str, list[dict[str, Any]]]:
    if options.by is not By.magnitude:
        raise pf.ArgumentError(
            "a list of first paths keeps the order it was searched in; search again with "
            f"`pathflow attribute --top K --by {options.by.value}`."
        )
    rows = result.top(options.rows)
    what = f"{len(result):,} of {short_integer(result.space.count)} paths"
    lines = rows_text(rows, len(rows), len(result))
    return (
        "\n".join([head_of(result, what), *lines, str(result.certificate)]),
        list(map(row_facts, rows)),
    )


@listed.register
def _(result: pf.Refinement, options: Top) -> tuple[str, list[dict[str, Any]]]:
    rows = result.top(options.rows, ORDERS[options.by])
    lines = rows_text(rows, len(rows), len(result))
    what = f"{len(result):,} parts of {result.paths}"
    return "\n".join([head_of(result, what), *lines]), list(map(row_facts, rows))


@listed.register
def _(result: pf.Conductances, options: Top) -> tuple[str, list[dict[str, Any]]]:
    order = ORDERS[options.by]
    nodes = result.top_nodes(options.rows, order)
    lines = [head_of(result, f"{len(result.nodes):,} nodes")]
    lines += rows_text(nodes, len(nodes), len(result.nodes))
    rows = list(map(row_facts, nodes))
    if result.edges is not None:
        edges = result.top_edges(options.rows, order)
        lines += [f"{len(result.edges):,} edges", *rows_text(edges, len(edges), len(result.edges))]
        rows += map(row_facts, edges)
    return "\n".join(lines), rows


@listed.register
def _(result: pf.Aggregation, options: Top) -> tuple[str, list[dict[str, Any]]]:  # noqa: ARG001
    return str(result), class_rows(result)
