"""The layout that suits a graph."""

from collections.abc import Iterable, Sequence

from ._labelled import K, Labelled
from ._layout import Layout
from ._longest_path import longest_path_layers
from ._time_layers import time_layers

# With more names, rows are too many to be told apart.
_MAX_ROWS = 60


def has_columns(nodes: Sequence[Labelled]) -> bool:
    """Whether a graph is drawn by time and layers: most of its nodes stand in loops, of two
    iterations or more, and its names are few enough for a row each.
    """
    indices = {n.index for n in nodes if n.index}
    names = {n.name for n in nodes}
    return (
        len(indices) > 1
        and 2 * sum(bool(n.index) for n in nodes) > len(nodes)
        and len(names) <= _MAX_ROWS
    )


def arrange(nodes: Sequence[K], edges: Iterable[tuple[K, K]]) -> Layout[K]:
    """Lays a graph out by time and layers where it `has_columns`, else in layers.

    Arguments:
        nodes: the nodes, in topological order.
        edges: pairs of them.

    Returns:
        The layout of `time_layers`, or of `longest_path_layers`.
    """
    return time_layers(nodes, edges) if has_columns(nodes) else longest_path_layers(nodes, edges)
