"""Proposals: how the paths of a sample are drawn."""

import abc
import math
from contextlib import closing
from dataclasses import dataclass
from typing import final

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._suffixes import AllSuffixes
from pathflow.influence.sampling._draws import Draws, Tail
from pathflow.influence.sampling._walk import Walk


class AbstractProposal(abc.ABC):
    """How paths are drawn, with replacement, from those outside the head of a sample."""

    @abc.abstractmethod
    def draw(self, tail: Tail, n: int, seed: int) -> Draws:
        """Draws paths, and says what each weighs.

        Arguments:
            tail: at least one path.
            n: how many draws, at least 2.
            seed: of the random numbers.
        """


@final
@dataclass(frozen=True)
class Uniform(AbstractProposal):
    """Every path equally likely, exactly: by the numbers of endings."""

    def draw(self, tail: Tail, n: int, seed: int) -> Draws:
        """All draws weigh the same."""
        paths = tail.uniform(n, seed)
        return Draws(paths, tail.follow(paths), np.ones(n))


@final
@dataclass(frozen=True)
class Importance(AbstractProposal):
    """Large paths more likely: at every choice, hops in proportion to their bounds.

    Part of the draws stays uniform, which bounds the weights: no path is drawn less often than by a
    uniform sample of that part. The bounds do not know the head, so draws by them may fall into it,
    and then tell nothing new.

    Arguments:
        part: the uniform fraction, over 0 and under 1.

    Raises:
        ArgumentError: `part` is out of its range.

    Source: defensive importance sampling, T. Hesterberg, "Weighted Average Importance Sampling and
        Defensive Mixture Distributions" (1995).
    """

    part: float = 0.2

    def __post_init__(self) -> None:
        if not isinstance(self.part, int | float) or not 0 < self.part < 1:
            raise ArgumentError(f"Importance(part={self.part!r}) takes a number between 0 and 1.")

    def draw(self, tail: Tail, n: int, seed: int) -> Draws:
        """Weights are those of the mixture: a fixed number of draws of both kinds."""
        land = tail.found.landscape
        if land is None:
            return Uniform().draw(tail, n, seed)
        even = min(n - 1, max(1, round(self.part * n)))
        # Of which some may wait on disk.
        with closing(AllSuffixes(land, tail.memory)) as suffixes:
            return self._drawn(tail, land, suffixes, n, even, seed)

    def _drawn(
        self, tail: Tail, land: Landscape, suffixes: AllSuffixes, n: int, even: int, seed: int
    ) -> Draws:
        """Draws of which so many are uniform, and the others by the bounds of all endings."""
        walk = Walk(land, tail.memory, suffixes, np.random.default_rng(seed))
        uniform = [(path, walk.steps_along(path)) for path in tail.uniform(even, seed)]
        # The bounds never draw a path with a zero partial, and there is nothing to follow.
        zero = [path for path, steps in uniform if steps is None]
        alive = [steps for _, steps in uniform if steps is not None]
        walked = walk.run([*alive, *[None] * (n - even)], tail.advance)
        share = even / n
        with np.errstate(over="ignore"):
            odds = np.exp(walked.log_probability + math.log(tail.count))
        weights = 1 / (share + (1 - share) * odds)
        return Draws(
            [*zero, *map(walk.path_along, walked.steps)],
            np.concatenate([np.zeros((len(zero), walked.influences.shape[1])), walked.influences]),
            np.concatenate([np.full(len(zero), 1 / share), weights]),
        )
