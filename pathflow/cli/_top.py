"""`pathflow top`."""

import dataclasses
import functools
from typing import Any

import numpy as np

import pathflow as pf
from pathflow.exports import facts_of, json_number, json_rows
from pathflow.results import short_integer

from ._checks import check_rows
from ._options import By, Top
from ._output import (
    ORDERS,
    class_rows,
    head_of,
    row_facts,
    rows_text,
    warn_of_audit,
    write,
    write_json,
)
from ._saved import opened


def run(options: Top) -> None:
    """Lists what comes first in a saved result.

    Raises:
        ArgumentError: an option does not fit the result, or it has no list.
    """
    check_rows(options.rows)
    result = opened(options.result, options.example)
    # Before anything is printed: a result without a list is refused.
    text, rows = listed(result, options)
    if isinstance(result, pf.Faithfulness):
        # It is measured, and not a sum of paths: it has no total and no audit.
        facts, end = {"result": "Faithfulness"}, ""
    else:
        warn_of_audit(result)
        facts, end = facts_of(result), f"\n{result.audit}"
    if options.json:
        write_json({**facts, **estimates(result), "rows": rows})
    else:
        write(f"{text}{end}")


def estimates(result: object) -> dict[str, Any]:
    """What a sample says of all paths, in plain JSON; nothing of another result."""
    if not isinstance(result, pf.Sampled):
        return {}
    found: dict[str, Any] = {"effective_draws": json_number(result.effective_draws)}
    for sums in (result.absolute_sum, result.positive_sum, result.negative_sum):
        try:
            mean, low, high = map(json_number, sums())
        except pf.ArgumentError:
            # No draw tells of it.
            continue
        found[sums.__name__] = {"estimate": mean, "low": low, "high": high}
    return {"estimates": found}


@functools.singledispatch
def listed(result: object, options: Top) -> tuple[str, list[dict[str, Any]]]:  # noqa: ARG001
    """The first rows as a text and in plain JSON.

    Raises:
        ArgumentError: the result has no list, or cannot be put into that order.
    """
    raise pf.ArgumentError(f"a saved {type(result).__name__} has no list; load it in Python.")


@listed.register
def _(result: pf.Attribution | pf.Run, options: Top) -> tuple[str, list[dict[str, Any]]]:
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


@listed.register
def _(result: pf.Sampled, options: Top) -> tuple[str, list[dict[str, Any]]]:
    means = np.atleast_2d(np.asarray(result.influences, np.float64)).mean(axis=0)
    first = np.argsort(-ORDERS[options.by].score(means), kind="stable")[: options.rows]
    shown = dataclasses.replace(
        result,
        ranks=tuple(result.ranks[i] for i in first.tolist()),
        influences=means[first],
        weights=np.asarray(result.weights)[first],
        total=float(np.mean(result.total)),
    )
    rows = list(json_rows(shown))
    lines = [f"{value:+.4g}  {row['path']}" for value, row in zip(means[first], rows, strict=True)]
    return "\n".join([str(result), *rows_text(lines, len(lines), len(result))]), rows


@listed.register
def _(result: pf.Faithfulness, options: Top) -> tuple[str, list[dict[str, Any]]]:
    curves, sizes = result.curves(), result.sizes.tolist()
    rows = [
        {"kept": size} | {name: json_number(values[i]) for name, values in curves.items()}
        for i, size in enumerate(sizes[: options.rows])
    ]
    lines = ["  ".join(["      kept", *(f"{name:>10}" for name in curves)])]
    for i, row in enumerate(rows):
        cells = (f"{values[i]:>10.4g}" for values in curves.values())
        lines.append("  ".join([f"{row['kept']:>10,}", *cells]))
    head = f"{len(result.ranking):,} ranked, {len(sizes):,} sizes"
    lines = rows_text(lines, len(rows), len(sizes))
    return "\n".join([head, *lines]), rows
