"""The first paths in an order, or all above a threshold: exactly, without ever holding all paths.

Branch and bound. Beginnings of paths are pushed from junction to junction; one whose bound (see
`_suffixes`) is under the k-th best path found is not followed. The first sweep is a beam: it
follows only the most promising beginnings at each junction, finds good paths, and often proves
already that nothing better was left aside. Otherwise what it found is the threshold of a second,
wider sweep, and so on until the list is proven or the budget is spent; the certificate says which.
"""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import PatternLike, as_pattern
from pathflow.influence._search import AbstractSearch
from pathflow.influence.branching._climb import Climb
from pathflow.influence.branching._exhaustive import enumeration_is_less_work, first_of_all
from pathflow.influence.question._problem import Problem
from pathflow.results import AbstractOrder, Largest, Magnitude, Ranked, Smallest

# Beginnings that the first sweep follows at each junction, and how much wider each next one is.
_FIRST_WIDTH, _WIDER = 32, 8


@final
@dataclass(frozen=True)
class TopK(AbstractSearch[Ranked]):
    """The `k` first paths in an order, with a proof that there are no better ones.

    The certificate of the result says whether the list is exact, how large a path outside it can
    be, and the exact sum of all paths outside it. A batch is ordered by its mean over the examples.
    Only paths that the order asks for are listed: those with an influence, and of the sign that
    `Largest` and `Smallest` name.

    Arguments:
        k: how many paths, at least 1; all that the order asks for where there are fewer.
        by: `Magnitude()` (the default), `Largest()` or `Smallest()`.
        pattern: the paths to choose from; all paths by default.
        budget: how many beginnings of paths may be followed, beyond a beam that always is. The
            list is then the best found, and the certificate says how far it is proven.
        memory: bytes for tangents, and again for what bounds the endings; more of the latter goes
            to disk.
        exhaustive: spaces of at most so many paths are enumerated instead where that is less work
            and fits the memory; 0 for never.
        progress: called with the fraction of a sweep done.

    Raises:
        ArgumentError: an argument is out of its range, or `by` is no such order.
        PatternError: the pattern is none.

    Example:
        ```python
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=pf.TopK(100))
        assert result.certificate.exact
        ```
    """

    k: int = 10
    by: AbstractOrder = field(default_factory=Magnitude)
    pattern: PatternLike | None = None
    budget: int = 2_000_000
    memory: int = 2**29
    exhaustive: int = 10_000_000
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_positive("TopK", k=self.k, budget=self.budget, memory=self.memory)
        _check_choices("TopK", self.by, self.pattern, self.exhaustive)

    def run(self, problem: Problem) -> Ranked:
        if enumeration_is_less_work(problem, self):
            return first_of_all(problem, self, self.k, 0.0)
        with Climb(problem, self) as climb:
            width = least = max(self.k, _FIRST_WIDTH)
            again = climb.sweep(0.0, width, least)
            while again and climb.unseen > climb.value(self.k):
                width *= _WIDER
                again = climb.sweep(climb.value(self.k), width, least)
            return climb.first(self.k)


@final
@dataclass(frozen=True)
class Above(AbstractSearch[Ranked]):
    """Every path that reaches a threshold, and the exact sum of all others.

    Arguments:
        threshold: the smallest value in the order that is listed, more than 0.
        by: `Magnitude()` (the default), `Largest()` (influences of at least the threshold) or
            `Smallest()` (of at most minus the threshold).
        pattern: the paths to choose from; all paths by default.
        budget: how many beginnings may be followed, beyond a beam that always is; where there are
            more, those with the smallest bounds are left, and the certificate says what may be
            missing.
        memory, exhaustive: as for `TopK`.
        progress: called with the fraction done.

    Raises:
        ArgumentError: an argument is out of its range, or `by` is no such order.
        PatternError: the pattern is none.

    Example:
        ```python
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=pf.Above(0.01))
        result.influences, result.certificate.unseen_sum
        ```
    """

    threshold: float | np.floating
    by: AbstractOrder = field(default_factory=Magnitude)
    pattern: PatternLike | None = None
    budget: int = 2_000_000
    memory: int = 2**29
    exhaustive: int = 10_000_000
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_positive("Above", budget=self.budget, memory=self.memory)
        _check_choices("Above", self.by, self.pattern, self.exhaustive)
        number = isinstance(self.threshold, int | float | np.integer | np.floating)
        if isinstance(self.threshold, bool) or not number or not 0 < self.threshold < np.inf:
            raise ArgumentError(
                f"Above(threshold={self.threshold!r}) takes a positive number; for all paths use "
                "Enumerate()."
            )

    def run(self, problem: Problem) -> Ranked:
        if enumeration_is_less_work(problem, self):
            return first_of_all(problem, self, None, float(self.threshold))
        with Climb(problem, self) as climb:
            climb.sweep(float(self.threshold), self.budget, _FIRST_WIDTH)
            return climb.reaching(float(self.threshold))


def _check_positive(search: str, **numbers: int) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ArgumentError(f"{search}({name}={value!r}) takes an integer of at least 1.")


def _check_choices(search: str, by: Any, pattern: Any, exhaustive: Any) -> None:
    # In another order than these a path could come first whose absolute influence is small.
    if not isinstance(by, Magnitude | Largest | Smallest):
        raise ArgumentError(
            f"{search}(by={by!r}) takes Magnitude(), Largest() or Smallest(): bounds are on "
            "influences, and say nothing of another order."
        )
    if pattern is not None:
        as_pattern(pattern)
    if isinstance(exhaustive, bool) or not isinstance(exhaustive, int) or exhaustive < 0:
        raise ArgumentError(f"{search}(exhaustive={exhaustive!r}) takes an integer of at least 0.")
