"""A graph as the page needs it: labels, successors, and positions where loops give them."""

from collections.abc import Sequence
from typing import Any

from pathflow.drawing import Layout, has_columns, index_text, time_layers
from pathflow.graph import Edge, Node, PathSpace

# Curves and positions are in columns and rows; a thousandth of one is less than a pixel.
_DIGITS = 3


def drawn_space(space: PathSpace) -> dict[str, Any]:
    """The graph of all paths of a space, by which the page also numbers paths."""
    positions = {n: i for i, n in enumerate(space.nodes)}
    ends = {
        "sources": [positions[s] for s in space.sources],
        "target": positions[space.target],
    }
    return drawn_graph(space.nodes, space.edges) | ends


def drawn_graph(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, Any]:
    """A graph without ends.

    Arguments:
        nodes: the nodes, in topological order.
        edges: pairs of them, sorted by the positions of their ends.
    """
    positions = {n: i for i, n in enumerate(nodes)}
    names = {name: i for i, name in enumerate(dict.fromkeys(n.name for n in nodes))}
    after: list[list[int]] = [[] for _ in nodes]
    for u, v in edges:
        after[positions[u]].append(positions[v])
    return {
        "names": list(names),
        "name": [names[n.name] for n in nodes],
        "index": [list(n.index) for n in nodes],
        "shape": [" by ".join(map(str, n.shape)) or "scalar" for n in nodes],
        "successors": after,
        "sources": [],
        "target": None,
        "layout": _layout(nodes, edges),
    }


def _layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, Any] | None:
    """Positions and curves; None where the page is to find its own."""
    if not has_columns(nodes):
        return None
    layout = time_layers(nodes, edges)
    return {
        "x": [round(layout.positions[n][0], _DIGITS) for n in nodes],
        "y": [round(layout.positions[n][1], _DIGITS) for n in nodes],
        "columns": ["" if c is None else index_text(c) for c in layout.columns],
        "rows": list(layout.rows),
        "curves": [_curve(layout, edge) for edge in edges],
    }


def _curve(layout: Layout[Node], edge: Edge) -> list[float]:
    return [round(x, _DIGITS) for point in layout.curve(*edge) for x in point]
