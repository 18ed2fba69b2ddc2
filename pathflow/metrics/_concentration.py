"""How few paths carry how much of the influence, sentence by sentence and in the mean.

An order says which influence is meant: by `Magnitude()` the absolute influence of every path, by
`Largest()` the positive influence alone, by `Smallest()` the negative alone. In general, a path
carries what its score is above zero. Arrays are those of `_paths.py`, and NaN is treated as there.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError
from pathflow.results import AbstractOrder, Magnitude

from ._paths import Influences, PerSentence, _rows


def concentrations(
    influences: Influences, counts: Sequence[int], by: AbstractOrder | None = None
) -> Float64[np.ndarray, "B counts"]:
    """Of every sentence, the fraction of all influence that its `k` largest paths carry, for each
    `k` of `counts`: points of the concentration curve.

    The largest paths are each sentence's own. The fraction is 1 from the number of paths on, and 0
    where there is no influence of the kind.

    Arguments:
        influences: shape `(B, n_paths)`.
        counts: numbers of paths, each at least 1.
        by: which influence: `pathflow.Magnitude()` (the default), `pathflow.Largest()` (positive)
            or `pathflow.Smallest()` (negative).

    Raises:
        ArgumentError: a count is below 1, or `by` is no order.

    Example:
        ```python
        k = range(1, result.space.count + 1)
        curve = pf.metrics.concentrations(result.influences, k).mean(axis=0)
        ```
    """
    check_counts(counts)
    order = _order(by)
    found = [fractions_of(carried(row, order), counts) for row in _rows(influences, 0)]
    return np.array(found).reshape(len(found), len(counts))


def concentration(
    influences: Influences, counts: Sequence[int], by: AbstractOrder | None = None
) -> Float64[np.ndarray, " counts"]:
    """The expected fraction of influence that the `k` largest paths carry, for each `k` of
    `counts`.

    Arguments and errors are those of `concentrations`, whose mean over sentences it is.
    """
    return concentrations(influences, counts, by).mean(axis=0)


def effective_numbers(
    influences: Influences, fraction: float, by: AbstractOrder | None = None
) -> PerSentence:
    """Of every sentence, the fewest paths that carry a fraction of all influence.

    It is 0 where there is no influence of the kind.

    Arguments:
        influences: shape `(B, n_paths)`.
        fraction: above 0 and at most 1.
        by: which influence, as in `concentrations`.

    Raises:
        ArgumentError: the fraction is out of its range, or `by` is no order.
    """
    check_fraction(fraction)
    order = _order(by)
    rows = _rows(influences, 0)
    return np.array([needed(carried(row, order), fraction) for row in rows], np.float64)


def effective_number(
    influences: Influences, fraction: float, by: AbstractOrder | None = None
) -> float:
    """The expected number of paths that it takes to carry a fraction of the influence.

    Arguments and errors are those of `effective_numbers`, whose mean it is.
    """
    return float(effective_numbers(influences, fraction, by).mean())


def check_counts(counts: Sequence[int]) -> None:
    """Refuses numbers of paths that are none."""
    bad = [k for k in counts if not isinstance(k, int | np.integer) or k < 1]
    if bad:
        raise ArgumentError(f"counts holds {bad[0]!r}; a number of paths is an integer from 1 on.")


def check_fraction(fraction: float) -> None:
    """Refuses a fraction that no set of paths, or every set, carries."""
    if not 0 < fraction <= 1:
        raise ArgumentError(f"fraction={fraction} is not above 0 and at most 1, such as 0.9.")


def _order(by: AbstractOrder | None) -> AbstractOrder:
    order = Magnitude() if by is None else by
    if not isinstance(order, AbstractOrder):
        raise ArgumentError(f"by={by!r} is no order; give an object such as Magnitude().")
    return order


def carried(row: np.ndarray, by: AbstractOrder) -> Float64[np.ndarray, " k"]:
    """What the `k` largest paths of one sentence carry together, for every k until that is all."""
    scores = by.score(row.astype(np.float64))
    if np.isnan(scores).any():
        return np.array([np.nan])
    return np.cumsum(np.sort(scores[scores > 0])[::-1])


def fractions_of(
    masses: Float64[np.ndarray, " k"], counts: Sequence[int]
) -> Float64[np.ndarray, " counts"]:
    """The fraction that each number of paths carries; `masses` is what `carried` returns."""
    if not masses.size:
        return np.zeros(len(counts))
    at = np.minimum(np.asarray(counts, np.int64), masses.size) - 1
    # Infinite influences have no fractions: NaN, and no warning beside it.
    with np.errstate(invalid="ignore"):
        return masses[at] / masses[-1]


def needed(masses: Float64[np.ndarray, " k"], fraction: float) -> float:
    """How many paths carry the fraction; `masses` is what `carried` returns."""
    if not masses.size:
        return 0.0
    if not np.isfinite(masses[-1]):
        return np.nan
    return 1.0 + float(np.searchsorted(masses, fraction * masses[-1]))
