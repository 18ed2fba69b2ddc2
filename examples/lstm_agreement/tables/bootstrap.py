"""Intervals of a rank, and of what is random twice, by resampling."""

import numpy as np

from pathflow import metrics

_N_RESAMPLES = 1000
# Resamples at a time: each holds one mean per path.
_ROWS = 50


def rank_interval(
    influences: np.ndarray, path: int, *, level: float = 0.95, seed: int = 0
) -> metrics.Interval:
    """The place of a path by mean influence, with the percentile bootstrap interval of that place.

    Arguments:
        influences: of every sentence and path, (n, paths).
        path: the path's rank in its space.
        level: the probability that the interval is made to cover.
        seed: of the resamples.

    Returns:
        The place among all paths, 1 being the largest mean, and the ends of its interval.
    """
    rng = np.random.default_rng(seed)
    n = len(influences)
    places = []
    for _ in range(_N_RESAMPLES // _ROWS):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=_ROWS) / n
        means = weights @ influences
        places.append(1 + np.count_nonzero(means > means[:, [path]], axis=1))
    low, high = np.quantile(np.concatenate(places), [(1 - level) / 2, (1 + level) / 2])
    return metrics.Interval(metrics.rank_of(influences, path), float(low), float(high))


def interval_over(values: np.ndarray, *, level: float = 0.95, seed: int = 0) -> metrics.Interval:
    """The mean over draws and sentences, with the percentile interval of resampling both.

    A single draw is no draw: only sentences are resampled.

    Arguments:
        values: (draws, sentences).
        level: the probability that the interval is made to cover.
        seed: of the resamples.
    """
    rng = np.random.default_rng(seed)
    draws, sentences = (
        rng.multinomial(n, np.full(n, 1 / n), size=_N_RESAMPLES) / n for n in values.shape
    )
    means = np.einsum("rd,ds,rs->r", draws, values, sentences)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return metrics.Interval(float(values.mean()), float(low), float(high))
