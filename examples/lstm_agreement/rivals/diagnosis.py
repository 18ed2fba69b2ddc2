"""Diagnostic classifiers: where the subject's number can be read, used or not.

A classifier is set on the sentences of one half of the subjects and asked about the other half, so
that knowing the words does not help it. What it reads need not be what the model uses: beside every
accuracy stands how much of the subject's influence flows through the node.

Source: M. Giulianelli et al., "Under the hood: using diagnostic classifiers to investigate and
improve how language models track agreement information" (2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int
from threadpoolctl import threadpool_limits

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.rivals.question import Question
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.measure import Role, noun_influences

_Cells = Float64[np.ndarray, "sentences units"]
_Flags = Bool[np.ndarray, " sentences"]
_Halves = Int[np.ndarray, " sentences"]
# What a word computes: gates, candidate, cell and hidden state of a layer.
_KINDS = "fiogch"
_LAYERS = (0, 1)


@dataclass(frozen=True)
class Diagnosed:
    """One node.

    Arguments:
        node: its label, as in "c1@4".
        accuracy: of a logistic regression on all of its units, about other subjects.
        share: influence of the subject through the node as a fraction of all its influence, means
            over the sentences; None where no path from the subject leads.
    """

    node: pf.Node
    accuracy: float
    share: float | None


def folds(sentences: Sequence[Sentence]) -> _Halves:
    """Which half each sentence belongs to, 0 or 1; a subject is in one half only.

    Raises:
        StudyError: all sentences have the same subject.
    """
    subjects = list(dict.fromkeys(s.subject.forms for s in sentences))
    if len(subjects) < 2:
        raise StudyError(
            "a classifier is set on some subjects and asked about others, but there is only one; "
            "take more sentences."
        )
    half = {forms: i % 2 for i, forms in enumerate(subjects)}
    return np.array([half[s.subject.forms] for s in sentences])


def unit_hits(cells: _Cells, plural: _Flags, half: _Halves) -> _Cells:
    """Whether each unit alone tells the number, 0 or 1.

    A sentence has the number whose mean is nearer, the means taken over the other half.

    Arguments:
        cells: what the units hold.
        plural: the subject's number.
        half: as `folds` gives it.
    """
    hits = np.zeros_like(cells)
    for test in (0, 1):
        train, asked = half != test, half == test
        singular_mean = cells[train & ~plural].mean(axis=0)
        plural_mean = cells[train & plural].mean(axis=0)
        nearer = np.abs(cells[asked] - plural_mean) < np.abs(cells[asked] - singular_mean)
        hits[asked] = nearer == plural[asked][:, None]
    return hits


def diagnose(question: Question) -> tuple[Diagnosed, ...]:
    """Reads the number from every gate, cell and hidden state at every word.

    Arguments:
        question: the sentences and the model.

    Returns:
        Layer after layer, kind after kind, word after word.

    Raises:
        StudyError: all sentences have the same subject.
        MissingDependencyError: scikit-learn is not installed.
    """
    tokens, half = question.words.tokens, folds(question.sentences)
    labels = [
        f"{kind}{layer}@{step}"
        for layer in _LAYERS
        for kind in _KINDS
        for step in range(tokens.shape[1])
    ]
    held = question.held(labels, tokens)
    flows = noun_influences(
        question.model,
        question.vocabulary,
        question.sentences,
        Role.SUBJECT,
        question.settings,
        search=pf.Conductance(),
    )
    total, reached = np.mean(flows.total), set(map(str, flows.nodes))
    return tuple(
        Diagnosed(
            pf.Node.parse(label),
            accuracy(held[label], question.plural, half),
            float(np.mean(flows.through(label)) / total) if label in reached else None,
        )
        for label in labels
    )


# Threads that share a small product wait for each other.
@threadpool_limits.wrap(1, user_api="blas")
def accuracy(cells: _Cells, plural: _Flags, half: _Halves) -> float:
    """How often a logistic regression on all units is right about the half that it was not set on.

    Arguments:
        cells: what the units hold.
        plural: the subject's number.
        half: as `folds` gives it.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    hits = np.zeros(len(cells))
    for test in (0, 1):
        train, asked = half != test, half == test
        mean, scale = cells[train].mean(axis=0), cells[train].std(axis=0)
        # A unit that is the same in all sentences stays so, up to rounding.
        scale[scale < 1e-6 * (1 + np.abs(mean))] = np.inf
        classifier = logistic_regression().fit((cells[train] - mean) / scale, plural[train])
        hits[asked] = classifier.predict((cells[asked] - mean) / scale) == plural[asked]
    return float(hits.mean())


def logistic_regression() -> Any:
    """A classifier that has learnt nothing yet.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise pf.MissingDependencyError(
            "diagnostic classifiers need scikit-learn: pip install 'pathflow[examples]'."
        ) from error
    return LogisticRegression(max_iter=1000)
