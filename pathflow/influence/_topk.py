"""The first paths in an order, or all above a threshold: exactly, without ever holding all paths.

Branch and bound. Beginnings of paths are pushed from junction to junction; one whose bound (see
`_suffixes`) is under the k-th best path found is not followed. The first sweep is a beam: it
follows only the most promising beginnings at each junction, finds good paths, and often proves
already that nothing better was left aside. Otherwise what it found is the threshold of a second,
wider sweep, and so on until the list is proven or the budget is spent; the certificate says which.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError, NonFiniteError
from pathflow.graph import Path, PatternLike
from pathflow.influence._aggregate import Aggregate
from pathflow.influence._audit import Checks, audit_of_sums, refined
from pathflow.influence._bounds import bounds_of
from pathflow.influence._hops import searched
from pathflow.influence._landscape import Landscape
from pathflow.influence._live import live_paths
from pathflow.influence._problem import Problem
from pathflow.influence._pruned import Found, PrunedSweep
from pathflow.influence._search import AbstractSearch
from pathflow.influence._suffixes import AllSuffixes
from pathflow.interest import AbstractDoI
from pathflow.results import AbstractOrder, Audit, Certificate, Magnitude, Ranked

# Beginnings that the first sweep follows at each junction, and how much wider each next one is.
_FIRST_WIDTH, _WIDER = 32, 8


@final
@dataclass(frozen=True)
class TopK(AbstractSearch[Ranked]):
    """The `k` first paths in an order, with a proof that there are no better ones.

    The certificate of the result says whether the list is exact, how large a path outside it can
    be, and the exact sum of all paths outside it. A batch is ordered by its mean over the examples.

    Arguments:
        k: how many paths, at least 1; all of them where there are fewer.
        by: `Magnitude()` (the default), `Largest()` or `Smallest()`.
        pattern: the paths to choose from; all paths by default.
        budget: how many beginnings of paths may be followed. The list is then the best found, and
            the certificate says how far it is proven.
        memory: bytes for tangents, and again for what bounds the endings; more of the latter goes
            to disk.
        progress: called with the fraction of a sweep done.

    Raises:
        ArgumentError: an argument is out of its range, or `by` is no order.

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
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_positive("TopK", k=self.k, budget=self.budget, memory=self.memory)
        _check_order("TopK", self.by)

    def run(self, problem: Problem) -> Ranked:
        climb = Climb.prepare(problem, self)
        width = max(self.k, _FIRST_WIDTH)
        threshold = climb.sweep(0.0, width, self.k)
        while climb.unseen > threshold and climb.followed < self.budget:
            width = min(_WIDER * width, self.budget)
            threshold = climb.sweep(threshold, width, self.k)
        return climb.result(self.k, lambda bound, last: bound <= last)


@final
@dataclass(frozen=True)
class Above(AbstractSearch[Ranked]):
    """Every path that reaches a threshold, and the exact sum of all others.

    Arguments:
        threshold: the smallest value in the order that is listed, more than 0.
        by: `Magnitude()` (the default), `Largest()` (influences of at least the threshold) or
            `Smallest()` (of at most minus the threshold).
        pattern: the paths to choose from; all paths by default.
        budget: how many beginnings may be followed from one junction; where there are more, those
            with the smallest bounds are left, and the certificate says what may be missing.
        memory: as for `TopK`.
        progress: called with the fraction done.

    Raises:
        ArgumentError: an argument is out of its range, or `by` is no order.
    """

    threshold: float
    by: AbstractOrder = field(default_factory=Magnitude)
    pattern: PatternLike | None = None
    budget: int = 2_000_000
    memory: int = 2**29
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_positive("Above", budget=self.budget, memory=self.memory)
        _check_order("Above", self.by)
        if not (isinstance(self.threshold, int | float) and 0 < self.threshold < np.inf):
            raise ArgumentError(
                f"Above(threshold={self.threshold!r}) takes a positive number; for all paths use "
                "Enumerate()."
            )

    def run(self, problem: Problem) -> Ranked:
        climb = Climb.prepare(problem, self)
        climb.sweep(float(self.threshold), self.budget, None)
        return climb.result(None, lambda bound, _: bound < self.threshold)


