"""Intervals of a rank, of differences, and of what is random twice, by resampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from pathflow import metrics

N_RESAMPLES = 1000
# Paths at a time: bounds what is held of them, and of their resampled means.
_COLUMNS = 2048


@dataclass(frozen=True)
class Rank:
    """The place of a path by mean influence.

    Arguments:
        place: among all paths, 1 being the largest mean, with its percentile bootstrap interval.
        first: the fraction of resamples in which it is the first.
    """

    place: metrics.Interval
    first: float


# Threads that share a small product wait for each other.
@threadpool_limits.wrap(1, user_api="blas")
def rank_interval(
    influences: np.ndarray, path: int, *, sign: int = 1, level: float = 0.95, seed: int = 0
) -> Rank:
    """The place of a path by mean influence, with the percentile bootstrap interval of that place.

    Arguments:
        influences: of every sentence and path, (n, paths); may be on disk.
        path: the path's rank in its space.
        sign: -1 to count from the most negative mean.
        level: the probability that the interval is made to cover.
        seed: of the resamples.
    """
    rng = np.random.default_rng(seed)
    n = len(influences)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES) * (sign / n)
    own = weights @ np.asarray(influences[:, path], np.float64)
    places = np.zeros(N_RESAMPLES, int)
    means = np.zeros(influences.shape[1])
    for start in range(0, influences.shape[1], _COLUMNS):
        columns = np.asarray(influences[:, start : start + _COLUMNS], np.float64)
        above = weights @ columns > own[:, None]
        if start <= path < start + _COLUMNS:
            # By rounding it may be above itself.
            above[:, path - start] = False
        places += np.count_nonzero(above, axis=1)
        means[start : start + _COLUMNS] = sign * columns.mean(axis=0)
    low, high = np.quantile(1 + places, [(1 - level) / 2, (1 + level) / 2])
    first = float(np.mean(places == 0))
    place = 1 + int(np.count_nonzero(means > means[path]))
    return Rank(metrics.Interval(place, float(low), float(high)), first)


def interval_over(values: np.ndarray, *, level: float = 0.95, seed: int = 0) -> metrics.Interval:
    """The mean over draws and sentences, with the percentile interval of resampling both.

    A single draw is no draw: only sentences are resampled.

    Arguments:
        values: (draws, sentences).
        level: the probability that the interval is made to cover.
        seed: of the resamples.
    """
    low, high = np.quantile(_means(values, seed), [(1 - level) / 2, (1 + level) / 2])
    return metrics.Interval(float(values.mean()), float(low), float(high))


def resampled_means(
    values: np.ndarray, groups: np.ndarray | None = None, *, seed: int = 0
) -> np.ndarray:
    """Means of bootstrap resamples, (resamples, ...).

    Arguments:
        values: a number or a row for each sentence.
        groups: the group of each sentence; groups are drawn, each with all of its sentences, since
            sentences that differ in a noun's number alone are not independent. None to draw
            sentences.
        seed: of the draws.

    Source: Davison and Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8.
    """
    n_sentences = len(values)
    of_sentence = (
        np.arange(n_sentences) if groups is None else np.unique(groups, return_inverse=True)[1]
    )
    n = int(of_sentence.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
    weights = drawn[:, of_sentence]
    # Groups may differ in size.
    return (weights / weights.sum(axis=1, keepdims=True)) @ np.asarray(values, np.float64)


def mean_interval(values: np.ndarray, groups: np.ndarray | None = None) -> metrics.Interval:
    """The mean over sentences, with its 95% percentile interval.

    Arguments:
        values: one number per sentence.
        groups: as for `resampled_means`.
    """
    low, high = np.quantile(resampled_means(values, groups), [0.025, 0.975])
    return metrics.Interval(float(np.mean(values, dtype=np.float64)), float(low), float(high))


def ratio_interval(
    part: np.ndarray, whole: np.ndarray, groups: np.ndarray | None = None
) -> metrics.Interval:
    """The mean of one number over that of another, with its 95% percentile interval.

    Arguments:
        part: one number per sentence.
        whole: the same of what it is a part of; sentences are drawn with both.
        groups: as for `resampled_means`.
    """
    means = resampled_means(np.stack([part, whole], axis=1), groups)
    low, high = np.quantile(means[:, 0] / means[:, 1], [0.025, 0.975])
    return metrics.Interval(float(part.mean() / whole.mean()), float(low), float(high))


def p_of_zero(values: np.ndarray, *, seed: int = 0) -> float:
    """How often resampled means lie on the other side of zero, or at it: twice the smaller side.

    That is the level at which the percentile interval of `interval_over` would just reach zero,
    one resample counted in so that it is never zero.

    Arguments:
        values: (draws, sentences), or one per sentence.
        seed: of the resamples.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), sections 15.4, 16.4;
        Davison and Hinkley, "Bootstrap Methods and their Application" (1997), section 4.2.3.
    """
    means = _means(np.atleast_2d(values), seed)
    return two_sided(int(np.sum(means <= 0)), int(np.sum(means >= 0)))


def two_sided(n_against: int, n_for: int) -> float:
    """The p-value of counts of resamples that speak against and for something."""
    return min(1.0, 2 * (1 + min(n_against, n_for)) / (1 + N_RESAMPLES))


def _means(values: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    draws, sentences = (
        rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES) / n for n in values.shape
    )
    return np.einsum("rs,rs->r", draws @ np.asarray(values, np.float64), sentences)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction of p-values for their number: each is the level at which the hypothesis is
    still rejected when all of them are tested and none is rejected by mistake.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    corrected, worst = [0.0] * len(p_values), 0.0
    for i, at in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        worst = max(worst, min(1.0, (len(p_values) - i) * p_values[at]))
        corrected[at] = worst
    return corrected
