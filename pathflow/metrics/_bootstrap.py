"""Confidence intervals for means over sentences."""

import numpy as np
from jaxtyping import Float

from pathflow._errors import ArgumentError
from pathflow.results import Interval

# Resampled means at a time: bounds the index array to 64 MiB whatever the number of sentences.
_CHUNK_ENTRIES = 2**23


def bootstrap_interval(
    values: Float[np.ndarray, " B"],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The mean over sentences and its percentile bootstrap interval.

    Sentences are drawn with replacement, so the interval speaks of other sentences of the same
    kind, not of other models.

    Arguments:
        values: one number per sentence, such as `t_values` or `positive_shares` return.
        level: the probability that the interval is made to cover, between 0 and 1.
        n_resamples: how many resampled means the percentiles are taken of.
        seed: of the draws; the same seed gives the same interval.

    Raises:
        ArgumentError: there is no sentence, or `level` or `n_resamples` is out of its range.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    n = len(values)
    if not n:
        raise ArgumentError("values is empty; give one number per sentence.")
    if not 0 < level < 1:
        raise ArgumentError(f"level={level} is no probability between 0 and 1, such as 0.95.")
    if n_resamples < 1:
        raise ArgumentError(f"n_resamples={n_resamples} is too small; give 1 or more.")
    rng = np.random.default_rng(seed)
    per_chunk = max(1, _CHUNK_ENTRIES // n)
    means = [
        values[rng.integers(n, size=(min(per_chunk, n_resamples - i), n))].mean(1, np.float64)
        for i in range(0, n_resamples, per_chunk)
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values, dtype=np.float64)), float(low), float(high))
