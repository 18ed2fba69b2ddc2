"""Many paths at once, each followed from its source to the target; common beginnings are pushed
once.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from pathflow.graph import Node, Path
from pathflow.influence.branching._bounds import bounds_of
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._suffixes import AllSuffixes

# A path as choices: the number of its source, then of each hop among those that leave a junction.
Steps = tuple[int, ...]

# Paths that are followed together, at most, and for how many vectors each may need room.
_TOGETHER, _VECTORS = 4096, 16


@dataclass(frozen=True, eq=False)
class Walked:
    """Paths that were followed.

    Arguments:
        steps: what each took.
        influences: `(n, examples)`.
        log_probability: `(n,)`: of drawing each by the bounds; zeros where none are used.
    """

    steps: list[Steps]
    influences: np.ndarray
    log_probability: np.ndarray


class Walk:
    """Follows paths through a landscape.

    Arguments:
        landscape: the hops.
        memory: bytes of tangents.
        suffixes: what bounds the endings: then walkers without a path choose hops in proportion to
            their bounds, and the probability of every path is worked out.
        random: of those choices.
    """

    def __init__(
        self,
        landscape: Landscape,
        memory: int,
        suffixes: AllSuffixes | None = None,
        random: np.random.Generator | None = None,
    ) -> None:
        self._land, self._suffixes, self._random = landscape, suffixes, random
        self._numbers: dict[int, dict[Node, int]] = {}
        widest = max(prod(landscape.node(u).shape) for u in landscape.hops.junctions)
        each = prod(landscape.axes) * max(1, widest) * np.dtype(np.float64).itemsize * _VECTORS
        self._together = max(1, min(_TOGETHER, memory // each))

    def steps_along(self, path: Path) -> Steps | None:
        """The steps of a path of the space; None where it is none of the landscape, so that some
        partial on it is zero.
        """
        hops = self._land.hops
        starts = [hops.trellis.vertices[s].node for s in hops.trellis.sources]
        if path[0] not in starts:
            return None
        steps = [starts.index(path[0])]
        at, place = hops.trellis.sources[steps[0]], 1
        while hops.after[at]:
            number = self._by_node(at).get(path[place])
            if number is None:
                return None
            hop = hops.after[at][number]
            if any(v != path[place + i] for i, (_, v) in enumerate(hop.edges)):
                return None
            steps.append(number)
            at, place = hop.end, place + len(hop.edges)
        return tuple(steps)

    def _by_node(self, junction: int) -> dict[Node, int]:
        """The number of each hop from a junction, by the first node on it."""
        if junction not in self._numbers:
            after = self._land.hops.after[junction]
            self._numbers[junction] = {hop.edges[0][1]: i for i, hop in enumerate(after)}
        return self._numbers[junction]

    def path_along(self, steps: Steps) -> Path:
        """The path of some steps."""
        hops = self._land.hops
        at = hops.trellis.sources[steps[0]]
        nodes = [self._land.node(at)]
        for step in steps[1:]:
            hop = hops.after[at][step]
            nodes += [v for _, v in hop.edges]
            at = hop.end
        return Path(nodes)

    def run(
        self, given: Sequence[Steps | None], advance: Callable[[float], Any] | None = None
    ) -> Walked:
        """Follows one path for each entry: the one given, or where it is None, any.

        Arguments:
            given: the paths.
            advance: called with the fraction done.
        """
        examples, size = self._land.examples or 1, self._together
        done = [Walked([], np.zeros((0, examples)), np.zeros(0))]
        for begin in range(0, len(given), size):
            done.append(_Party(self._land, self._suffixes, self._random, given[begin:][:size]).go())
            if advance is not None:
                advance(min(1.0, (begin + size) / len(given)))
        return Walked(
            [steps for part in done for steps in part.steps],
            np.concatenate([part.influences for part in done]),
            np.concatenate([part.log_probability for part in done]),
        )


class _Arrivals(NamedTuple):
    """Walkers at one junction.

    Attributes:
        walkers: their numbers.
        beginnings: for each of them, which of the vectors is its own.
        vectors: the tangents of the beginnings.
    """

    walkers: np.ndarray
    beginnings: np.ndarray
    vectors: np.ndarray


class _Party:
    """Walkers that go together."""

    def __init__(
        self,
        landscape: Landscape,
        suffixes: AllSuffixes | None,
        random: np.random.Generator | None,
        given: Sequence[Steps | None],
    ) -> None:
        self._land, self._suffixes, self._given = landscape, suffixes, given
        self._random = np.random.default_rng(0) if random is None else random
        self._taken: list[list[int]] = [[] for _ in given]
        self._log_probability = np.zeros(len(given))
        self._waiting: dict[int, list[_Arrivals]] = defaultdict(list)

    def go(self) -> Walked:
        """Goes from the sources through all junctions."""
        land, hops = self._land, self._land.hops
        n, sources = len(self._given), hops.trellis.sources
        influences = np.zeros((n, land.examples or 1))
        everyone = _Arrivals(np.arange(n), np.zeros(n, int), np.zeros((1, 0)))
        self._part(everyone, sources, lambda i, _: land.start(sources[i]))
        for u in hops.junctions:
            if u not in self._waiting:
                continue
            here, after = _merged(self._waiting.pop(u)), hops.after[u]
            if after:
                ends = [hop.end for hop in after]
                self._part(here, ends, lambda i, x, after=after: land.push(after[i], x))
            else:
                influences[here.walkers] = land.influences(here.vectors)[here.beginnings]
        return Walked([tuple(t) for t in self._taken], influences, self._log_probability)

    def _part(
        self,
        here: _Arrivals,
        ends: Sequence[int],
        move: Callable[[int, np.ndarray], np.ndarray],
    ) -> None:
        """Lets walkers choose where to go on, and moves them there."""
        moved = None
        if self._suffixes is None:
            choice = self._choose(here, None)
        else:
            moved = [move(i, here.vectors) for i in range(len(ends))]
            pairs = zip(ends, moved, strict=True)
            bounds = [bounds_of(self._land, self._suffixes[end], x) for end, x in pairs]
            odds = _proportions(np.stack(bounds, axis=1))[here.beginnings]
            choice = self._choose(here, odds)
            with np.errstate(divide="ignore"):
                taken = np.take_along_axis(odds, choice[:, None], axis=1)[:, 0]
                self._log_probability[here.walkers] += np.log(taken)
        for i in np.unique(choice).tolist():
            on = choice == i
            used, beginnings = np.unique(here.beginnings[on], return_inverse=True)
            vectors = move(i, here.vectors[used]) if moved is None else moved[i][used]
            self._waiting[ends[i]].append(_Arrivals(here.walkers[on], beginnings, vectors))

    def _choose(self, here: _Arrivals, odds: np.ndarray | None) -> np.ndarray:
        """Which of the ways each walker takes: the one given, or one drawn."""
        choice = np.zeros(len(here.walkers), int)
        if odds is not None:
            drawn = self._random.random(len(choice))[:, None]
            choice = np.minimum((odds.cumsum(axis=1) <= drawn).sum(axis=1), odds.shape[1] - 1)
        for place, i in enumerate(here.walkers.tolist()):
            steps, taken = self._given[i], self._taken[i]
            if steps is not None:
                choice[place] = steps[len(taken)]
            taken.append(int(choice[place]))
        return choice


def _merged(arrivals: Sequence[_Arrivals]) -> _Arrivals:
    """Arrivals at one junction, with their beginnings numbered together."""
    offsets = np.cumsum([0, *(len(a.vectors) for a in arrivals)])
    beginnings = [a.beginnings + o for a, o in zip(arrivals, offsets, strict=False)]
    return _Arrivals(
        np.concatenate([a.walkers for a in arrivals]),
        np.concatenate(beginnings),
        np.concatenate([a.vectors for a in arrivals]),
    )


def _proportions(bounds: np.ndarray) -> np.ndarray:
    """Rows that sum to one; equal where all bounds are zero, since something must be chosen."""
    sums = bounds.sum(axis=1, keepdims=True)
    even = np.full_like(bounds, 1 / bounds.shape[1])
    return np.divide(bounds, sums, out=even, where=sums > 0)
