"""How much influence passes each edge: the sum over the paths that take it."""

import numpy as np

from pathflow.graph import Node, edge_sums, edges_of
from pathflow.results import Attribution


def edge_influences(result: Attribution) -> dict[tuple[Node, Node], float]:
    """Sums the influences of all the paths through each edge.

        flow(u -> v) = sum of chi_p over the paths p that take the edge u -> v

    The flows into a node sum to the flows out of it, and those into the target to the total.

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
    return dict(zip(edges_of(result.space), edge_sums(result.space, mean).tolist(), strict=True))
