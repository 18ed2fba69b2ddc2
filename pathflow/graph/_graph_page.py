"""A graph as notebooks show it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pathflow.drawing import Key, Page, arrange, escaped, heading, short_integer, summarised, svg

from ._node import Node


def graph_page(
    name: str, facts: str, nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]]
) -> Page:
    """The picture of a graph, summarised where it is large, under a line of facts."""
    small = summarised(nodes, dict.fromkeys(edges))
    node_of: Mapping[Any, Node] = {Key(n.name, n.index): n for n in nodes}
    picture = svg(
        arrange(small.nodes, small.weights),
        small.weights,
        {key: _tip(key, node_of.get(key), small.members[key]) for key in small.nodes},
        f"{name} of {facts}",
    )
    notes = "".join(f"<div><small>{escaped(note)}</small></div>" for note in small.notes)
    return Page(f"<div>{heading(name, facts)}{picture}{notes}</div>", picture)


def _tip(key: Key, node: Node | None, members: int) -> str:
    if node is None:
        return f"{key}: {short_integer(members)} nodes"
    return f"{node}: shape {node.shape}, {node.dtype}"
