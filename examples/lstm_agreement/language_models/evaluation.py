"""How often a model prefers the verb that agrees (Lakretz et al. 2019, Table 2).

The state is zero before a sentence's first word, as in training, where it is reset after every
sentence end. The published model was instead started from a few unrelated sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import Sentence, by_condition
from pathflow.models import LanguageModel, Vocabulary

_BATCH = 64


@dataclass(frozen=True)
class Accuracy:
    """Of how many sentences of one condition the agreeing verb has the higher score."""

    task: str
    condition: str
    n_sentences: int
    n_correct: int

    @property
    def value(self) -> float:
        """The fraction."""
        return self.n_correct / self.n_sentences


def evaluate(
    model: LanguageModel, vocabulary: Vocabulary, sentences: Sequence[Sentence]
) -> tuple[Accuracy, ...]:
    """Accuracy per condition of the sentences of one task.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: sentences of one task.

    Returns:
        One entry per condition, in the order of first appearance. A tie counts as wrong.

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """
    right = verb_margins(model, vocabulary, sentences) > 0
    return tuple(
        Accuracy(sentences[0].task, c, int(of_c.sum()), int(right[of_c].sum()))
        for c, of_c in by_condition(sentences)
    )


def verb_margins(
    model: LanguageModel, vocabulary: Vocabulary, sentences: Sequence[Sentence]
) -> np.ndarray:
    """Score of the agreeing verb minus that of the other form, one number per sentence."""
    encoded = encode(sentences, vocabulary)
    margins = [
        _margins(model, encoded.tokens[at], encoded.correct[at], encoded.wrong[at])
        for at in batches(len(sentences))
    ]
    return np.concatenate(margins)[: len(sentences)]


def batches(n: int) -> np.ndarray:
    """Places of `n` sentences in batches of one shape, so that a model is compiled once.

    The last batch repeats the last sentence.
    """
    return np.arange(-(-n // _BATCH) * _BATCH).clip(max=n - 1).reshape(-1, _BATCH)


@nnx.jit
def _margins(
    model: LanguageModel, tokens: jax.Array, correct: jax.Array, wrong: jax.Array
) -> jax.Array:
    logits = jax.vmap(model)(tokens)
    rows = jnp.arange(len(tokens))
    return logits[rows, correct] - logits[rows, wrong]
