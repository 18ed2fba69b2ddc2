"""How much influence passes each edge and node: the sum over the paths that take it."""

from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import Edge, Node, PathSpace
from pathflow.results import Attribution, Conductances


def edge_influences(result: Attribution | Conductances | Any) -> dict[Edge, float]:
    """Sums the influences of all the paths through each edge.

        flow(u -> v) = sum of chi_p over the paths p that take the edge u -> v

    The flows into a node sum to the flows out of it, and those into the target to the total. The
    paths through an edge have ranks in runs, one run per beginning of a path, so sums of runs
    replace a list of paths.

    Arguments:
        result: influences of all paths, or conductances, which are such sums already; with a
            leading example axis, their mean over the examples is used.

    Returns:
        The flow of every edge on some path, in the order of the nodes.

    Raises:
        ArgumentError: it is another kind of result, or conductances without edges.

    Example:
        ```python
        flow = pf.plot.edge_influences(result)
        flow[result.space.node("c1@2"), result.space.node("c1@3")]
        ```
    """
    if isinstance(result, Conductances):
        if result.edges is None or result.edge_influences is None:
            raise ArgumentError(
                "result holds no edges: only the influences through nodes were computed; ask with "
                "pf.Conductance(), or pf.conductance(..., edges=True)."
            )
        return dict(zip(result.edges, _mean(result.edge_influences).tolist(), strict=True))
    if not isinstance(result, Attribution):
        raise ArgumentError(
            f"result takes an Attribution or Conductances, got {type(result).__name__}."
        )
    until = np.concatenate([[0.0], np.cumsum(_mean(result.influences))])
    return {(u, v): _edge_sum(result.space, u, v, until) for u, v in edges_of(result.space)}


def node_influences(result: Attribution | Conductances) -> dict[Node, float]:
    """Sums the influences of all the paths through each node; see `edge_influences`."""
    if isinstance(result, Conductances):
        return dict(zip(result.nodes, _mean(result.node_influences).tolist(), strict=True))
    found = dict.fromkeys(result.space.nodes, 0.0)
    for (u, v), value in edge_influences(result).items():
        found[u] += value
        if v == result.space.target:
            found[v] += value
    return found


def edges_of(space: PathSpace) -> list[Edge]:
    """The edges that some path takes, sorted by the positions of their ends."""
    return [(u, v) for u in space.nodes for v in space.successors(u)]


def _mean(influences: Any) -> np.ndarray:
    rows = np.atleast_2d(np.asarray(influences, np.float64))
    return rows.mean(axis=0)


def _edge_sum(space: PathSpace, u: Node, v: Node, until: np.ndarray) -> float:
    starts = space.prefix_ranks(u) + space.edge_offset(u, v)
    return float(np.sum(until[starts + space.suffix_count(v)] - until[starts]))
