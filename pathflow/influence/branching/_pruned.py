"""A sweep from the sources to the target that keeps the beginnings worth following."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pathflow.graph import Node, Path
from pathflow.influence.branching._bounds import bounds_of
from pathflow.influence.branching._hops import Hop
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._suffixes import AllSuffixes


class Trail:
    """How each beginning was reached: from which other one, by which hop."""

    def __init__(self) -> None:
        self._before: list[int] = []
        self._hop: list[Hop | None] = []
        self._source: list[Node | None] = []

    def begin(self, source: Node) -> int:
        """A new beginning that is a source alone."""
        self._before.append(-1)
        self._hop.append(None)
        self._source.append(source)
        return len(self._before) - 1

    def extend(self, numbers: np.ndarray, hop: Hop) -> np.ndarray:
        """New beginnings: those with these numbers, and a hop."""
        first = len(self._before)
        self._before += numbers.tolist()
        self._hop += [hop] * len(numbers)
        self._source += [None] * len(numbers)
        return np.arange(first, len(self._before))

    def path(self, number: int) -> Path:
        """The nodes of a beginning."""
        parts: list[Node] = []
        hop = self._hop[number]
        while hop is not None:
            parts += [v for _, v in reversed(hop.edges)]
            number = self._before[number]
            hop = self._hop[number]
        source = self._source[number]
        return Path([*([] if source is None else [source]), *reversed(parts)])


@dataclass(frozen=True, eq=False)
class Batch:
    """Beginnings that end at one junction.

    Arguments:
        numbers: their numbers in the trail.
        vectors: their tangents, `(n, [examples,] points, *shape)`.
        bounds: the most that a path with each of them can have.
    """

    numbers: np.ndarray
    vectors: np.ndarray
    bounds: np.ndarray

    def take(self, chosen: np.ndarray | slice) -> "Batch":
        return Batch(self.numbers[chosen], self.vectors[chosen], self.bounds[chosen])


def joined(batches: list[Batch]) -> Batch:
    """All beginnings of several batches."""
    if len(batches) == 1:
        return batches[0]
    fields = zip(*((b.numbers, b.vectors, b.bounds) for b in batches), strict=True)
    return Batch(*(np.concatenate(parts) for parts in fields))


@dataclass
class Found:
    """What a sweep found.

    Attributes:
        paths: the complete paths that were followed to the target.
        influences: theirs, `(n, examples)`.
        unseen: the most that a path that was not followed can have, in absolute value.
        followed: how many beginnings were pushed on.
        crowded: whether a beginning was left for want of width alone.
    """

    paths: list[Path] = field(default_factory=list)
    influences: Any = None
    unseen: float = 0.0
    followed: int = 0
    crowded: bool = False


@dataclass(frozen=True)
class Limits:
    """What a sweep may follow.

    Arguments:
        threshold: beginnings with smaller bounds are not followed.
        width: how many beginnings are followed at a junction, those with the largest bounds.
        budget: how many beginnings are followed in all; beyond it, only `least` at a junction.
        least: at most the width.
    """

    threshold: float
    width: int
    budget: int
    least: int


class PrunedSweep:
    """Follows beginnings, junction by junction in topological order.

    Arguments:
        landscape: the hops.
        suffixes: what bounds the endings.
        memory: bytes of tangents to hold.
    """

    def __init__(self, landscape: Landscape, suffixes: AllSuffixes, memory: int) -> None:
        self._land, self._suffixes, self._memory = landscape, suffixes, memory

    def run(self, limits: Limits, advance: Callable[[float], None]) -> Found:
        """All paths with an absolute influence of at least the threshold, but for what `unseen`
        says.

        Arguments:
            limits: what may be followed.
            advance: called with the fraction of junctions done.
        """
        land, found, trail = self._land, Found(), Trail()
        waiting = _Waiting(self._memory)
        for source in land.hops.trellis.sources:
            vectors = land.start(source)
            number = np.array([trail.begin(land.node(source))])
            bounds = bounds_of(land, self._suffixes[source], vectors)
            waiting.add(source, Batch(number, vectors, bounds))
        numbers, influences = [np.zeros(0, int)], [np.zeros((0, land.examples or 1))]
        for done, u in enumerate(land.hops.junctions, 1):
            batch = waiting.take(u)
            if batch is not None and land.hops.after[u]:
                left = max(limits.least, limits.budget - found.followed)
                chosen = _best(batch.bounds, limits.threshold, min(limits.width, left), found)
                found.crowded |= len(chosen) == limits.width < min(left, len(batch.bounds))
                found.followed += len(chosen)
                self._follow(batch.take(chosen), u, limits.threshold, trail, found, waiting)
            elif batch is not None:
                numbers.append(batch.numbers)
                influences.append(land.influences(batch.vectors))
            advance(done / len(land.hops.junctions))
        found.paths = [trail.path(n) for n in np.concatenate(numbers).tolist()]
        found.influences = np.concatenate(influences)
        return found

    def _follow(
        self,
        batch: Batch,
        u: int,
        threshold: float,
        trail: Trail,
        found: Found,
        waiting: "_Waiting",
    ) -> None:
        """Pushes beginnings through every hop, as many at a time as memory should hold."""
        land = self._land
        for hop in land.hops.after[u]:
            nbytes = land.entries(hop.end) * np.dtype(land.node(hop.end).dtype).itemsize
            size = max(1, self._memory // nbytes)
            for begin in range(0, len(batch.numbers), size):
                part = batch.take(slice(begin, begin + size))
                moved = self._moved(part, hop, threshold, trail, found)
                if len(moved.numbers):
                    waiting.add(hop.end, moved)
                    waiting.trim(found)

    def _moved(self, batch: Batch, hop: Hop, threshold: float, trail: Trail, found: Found) -> Batch:
        land = self._land
        vectors = land.push(hop, batch.vectors)
        if not land.hops.after[hop.end]:
            bounds = np.abs(land.influences(vectors).mean(axis=1))
            return Batch(trail.extend(batch.numbers, hop), vectors, bounds)
        bounds = np.minimum(bounds_of(land, self._suffixes[hop.end], vectors), batch.bounds)
        chosen = _best(bounds, threshold, len(bounds), found)
        return Batch(trail.extend(batch.numbers[chosen], hop), vectors[chosen], bounds[chosen])


def _best(bounds: np.ndarray, threshold: float, width: int, found: Found) -> np.ndarray:
    """Which beginnings to follow; the largest bound of the others counts as unseen."""
    follow = (bounds >= threshold) & (bounds > 0)
    if np.count_nonzero(follow) > width:
        last = np.argpartition(-bounds, width)[width:]
        follow[last] = False
    left = bounds[~follow]
    found.unseen = max(found.unseen, float(left.max(initial=0.0)))
    return np.flatnonzero(follow)


class _Waiting:
    """Beginnings by the junction where they end; where they are too many bytes, those with the
    smallest bounds are dropped.
    """

    def __init__(self, memory: int) -> None:
        self._memory, self._bytes = memory, 0
        self._batches: dict[int, list[Batch]] = {}

    def add(self, u: int, batch: Batch) -> None:
        self._batches.setdefault(u, []).append(batch)
        self._bytes += batch.vectors.nbytes

    def take(self, u: int) -> Batch | None:
        """All that wait at a junction; None where there are none."""
        batches = self._batches.pop(u, [])
        self._bytes -= sum(b.vectors.nbytes for b in batches)
        return joined(batches) if batches else None

    def trim(self, found: Found) -> None:
        """Drops beginnings until memory holds the others, or each junction has one batch of one."""
        while self._bytes > self._memory:
            everyone = [b.bounds for batches in self._batches.values() for b in batches]
            before, middle = sum(map(len, everyone)), float(np.median(np.concatenate(everyone)))
            for u in list(self._batches):
                batch = self.take(u)
                if batch is None:
                    continue
                # Half of equal ones too, or nothing would ever go.
                half = (len(batch.bounds) + 1) // 2
                kept = batch.take(_best(batch.bounds, middle, half, found))
                if len(kept.bounds):
                    self.add(u, kept)
            if before == sum(len(b.bounds) for bs in self._batches.values() for b in bs):
                return
