"""The rows of a refinement: which part of each divided node the influence went through."""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Bool, Integer

from pathflow._errors import ArgumentError, ShapeError, UnknownNodeError
from pathflow.graph import Node, NodeTable

# A row of paths through none of the divided nodes.
NOWHERE = "()"


@final
class PartTable:
    """Rows of parts: one of every divided node, or none where the paths of a row pass the node by.

    A row's label is that of its nodes with their parts, as in `c1@2[17] c1@3[17]`.

    Arguments:
        nodes: the divided nodes, in the order of the graph.
        names: the names of each node's parts.
        chosen: `(rows, nodes)`: the number of the part, or -1 where the node is not passed. No row
            comes twice.

    Raises:
        ShapeError: the arrays do not fit together.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        names: Sequence[Sequence[str]],
        chosen: Integer[np.ndarray, "rows nodes"],
    ) -> None:
        self.nodes = tuple(nodes)
        self.names = tuple(map(tuple, names))
        self.chosen = np.asarray(chosen)
        sizes = [len(n) for n in self.names]
        fits = self.chosen.ndim == 2 and self.chosen.shape[1] == len(self.nodes) == len(sizes)
        if not fits or (self.chosen < -1).any() or (self.chosen >= sizes).any():
            raise ShapeError(
                f"chosen has shape {self.chosen.shape} for {len(self.nodes)} nodes with {sizes} "
                "parts; give a row of part numbers, or -1, for each."
            )
        self._table = NodeTable(self.nodes)

    def __len__(self) -> int:
        return len(self.chosen)

    def label(self, row: int) -> str:
        """A row's parts, as their nodes' labels with the part in brackets, joined by blanks."""
        pairs = zip(self.nodes, self.names, self.chosen[row].tolist(), strict=True)
        return " ".join(f"{node}[{names[i]}]" for node, names, i in pairs if i >= 0) or NOWHERE

    def position(self, node: Node | str) -> int:
        """Which of the divided nodes a node is.

        Raises:
            UnknownNodeError: it is none.
        """
        return self._table.position(node)

    def rows_through(self, parts: str) -> Bool[np.ndarray, " rows"]:
        """Which rows go through all the parts that a text names.

        Raises:
            UnknownNodeError: the text names a node that was not divided, or no part of it.
            ArgumentError: a word of the text is no part's label.
        """
        mask = np.ones(len(self), bool)
        if parts.strip() == NOWHERE:
            return np.asarray((self.chosen < 0).all(axis=1))
        for word in parts.split():
            node, bracket, name = word.partition("[")
            if not bracket or not name.endswith("]"):
                raise ArgumentError(
                    f"{word!r} is no part; write the node's label and the part's name, as in "
                    f"{self._example()}."
                )
            at = self.position(node)
            if name[:-1] not in self.names[at]:
                shown = ", ".join(self.names[at][:5])
                raise UnknownNodeError(
                    f"{word!r} is no part: those of {self.nodes[at]} are {shown}"
                    + (f", ... ({len(self.names[at])} of them)." if shown else ".")
                )
            mask &= self.chosen[:, at] == self.names[at].index(name[:-1])
        return mask

    def _example(self) -> str:
        pairs = [(n, names) for n, names in zip(self.nodes, self.names, strict=True) if names]
        return f"{pairs[0][0]}[{pairs[0][1][0]}]" if pairs else "c1@2[17]"

    def _key(self) -> tuple[object, ...]:
        return self.nodes, self.names, self.chosen.shape, self.chosen.tobytes()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PartTable):
            return NotImplemented
        return self is other or self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.nodes, self.chosen.shape))

    def __repr__(self) -> str:
        return f"PartTable({', '.join(map(str, self.nodes))}, {len(self)} rows)"
