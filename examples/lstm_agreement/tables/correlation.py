"""How far two rows of numbers put the same things in the same order."""

import numpy as np
from jaxtyping import Float64

Scores = Float64[np.ndarray, " units"]


def spearman(a: Scores, b: Scores) -> float:
    """Spearman's rank correlation, equal values at the mean of their places; NaN where all values
    of one are equal.
    """
    ranks = [_ranks(x) - (len(x) - 1) / 2 for x in (a, b)]
    norms = np.sqrt(np.prod([r @ r for r in ranks]))
    return float(ranks[0] @ ranks[1] / norms) if norms > 0 else float("nan")


def _ranks(values: Scores) -> Scores:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[place]
