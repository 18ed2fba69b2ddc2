"""Sentences with many prepositional phrases between subject and verb."""

from collections.abc import Sequence

import numpy as np

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms, Lexicon
from examples.lstm_agreement.sentences.tasks import Noun, Number, Sentence

SUBJECT = 1


def long_sentences(
    n_phrases: int,
    n_groups: int,
    *,
    seed: int = 0,
    lexicon: Lexicon = ENGLISH,
) -> tuple[Sentence, ...]:
    """Sentences with prepositional phrases between subject and verb, in matched groups.

    Arguments:
        n_phrases: how many phrases of three words, as in "near the houses".
        n_groups: how many groups of the conditions SS, SP, PS, PP (the subject's number and that of
            all other nouns), or S and P where there is no phrase.
        seed: draws words; a group has other words in every phrase as long as there are any.
        lexicon: the words.

    Raises:
        StudyError: a number is negative, or there is no group.
    """
    if n_phrases < 0 or n_groups < 1:
        raise StudyError(
            f"n_phrases and n_groups must be at least 0 and 1, got {n_phrases} and {n_groups}."
        )
    rng = np.random.default_rng([seed, n_phrases])
    sentences = []
    for group in range(n_groups):
        subject, verb = (rng.choice(len(x)) for x in (lexicon.subjects, lexicon.verbs))
        phrases = [
            (
                lexicon.prepositions[rng.choice(len(lexicon.prepositions))],
                lexicon.places[place],
            )
            for place in _different(rng, len(lexicon.places), n_phrases)
        ]
        forms = lexicon.subjects[subject], lexicon.verbs[verb]
        sentences += [
            _sentence(condition, group, *forms, phrases, lexicon)
            for condition in (("SS", "SP", "PS", "PP") if phrases else ("S", "P"))
        ]
    return tuple(sentences)


def _different(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    rounds = [rng.permutation(n) for _ in range(-(-size // n))]
    return np.concatenate([np.zeros(0, int), *rounds])[:size]


def _sentence(
    condition: str,
    group: int,
    subject: Forms,
    verb: Forms,
    phrases: Sequence[tuple[str, Forms]],
    lexicon: Lexicon,
) -> Sentence:
    number, others = Number(condition[0]), Number(condition[-1])
    tokens = [lexicon.determiner, number.form_of(subject)]
    for preposition, place in phrases:
        tokens += [preposition, lexicon.article, others.form_of(place)]
    wrong = Number.PLURAL if number is Number.SINGULAR else Number.SINGULAR
    last = Noun(len(tokens) - 1, phrases[-1][1], others) if phrases else None
    return Sentence(
        task=f"{len(phrases)} phrases",
        condition=condition,
        group=group,
        tokens=tuple(tokens),
        subject=Noun(SUBJECT, subject, number),
        intervening=last,
        correct=number.form_of(verb),
        wrong=wrong.form_of(verb),
    )
