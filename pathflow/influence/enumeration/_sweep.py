"""One sweep of an enumeration: prefixes from the sources, suffixes to the target, products where
they meet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow.evaluation import Edge, crosser, live_paths, mover, products
from pathflow.graph import Node, PathSpace
from pathflow.influence.enumeration._cut import choose_cut
from pathflow.influence.question._devices import Devices
from pathflow.influence.question._tiles import Chunk
from pathflow.tracing import TracedGraph

# Stretches this long, or blocks of this few rows, are copied row by row; others entry by entry.
_LONG, _FEW = 256, 4


@dataclass(frozen=True)
class Block:
    """Influences of the paths through a crossing, not yet in their places.

    Arguments:
        influences: `(examples, prefixes, suffixes)`, on the device.
        rows: the rank contribution of each prefix, the crossing edge included.
        columns: the rank contribution of each suffix; a path's rank is the sum of the two.
        part: which suffixes of `influences` the columns are.
    """

    influences: Any
    rows: np.ndarray
    columns: np.ndarray
    part: slice


class Plan:
    """How all paths of a space are enumerated: sides of the cut, crossings, and the order of work.

    Paths through an edge whose partial is zero by construction have influence zero and are left
    out; the others keep their ranks among all paths.

    Arguments:
        traced: the graph with its functions.
        full: all paths.
    """

    def __init__(self, traced: TracedGraph, full: PathSpace) -> None:
        live = live_paths(traced, full)
        self.full = full
        self.partials = live.partials
        self.empty = live.space is None
        if live.space is None:
            return
        self.space = space = live.space
        kept = list(self.partials)
        left = choose_cut(space, {e: p.cost for e, p in self.partials.items()})
        self.left = [n for n in space.nodes if n in left and n not in space.sources]
        self.right = [n for n in reversed(space.nodes) if n not in left and n != space.target]
        self._group_crossings(kept, left)
        self._rank(kept)
        self.size_of = {n: prod(n.shape) for n in space.nodes}

    def _group_crossings(self, edges: Sequence[Edge], left: frozenset[Node]) -> None:
        # A crossing edge is taken on the side that has fewer vectors to move.
        self.pushed: dict[Node, list[Node]] = {}
        self.pulled: dict[Node, list[Node]] = {}
        for u, v in edges:
            if u in left and v not in left:
                if self.space.prefix_count(u) <= self.space.suffix_count(v):
                    self.pushed.setdefault(v, []).append(u)
                else:
                    self.pulled.setdefault(u, []).append(v)
        self.kept = {u for us in self.pushed.values() for u in us} | set(self.pulled)

    def _rank(self, edges: Sequence[Edge]) -> None:
        """What each prefix and each suffix adds to a path's rank, in the order of the vectors."""
        space, full = self.space, self.full
        self.offset = {(u, v): full.edge_offset(u, v) for u, v in edges}
        self.prefix_ranks = {s: np.array([full.source_offset(s)], np.int64) for s in space.sources}
        for v in self.left:
            parts = [self.prefix_ranks[u] + self.offset[u, v] for u in space.predecessors(v)]
            self.prefix_ranks[v] = np.concatenate(parts)
        self.suffix_ranks = {space.target: np.zeros(1, np.int64)}
        for u in self.right:
            parts = [self.suffix_ranks[v] + self.offset[u, v] for v in space.successors(u)]
            self.suffix_ranks[u] = np.concatenate(parts)

    def vector_entries(self, *, batched: bool) -> int:
        """Entries of the tangents, cotangents and moved crossing vectors that are held at one time,
        for one example at one point.

        Arguments:
            batched: whether there is an axis of examples, for which a product copies its factors.
        """
        if self.empty:
            return 0
        count, size = self.space, self.size_of
        prefixes = {n: count.prefix_count(n) * size[n] for n in (*count.sources, *self.left)}
        suffixes = {n: count.suffix_count(n) * size[n] for n in (*self.right, count.target)}
        kept = sum(n for u, n in prefixes.items() if u in self.kept)
        moved = []
        for v, us in self.pushed.items():
            of_edges = sum(map(count.prefix_count, us)) * size[v]
            moved.append((2 * of_edges + suffixes[v]) if batched else of_edges)
        for u, vs in self.pulled.items():
            of_edges = sum(map(count.suffix_count, vs)) * size[u]
            moved.append((2 * of_edges + prefixes[u]) if batched else of_edges)
        crossing = kept + sum(suffixes.values()) + max(moved, default=0)
        return max(self._growing(prefixes), crossing)

    def _growing(self, prefixes: Mapping[Node, int]) -> int:
        """The most entries of prefixes while those of the left are made."""
        space, left = self.space, set(self.left)
        waiting = {u: len(left.intersection(space.successors(u))) for u in prefixes}
        held = most = sum(prefixes[s] for s in space.sources)
        for v in self.left:
            held += prefixes[v]
            most = max(most, held)
            for u in space.predecessors(v):
                waiting[u] -= 1
                if not waiting[u] and u not in self.kept:
                    held -= prefixes[u]
        return most

    def sweep(self, at: Chunk) -> Iterator[Block]:
        """All path influences at some points, weights folded in."""
        return iter(()) if self.empty else _Sweep(self, at).run()

    def hold(self, at: Chunk) -> "Held":
        """The vectors of one example on both sides of every crossing, of which stretches of ranks
        are made.
        """
        found = () if self.empty else tuple(_Sweep(self, at).meetings())
        return Held(found, at.devices)