class Climb:
    """The sweeps of one search, and the paths that they found."""

    def __init__(
        self, problem: Problem, doi: AbstractDoI, checks: Checks, search: Any, count: int
    ) -> None:
        self._problem, self._doi, self._checks, self._search = problem, doi, checks, search
        self._count = count
        self._sweep: PrunedSweep | None = None
        self._paths: dict[Path, np.ndarray] = {}
        self._total = np.zeros(problem.examples or 1)
        self._root = 0.0
        self.unseen = 0.0
        self.followed = 0

    @classmethod
    def prepare(cls, problem: Problem, search: Any) -> "Climb":
        """Evaluates the model and sweeps back once for the bounds."""
        live = live_paths(problem.traced, problem.space)
        count = searched(problem.space, search.pattern).count
        doi, checks = refined(problem)
        climb = cls(problem, doi, checks, search, count)
        trellis = None if live.space is None else searched(live.space, search.pattern)
        if trellis is not None and trellis.count:
            land = Landscape(problem, doi, live, trellis)
            suffixes = AllSuffixes(land, search.memory)
            climb._sweep = PrunedSweep(land, suffixes, search.memory)
            climb.unseen = np.inf
            for source in trellis.sources:
                start = land.start(source)
                climb._total += land.influences(
                    _along(start[0], suffixes[source].total, land.axes)[None]
                )[0]
                climb._root += float(bounds_of(land, suffixes[source], start)[0])
            climb._check_finite()
        return climb

    def _check_finite(self) -> None:
        # A partial that is not finite makes the sum over all paths so too.
        if not np.all(np.isfinite(self._total)):
            raise NonFiniteError(
                "The influence of some path is NaN or infinite although all activations are "
                "finite: a partial along it is (as that of a square root at zero); choose points "
                "where the model is differentiable, such as a line that does not end there."
            )

    def sweep(self, threshold: float, width: int, k: int | None) -> float:
        """One sweep; returns the value of the k-th path so far, or 0 where there are fewer."""
        if self._sweep is None:
            return 0.0
        found: Found = self._sweep.run(threshold, width, self._advance())
        self._paths |= {p(): x for p, x in zip(found.paths, found.influences, strict=True)}
        self.unseen = min(self.unseen, found.unseen)
        self.followed += found.followed
        if k is None or len(self._paths) < k:
            return 0.0
        return max(0.0, float(np.partition(self._scores(), -k)[-k]))

    def _advance(self) -> Callable[[float], None]:
        return self._search.progress or (lambda _f: None)

    def _scores(self) -> np.ndarray:
        means = np.array([x.mean() for x in self._paths.values()], np.float64)
        return self._search.by.score(means)

    def result(self, k: int | None, proven: Callable[[float, float], bool]) -> Ranked:
        """The list, its certificate and audit.

        Arguments:
            k: how many paths to list, or None for those that reach the threshold.
            proven: whether the list is complete, given a bound on the paths outside and the value
                of the last path inside.
        """
        problem = self._problem
        scores = self._scores() if self._paths else np.zeros(0)
        paths = list(self._paths)
        ranks = {i: problem.space.rank(paths[i]) for i in self._candidates(scores, k)}
        order = sorted(ranks, key=lambda i: (-scores[i], ranks[i]))[:k]
        outside = np.delete(scores, order).max(initial=0.0)
        bound = max(self.unseen, float(outside))
        # Where every path is listed there is none outside to compare with.
        complete = len(order) == self._count
        last = float(scores[order[-1]]) if len(order) == (k or len(order)) and order else 0.0
        exact = complete or proven(bound, last)
        influences = np.array([self._paths[paths[i]] for i in order]).reshape(len(order), -1).T
        unseen_sum = self._total - influences.sum(axis=1)
        certificate = Certificate(
            bool(exact),
            0.0 if complete else bound,
            unseen_sum if problem.examples is not None else float(unseen_sum[0]),
            self._count - len(order),
            self.followed,
        )
        shown = influences if problem.examples is not None else influences[0]
        return Ranked(
            problem.space,
            tuple(ranks[i] for i in order),
            shown.astype(problem.dtype),
            certificate,
            self._audit(influences, unseen_sum),
            problem.metadata(self._doi, self._search),
        )

    def _candidates(self, scores: np.ndarray, k: int | None) -> list[int]:
        """Which paths may be listed; only their ranks are worked out."""
        if k is None:
            return np.flatnonzero(scores >= self._search.threshold).tolist()
        if len(scores) <= k:
            return list(range(len(scores)))
        return np.flatnonzero(scores >= np.partition(scores, -k)[-k]).tolist()

    def _audit(self, influences: np.ndarray, unseen_sum: np.ndarray) -> Audit:
        """Compares the sum over all searched paths, which came backward, with the derivative of the
        untouched function, or with a sum that came forward where a pattern leaves paths out.
        """
        # Both sums are at most that of the absolute influences, so a residual is never too small.
        scale = np.abs(influences).sum(axis=1) + np.abs(unseen_sum)
        scale = np.maximum(scale, self._root)
        checks, what = self._checks, "the known part of the paths' absolute sum"
        if self._search.pattern is None:
            return audit_of_sums(self._problem, self._total, scale, checks, what)
        forward = Aggregate({"searched": self._search.pattern}).run(self._problem)
        audit = forward.audit
        apart = np.abs(np.asarray(forward["searched"]) - self._total) / np.where(scale, scale, 1)
        apart = apart if self._problem.examples is not None else apart[0]
        return replace(audit, structural=np.maximum(audit.structural, apart))


def _along(tangent: np.ndarray, cotangent: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Their product at every point, `([examples,] points)`."""
    product = tangent.astype(np.float64) * cotangent
    return product.reshape(*axes, -1).sum(axis=-1)


def _check_positive(search: str, **numbers: int) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ArgumentError(f"{search}({name}={value!r}) takes an integer of at least 1.")


def _check_order(search: str, by: Any) -> None:
    if not isinstance(by, AbstractOrder):
        raise ArgumentError(
            f"{search}(by={by!r}) takes an order: Magnitude(), Largest() or Smallest()."
        )
