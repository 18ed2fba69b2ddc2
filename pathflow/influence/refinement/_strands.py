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
from pathflow.tracing import Sparsity, Structure

Edge = tuple[int, int]
# For each strand and each entry the history that it belongs to, or -1 where there is nothing; one
# column where every strand holds one history on all entries.
Labels = Int64[np.ndarray, "_ _"]


# How many labels may be written down for each history that there may be.
ENTRIES = 8


class TooManyHistoriesError(Exception):
    """There are more histories than allowed. It never leaves this package."""


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

    def __len__(self) -> int:
        return self._count

    def extend(self, labels: Labels, node: int, owner: np.ndarray) -> Labels:
        """The labels after dividing a node: every history goes on into the parts that it reaches.

        Raises:
            TooManyHistoriesError: there would be more than allowed.
        """
        n_parts = int(owner.max(initial=0)) + 1
        # A strand of one history goes on in every part; there may be too many to write them down.
        if labels.shape[1] == 1 and len(labels) * len(np.unique(owner)) > self._limit:
            raise TooManyHistoriesError
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
        labels: of the moved vectors.
    """

    strands: Int64[np.ndarray, " rows"]
    kept: Int64[np.ndarray, " rows"] | None
    labels: Labels

    @property
    def rows(self) -> int:
        """How many vectors are moved."""
        return len(self.strands)


@dataclass(frozen=True, eq=False)
class Side:
    """Vertices seen from one end: from the sources on, or from the target back, as far as the
    histories are not too many.

    Arguments:
        labels: the strands of each vertex, its own division included.
        moves: from each of these vertices across its edges, which are named `(from, to)` in the
            order of the trellis.
        targets: for each edge between two of them, the strand that each moved vector is added to.
        histories: what the labels stand for.
    """

    labels: Mapping[int, Labels]
    moves: Mapping[Edge, Move]
    targets: Mapping[Edge, Int64[np.ndarray, " rows"]]
    histories: Histories

    def strands(self, vertex: int) -> int:
        """How many vectors the vertex holds."""
        return len(self.labels[vertex])

    def rows(self, edge: Edge) -> int:
        """How many vectors cross the edge; 0 where that is not known."""
        move = self.moves.get(edge)
        return 0 if move is None else move.rows


def lay_strands(
    trellis: Trellis,
    divisions: Mapping[Node, Division],
    structure: Callable[[Edge], Structure],
    limit: int,
    *,
    backward: bool,
) -> Side:
    """The strands of vertices from the sources on or from the target back, up to one with more
    histories than `limit`.
    """
    histories = Histories(limit)
    number = {node: i for i, node in enumerate(divisions)}
    count = len(trellis.vertices)
    before, after = trellis.predecessors, trellis.successors
    if backward:
        before, after = after, before
    starts = frozenset(trellis.ends if backward else trellis.sources)
    labels: dict[int, Labels] = {}
    moves: dict[Edge, Move] = {}
    targets: dict[Edge, np.ndarray] = {}
    for v in reversed(range(count)) if backward else range(count):
        node = trellis.vertices[v].node
        edges = [(v, u) if backward else (u, v) for u in before[v]]
        # A start holds the empty history before anything reaches it.
        reaching = [np.zeros((int(v in starts), 1), np.int64), *(moves[e].labels for e in edges)]
        size = prod(node.shape)
        try:
            labels[v], (_, *found) = _merged(reaching, size, limit)
            if node in divisions and len(labels[v]):
                labels[v] = histories.extend(labels[v], number[node], divisions[node].owner)
        except TooManyHistoriesError:
            labels.pop(v, None)
            break
        if not size:
            # Nothing flows through a node without entries.
            labels[v] = labels[v][:0]
        targets.update(zip(edges, found, strict=True))
        for w in after[v]:
            edge = (w, v) if backward else (v, w)
            across = structure(edge)
            moves[edge] = _move(labels[v], across.transposed if backward else across)
    return Side(labels, moves, targets, histories)


def _move(labels: Labels, structure: Structure) -> Move:
    every = np.arange(len(labels))
    sparsity = structure.sparsity
    if sparsity == Sparsity.ZERO or not labels.size:
        return Move(every[:0], None, np.zeros((0, 1), np.int64))
    if sparsity == Sparsity.DIAGONAL or labels.shape[1] == 1:
        # Flat entry k goes to flat entry k, so every label stays; or there is only one to a strand.
        return Move(every, None, labels)
    together = _moved_together(labels, structure)
    if together is not None:
        return Move(every, None, together)
    # One vector for each strand and each history on it.
    span = int(labels.max()) + 1
    pairs = np.unique((every[:, None] * span + labels)[labels >= 0])
    strands, history = pairs // span, pairs % span
    return Move(strands, history, history[:, None])


def _moved_together(labels: Labels, structure: Structure) -> Labels | None:
    """The labels after an edge that joins no two histories of any strand: a permutation, say, or
    blocks within the parts. None where it joins some.
    """
    if structure.sparsity == Sparsity.DENSE:
        return None
    moved = np.full((len(labels), structure.n_out), -1)
    for entries, rows in structure.groups:
        from_these = labels[:, entries]
        largest = from_these.max(axis=1)
        if ((from_these >= 0) & (from_these != largest[:, None])).any():
            return None
        moved[:, rows] = largest[:, None]
    return moved


def _merged(parts: Sequence[Labels], size: int, limit: int) -> tuple[Labels, list[np.ndarray]]:
    """The strands of one vertex, those with the same labels on all entries as one; and for each
    part the strands that its vectors are added to.

    Raises:
        TooManyHistoriesError: there are too many labels to write down.
    """
    ends = np.cumsum([len(p) for p in parts])[:-1]
    if all(p.shape[1] == 1 for p in parts):
        flat = np.concatenate([p[:, 0] for p in parts] or [np.zeros(0, np.int64)])
        labels, places = np.unique(flat, return_inverse=True)
        return labels[:, None], np.split(places, ends)
    if sum(map(len, parts)) * size > ENTRIES * limit:
        raise TooManyHistoriesError
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
        if kind > Sparsity.DIAGONAL:
            apart *= len(np.unique(joint))
            joint = np.zeros(prod(node.shape), np.int64)
        if node in divisions:
            owner = divisions[node].owner
            joint = joint * (int(owner.max(initial=0)) + 1) + owner
            _, joint = np.unique(joint, return_inverse=True)
    return apart * len(np.unique(joint))
