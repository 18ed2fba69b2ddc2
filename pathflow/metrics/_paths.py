"""How a path stands among all paths, sentence by sentence and in the mean.

Every function takes the influences of all paths, shape `(B, n_paths)` with one row per sentence (or
`(n_paths,)` for one), as `Attribution.influences` holds them. The plural functions return one
number per sentence; the singular ones their mean. A row with a NaN gives NaN, and so does the mean.

Source: the metrics of Table 1 of the influence-path paper (section "Results").
"""

import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError
from pathflow.results import AbstractOrder, Largest

Influences = Float[np.ndarray, "*B paths"]
PerSentence = Float64[np.ndarray, " B"]


def t_values(influences: Influences, rank: int) -> PerSentence:
    """The fraction of other paths with less influence than the given one, for every sentence.

    Ties count half. The path is not compared with itself: only so can t reach the value of 1.

    Arguments:
        influences: shape `(B, n_paths)`, n_paths >= 2.
        rank: the number of the path.

    Raises:
        ArgumentError: there is no such path, or no other.
    """
    rows = _rows(influences, rank)
    others = rows.shape[1] - 1
    if not others:
        raise ArgumentError("influences holds one path; a t-value compares it with other paths.")
    own = rows[:, [rank]]
    below = np.count_nonzero(rows < own, axis=1)
    # The path itself is among its ties.
    ties = np.count_nonzero(rows == own, axis=1) - 1
    return _unless_nan(rows, (below + 0.5 * ties) / others)


def t_value(influences: Influences, rank: int) -> float:
    """How probably a path has more influence than another (the paper's t-value).

    The other path and the sentence are drawn uniformly, and ties count half.

    Arguments and errors are those of `t_values`, whose mean it is.
    """
    return float(t_values(influences, rank).mean())


def positive_shares(influences: Influences, rank: int) -> PerSentence:
    """Of every sentence, the fraction of all positive influence that the path carries.

    It is 0 where the path's influence is not positive.

    Arguments:
        influences: shape `(B, n_paths)`.
        rank: the number of the path.

    Raises:
        ArgumentError: there is no such path.
    """
    rows = _rows(influences, rank)
    whole = np.sum(rows, axis=1, where=rows > 0, dtype=np.float64)
    own = np.maximum(rows[:, rank].astype(np.float64), 0.0)
    return _unless_nan(rows, np.divide(own, whole, out=np.zeros_like(own), where=whole > 0))


def positive_share(influences: Influences, rank: int) -> float:
    """The expected share of positive influence that a path carries (the paper's +share).

    Arguments and errors are those of `positive_shares`, whose mean it is.
    """
    return float(positive_shares(influences, rank).mean())


def negative_shares(influences: Influences, rank: int) -> PerSentence:
    """Of every sentence, the fraction of all negative influence that the path carries.

    It is 0 where the path's influence is not negative. Arguments and errors are those of
    `positive_shares`.
    """
    return positive_shares(-influences, rank)


def negative_share(influences: Influences, rank: int) -> float:
    """The expected share of negative influence that a path carries (the paper's -share).

    Arguments and errors are those of `positive_shares`.
    """
    return float(negative_shares(influences, rank).mean())


def positive_fraction(influences: Influences) -> float:
    """The fraction of sentences whose influences sum to more than zero (the paper's P+)."""
    rows = _rows(influences, 0)
    return float(positive_totals(rows.sum(axis=1, dtype=np.float64)).mean())


def positive_totals(totals: PerSentence) -> PerSentence:
    """1 where a sentence's total is positive, else 0; NaN where it is NaN."""
    return _unless_nan(totals[:, None], (totals > 0).astype(np.float64))


def rank_of(influences: Influences, rank: int, by: AbstractOrder | None = None) -> int:
    """The place of a path in the order of mean influence over the sentences.

    Arguments:
        influences: shape `(B, n_paths)`.
        rank: the number of the path.
        by: the order of the means, `pathflow.Largest()` by default; `pathflow.Smallest()` counts
            from the most negative on.

    Returns:
        1 for the first path, the one with the largest mean; paths with the same mean share the best
        of their places.

    Raises:
        ArgumentError: there is no such path, or a mean is NaN.
    """
    means = _rows(influences, rank).mean(axis=0, dtype=np.float64)
    return place_of(means, rank, Largest() if by is None else by)


def place_of(means: Float64[np.ndarray, " paths"], rank: int, by: AbstractOrder) -> int:
    """The place of a path in an order of means over sentences, 1 for the first.

    Raises:
        ArgumentError: `by` is no order, or a mean is NaN.
    """
    if not isinstance(by, AbstractOrder):
        raise ArgumentError(f"by={by!r} is no order; give an object such as Largest().")
    if np.isnan(means).any():
        raise ArgumentError(
            "influences holds NaN, which has no place in an order; leave those sentences out."
        )
    scores = by.score(means)
    return 1 + int(np.count_nonzero(scores > scores[rank]))


def _rows(influences: Influences, rank: int) -> Float[np.ndarray, "B paths"]:
    rows = np.atleast_2d(influences)
    if not 0 <= rank < rows.shape[1]:
        raise ArgumentError(f"rank={rank} is outside 0 .. {rows.shape[1] - 1}, the paths.")
    if not len(rows):
        raise ArgumentError("influences holds no sentence; a mean needs at least one.")
    return rows


def _unless_nan(rows: Float[np.ndarray, "B k"], values: PerSentence) -> PerSentence:
    # Comparisons with NaN are false, which would pass for a number.
    return np.where(np.isnan(rows).any(axis=1), np.nan, values)
