"""Sums over the paths that take each edge."""

from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from ._graph import Edge
from ._space import PathSpace


def edge_sums(
    space: PathSpace, influences: Float[np.ndarray, "*B paths"]
) -> Float64[np.ndarray, "*B edges"]:
    """The sum of the influences of all the paths through each edge of `space.edges`.

    The paths through an edge have ranks in runs, one run per beginning of a path, so sums of runs
    replace a list of paths.

    Arguments:
        space: the paths.
        influences: one number per path, in rank order; with leading axes, one such row for each.
    """
    start = np.zeros((*influences.shape[:-1], 1))
    until = np.concatenate([start, np.cumsum(influences, axis=-1, dtype=np.float64)], axis=-1)
    sums = [_edge_sum(space, edge, until) for edge in space.edges]
    return np.stack(sums, axis=-1)


def _edge_sum(space: PathSpace, edge: Edge, until: np.ndarray) -> Any:
    u, v = edge
    starts = space.prefix_ranks(u) + space.edge_offset(u, v)
    return np.asarray(
        np.sum(until[..., starts + space.suffix_count(v)] - until[..., starts], axis=-1)
    )
