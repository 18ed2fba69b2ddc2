"""The layout that suits a graph."""

from collections.abc import Iterable, Sequence

from ._labelled import K
from ._layout import Layout
from ._longest_path import longest_path_layers
from ._time_layers import time_layers

# With more names, rows are too many to be told apart.
_MAX_ROWS = 60


def arrange(nodes: Sequence[K], edges: Iterable[tuple[K, K]]) -> Layout[K]:
    """Lays a graph out by time and layers where it has loops and few names, else in layers.

    Arguments:
        nodes: the nodes, in topological order.
        edges: pairs of them.

    Returns:
        The layout of `time_layers`, or of `longest_path_layers`.
    """
    looped = any(n.index for n in nodes)
    few = len({n.name for n in nodes}) <= _MAX_ROWS
    return time_layers(nodes, edges) if looped and few else longest_path_layers(nodes, edges)
