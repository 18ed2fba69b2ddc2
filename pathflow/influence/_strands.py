"""Strands: vectors that carry the influence of several histories of parts at once.

A *history* says which part of each divided node the influence has gone through. As long as
histories have their entries to themselves, one vector holds them all, with a label on every entry:
dividing a node only changes labels. An elementwise partial keeps them apart, so a chain of cell
states divided into its units is one vector all along. A dense partial mixes entries: before it, a
strand is taken apart, and each history goes on as a vector of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Int64

from pathflow.graph import Division, Node, Trellis
from pathflow.tracing import Sparsity

Edge = tuple[int, int]
# For each strand and each entry the history that it belongs to, or -1 where there is nothing; one
# column where every strand holds one history on all entries.
Labels = Int64[np.ndarray, "_ _"]


class TooManyHistoriesError(Exception):
    """More histories than allowed; never leaves this package."""


class Histories:
    """All histories, each an earlier one and a part of one more node; number 0 is empty.

    Arguments:
        limit: how many may end in one vertex.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before = [np.zeros(1, np.int64)]
        self._node = [np.full(1, -1)]
        self._part = [np.full(1, -1)]
        self._count = 1

    def extend(self, labels: Labels, node: int, owner: np.ndarray) -> Labels:
        """The labels after dividing a node: every history goes on into the parts that it reaches.

        Raises:
            TooManyHistoriesError: there would be more than allowed.
        """
        n_parts = int(owner.max(initial=0)) + 1
        labels = np.broadcast_to(labels, (len(labels), len(owner)))
        reached = labels >= 0
        keys, numbers = np.unique((labels * n_parts + owner)[reached], return_inverse=True)
        if len(keys) > self._limit:
            raise TooManyHistoriesError
        self._before.append(keys // n_parts)
        self._node.append(np.full(len(keys), node))
        self._part.append(keys % n_parts)
        extended = np.full(labels.shape, -1)
        extended[reached] = self._count + numbers
        self._count += len(keys)
        return extended

    def chosen(self, histories: np.ndarray, n_nodes: int) -> Int64[np.ndarray, "n nodes"]:
        """For each history the part of every divided node, or -1 where it is not passed."""
        before, node, part = map(np.concatenate, (self._before, self._node, self._part))
        found = np.full((len(histories), n_nodes), -1)
        at = np.asarray(histories)
        while (going := np.flatnonzero(at)).size:
            found[going, node[at[going]]] = part[at[going]]
            at = before[at]
        return found


@dataclass(frozen=True, eq=False)
class Move:
    """How vectors cross an edge.

    Arguments:
        strands: for each vector that is moved, the strand that it is taken from.
        kept: the history whose entries are kept of it; None where all are.
        targets: the strand that each moved vector is added to.
        labels: of the moved vectors.
    """

    strands: Int64[np.ndarray, " rows"]
    kept: Int64[np.ndarray, " rows"] | None
    targets: Int64[np.ndarray, " rows"]
    labels: Labels

    @property
    def rows(self) -> int:
        """How many vectors are moved."""
        return len(self.strands)


@dataclass(frozen=True, eq=False)
class Side:
    """All vertices seen from one end: from the sources on, or from the target back.

    Arguments:
        labels: the strands of each vertex, its own division included.
        moves: across every edge, named `(from, to)` in the trellis' order.
        histories: what the labels stand for.
    """

    labels: tuple[Labels, ...]
    moves: Mapping[Edge, Move]
    histories: Histories

    def strands(self, vertex: int) -> int:
        """How many vectors the vertex holds."""
        return len(self.labels[vertex])


def lay_strands(
    trellis: Trellis,
    divisions: Mapping[Node, Division],
    sparsity: Callable[[Edge], Sparsity],
    limit: int,
    *,
    backward: bool,
) -> Side:
    """The strands of every vertex, from the sources on or from the target back.

    Raises:
        TooManyHistoriesError: there are more histories than `limit`.
    """
    histories = Histories(limit)
    number = {node: i for i, node in enumerate(divisions)}
    count = len(trellis.vertices)
    before = trellis.successors if backward else trellis.predecessors
    starts = frozenset(trellis.ends if backward else trellis.sources)
    labels: list[Labels] = [np.zeros((0, 0), np.int64)] * count
    moves: dict[Edge, Move] = {}
    for v in reversed(range(count)) if backward else range(count):
        node = trellis.vertices[v].node
        edges = [(v, u) if backward else (u, v) for u in before[v]]
        sent = [_sent(labels[u], sparsity(e)) for u, e in zip(before[v], edges, strict=True)]
        # A start holds the empty history before anything reaches it.
        own = [np.zeros((1, 1), np.int64)] if v in starts else []
        labels[v], targets = _merged([*own, *(moved for *_, moved in sent)], prod(node.shape))
        for edge, (strands, kept, moved), target in zip(
            edges, sent, targets[len(own) :], strict=True
        ):
            moves[edge] = Move(strands, kept, target, moved)
        if node in divisions and labels[v].size:
            labels[v] = histories.extend(labels[v], number[node], divisions[node].owner)
    return Side(tuple(labels), moves, histories)


def _sent(labels: Labels, sparsity: Sparsity) -> tuple[np.ndarray, np.ndarray | None, Labels]:
    """What of a vertex's strands is moved across an edge: strands, the histories kept of them, and
    the labels after it.
    """
    every = np.arange(len(labels))
    if sparsity == Sparsity.ZERO or not labels.size:
        return every[:0], None, np.zeros((0, 1), np.int64)
    if sparsity == Sparsity.DIAGONAL or labels.shape[1] == 1:
        # Flat entry k goes to flat entry k, so every label stays; or there is only one to a strand.
        return every, None, labels
    # One vector for each strand and each history on it.
    span = int(labels.max()) + 1
    pairs = np.unique((every[:, None] * span + labels)[labels >= 0])
    strands, history = pairs // span, pairs % span
    return strands, history, history[:, None]


def _merged(parts: Sequence[Labels], size: int) -> tuple[Labels, list[np.ndarray]]:
    """The strands of one vertex, those with the same labels on all entries as one; and for each
    part the strands that its vectors are added to.
    """
    ends = np.cumsum([len(p) for p in parts])[:-1]
    if all(p.shape[1] == 1 for p in parts):
        flat = np.concatenate([p[:, 0] for p in parts] or [np.zeros(0, np.int64)])
        labels, places = np.unique(flat, return_inverse=True)
        return labels[:, None], np.split(places, ends)
    wide = np.concatenate([np.broadcast_to(p, (len(p), size)) for p in parts])
    first: dict[bytes, int] = {}
    places = np.array([first.setdefault(row.tobytes(), len(first)) for row in wide], np.int64)
    labels = wide[np.unique(places, return_index=True)[1]]
    return labels, np.split(places, ends)


def chain_count(
    nodes: Sequence[Node], divisions: Mapping[Node, Division], sparsity: Sequence[Sparsity]
) -> int:
    """The exact number of histories along one path, without forming them.

    Arguments:
        nodes: of the path.
        divisions: of some of them.
        sparsity: of the partial after each node but the last.
    """
    apart, joint = 1, np.zeros(prod(nodes[0].shape), np.int64)
    for node, kind in zip(nodes, (Sparsity.DIAGONAL, *sparsity), strict=True):
        if kind == Sparsity.ZERO:
            return 0
        if kind == Sparsity.DENSE:
            apart *= len(np.unique(joint))
            joint = np.zeros(prod(node.shape), np.int64)
        if node in divisions:
            owner = divisions[node].owner
            joint = joint * (int(owner.max(initial=0)) + 1) + owner
            _, joint = np.unique(joint, return_inverse=True)
    return apart * len(np.unique(joint))
