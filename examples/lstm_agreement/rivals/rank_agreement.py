"""How far two scores of the same units agree: over all of them, and over the first few."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from examples.lstm_agreement.tables.correlation import spearman

Scores = Float64[np.ndarray, " units"]
# How many units count as first.
N_FIRST = 5


@dataclass(frozen=True)
class Agreement:
    """Of one score with another.

    Arguments:
        size: Spearman's correlation of the absolute scores: do both find the same units large?
        signed: the same with signs; NaN where a score has none.
        n_first: how many of the first 5 by absolute score are the other's, too; where equal scores
            leave open which units are first, the expected number.
    """

    size: float
    signed: float
    n_first: float


def agreement(scores: Scores, reference: Scores, *, signed: bool = True) -> Agreement:
    """Compares a score with a reference.

    Arguments:
        scores: of every unit.
        reference: of the same units.
        signed: whether `scores` have a sign that means something.
    """
    size, reference_size = np.abs(scores), np.abs(reference)
    return Agreement(
        spearman(size, reference_size),
        spearman(scores, reference) if signed else float("nan"),
        float(_among_first(size) @ _among_first(reference_size)),
    )


def _among_first(size: Scores) -> Scores:
    """The probability that each unit is among the first when equal ones are drawn at random."""
    n = min(N_FIRST, len(size))
    last = np.sort(size)[-n]
    above, equal = size > last, size == last
    return above + equal * ((n - above.sum()) / equal.sum())
