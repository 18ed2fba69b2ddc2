"""Statistics of a path, gathered from results one after another.

The influences of all paths of all sentences need never be in memory together: each sentence leaves
a handful of numbers, and all sentences together one sum per path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError
from pathflow.graph import Path, PathLike, PathSpace
from pathflow.results import (
    AbstractOrder,
    Attribution,
    Interval,
    Largest,
    Magnitude,
    Smallest,
)

from ._bootstrap import bootstrap_interval
from ._concentration import carried, check_counts, check_fraction, fractions_of, needed
from ._paths import (
    PerSentence,
    negative_shares,
    place_of,
    positive_shares,
    positive_totals,
    t_values,
)
from ._summary import PathSummary

_ORDERS: tuple[AbstractOrder, ...] = (Magnitude(), Largest(), Smallest())


class SentenceStatistics(NamedTuple):
    """What every sentence leaves behind: one row each.

    Attributes:
        total: the sum over all paths.
        influence: the path's own.
        t: as `t_values`.
        positive_share: as `positive_shares`.
        negative_share: as `negative_shares`.
        magnitude_share: the path's share of the sum of absolute influences.
        concentration: as `concentrations`, for every order and count.
        effective: as `effective_numbers`, for every order and fraction.
    """

    total: PerSentence
    influence: PerSentence
    t: PerSentence
    positive_share: PerSentence
    negative_share: PerSentence
    magnitude_share: PerSentence
    concentration: Float64[np.ndarray, "B orders counts"]
    effective: Float64[np.ndarray, "B orders fractions"]


@dataclass
class _Gathered:
    """All that an accumulator holds: the choices it was made with, then what was given to it.

    Attributes:
        sums: the sum over sentences, and below it one randomly weighted sum per resample.
        weights: the number of sentences, and the sum of weights of every resample.
    """

    path: PathLike | int
    counts: tuple[int, ...]
    fractions: tuple[float, ...]
    seeds: frozenset[int]
    weights: Float64[np.ndarray, " sums"]
    space: PathSpace | None = None
    rank: int = -1
    batches: tuple[SentenceStatistics, ...] = ()
    sums: Float64[np.ndarray, "rows paths"] = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def choices(self) -> tuple[Any, ...]:
        return self.counts, self.fractions, len(self.weights) - 1


@final
class PathStatistics:
    """How one path stands among all paths over many sentences, fed with one result after another.

    Gives the numbers of the functions in `pathflow.metrics` on all sentences together, and holds
    at most one sentence's influences beside the result that is being read. The orders in which
    concentration and ranks are kept are `Magnitude()`, `Largest()` and `Smallest()`.

    Arguments:
        path: the path, by its labels or its rank.
        counts: the numbers of paths at which the concentration curve is kept.
        fractions: the fractions of influence whose effective numbers of paths are kept.
        rank_resamples: how many bootstrap means are carried along for the intervals of the path's
            ranks, one number per path each; 0 for no such interval.
        seed: of their weights; accumulators that are to be merged need different ones.

    Raises:
        ArgumentError: a count, a fraction or `rank_resamples` is out of its range.

    Example:
        ```python
        statistics = pf.metrics.PathStatistics("x@2 g0@2 c0@2 h0@2 qoi")
        for batch in batches:
            statistics.update(pf.attribute(graph, batch, source="x@2", doi=doi, in_axes=0))
        print(statistics.summary())
        ```

    Source: the metrics of Table 1 of the influence-path paper; for ranks, the Poisson bootstrap of
    Oza and Russell, "Online Bagging and Boosting" (2001).
    """

    def __init__(
        self,
        path: PathLike | int | np.integer,
        *,
        counts: Sequence[int] = (1, 10, 100, 1000),
        fractions: Sequence[float] = (0.5, 0.9),
        rank_resamples: int = 0,
        seed: int = 0,
    ) -> None:
        check_counts(counts)
        for fraction in fractions:
            check_fraction(fraction)
        if rank_resamples < 0:
            raise ArgumentError(f"rank_resamples={rank_resamples} is negative; give 0 or more.")
        self._random = np.random.default_rng(seed)
        self._held = _Gathered(
            path=int(path) if isinstance(path, np.integer) else path,
            counts=tuple(map(int, counts)),
            fractions=tuple(map(float, fractions)),
            seeds=frozenset({seed}),
            weights=np.zeros(1 + rank_resamples),
        )

    def update(self, result: Attribution) -> None:
        """Adds the sentences of a result.

        Arguments:
            result: of one example or of a batch, over the same paths as those before.

        Raises:
            ArgumentError: the result holds other paths than those before, or only one, or is no
                `Attribution`; the path's rank is outside.
            UnknownNodeError: a label of the path names no node.
            GraphError: the path is none of the result's.
        """
        if not isinstance(result, Attribution):
            raise ArgumentError(
                f"update(result=...) takes an Attribution, got {type(result).__name__}."
            )
        held, space = self._held, result.space
        _check_space(held, space, "update(result=...)")
        rank = held.rank
        if held.space is None:
            rank = held.path if isinstance(held.path, int) else space.rank(held.path)
        # One at a time, so that nothing beside the result grows with the batch.
        rows = np.atleast_2d(np.asarray(result.influences))
        found = [_of_sentence(row[None], rank, held.counts, held.fractions) for row in rows]
        if not found:
            return
        if held.space is None:
            held.space, held.rank = space, rank
            held.sums = np.zeros((len(held.weights), space.count))
        held.batches += (_joined(found),)
        for row in rows:
            self._accumulate(row)

    def _accumulate(self, row: np.ndarray) -> None:
        # A Poisson weight per resample: what drawing with replacement comes to for many sentences,
        # without knowing beforehand how many there are.
        held = self._held
        resampled = self._random.poisson(size=len(held.weights) - 1)
        for i, weight in enumerate((1, *resampled.tolist())):
            if weight:
                held.sums[i] += row if weight == 1 else weight * row.astype(np.float64)
                held.weights[i] += weight

    def merge(self, other: "PathStatistics") -> "PathStatistics":
        """The statistics of the sentences of both, as a new object.

        Raises:
            ArgumentError: they are of other paths, or were made with other choices, or with the
                same seed while they carry resamples.
        """
        one, two = self._held, other._held  # noqa: SLF001  (of its own kind)
        _check_mergeable(one, two)
        filled = [h for h in (one, two) if h.space is not None]
        merged = PathStatistics(one.path)
        merged._random = np.random.default_rng(sorted(one.seeds | two.seeds))
        merged._held = replace(
            filled[0] if filled else one,
            seeds=one.seeds | two.seeds,
            weights=one.weights + two.weights,
            batches=one.batches + two.batches,
            sums=np.add.reduce([h.sums for h in filled]) if filled else one.sums.copy(),
        )
        return merged

    @property
    def n_sentences(self) -> int:
        """How many sentences were given."""
        return sum(len(batch.total) for batch in self._held.batches)

    @property
    def sentences(self) -> SentenceStatistics:
        """The numbers of every sentence, in the order in which they came.

        Raises:
            ArgumentError: there is no sentence.
        """
        self._space()
        return _joined(self._held.batches)

    @property
    def path(self) -> Path:
        """The path.

        Raises:
            ArgumentError: there is no sentence.
        """
        return self._space().unrank(self._held.rank)

    def _space(self) -> PathSpace:
        if self._held.space is None:
            raise ArgumentError("PathStatistics has no sentence yet; update it with a result.")
        return self._held.space

    def rank(self, by: AbstractOrder | None = None) -> int:
        """The place of the path in the order of mean influence, as `rank_of` gives it.

        Raises:
            ArgumentError: there is no sentence, or a mean is NaN.
        """
        self._space()
        return self._places(Largest() if by is None else by)[0]

    def _places(self, by: AbstractOrder) -> list[int]:
        # A resample that took no sentence has no means.
        held = self._held
        drawn = np.flatnonzero(held.weights)
        return [place_of(held.sums[i] / held.weights[i], held.rank, by) for i in drawn]

    def _rank_interval(self, by: AbstractOrder, level: float) -> Interval:
        place, *resampled = self._places(by)
        if not resampled:
            return Interval(place, np.nan, np.nan)
        low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
        return Interval(place, float(low), float(high))

    def summary(
        self, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
    ) -> PathSummary:
        """Means over the sentences with their percentile bootstrap intervals.

        Arguments:
            level: the probability that each interval is made to cover.
            n_resamples: how many resampled means the percentiles are taken of.
            seed: of the draws of sentences, which are the same for all numbers.

        Raises:
            ArgumentError: there is no sentence, an influence is NaN, or `level` or `n_resamples` is
                out of its range.
        """
        sentences = self.sentences

        def interval(values: np.ndarray) -> Interval:
            return bootstrap_interval(values, level=level, n_resamples=n_resamples, seed=seed)

        def table(values: np.ndarray, columns: Sequence) -> Mapping:
            return {
                by: {c: interval(values[:, i, j]) for j, c in enumerate(columns)}
                for i, by in enumerate(_ORDERS)
            }

        return PathSummary(
            path=self.path,
            n_sentences=self.n_sentences,
            n_paths=self._space().count,
            total=interval(sentences.total),
            positive_fraction=interval(positive_totals(sentences.total)),
            influence=interval(sentences.influence),
            t=interval(sentences.t),
            positive_share=interval(sentences.positive_share),
            negative_share=interval(sentences.negative_share),
            magnitude_share=interval(sentences.magnitude_share),
            rank={by: self._rank_interval(by, level) for by in _ORDERS},
            concentration=table(sentences.concentration, self._held.counts),
            effective=table(sentences.effective, self._held.fractions),
        )

    def __repr__(self) -> str:
        return f"PathStatistics({self._held.path!r}, {self.n_sentences} sentences)"


def _joined(parts: Sequence[SentenceStatistics]) -> SentenceStatistics:
    return SentenceStatistics(*map(np.concatenate, zip(*parts, strict=True)))


def _of_sentence(
    one: np.ndarray, rank: int, counts: Sequence[int], fractions: Sequence[float]
) -> SentenceStatistics:
    masses = [carried(one[0], by) for by in _ORDERS]
    effective = [[needed(m, f) for f in fractions] for m in masses]
    return SentenceStatistics(
        t=t_values(one, rank),
        total=one.sum(axis=1, dtype=np.float64),
        influence=one[:, rank].astype(np.float64),
        positive_share=positive_shares(one, rank),
        negative_share=negative_shares(one, rank),
        magnitude_share=positive_shares(np.abs(one), rank),
        concentration=np.stack([fractions_of(m, counts) for m in masses])[None],
        effective=np.array(effective, np.float64).reshape(1, len(_ORDERS), len(fractions)),
    )


def _check_space(held: _Gathered, space: PathSpace, argument: str) -> None:
    if held.space is not None and space is not held.space and space != held.space:
        raise ArgumentError(
            f"{argument} has the paths of {space!r}, but those before were of {held.space!r}; use "
            "a PathStatistics for each graph (sentences of each length)."
        )


def _check_mergeable(one: _Gathered, two: _Gathered) -> None:
    if one.choices != two.choices:
        raise ArgumentError(
            "merge(other=...) was made with counts, fractions and rank_resamples "
            f"{two.choices}, but this with {one.choices}; give both the same."
        )
    if one.choices[-1] and one.seeds & two.seeds:
        raise ArgumentError(
            f"merge(other=...) has the seed {min(one.seeds & two.seeds)} too, so that the "
            "resamples are not independent; give each PathStatistics a seed of its own."
        )
    same = one.path == two.path
    if one.space is not None and two.space is not None:
        _check_space(one, two.space, "merge(other=...)")
        same = one.rank == two.rank
    if not same:
        raise ArgumentError(
            f"merge(other=...) is of path {two.path!r}, but this of {one.path!r}; merge "
            "statistics of one path."
        )
