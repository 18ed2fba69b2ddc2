"""Differences between what was measured on the same sentences.

Two intervals that overlap may still belong to numbers that differ: what sentences have in common
cancels in the difference of each. So the difference itself is resampled, sentence by sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from examples.lstm_agreement.tables.bootstrap import interval_over, p_of_zero
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.table1 import Measured
from pathflow import metrics

SUBJECT_OVER_NOUN = "primary path of the subject - size of the noun's"
TRAINED_OVER_UNTRAINED = "magnitude trained - untrained"
TRAINED_OVER_UNTRAINED_NOUN = "magnitude trained - untrained, from the noun"


@dataclass(frozen=True)
class Difference:
    """Of two numbers in one condition.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        what: the two numbers, the first one minus the second.
        n_sentences: how many sentences.
        difference: the mean difference, with the 95% percentile bootstrap interval.
        p: probability, by resampling, of a mean that far on one side of zero if it were zero; not
            corrected for the number of conditions.
    """

    task: str
    condition: str
    what: str
    n_sentences: int
    difference: metrics.Interval
    p: float


def difference(task: str, condition: str, what: str, values: np.ndarray) -> Difference:
    """One from differences of sentences.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        what: how the difference is called.
        values: (draws, sentences); both are resampled.
    """
    n = values.shape[1]
    return Difference(task, condition, what, n, interval_over(values), p_of_zero(values))


def between_rows(rows: Sequence[Measured]) -> Iterator[Difference]:
    """The differences between rows of Table 1 of the same sentences.

    Arguments:
        rows: of the trained model and of untrained ones, from both nouns.

    Yields:
        In every condition with both nouns, the subject's primary path against the size of the
        noun's; then the primary path's magnitude in the trained model against the untrained ones.
    """
    trained = {
        (m.row.role, m.row.task, m.row.condition): m for m in rows if m.row.model == "trained"
    }
    for (role, task, condition), noun in trained.items():
        subject = trained.get((Role.SUBJECT, task, condition))
        if role is Role.INTERVENING and subject is not None:
            own, other = _of(subject, "primary"), _of(noun, "primary")
            # The size of a mean, and not the mean of sizes, which would be large for noise.
            values = own - np.sign(other.mean()) * other
            yield difference(task, condition, SUBJECT_OVER_NOUN, values[None])
    for (role, task, condition), mine in trained.items():
        others = [
            _of(m, "magnitude")
            for m in rows
            if m.row.model != "trained"
            and (m.row.role, m.row.task, m.row.condition) == (role, task, condition)
        ]
        if others:
            name = TRAINED_OVER_UNTRAINED if role is Role.SUBJECT else TRAINED_OVER_UNTRAINED_NOUN
            # The untrained models may have been asked fewer sentences, the first ones.
            common = min(len(values) for values in others)
            own = _of(mine, "magnitude")[:common]
            yield difference(task, condition, name, own - np.stack([o[:common] for o in others]))


def _of(measured: Measured, name: str) -> np.ndarray:
    return np.asarray(measured.sentences[name])


def between_schemes(
    task: str,
    conditions: Sequence[tuple[str, np.ndarray]],
    margins: Mapping[str, np.ndarray],
    pairs: Sequence[tuple[str, str]],
) -> Iterator[Difference]:
    """Differences of accuracy between schemes of Table 2.

    Arguments:
        task: name of the task.
        conditions: with the sentences of each.
        margins: score differences under every scheme, (draws, sentences).
        pairs: the schemes to compare; pairs with one that was not measured are left out.
    """
    for one, other in pairs:
        if one not in margins or other not in margins:
            continue
        # Draws of one scheme have nothing to do with those of another, but for the sentences.
        right = (margins[one] > 0).astype(float), (margins[other] > 0).astype(float)
        values = right[0] - right[1] if len(right[1]) == 1 else right[0] - right[1].mean(axis=0)
        for condition, of_condition in conditions:
            yield difference(task, condition, scheme_pair(one, other), values[:, of_condition])


def scheme_pair(one: str, other: str) -> str:
    """How a difference of two schemes is called."""
    return f"accuracy {one} - {other}"
