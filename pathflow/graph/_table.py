"""An ordered table of nodes: from labels to positions and back."""

from collections.abc import Iterable, Sequence
from typing import final

from pathflow._described import described
from pathflow._errors import GraphError, UnknownNodeError
from pathflow._near import close_matches

from ._node import Node

NodeLike = Node | str


@final
class NodeTable:
    """Nodes in a fixed order, looked up by label or node.

    Arguments:
        nodes: the nodes, each once.

    Raises:
        GraphError: a node comes twice.
    """

    __slots__ = ("_position", "nodes")

    def __init__(self, nodes: Iterable[Node]):
        self.nodes = tuple(nodes)
        self._position = {node: i for i, node in enumerate(self.nodes)}
        if len(self._position) < len(self.nodes):
            twice = next(n for i, n in enumerate(self.nodes) if self._position[n] != i)
            raise GraphError(f"nodes holds {twice} more than once; give every node its own label.")

    def position(self, node: NodeLike) -> int:
        """Where a node stands in the table.

        Raises:
            UnknownNodeError: the table has no such node; the message lists close matches.
        """
        wanted = Node.parse(node) if isinstance(node, str) else node
        if not isinstance(wanted, Node):
            few = ", ".join(map(str, self.nodes[:5]))
            raise UnknownNodeError(
                f"no node {described(node)}: a node is named by its label, a text; the "
                f"{len(self.nodes)} of the graph start with {few}."
            )
        position = self._position.get(wanted)
        if position is None:
            raise UnknownNodeError(self._unknown(str(wanted)))
        return position

    def positions(self, nodes: NodeLike | Sequence[NodeLike]) -> tuple[int, ...]:
        """The positions of one node or of several."""
        if isinstance(nodes, Node | str) or not isinstance(nodes, Iterable):
            return (self.position(nodes),)
        return tuple(map(self.position, nodes))

    def check_ends(self, sources: tuple[int, ...], target: int) -> None:
        """Refuses ends that no set of paths can have.

        Raises:
            GraphError: there is no source, a source comes twice, or the target is a source.
        """
        labels = ", ".join(str(self.nodes[s]) for s in sources)
        if not sources:
            raise GraphError("source is empty; give a node's label, or several.")
        if len(set(sources)) < len(sources):
            raise GraphError(f"source names a node twice ({labels}); name each once.")
        if target in sources:
            raise GraphError(
                f"target {self.nodes[target]} is also a source ({labels}); "
                "a path needs two different ends."
            )

    def _unknown(self, label: str) -> str:
        labels = [str(n) for n in self.nodes]
        hint = close_matches(label, labels) or f"they start with {', '.join(labels[:5])}"
        return f"no node {label!r} among the {len(labels)} of the graph ({hint}); see `.nodes`."

    def __contains__(self, node: object) -> bool:
        if isinstance(node, str):
            try:
                node = Node.parse(node)
            except GraphError:
                return False
        return isinstance(node, Node) and node in self._position
