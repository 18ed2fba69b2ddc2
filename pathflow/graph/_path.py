"""Paths: sequences of nodes, written as their labels."""

from collections.abc import Iterable

from pathflow._errors import GraphError

from ._node import Node


class Path(tuple[Node, ...]):
    """The nodes from a source to a target, in order.

    Immutable and hashable; written as labels joined by blanks.

    Arguments:
        nodes: nodes or labels, at least one.

    Raises:
        GraphError: there is no node, or a label cannot be read.

    Example:
        >>> str(Path.parse("x@2 g0@2  c0@2 qoi"))
        'x@2 g0@2 c0@2 qoi'
    """

    __slots__ = ()

    def __new__(cls, nodes: Iterable[Node | str]) -> "Path":
        self = super().__new__(cls, (Node.parse(n) if isinstance(n, str) else n for n in nodes))
        if not self:
            raise GraphError("nodes is empty: a path has at least one node.")
        return self

    @classmethod
    def parse(cls, text: str) -> "Path":
        """The path that a text of labels, separated by blanks, names.

        Raises:
            GraphError: the text is empty or holds something that is no label.
        """
        return cls(text.split())

    def __str__(self) -> str:
        return " ".join(map(str, self))

    def __repr__(self) -> str:
        return f"Path({str(self)!r})"


PathLike = Path | str | tuple[Node | str, ...] | list[Node | str]


def as_path(path: PathLike) -> Path:
    """A `Path` from a path, a text of labels, or a sequence of nodes or labels."""
    if isinstance(path, Path):
        return path
    return Path.parse(path) if isinstance(path, str) else Path(path)
