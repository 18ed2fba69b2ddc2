"""How much influence passes each edge: the sum over the paths that take it."""

import numpy as np

from pathflow.graph import Node, PathSpace

from ._attribution import Attribution


def edge_influences(result: Attribution) -> dict[tuple[Node, Node], float]:
    """Sums the influences of all the paths through each edge.

        flow(u -> v) = sum of chi_p over the paths p that take the edge u -> v

    The flows into a node sum to the flows out of it, and those into the target to the total. The
    paths through an edge have ranks in runs, one run per beginning of a path, so sums of runs
    replace a list of paths.

    Arguments:
        result: influences of all paths; with a leading example axis, their mean over the examples
            is used.

    Returns:
        The flow of every edge on some path, in the order of `result.space.nodes`.

    Example:
        ```python
        flow = pf.plot.edge_influences(result)
        flow[result.space.node("c1@2"), result.space.node("c1@3")]
        ```
    """
    influences = np.asarray(result.influences, np.float64)
    mean = influences.mean(axis=0) if influences.ndim == 2 else influences
    until = np.concatenate([[0.0], np.cumsum(mean)])
    return {(u, v): _edge_sum(result.space, u, v, until) for u, v in edges_of(result.space)}


def edges_of(space: PathSpace) -> list[tuple[Node, Node]]:
    """The edges that some path takes, sorted by the positions of their ends."""
    return [(u, v) for u in space.nodes for v in space.successors(u)]


def _edge_sum(space: PathSpace, u: Node, v: Node, until: np.ndarray) -> float:
    starts = space.prefix_ranks(u) + space.edge_offset(u, v)
    return float(np.sum(until[starts + space.suffix_count(v)] - until[starts]))
