"""How the parts of some paths are computed: where strands from the source meet strands from the
target, and which row every product there adds to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Int64

from pathflow.graph import Division, Node, Trellis
from pathflow.influence.refinement._strands import (
    ENTRIES,
    Edge,
    Labels,
    TooManyHistoriesError,
    lay_strands,
)
from pathflow.tracing import LocalPartial, Structure, structure_of

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
            lay_strands(trellis, divisions, self._structure, limit, backward=backward)
            for backward in (False, True)
        ]
        self.forward, self.backward = sides
        self.size = [prod(v.node.shape) for v in trellis.vertices]
        self.cut = self._choose_cut(ENTRIES * limit)
        meetings = [*self._meetings()]
        # A pair of histories, from both sides, as one number; -1 where one of them is missing.
        span = len(self.backward.histories)
        pairs = [_pairs(ahead, behind, span) for *_, ahead, behind in meetings]
        self.chosen, numbers = self._rows(pairs, len(divisions))
        if len(self.chosen) > limit:
            raise TooManyHistoriesError
        self.crossings = [
            Crossing(vertex, edge, pull, rows)
            for (vertex, edge, pull, _, _), rows in zip(meetings, numbers, strict=True)
        ]

    def partial(self, edge: Edge) -> LocalPartial:
        """The local partial across an edge of the trellis."""
        u, v = edge
        return self.partials[self.trellis.vertices[u].node, self.trellis.vertices[v].node]

    def _structure(self, edge: Edge) -> Structure:
        return structure_of(self.partial(edge))

    def _choose_cut(self, most: int) -> int:
        """How many vertices are on the left.

        Arguments:
            most: how many products may be formed.

        Raises:
            TooManyHistoriesError: no cut has so few, or the strands from both sides do not meet.
        """
        count = len(self.trellis.vertices)
        forward, backward = self.forward, self.backward
        left, right = np.zeros(count + 1), np.zeros(count + 1)
        moved, products = np.zeros(count + 2), np.zeros(count + 2)
        for u, v in self.edges:
            cost = float(self.partial((u, v)).cost)
            pushed, pulled = forward.rows((u, v)), backward.rows((u, v))
            left[v + 1] += cost * pushed
            right[u] += cost * pulled
            if u in forward.labels and v in backward.labels:
                # The edge crosses where its start is on the left and its end is not.
                of_edge = np.array([1, -1])
                moved[[u + 1, v + 1]] += of_edge * cost * min(pushed, pulled)
                products[[u + 1, v + 1]] += of_edge * prod(_shape(*self._labels((u, v))))
        for s in self.trellis.sources:
            if s in backward.labels:
                products[[0, s + 1]] += np.array([1, -1]) * backward.labels[s].size
        formed = np.cumsum(products)[: count + 1]
        total = np.cumsum(left) + np.cumsum(right[::-1])[::-1] + np.cumsum(moved)[: count + 1]
        total = np.where(formed > most, np.inf, total + _SCATTER * formed)
        # Left of the cut strands from the sources are needed, right of it those from the target.
        first = count - len(backward.labels)
        possible = total[first : min(len(forward.labels), *self.trellis.ends) + 1]
        if not len(possible) or np.isinf(possible.min()):
            raise TooManyHistoriesError
        return first + int(np.argmin(possible))

    def _labels(self, edge: Edge) -> tuple[Labels, Labels]:
        """The labels of what meets at an edge across the cut: the fewer vectors are moved."""
        u, v = edge
        pushed, pulled = self.forward.moves[edge], self.backward.moves[edge]
        if pushed.rows <= pulled.rows:
            return pushed.labels, self.backward.labels[v]
        return self.forward.labels[u], pulled.labels

    def _meetings(self) -> Iterator[tuple[int, Edge | None, bool, Labels, Labels]]:
        """Where strands from both sides meet, as `Crossing` says it, and their labels there."""
        forward, backward = self.forward, self.backward
        for s in self.trellis.sources:
            if s >= self.cut and backward.strands(s):
                yield s, None, False, np.zeros((1, 1), np.int64), backward.labels[s]
        for u, v in self.edges:
            if u < self.cut <= v:
                pushed, pulled = forward.rows((u, v)), backward.rows((u, v))
                if pushed and pulled:
                    pull = pushed > pulled
                    yield u if pull else v, (u, v), pull, *self._labels((u, v))

    def _rows(
        self, pairs: Sequence[np.ndarray], n_nodes: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """The distinct rows among all pairs of histories, and the number of the row of each."""
        flat = np.concatenate([np.zeros(0, np.int64), *(p.ravel() for p in pairs)])
        keys = np.unique(flat[flat >= 0])
        span = len(self.backward.histories)
        chosen = np.maximum(
            self.forward.histories.chosen(keys // span, n_nodes),
            self.backward.histories.chosen(keys % span, n_nodes),
        )
        order = np.lexsort(chosen.T[::-1])
        # The same row may come from several vertices of one node.
        new = np.r_[True, (np.diff(chosen[order], axis=0) != 0).any(axis=1)][: len(order)]
        row_of_key = np.empty(len(order), np.int64)
        row_of_key[order] = np.cumsum(new) - 1
        numbers = []
        for p in pairs:
            numbers.append(np.full(p.shape, -1))
            numbers[-1][p >= 0] = row_of_key[np.searchsorted(keys, p[p >= 0])]
        return chosen[order][new], numbers

    @property
    def vector_entries(self) -> int:
        """Entries of the strands and moved vectors that are held together, for one example at
        one point.
        """
        count = len(self.trellis.vertices)
        held = sum(self.forward.strands(v) * self.size[v] for v in range(self.cut))
        held += sum(self.backward.strands(v) * self.size[v] for v in range(self.cut, count))
        sides = {(u, v): self.forward if v < self.cut else self.backward for u, v in self.edges}
        sides |= {at.edge: self.forward for at in self.crossings if at.edge and not at.pull}
        moved = (
            side.rows((u, v)) * (self.size[u] + self.size[v]) for (u, v), side in sides.items()
        )
        return held + 2 * max(moved, default=0)

    @property
    def product_entries(self) -> int:
        """Entries of the products at one crossing, summed over points, for one example."""
        return max((at.rows.size for at in self.crossings), default=0)


def _shape(ahead: Labels, behind: Labels) -> tuple[int, ...]:
    """All pairs of vectors, entry by entry; one entry where all would be the same."""
    return np.broadcast_shapes((len(ahead), 1, ahead.shape[1]), behind.shape)


def _pairs(ahead: Labels, behind: Labels, span: int) -> Int64[np.ndarray, "..."]:
    both = (ahead[:, None] >= 0) & (behind >= 0)
    return np.where(both, ahead[:, None] * span + behind, -1)
