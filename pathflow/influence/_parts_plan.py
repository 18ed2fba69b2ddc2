"""How the parts of some paths are computed: where strands from the source meet strands from the
target, and which row every product there adds to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Int64

from pathflow.graph import Division, Node, Trellis
from pathflow.influence._strands import Edge, Labels, lay_strands
from pathflow.tracing import LocalPartial, Sparsity, sparsity_of

# From pairs of histories to the numbers of their rows.
Numbering = Callable[[np.ndarray], np.ndarray]
# Operations that one entry of a product at a crossing stands for: it is summed into its row.
_SCATTER = 20


@dataclass(frozen=True, eq=False)
class Crossing:
    """Products of strands that come from both sides.

    Arguments:
        vertex: where they are taken.
        edge: the edge that one side was moved across; None where a source is right of the cut.
        pull: whether it was the strands from the target.
        rows: the number of the row that each product adds to, or -1: `(from the source, from the
            target, entries)`, or without the last axis where all entries add to the same.
    """

    vertex: int
    edge: Edge | None
    pull: bool
    rows: Int64[np.ndarray, "..."]


class PartsPlan:
    """The rows of parts, and the work that finds their influences.

    A prefix of the vertices is on the left of a cut and carries strands from the sources; the rest
    carries strands from the target. The cut is the cheapest prefix.

    Arguments:
        trellis: the paths, each once.
        partials: the local partial between the nodes of each edge.
        divisions: the divided nodes, in the order of the graph.
        limit: how many rows there may be.

    Attributes:
        chosen: for every row the part of each divided node, or -1 where it is not passed.

    Raises:
        TooManyHistoriesError: there are more rows than `limit`.
    """

    def __init__(
        self,
        trellis: Trellis,
        partials: Mapping[tuple[Node, Node], LocalPartial],
        divisions: Mapping[Node, Division],
        limit: int,
    ) -> None:
        self.trellis, self.partials = trellis, partials
        self.edges = [(u, v) for u, after in enumerate(trellis.successors) for v in after]
        sides = [
            lay_strands(trellis, divisions, self._sparsity, limit, backward=backward)
            for backward in (False, True)
        ]
        self.forward, self.backward = sides
        self.size = [prod(v.node.shape) for v in trellis.vertices]
        self.cut = self._choose_cut()
        meetings = [*self._meetings()]
        pairs = [_pairs(*labels) for *_, labels in meetings]
        self.chosen, number = self._rows(pairs, len(divisions))
        self.crossings = [
            Crossing(vertex, edge, pull, number(of))
            for (vertex, edge, pull, _), of in zip(meetings, pairs, strict=True)
        ]

    def partial(self, edge: Edge) -> LocalPartial:
        """The local partial across an edge of the trellis."""
        u, v = edge
        return self.partials[self.trellis.vertices[u].node, self.trellis.vertices[v].node]

    def _sparsity(self, edge: Edge) -> Sparsity:
        return sparsity_of(self.partial(edge))

    def _choose_cut(self) -> int:
        """How many vertices are on the left."""
        count = len(self.trellis.vertices)
        left, right, across = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 2)
        for u, v in self.edges:
            cost = float(self.partial((u, v)).cost)
            pushed, pulled = self.forward.moves[u, v].rows, self.backward.moves[u, v].rows
            left[v + 1] += cost * pushed
            right[u] += cost * pulled
            products = min(
                pushed * self.backward.strands(v) * self.size[v],
                pulled * self.forward.strands(u) * self.size[u],
            )
            # The edge crosses where its start is on the left and its end is not.
            meeting = cost * min(pushed, pulled) + _SCATTER * products
            across[u + 1] += meeting
            across[v + 1] -= meeting
        for s in self.trellis.sources:
            products = _SCATTER * self.backward.strands(s) * self.size[s]
            across[0] += products
            across[s + 1] -= products
        total = np.cumsum(left) + np.cumsum(right[::-1])[::-1] + np.cumsum(across)[: count + 1]
        return int(np.argmin(total[: min(self.trellis.ends, default=0) + 1]))

    def _meetings(self) -> Iterator[tuple[int, Edge | None, bool, tuple[Labels, Labels]]]:
        """Where strands from both sides meet, as `Crossing` says it, and their labels there."""
        forward, backward = self.forward, self.backward
        for s in self.trellis.sources:
            if s >= self.cut:
                undivided = np.zeros((1, 1), np.int64)
                yield s, None, False, (undivided, backward.labels[s])
        for u, v in self.edges:
            pushed, pulled = forward.moves[u, v], backward.moves[u, v]
            if not (u < self.cut <= v and pushed.rows and pulled.rows):
                continue
            if pushed.rows <= pulled.rows:
                yield v, (u, v), False, (pushed.labels, backward.labels[v])
            else:
                yield u, (u, v), True, (forward.labels[u], pulled.labels)

    def _rows(self, pairs: Sequence[np.ndarray], n_nodes: int) -> tuple[np.ndarray, Numbering]:
        """The distinct rows among all pairs of histories, and what numbers the pairs of a
        crossing.
        """
        every = [p.reshape(-1, 2) for p in pairs] or [np.zeros((0, 2), np.int64)]
        span = max((int(p.max(initial=0)) for p in every), default=0) + 1
        both = np.concatenate(every)
        both = both[(both >= 0).all(axis=1)]
        keys = np.unique(both[:, 0] * span + both[:, 1])
        chosen = np.maximum(
            self.forward.histories.chosen(keys // span, n_nodes),
            self.backward.histories.chosen(keys % span, n_nodes),
        )
        order = np.lexsort(chosen.T[::-1])
        # The same row may come from several vertices of one node.
        new = np.r_[True, (np.diff(chosen[order], axis=0) != 0).any(axis=1)][: len(order)]
        row_of_key = np.empty(len(order), np.int64)
        row_of_key[order] = np.cumsum(new) - 1
        rows = chosen[order][new]

        def number(of: np.ndarray) -> np.ndarray:
            exists = (of >= 0).all(-1)
            found = np.full(of.shape[:-1], -1)
            key = (of[..., 0] * span + of[..., 1])[exists]
            found[exists] = row_of_key[np.searchsorted(keys, key)]
            return found

        return rows, number

    @property
    def vector_entries(self) -> int:
        """Entries of all strands, moved vectors and products, for one example at one point."""
        count = len(self.trellis.vertices)
        held = sum(self.forward.strands(v) * self.size[v] for v in range(self.cut))
        held += sum(self.backward.strands(v) * self.size[v] for v in range(self.cut, count))
        moved = 0
        for u, v in self.edges:
            side = self.forward if v < self.cut else self.backward
            moved = max(moved, side.moves[u, v].rows * (self.size[u] + self.size[v]))
        products = max((at.rows.size for at in self.crossings), default=0)
        residuals = sum(self.size[u] + self.size[v] for u, v in self.edges)
        return held + 2 * moved + 2 * products + residuals


def _pairs(ahead: Labels, behind: Labels) -> np.ndarray:
    """The histories that meet in every product, `(rows, rows, entries, 2)`; one entry where all
    would be the same.
    """
    shape = np.broadcast_shapes((len(ahead), 1, ahead.shape[1]), behind.shape)
    return np.stack(
        [np.broadcast_to(ahead[:, None], shape), np.broadcast_to(behind, shape)], axis=-1
    )
