"""Drawing paths, and what each draw weighs."""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathflow.graph import Path
from pathflow.influence.branching._numbering import Numbering
from pathflow.influence.branching._prospect import Prospect
from pathflow.influence.sampling._walk import Walk


@dataclass(frozen=True, eq=False)
class Draws:
    """Paths, each with its influence.

    Arguments:
        paths: their nodes.
        influences: `(n, examples)`.
        weights: `(n,)`: 1 over (the number of paths in the tail times the probability of the draw).
    """

    paths: Sequence[Path]
    influences: np.ndarray
    weights: np.ndarray


def follow(
    found: Prospect,
    paths: Sequence[Path],
    memory: int,
    advance: Callable[[float], Any] | None = None,
) -> np.ndarray:
    """The influences of given paths, `(n, examples)`; zero where a partial is zero.

    Arguments:
        found: the model at the points of interest.
        paths: those of the search, by their nodes.
        memory: bytes of tangents.
        advance: called with the fraction done.
    """
    out = np.zeros((len(paths), found.problem.examples or 1))
    if found.landscape is not None:
        walk = Walk(found.landscape, memory)
        steps = {i: s for i, p in enumerate(paths) if (s := walk.steps_along(p)) is not None}
        out[list(steps)] = walk.run(list(steps.values()), advance).influences
    return out


class Tail:
    """The paths that are not in a head, to draw from.

    Arguments:
        found: all paths, and the model at the points of interest.
        head: those that are left out.
        memory: bytes of tangents, and again of what bounds the endings.
        advance: called with the fraction of draws followed.

    Attributes:
        count: the exact number of paths.
    """

    def __init__(
        self,
        found: Prospect,
        head: Sequence[Path],
        memory: int,
        advance: Callable[[float], Any] | None,
    ) -> None:
        self.found, self.memory, self.advance = found, memory, advance
        self._numbering = Numbering(found.trellis)
        numbers = sorted(n for p in head if (n := self._numbering.number(p)) is not None)
        self.count = found.trellis.count - len(numbers)
        # For each path of the head in order, how many of the tail come before it.
        self._before = [n - i for i, n in enumerate(numbers)]

    def uniform(self, n: int, seed: int) -> list[Path]:
        """Paths, each equally likely, exactly: integers and no floating point."""
        chance = random.Random(seed)  # noqa: S311  (no secret)
        drawn = (chance.randrange(self.count) for _ in range(n))
        return [self._numbering.path(k + bisect_right(self._before, k)) for k in drawn]

    def follow(self, paths: Sequence[Path]) -> np.ndarray:
        """The influences of some of the paths; see `follow`."""
        return follow(self.found, paths, self.memory, self.advance)
