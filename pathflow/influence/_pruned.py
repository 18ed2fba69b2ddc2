"""A sweep from the sources to the target that keeps the beginnings worth following."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pathflow.graph import Node, Path
from pathflow.influence._bounds import bounds_of
from pathflow.influence._hops import Hop
from pathflow.influence._landscape import Landscape
from pathflow.influence._suffixes import AllSuffixes

# Bounds are taken in the model's precision; a beginning this much under the threshold is followed.
_SLACK = 1e-3


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

    def take(self, chosen: np.ndarray) -> "Batch":
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
    """

    paths: list[Callable[[], Path]] = field(default_factory=list)
    influences: Any = None
    unseen: float = 0.0
    followed: int = 0


class PrunedSweep:
    """Follows beginnings, junction by junction in topological order.

    Arguments:
        landscape: the hops.
        suffixes: what bounds the endings.
        memory: bytes of tangents to hold.
    """

    def __init__(self, landscape: Landscape, suffixes: AllSuffixes, memory: int) -> None:
        self._land, self._suffixes, self._memory = landscape, suffixes, memory

    def run(
        self, threshold: float, width: int, advance: Callable[[float], None] = lambda _f: None
    ) -> Found:
        """All paths with an absolute influence of at least the threshold, but for what `unseen`
        says.

        Arguments:
            threshold: beginnings with smaller bounds are not followed.
            width: how many beginnings are followed at a junction, those with the largest bounds.
            advance: called with the fraction of junctions done.
        """
        land, found, trail = self._land, Found(), Trail()
        waiting: dict[int, list[Batch]] = {}
        held = _Held(self._memory)
        for source in land.hops.trellis.sources:
            vectors = land.start(source)
            number = np.array([trail.begin(land.node(source))])
            bounds = bounds_of(land, self._suffixes[source], vectors)
            waiting.setdefault(source, []).append(Batch(number, vectors, bounds))
        complete: list[tuple[np.ndarray, np.ndarray]] = []
        for done, u in enumerate(land.hops.junctions):
            batches = waiting.pop(u, [])
            held.released(batches)
            if not batches:
                continue
            batch = joined(batches)
            if not land.hops.after[u]:
                complete.append((batch.numbers, land.influences(batch.vectors)))
                continue
            batch = batch.take(_best(batch.bounds, threshold, width, found))
            found.followed += len(batch.numbers)
            for hop in land.hops.after[u] if len(batch.numbers) else ():
                kept = self._follow(batch, hop, threshold, trail, found)
                if len(kept.numbers):
                    waiting.setdefault(hop.end, []).append(kept)
                    held.add(kept)
            held.trim(waiting, found)
            advance((done + 1) / len(land.hops.junctions))
        numbers = np.concatenate([n for n, _ in complete]) if complete else np.zeros(0, int)
        found.paths = [lambda n=n: trail.path(n) for n in numbers.tolist()]
        examples = land.examples or 1
        found.influences = (
            np.concatenate([x for _, x in complete]) if complete else np.zeros((0, examples))
        )
        return found

    def _follow(
        self, batch: Batch, hop: Hop, threshold: float, trail: Trail, found: Found
    ) -> Batch:
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
    follow = (bounds * (1 + _SLACK) >= threshold) & (bounds > 0)
    if np.count_nonzero(follow) > width:
        last = np.argpartition(-bounds, width)[width:]
        follow[last] = False
    left = bounds[~follow]
    found.unseen = max(found.unseen, float(left.max(initial=0.0)))
    return np.flatnonzero(follow)


class _Held:
    """Counts the bytes of waiting tangents and drops those with the smallest bounds when there are
    too many.
    """

    def __init__(self, memory: int) -> None:
        self._memory, self._bytes = memory, 0

    def add(self, batch: Batch) -> None:
        self._bytes += batch.vectors.nbytes

    def released(self, batches: list[Batch]) -> None:
        self._bytes -= sum(b.vectors.nbytes for b in batches)

    def trim(self, waiting: dict[int, list[Batch]], found: Found) -> None:
        while self._bytes > self._memory:
            everyone = np.concatenate([b.bounds for b in _each(waiting)])
            middle = float(np.median(everyone))
            for u, batches in waiting.items():
                self.released(batches)
                waiting[u] = []
                for batch in batches:
                    # Half of equal ones too, or nothing would ever go.
                    kept = batch.take(
                        _best(batch.bounds, middle, (len(batch.bounds) + 1) // 2, found)
                    )
                    waiting[u].append(kept)
                    self.add(kept)
            if len(everyone) == sum(len(b.bounds) for b in _each(waiting)):
                return


def _each(waiting: dict[int, list[Batch]]) -> Iterator[Batch]:
    return (batch for batches in waiting.values() for batch in batches)