@dataclass(frozen=True)
class Meeting:
    """The vectors of one example on both sides of a crossing.

    Arguments:
        prefixes: `(prefixes, ...)`, on the device.
        suffixes: `(suffixes, ...)`.
        rows: the rank contribution of each prefix, ascending or not.
        columns: the rank contribution of each suffix, ascending.
    """

    prefixes: Any
    suffixes: Any
    rows: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True)
class Held:
    """What all paths of one example are made of, at some points."""

    meetings: tuple[Meeting, ...]
    devices: Devices | None = None

    def add(self, out: np.ndarray, start: int) -> None:
        """Adds the influences of the paths from rank `start` on to `out`, of shape `(paths,)`."""
        stop = start + len(out)
        for at in self.meetings:
            first, last = at.rows + at.columns[0], at.rows + at.columns[-1]
            chosen = np.flatnonzero((first < stop) & (last >= start))
            if len(chosen):
                spread = np.asarray if self.devices is None else self.devices.cut_rows
                part = products(chosen, at.prefixes, at.suffixes, spread)
                _add_within(out, start, part, at.rows[chosen], at.columns)


def _add_within(
    out: np.ndarray, start: int, part: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> None:
    if len(columns) < _LONG:
        ranks = rows[:, None] + (columns - start)
        inside = (ranks >= 0) & (ranks < len(out))
        out[ranks[inside]] += part[inside]
        return
    for influences, row in zip(part, rows.tolist(), strict=True):
        low, high = np.searchsorted(columns, [start - row, start + len(out) - row])
        out[columns[low:high] + (row - start)] += influences[low:high]


class _Sweep:
    def __init__(self, plan: Plan, at: Chunk) -> None:
        self.plan, self.at, self.examples = plan, at, at.examples
        self.flags = (at.examples is not None, True)

    def _move(
        self, step: Callable, edges: Sequence[Edge], vectors: Sequence[Any], *other: Any, pull: bool
    ) -> Any:
        """Moves vectors across edges; `vectors` are pairs of an array and its flags."""
        applied = [self.at.applied[e] for e in edges]
        keys, flags = tuple(a.key for a in applied), tuple(f for _, f in vectors)
        run = step(keys, pull, flags, self.examples, self.at.weights.shape[-1])
        return run(tuple(a.arrays for a in applied), tuple(x for x, _ in vectors), *other)

    def _cut(self, vectors: Any) -> Any:
        """The vectors of the other side of a crossing, spread over the devices."""
        devices = self.at.devices
        return vectors if devices is None else devices.cut_paths(vectors, self.examples)

    def run(self) -> Iterator[Block]:
        prefixes, suffixes = self._prefixes(), self._suffixes()
        plan = self.plan
        for v, us in plan.pushed.items():
            vectors = [prefixes[u] for u in us]
            other, columns = self._cut(suffixes[v][0]), plan.suffix_ranks[v]
            block = self._move(crosser, [(u, v) for u in us], vectors, other, pull=False)
            rows = [plan.prefix_ranks[u] + plan.offset[u, v] for u in us]
            yield Block(block, np.concatenate(rows), columns, slice(len(columns)))
        for u, vs in plan.pulled.items():
            vectors = [suffixes[v] for v in vs]
            other = self._cut(prefixes[u][0])
            block = self._move(crosser, [(u, v) for v in vs], vectors, other, pull=True)
            begin = 0
            for v in vs:
                columns = plan.suffix_ranks[v]
                part = slice(begin, begin + len(columns))
                yield Block(block, plan.prefix_ranks[u] + plan.offset[u, v], columns, part)
                begin = part.stop

    def meetings(self) -> Iterator[Meeting]:
        """The vectors at every crossing, moved across it."""
        prefixes, suffixes = self._prefixes(), self._suffixes()
        plan = self.plan
        for v, us in plan.pushed.items():
            moved = self._move(mover, [(u, v) for u in us], [prefixes[u] for u in us], pull=False)
            rows = np.concatenate([plan.prefix_ranks[u] + plan.offset[u, v] for u in us])
            yield Meeting(moved, suffixes[v][0], rows, plan.suffix_ranks[v])
        for u, vs in plan.pulled.items():
            moved = self._move(mover, [(u, v) for v in vs], [suffixes[v] for v in vs], pull=True)
            columns = [plan.suffix_ranks[v] + plan.offset[u, v] for v in vs]
            yield Meeting(prefixes[u][0], moved, plan.prefix_ranks[u], np.concatenate(columns))

    def _prefixes(self) -> dict[Node, Any]:
        """The tangents of all prefixes of the nodes on the left, as arrays with their flags."""
        space, left, direction = self.plan.space, set(self.plan.left), self.at.direction
        vectors = {
            s: (direction[s].array[None], (direction[s].batched, False)) for s in space.sources
        }
        waiting = {u: len(left.intersection(space.successors(u))) for u in (*vectors, *left)}
        for v in self.plan.left:
            us = space.predecessors(v)
            sent = [vectors[u] for u in us]
            vectors[v] = (self._move(mover, [(u, v) for u in us], sent, pull=False), self.flags)
            self._release(vectors, waiting, us)
        return vectors

    def _release(
        self, vectors: dict[Node, Any], waiting: dict[Node, int], used: Sequence[Node]
    ) -> None:
        """Drops prefixes that nothing on the left waits for and that no crossing needs."""
        for u in used:
            waiting[u] -= 1
            if not waiting[u] and u not in self.plan.kept:
                del vectors[u]

    def _suffixes(self) -> dict[Node, Any]:
        """The cotangents of all suffixes of the nodes on the right, as arrays with their flags."""
        space, weights = self.plan.space, self.at.weights
        batch = () if self.examples is None else (self.examples,)
        start = jnp.broadcast_to(weights, (1, *batch, weights.shape[-1])).astype(space.target.dtype)
        vectors = {space.target: (start, self.flags)}
        for u in self.plan.right:
            vs = space.successors(u)
            sent = [vectors[v] for v in vs]
            vectors[u] = (self._move(mover, [(u, v) for v in vs], sent, pull=True), self.flags)
        return vectors


def scatter(out: np.ndarray, blocks: Sequence[Block]) -> None:
    """Adds blocks to `(examples, paths)` influences in rank order."""
    for block in blocks:
        # Devices may have filled up either axis.
        part = np.asarray(block.influences)[:, : len(block.rows), block.part]
        columns, width = block.columns, len(block.columns)
        running = columns[-1] - columns[0] == width - 1
        if running and (width >= _LONG or len(block.rows) <= _FEW):
            # Ranks of the suffixes run on, so that each prefix fills one stretch.
            for row, start in enumerate(block.rows + columns[0]):
                out[:, start : start + width] += part[:, row]
        else:
            ranks = (block.rows[:, None] + columns).ravel()
            out[:, ranks] += part.reshape(len(part), -1)
