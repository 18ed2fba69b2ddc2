"""Drawing paths, and what each draw weighs."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import numpy as np

from pathflow.graph import Path, Trellis
from pathflow.influence._hops import Hop
from pathflow.influence._landscape import Landscape
from pathflow.influence._suffixes import AllSuffixes
from pathflow.influence._walk import Walk, hops_along

# Paths that are followed together, at most, and of how many tangents each may need room for.
_TOGETHER, _TANGENTS = 4096, 16


@dataclass(frozen=True, eq=False)
class Draws:
    """Paths, each with its influence.

    Arguments:
        paths: their nodes.
        influences: `(n, examples)`.
        weights: `(n,)`: 1 over (the number of paths times the probability of the draw).
    """

    paths: list[Path]
    influences: np.ndarray
    weights: np.ndarray


def uniform_paths(trellis: Trellis, n: int, seed: int) -> Iterator[Path]:
    """Paths of a trellis, each equally likely, exactly: integers and no floating point."""
    chance = random.Random(seed)  # noqa: S311  (no secret)
    ends = frozenset(trellis.ends)
    reached: dict[int, tuple[int, ...]] = {}
    for _ in range(n):
        left = chance.randrange(trellis.count)
        at, left = _pick(trellis, trellis.sources, left)
        nodes = [trellis.vertices[at].node]
        while at not in ends:
            if at not in reached:
                reached[at] = tuple(trellis.successors[at])
            at, left = _pick(trellis, reached[at], left)
            nodes.append(trellis.vertices[at].node)
        yield Path(nodes)


def _pick(trellis: Trellis, among: Sequence[int], number: int) -> tuple[int, int]:
    """The vertex whose endings hold a number, and the number among those."""
    for vertex, before in zip(
        among, accumulate((trellis.suffix_count[v] for v in among), initial=0), strict=False
    ):
        if number - before < trellis.suffix_count[vertex]:
            return vertex, number - before
    raise IndexError(number)


def influences_of(
    landscape: Landscape | None, paths: Sequence[Path], examples: int, memory: int
) -> np.ndarray:
    """The influences of given paths, `(n, examples)`; zero where a partial is zero."""
    out = np.zeros((len(paths), examples))
    if landscape is None:
        return out
    walks = {i: w for i, p in enumerate(paths) if (w := hops_along(landscape.hops, p)) is not None}
    chosen = np.array(list(walks), int)
    size = _together(landscape, memory)
    for begin in range(0, len(chosen), size):
        part = chosen[begin : begin + size]
        out[part] = Walk(landscape).run([walks[i] for i in part.tolist()]).influences
    return out


def draw(
    trellis: Trellis,
    landscape: Landscape | None,
    n: int,
    uniform: float,
    seed: int,
    examples: int,
    memory: int,
    advance: Callable[[float], None],
) -> Draws:
    """Draws paths with replacement.

    Arguments:
        trellis: all paths.
        landscape: of those that can carry anything; None where there are none.
        n: how many.
        uniform: the fraction that is drawn uniformly; the others go by the bounds.
        seed: of the random numbers.
        examples: how many examples the influences are for.
        memory: bytes of tangents, and of what bounds the endings.
        advance: called with the fraction done.
    """
    if landscape is None or uniform >= 1:
        paths, found = [], []
        size = _TOGETHER if landscape is None else _together(landscape, memory)
        drawn = list(uniform_paths(trellis, n, seed))
        for begin in range(0, n, size):
            part = drawn[begin : begin + size]
            paths += part
            found.append(influences_of(landscape, part, examples, memory))
            advance(len(paths) / n)
        return Draws(paths, np.concatenate(found), np.ones(n))
    # Fixed numbers of both kinds, weighed by the mixture: no kind is missing by chance.
    even = min(n - 1, max(1, round(uniform * n)))
    given = list(uniform_paths(trellis, even, seed))
    walks: list[tuple[Hop, ...] | None] = [hops_along(landscape.hops, p) for p in given]
    # Uniform draws that carry nothing are not followed, and the bounds never draw them.
    followed = [i for i, w in enumerate(walks) if w is not None] + list(range(even, n))
    walks += [None] * (n - even)
    walk = Walk(landscape, AllSuffixes(landscape, memory), np.random.default_rng(seed))
    influences, log_odds = np.zeros((n, examples)), np.full(n, -np.inf)
    paths = given + [Path([trellis.vertices[0].node])] * (n - even)
    size = _together(landscape, memory)
    for begin in range(0, len(followed), size):
        part = followed[begin : begin + size]
        done = walk.run([walks[i] for i in part])
        influences[part], log_odds[part] = done.influences, done.log_probability
        for i, hops in zip(part, done.paths, strict=True):
            paths[i] = _nodes(landscape, hops)
        advance((begin + len(part)) / len(followed))
    share = even / n
    with np.errstate(over="ignore"):
        odds = np.exp(log_odds + math.log(trellis.count))
    return Draws(paths, influences, 1 / (share + (1 - share) * odds))


def _together(landscape: Landscape, memory: int) -> int:
    widest = max(prod(landscape.node(u).shape) for u in landscape.hops.junctions)
    nbytes = prod(landscape.axes) * max(1, widest) * 4 * _TANGENTS
    return max(1, min(_TOGETHER, memory // nbytes))


def _nodes(landscape: Landscape, hops: tuple[Hop, ...]) -> Path:
    start = landscape.node(hops[0].start)
    return Path([start, *(v for hop in hops for _, v in hop.edges)])
