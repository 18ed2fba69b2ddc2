"""How often a model prefers the verb that agrees, for sentences of any lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from examples.lstm_agreement.language_models.evaluation import verb_margins
from examples.lstm_agreement.sentences.tasks import Sentence, by_condition
from pathflow import metrics
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel, Vocabulary


@dataclass(frozen=True)
class Score:
    """Accuracy in one condition.

    Arguments:
        source: where the sentences are from.
        task: name of the task, or of the file.
        condition: numbers of the verb's subject and of the other noun.
        n_sentences: how many sentences.
        accuracy: fraction of them in which the agreeing form has the higher score.
    """

    source: str
    task: str
    condition: str
    n_sentences: int
    accuracy: Interval


def scores(
    model: LSTMLanguageModel, vocabulary: Vocabulary, sentences: Sequence[Sentence], source: str
) -> list[Score]:
    """Accuracy per condition of the sentences of one task.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one task; they may differ in length.
        source: what the scores say of where they are from.

    Raises:
        StudyError: a word is unknown to the model.
    """
    by_length = sorted(sentences, key=_length)
    margins = [
        verb_margins(model, vocabulary, list(of_length))
        for _, of_length in groupby(by_length, key=_length)
    ]
    right = (np.concatenate(margins) > 0).astype(np.float64)
    return sorted(
        (
            Score(source, sentences[0].task, c, int(of_c.sum()), _interval(right[of_c]))
            for c, of_c in by_condition(by_length)
        ),
        # Singular before plural.
        key=lambda score: score.condition.translate({ord("S"): "0", ord("P"): "1"}),
    )


def _length(sentence: Sentence) -> int:
    return len(sentence.tokens)


def _interval(right: np.ndarray) -> Interval:
    return metrics.bootstrap_interval(right)
