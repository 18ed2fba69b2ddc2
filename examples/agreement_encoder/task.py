"""Sentences with a missing verb, a subject, and a noun after a preposition.

    [verb] quickly KEYS often near CABINET today soon   ->  plural

The verb agrees with the subject. Where the subject stands, is drawn, and so is everything else; all
that tells it from the other noun, the attractor, is that no preposition stands before it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

N_LEMMAS, N_PREPOSITIONS, N_ADVERBS = 8, 3, 6
LENGTH = 8
VERB = 0
_PREPOSITION = 1
_ADVERB = _PREPOSITION + N_PREPOSITIONS
_NOUN = _ADVERB + N_ADVERBS
N_WORDS = _NOUN + 2 * N_LEMMAS


class Sentences(NamedTuple):
    """Sentences with what is asked of them.

    Arguments:
        tokens: word numbers; the missing verb comes first.
        subject: where the subject stands.
        preposition: where the preposition stands; the attractor is one further on.
        plural: 1 where the subject is plural, 0 where it is singular.
    """

    tokens: Int[np.ndarray, "sentences length"]
    subject: Int[np.ndarray, " sentences"]
    preposition: Int[np.ndarray, " sentences"]
    plural: Int[np.ndarray, " sentences"]


def noun(lemma: Int[np.ndarray, "..."], plural: Int[np.ndarray, "..."]) -> np.ndarray:
    """The word of a lemma in a number."""
    return _NOUN + 2 * lemma + plural


def sentences(n: int, rng: np.random.Generator) -> Sentences:
    """Draws `n` sentences."""
    tokens = _ADVERB + rng.integers(0, N_ADVERBS, (n, LENGTH))
    tokens[:, 0] = VERB
    preposition = rng.integers(1, LENGTH - 1, n)
    # Any other place, counted past the preposition and its noun.
    subject = 1 + rng.integers(0, LENGTH - 3, n)
    subject += 2 * (subject >= preposition)
    lemma = rng.integers(0, N_LEMMAS, (2, n))
    number = rng.integers(0, 2, (2, n))
    rows = np.arange(n)
    tokens[rows, preposition] = _PREPOSITION + rng.integers(0, N_PREPOSITIONS, n)
    tokens[rows, preposition + 1] = noun(lemma[1], number[1])
    tokens[rows, subject] = noun(lemma[0], number[0])
    return Sentences(tokens.astype(np.int32), subject, preposition, number[0])


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sentences and numbers without end."""
    rng = np.random.default_rng(seed)
    while True:
        drawn = sentences(size, rng)
        yield drawn.tokens, drawn.plural


def another_number(nouns: Int[np.ndarray, "..."]) -> np.ndarray:
    """The same nouns, plural for singular and singular for plural."""
    return _NOUN + ((nouns - _NOUN) ^ 1)
