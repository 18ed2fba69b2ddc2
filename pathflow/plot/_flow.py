"""How much influence passes each edge and node: the sum over the paths that take it."""

from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import Edge, Node, edge_sums, edges_of
from pathflow.results import Attribution, Conductances


def edge_influences(result: Attribution | Conductances | Any) -> dict[Edge, float]:
    """Sums the influences of all the paths through each edge.

        flow(u -> v) = sum of chi_p over the paths p that take the edge u -> v

    The flows into a node sum to the flows out of it, and those into the target to the total.

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
    sums = edge_sums(result.space, _mean(result.influences))
    return dict(zip(edges_of(result.space), sums.tolist(), strict=True))


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


def _mean(influences: Any) -> np.ndarray:
    rows = np.atleast_2d(np.asarray(influences, np.float64))
    return rows.mean(axis=0)
