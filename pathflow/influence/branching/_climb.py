"""The sweeps of a search for the first paths, and the list and certificate that they amount to."""

from typing import Any

import numpy as np

from pathflow._errors import NonFiniteError, PatternWarning
from pathflow._user_warning import warn_user
from pathflow.graph import Path, explain_no_match
from pathflow.influence.branching._prospect import prospect, sum_over_paths, total_audit
from pathflow.influence.branching._pruned import Limits, PrunedSweep
from pathflow.influence.branching._suffixes import AllSuffixes
from pathflow.influence.question._problem import Problem
from pathflow.results import Certificate, Ranked


class Climb:
    """Sweeps, of which each may know the results of those before.

    Used in a `with`, after which nothing is left on disk.

    Arguments:
        problem: what is asked.
        search: `TopK` or `Above`: its order, pattern, budget, memory and progress.

    Attributes:
        unseen: no path that has not been found has a larger absolute influence.
    """

    def __init__(self, problem: Problem, search: Any) -> None:
        self._problem, self._search = problem, search
        self._found = prospect(problem, search.pattern)
        if not self._found.trellis.count:
            warn_user(explain_no_match(problem.space, search.pattern), PatternWarning)
        self._paths: dict[Path, np.ndarray] = {}
        self._total = np.zeros(problem.examples or 1)
        self._followed = 0
        self._suffixes: AllSuffixes | None = None
        self.unseen = 0.0
        land = self._found.landscape
        if land is None:
            return
        self._suffixes = AllSuffixes(land, search.memory)
        self._sweep = PrunedSweep(land, self._suffixes, search.memory)
        self.unseen = np.inf
        sources = land.hops.trellis.sources
        self._total = sum_over_paths(land, {s: self._suffixes[s].total for s in sources})

    def __enter__(self) -> "Climb":
        return self

    def __exit__(self, *_: object) -> None:
        if self._suffixes is not None:
            self._suffixes.close()

    def sweep(self, threshold: float, width: int, least: int) -> bool:
        """One sweep; returns whether a wider one could find or prove more.

        Arguments:
            threshold: what a path must reach to be of interest.
            width: how many beginnings are followed at a junction.
            least: how many are, whatever the budget.
        """
        if self._suffixes is None:
            return False
        limits = Limits(threshold, width, max(0, self._search.budget - self._followed), least)
        found = self._sweep.run(limits, self._search.progress or (lambda _f: None))
        if not np.all(np.isfinite(found.influences)):
            raise NonFiniteError(
                "The influence of some path overflows although the sum over all paths does not; "
                "trace and attribute in a wider dtype."
            )
        self._paths |= dict(zip(found.paths, found.influences, strict=True))
        self.unseen = min(self.unseen, found.unseen)
        self._followed += found.followed
        return found.crowded and self._followed < self._search.budget

    def value(self, k: int) -> float:
        """The value of the k-th of the paths found, or 0 where there are fewer."""
        scores = self._scores()
        return max(0.0, float(np.partition(scores, -k)[-k])) if len(scores) >= k else 0.0

    def _scores(self) -> np.ndarray:
        means = np.array([x.mean() for x in self._paths.values()], np.float64)
        return self._search.by.score(means)

    def first(self, k: int) -> Ranked:
        """The first `k` paths."""
        value = self.value(k)
        scores = self._scores()
        # Only of paths that may be listed is the rank worked out.
        chosen = np.flatnonzero((scores >= value) & (scores > 0))
        return self._result(scores, chosen, k, self.unseen <= value)

    def reaching(self, threshold: float) -> Ranked:
        """The paths that reach a threshold."""
        scores = self._scores()
        chosen = np.flatnonzero(scores >= threshold)
        return self._result(scores, chosen, None, self.unseen < threshold)

    def _result(
        self, scores: np.ndarray, chosen: np.ndarray, k: int | None, proven: bool
    ) -> Ranked:
        problem, paths = self._problem, list(self._paths)
        ranks = {i: problem.space.rank(paths[i]) for i in chosen.tolist()}
        order = sorted(ranks, key=lambda i: (-scores[i], ranks[i]))[:k]
        influences = np.zeros((len(self._total), len(order)))
        for place, i in enumerate(order):
            influences[:, place] = self._paths[paths[i]]
        unseen_sum = self._total - influences.sum(axis=1)
        count = self._found.trellis.count - len(order)
        outside = float(np.delete(scores, order).max(initial=0.0))
        batched = problem.examples is not None
        certificate = Certificate(
            # Where every path is listed, there is none outside to compare with.
            exact=proven or not count,
            bound=max(self.unseen, outside) if count else 0.0,
            unseen_sum=unseen_sum if batched else float(unseen_sum[0]),
            unseen_count=count,
            followed=self._followed,
        )
        scale = np.abs(influences).sum(axis=1) + np.abs(unseen_sum)
        return Ranked(
            problem.space,
            tuple(ranks[i] for i in order),
            (influences if batched else influences[0]).astype(problem.dtype),
            certificate,
            total_audit(self._found, self._search.pattern, self._total, scale),
            problem.metadata(self._found.doi, self._search),
        )
