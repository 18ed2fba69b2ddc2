"""Sentences as word numbers, and what to do about words that a model does not know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import Noun, Sentence
from pathflow.models import Vocabulary


@dataclass(frozen=True)
class Encoded:
    """Sentences of one task as arrays with a leading axis of `n` sentences.

    Arguments:
        tokens: the words before the verb, (n, steps).
        correct: the verb's form that agrees, (n,).
        wrong: the other form, (n,).
    """

    tokens: np.ndarray
    correct: np.ndarray
    wrong: np.ndarray


def encode(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> Encoded:
    """Looks the words up.

    Raises:
        StudyError: a word is unknown to the model, or the sentences differ in length.
    """
    unknown = sorted({w for s in sentences for w in s.words() if w not in vocabulary})
    if unknown:
        raise StudyError(
            f"the model's vocabulary of {len(vocabulary)} words lacks {', '.join(unknown[:8])}"
            f"{' ...' if len(unknown) > 8 else ''}; leave these sentences out (known_sentences)."
        )
    if len({len(s.tokens) for s in sentences}) != 1:
        raise StudyError("sentences must be of one length; encode one task at a time.")
    return Encoded(
        tokens=np.stack([vocabulary.encode(s.tokens) for s in sentences]),
        correct=vocabulary.encode(s.correct for s in sentences),
        wrong=vocabulary.encode(s.wrong for s in sentences),
    )


def encode_forms(nouns: Sequence[Noun], vocabulary: Vocabulary) -> np.ndarray:
    """The numbers of both forms of each noun, (n, 2): singular, plural."""
    pairs = [vocabulary.encode((n.forms.singular, n.forms.plural)) for n in nouns]
    return np.stack(pairs)


def in_random_order(sentences: Sequence[Sentence], seed: int) -> tuple[Sentence, ...]:
    """The same sentences, mixed.

    The published files are sorted by their words, so that the first sentences would be all about
    athletes.
    """
    order = np.random.default_rng(seed).permutation(len(sentences))
    return tuple(sentences[i] for i in order)


def known_sentences(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> tuple[Sentence, ...]:
    """The sentences whose every word, the other forms of nouns and verb included, is known.

    Raises:
        StudyError: none is left.
    """
    kept = tuple(s for s in sentences if all(w in vocabulary for w in s.words()))
    if sentences and not kept:
        missing = sorted(w for w in sentences[0].words() if w not in vocabulary)
        raise StudyError(
            f"none of the {len(sentences)} {sentences[0].task} sentences has only words that the "
            f"model knows; the first lacks {', '.join(missing)}."
        )
    return kept
