"""Paths of rank 1, found on one half of the sentences and measured on the other.

A path that is chosen because it is the largest in some sentences looks larger there than it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from flax import nnx

from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences
from examples.lstm_agreement.tables.table1 import Condition
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow import metrics
from pathflow.models import Vocabulary


@dataclass(frozen=True)
class Half:
    """The path of rank 1 in one condition, found on the sentences of even groups.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        role: which noun the paths start from.
        n_found: how many sentences it was found on.
        n_sentences: how many other sentences it was measured on.
        path: its label.
        share: its expected share of the influence of the condition's sign, in the others.
        rank: its place by mean influence in the others.
        every: whether it has rank 1 in all sentences together, too.
    """

    task: str
    condition: str
    role: Role
    n_found: int
    n_sentences: int
    path: str
    share: metrics.Interval
    rank: int
    every: bool


def halves(sentences: Sequence[Sentence]) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    """The sentences of even groups, and those of odd ones; where one of them is empty, all twice.

    Sentences of one group have the same words, so that no group is in both.
    """
    even, odd = (tuple(s for s in sentences if s.group % 2 == k) for k in (0, 1))
    return (even, odd) if even and odd else (tuple(sentences), tuple(sentences))


def find(
    model: nnx.Module,
    vocabulary: Vocabulary,
    condition: Condition,
    settings: Settings,
    *,
    view: AbstractView = LSTM_VIEW,
    advance: Callable[[int], None] = lambda _n: None,
) -> Half:
    """Finds the path of rank 1 of a condition on even groups, and measures it on odd ones.

    Arguments:
        model: the language model.
        vocabulary: its words.
        condition: the sentences, and the noun.
        settings: the quadrature.
        view: how the model is taken apart.
        advance: called with the number of sentences done since the last call.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """
    first, role = condition.sentences[0], condition.role
    even, odd = halves(condition.sentences)
    sign = 1 if role is Role.SUBJECT or len(set(first.condition)) == 1 else -1
    result = noun_influences(
        model, vocabulary, [*even, *odd], role, settings, advance=advance, view=view
    )
    living = view.living(result.space, role.noun(first).position)
    influences = sign * np.asarray(result.influences)[:, living]
    found, others = influences[: len(even)], influences[len(even) :]
    largest = _first(found.mean(axis=0, dtype=np.float64))
    means = others.mean(axis=0, dtype=np.float64)
    return Half(
        first.task,
        first.condition,
        role,
        len(even),
        len(odd),
        str(result.space.unrank(int(living[largest]))),
        metrics.bootstrap_interval(metrics.positive_shares(others.astype(np.float64), largest)),
        1 + int(np.count_nonzero(means > means[largest])),
        _first(influences.mean(axis=0, dtype=np.float64)) == largest,
    )


def _first(means: np.ndarray) -> int:
    return int(means.argmax())


def measured_half(condition: Condition) -> Condition:
    """The same of the sentences that `find` measures on."""
    return replace(condition, sentences=halves(condition.sentences)[1])
