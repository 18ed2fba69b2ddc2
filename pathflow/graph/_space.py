"""All paths from the sources to a target: counted, ranked and unranked, never listed."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import final

import numpy as np
from jaxtyping import Bool

from pathflow._errors import GraphError, NoPathError
from pathflow._typing import ExactRanks
from pathflow.drawing import count_text

from ._counting import Neighbours, prefix_counts, suffix_counts
from ._node import Node
from ._path import Path, PathLike, as_path
from ._ranks import prefix_ranks, refuse_too_many, through_mask
from ._table import NodeLike, NodeTable


@final
class PathSpace:
    """All paths from one or several sources to a target. Made by `Graph.paths`.

    Paths are ordered lexicographically: by source (in the order given), then by the position of the
    second node, and so on. A path's number in that order is its *rank*,

        rank(p) = source_offset(p_0) + sum_i edge_offset(p_i, p_{i+1}),

    where the offsets count the paths that branch off earlier; so ranking and unranking take one
    step per node, and no list of paths is ever needed. Counts and ranks are exact Python integers.

    Attributes:
        sources: the source nodes, in the order given.
        target: the target node.
        nodes: the nodes on some path, in topological order.
        count: the exact number of paths.
    """

    def __init__(
        self,
        table: NodeTable,
        successors: Neighbours,
        sources: tuple[int, ...],
        target: int,
    ):
        cut = frozenset(sources)
        self._table = table
        table.check_ends(sources, target)
        prefix = prefix_counts(successors, cut, target)
        suffix = suffix_counts(successors, cut, target)
        self._check_reachable(sources, target, suffix)
        on_path = [i for i in range(target + 1) if prefix[i] and suffix[i]]
        self._prefix = {i: prefix[i] for i in on_path}
        self._suffix = {i: suffix[i] for i in on_path}
        kept = self._suffix.keys() - cut
        self._successors = {u: tuple(v for v in successors[u] if v in kept) for u in on_path}
        predecessors: dict[int, list[int]] = {i: [] for i in on_path}
        for u in on_path:
            for v in self._successors[u]:
                predecessors[v].append(u)
        self._predecessors = {v: tuple(us) for v, us in predecessors.items()}
        self._target = target
        # offsets[u][v]: the suffixes of u that come before those through v.
        self._offsets = {
            u: _before(after, (suffix[v] for v in after)) for u, after in self._successors.items()
        }
        self._source_offsets = _before(sources, (suffix[s] for s in sources))
        self._rank_cache: dict[int, np.ndarray] = {}
        self.count: int = sum(suffix[s] for s in sources)
        self.sources: tuple[Node, ...] = tuple(table.nodes[s] for s in sources)
        self.target: Node = table.nodes[target]
        self.nodes: tuple[Node, ...] = tuple(table.nodes[i] for i in on_path)

    def _check_reachable(self, sources: tuple[int, ...], target: int, suffix: list[int]) -> None:
        lost = [str(self._table.nodes[s]) for s in sources if not suffix[s]]
        if not lost:
            return
        why = (
            " without passing another source (edges into a source are cut: its value is replaced)"
            if len(sources) > 1
            else ""
        )
        raise NoPathError(
            f"source {', '.join(lost)} cannot reach the target {self._table.nodes[target]}{why}; "
            "leave it out, or see `graph.successors(source)` for what depends on it."
        )

    @property
    def graph_nodes(self) -> tuple[Node, ...]:
        """The graph's nodes, on a path or not; with `edges` they make a graph of equal paths."""
        return self._table.nodes

    @property
    def edges(self) -> tuple[tuple[Node, Node], ...]:
        """The edges that some path takes, sorted by the positions of their ends."""
        of = self._table.nodes
        return tuple((of[u], of[v]) for u, after in self._successors.items() for v in after)

    def successors(self, node: NodeLike) -> tuple[Node, ...]:
        """The nodes after `node` on some path, in topological order; none for the target."""
        return self._nodes(self._successors.get(self._table.position(node), ()))

    def predecessors(self, node: NodeLike) -> tuple[Node, ...]:
        """The nodes before `node` on some path, in topological order; none for a source."""
        return self._nodes(self._predecessors.get(self._table.position(node), ()))

    def _nodes(self, positions: tuple[int, ...]) -> tuple[Node, ...]:
        return tuple(self._table.nodes[i] for i in positions)

    def prefix_count(self, node: NodeLike) -> int:
        """How many beginnings of paths end at `node`; 0 for a node on no path."""
        return self._prefix.get(self._table.position(node), 0)

    def suffix_count(self, node: NodeLike) -> int:
        """How many endings of paths start at `node`; 0 for a node on no path."""
        return self._suffix.get(self._table.position(node), 0)

    def source_offset(self, source: NodeLike) -> int:
        """How many paths start at an earlier source; the rank of the first path from this one.

        Raises:
            GraphError: the node is no source of this space.
        """
        return self._source_offset(self._table.position(source))

    def _source_offset(self, source: int) -> int:
        if source not in self._source_offsets:
            raise GraphError(
                f"{self._table.nodes[source]} is no source; the paths start at "
                f"{', '.join(map(str, self.sources))}."
            )
        return self._source_offsets[source]

    def edge_offset(self, u: NodeLike, v: NodeLike) -> int:
        """How many endings of paths from `u` go to a successor before `v`.

        Raises:
            GraphError: no path of this space takes the edge `u -> v`.
        """
        return self._edge_offset(self._table.position(u), self._table.position(v))

    def _edge_offset(self, u: int, v: int) -> int:
        offset = self._offsets.get(u, {}).get(v)
        if offset is None:
            u_, v_ = self._table.nodes[u], self._table.nodes[v]
            onward = ", ".join(map(str, self.successors(u_))) or "nothing"
            raise GraphError(f"no path takes an edge {u_} -> {v_}; {u_} leads to {onward}.")
        return offset

    def rank(self, path: PathLike) -> int:
        """A path's number in lexicographic order, from 0.

        Arguments:
            path: a `Path`, a text of labels, or a sequence of nodes or labels.

        Raises:
            UnknownNodeError: a label names no node.
            GraphError: the path starts at no source, takes an edge that is none, or does not end at
                the target.
        """
        steps = self._table.positions(as_path(path))
        rank = self._source_offset(steps[0])
        for u, v in pairwise(steps):
            rank += self._edge_offset(u, v)
        if steps[-1] != self._target:
            raise GraphError(
                f"the path ends at {self._table.nodes[steps[-1]]}, not at the target "
                f"{self.target}; give all of it."
            )
        return rank

    def unrank(self, rank: int) -> Path:
        """The path with a rank, the inverse of `rank`.

        Raises:
            GraphError: the rank is not in `0 .. count - 1`.
        """
        if not 0 <= rank < self.count:
            raise GraphError(
                f"rank={count_text(rank)} is outside 0 .. {count_text(self.count - 1)}."
            )
        source, left = _last_not_after(self._source_offsets, rank)
        steps = [source]
        while steps[-1] != self._target:
            following, left = _last_not_after(self._offsets[steps[-1]], left)
            steps.append(following)
        return Path(self._nodes(tuple(steps)))

    def __iter__(self) -> Iterator[Path]:
        """The paths in the order of their ranks, one at a time."""
        for source in self._source_offsets:
            steps = [source]
            branches = [iter(self._successors[source])]
            while branches:
                if steps[-1] == self._target:
                    yield Path(self._nodes(tuple(steps)))
                following = next(branches[-1], None)
                if following is None:
                    branches.pop()
                    steps.pop()
                else:
                    steps.append(following)
                    branches.append(iter(self._successors[following]))

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str | tuple | list):
            return False
        try:
            self.rank(path)
        except GraphError:
            return False
        return True

    def prefix_ranks(self, node: NodeLike) -> ExactRanks:
        """What every beginning of a path up to `node` contributes to the rank.

        The beginnings come in the order "for each predecessor in order, its beginnings in order".
        With `p` the number of a beginning of `u`, `u -> v` an edge and `s` the number of an ending
        of `v` in lexicographic order, the path joined from them has the rank `prefix_ranks(u)[p] +
        edge_offset(u, v) + s`.

        Returns:
            `prefix_count(node)` integers: int64, or Python integers (dtype object) where the count
            of paths exceeds int64.

        Raises:
            TooManyPathsError: the node has more beginnings than an array can hold.
        """
        position = self._table.position(node)
        if position not in self._prefix:
            return np.zeros(0, np.int64)
        return self._prefix_ranks(position)

    def _prefix_ranks(self, position: int) -> ExactRanks:
        what = f"the ranks of the beginnings of {self._table.nodes[position]}"
        refuse_too_many(self._prefix[position], what)
        offsets, sources = self._offsets, self._source_offsets
        return prefix_ranks(
            position, self._predecessors, offsets, sources, self.count - 1, self._rank_cache
        )

    def mask_through(self, *nodes: NodeLike) -> Bool[np.ndarray, " paths"]:
        """Which paths pass through all the nodes given: one boolean per rank.

        Raises:
            UnknownNodeError: the graph has no such node.
            TooManyPathsError: there are more paths than an array can hold.
        """
        positions = self._table.positions(nodes)
        refuse_too_many(self.count, "a mask over all paths")
        mask = np.ones(self.count, bool)
        for i in positions:
            if i not in self._prefix:
                mask[:] = False
            else:
                mask &= through_mask(self._prefix_ranks(i), self._suffix[i], self.count)
        return mask

    def node(self, node: NodeLike) -> Node:
        """The node for a label, with its shape and dtype; it may be on no path.

        Raises:
            UnknownNodeError: the graph has no such node.
        """
        return self._table.nodes[self._table.position(node)]

    # The nodes' shapes and dtypes count, so that a space may stand for its graph in the key of a
    # compiled function.
    def _key(self) -> tuple[object, ...]:
        facts = tuple((n.name, n.index, n.shape, n.dtype) for n in self._table.nodes)
        return facts, tuple(self._source_offsets), self._target, tuple(self._successors.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PathSpace):
            return NotImplemented
        return self is other or self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.nodes, self.sources, self.target, self.count))

    def __repr__(self) -> str:
        return (
            f"PathSpace({', '.join(map(str, self.sources))} -> {self.target}, "
            f"{count_text(self.count)} paths)"
        )


def _before(positions: Sequence[int], counts: Iterable[int]) -> dict[int, int]:
    """For each position, the sum of the counts of those before it."""
    return dict(zip(positions, accumulate(counts, initial=0), strict=False))


def _last_not_after(offsets: Mapping[int, int], rank: int) -> tuple[int, int]:
    """The last position with an offset of at most `rank`, and what is left of the rank there."""
    starts = list(offsets.values())
    i = bisect_right(starts, rank) - 1
    return list(offsets)[i], rank - starts[i]
