"""Whether the nodes that are chosen matter more than others: against every set of as many."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class AgainstAll(NamedTuple):
    """What is left without some nodes, and without every other set of as many.

    Arguments:
        chosen: the numbers of the nodes.
        left: a value of every example without them.
        of_all: the same for every set.
    """

    chosen: tuple[int, ...]
    left: Float[np.ndarray, " examples"]
    of_all: Float[np.ndarray, "sets examples"]

    @property
    def rank(self) -> int:
        """The place of the set among all by what is left in the mean, the smallest first."""
        return int(np.sum(self.of_all.mean(axis=1) < self.left.mean())) + 1


def against_all(
    by: Float[np.ndarray, " nodes"],
    size: int,
    without: Callable[[tuple[int, ...]], Float[np.ndarray, " examples"]],
) -> AgainstAll:
    """The first nodes of an order against every set of so many.

    Arguments:
        by: what they are ordered by, the largest first.
        size: how many.
        without: what is left without a set, for every example.
    """
    chosen = tuple(sorted(np.argsort(-by)[:size].tolist()))
    left = {some: without(some) for some in itertools.combinations(range(len(by)), size)}
    return AgainstAll(chosen, left[chosen], np.stack(list(left.values())))
