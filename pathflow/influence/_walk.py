"""Many paths at once, each followed from its source to the target; common beginnings are pushed
once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pathflow.graph import Path
from pathflow.influence._bounds import bounds_of
from pathflow.influence._hops import Hop, Hops
from pathflow.influence._landscape import Landscape
from pathflow.influence._suffixes import AllSuffixes


def hops_along(hops: Hops, path: Path) -> tuple[Hop, ...] | None:
    """The hops that a path takes; None where it takes an edge that is none of them.

    Arguments:
        hops: of the live paths.
        path: any path of the space.
    """
    vertices, nodes = hops.trellis.vertices, list(path)
    at = next((s for s in hops.trellis.sources if vertices[s].node == nodes[0]), None)
    taken: list[Hop] = []
    place = 1
    while at is not None and place < len(nodes):
        hop = next((h for h in hops.after[at] if h.edges[0][1] == nodes[place]), None)
        end = place + len(hop.edges) if hop else 0
        if hop is None or [v for _, v in hop.edges] != nodes[place:end]:
            return None
        taken.append(hop)
        at, place = hop.end, end
    return tuple(taken) if at is not None and not hops.after[at] else None


@dataclass(frozen=True, eq=False)
class Walked:
    """Paths that were followed.

    Arguments:
        paths: their hops.
        influences: `(n, examples)`.
        log_probability: `(n,)`: of drawing each by the bounds; zeros where none are used.
    """

    paths: list[tuple[Hop, ...]]
    influences: np.ndarray
    log_probability: np.ndarray


class Walk:
    """Follows paths through a landscape.

    Arguments:
        landscape: the hops.
        suffixes: what bounds the endings: then walkers without a path choose hops in proportion to
            their bounds, and the probability of every path is worked out.
        random: of those choices.
    """

    def __init__(
        self,
        landscape: Landscape,
        suffixes: AllSuffixes | None = None,
        random: np.random.Generator | None = None,
    ) -> None:
        self._land, self._suffixes = landscape, suffixes
        self._random = np.random.default_rng(0) if random is None else random

    def run(self, given: Sequence[tuple[Hop, ...] | None]) -> Walked:
        """Follows one path for each entry: the one given, or where it is None, any."""
        land, hops = self._land, self._land.hops
        n = len(given)
        influences = np.zeros((n, land.examples or 1))
        log_probability = np.zeros(n)
        taken: list[list[Hop]] = [[] for _ in range(n)]
        waiting: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        for source, members in self._begin(given, log_probability).items():
            arrival = (members, np.zeros(len(members), int), land.start(source))
            waiting.setdefault(source, []).append(arrival)
        for u in hops.junctions:
            if u not in waiting:
                continue
            members, groups, vectors = _merged(waiting.pop(u))
            if not hops.after[u]:
                influences[members] = land.influences(vectors)[groups]
                continue
            moved = None
            if self._suffixes is not None:
                moved, odds = self._odds(self._suffixes, hops.after[u], vectors)
                choice = self._choose(given, taken, members, u, odds[groups])
                with np.errstate(divide="ignore"):
                    log_probability[members] += np.log(odds[groups, choice])
            else:
                choice = self._choose(given, taken, members, u, None)
            for h, hop in enumerate(hops.after[u]):
                here = choice == h
                if not here.any():
                    continue
                used, inverse = np.unique(groups[here], return_inverse=True)
                end = land.push(hop, vectors[used]) if moved is None else moved[h][used]
                for i in members[here].tolist():
                    taken[i].append(hop)
                waiting.setdefault(hop.end, []).append((members[here], inverse, end))
        return Walked([tuple(t) for t in taken], influences, log_probability)

    def _begin(
        self, given: Sequence[tuple[Hop, ...] | None], log_probability: np.ndarray
    ) -> dict[int, np.ndarray]:
        """Which walkers start at which source."""
        sources = self._land.hops.trellis.sources
        choice = np.array([0 if w is None else sources.index(w[0].start) for w in given], int)
        if self._suffixes is not None and len(sources) > 1:
            starts = [
                bounds_of(self._land, self._suffixes[s], self._land.start(s))[0] for s in sources
            ]
            odds = _proportions(np.array([starts]))[0]
            free = np.array([w is None for w in given])
            choice[free] = self._random.choice(len(sources), size=int(free.sum()), p=odds)
            log_probability += np.log(odds[choice])
        members = {s: np.flatnonzero(choice == i) for i, s in enumerate(sources)}
        return {s: m for s, m in members.items() if len(m)}

    def _odds(
        self, suffixes: AllSuffixes, after: Sequence[Hop], vectors: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """The beginnings pushed through every hop, and how probably each hop is taken."""
        moved = [self._land.push(hop, vectors) for hop in after]
        pairs = zip(after, moved, strict=True)
        bounds = [bounds_of(self._land, suffixes[hop.end], x) for hop, x in pairs]
        return moved, _proportions(np.stack(bounds, axis=1))

    def _choose(
        self,
        given: Sequence[tuple[Hop, ...] | None],
        taken: Sequence[Sequence[Hop]],
        members: np.ndarray,
        u: int,
        odds: np.ndarray | None,
    ) -> np.ndarray:
        """Which hop each walker takes."""
        after = self._land.hops.after[u]
        number = {hop: h for h, hop in enumerate(after)}
        choice = np.zeros(len(members), int)
        if odds is not None:
            drawn = self._random.random(len(members))[:, None]
            choice = np.minimum((np.cumsum(odds, axis=1) <= drawn).sum(axis=1), len(after) - 1)
        for place, i in enumerate(members.tolist()):
            walk = given[i]
            if walk is not None:
                choice[place] = number[walk[len(taken[i])]]
        return choice


def _merged(
    arrivals: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrivals at one junction, with their beginnings numbered together."""
    offsets = np.cumsum([0, *(len(x) for _, _, x in arrivals)])
    members = np.concatenate([m for m, _, _ in arrivals])
    groups = np.concatenate([g + o for (_, g, _), o in zip(arrivals, offsets, strict=False)])
    vectors = [x for _, _, x in arrivals]
    return members, groups, vectors[0] if len(vectors) == 1 else np.concatenate(vectors)


def _proportions(bounds: np.ndarray) -> np.ndarray:
    """Rows that sum to one; equal where all bounds are zero, since something must be chosen."""
    sums = bounds.sum(axis=1, keepdims=True)
    even = np.full_like(bounds, 1 / bounds.shape[1])
    return np.divide(bounds, sums, out=even, where=sums > 0)
