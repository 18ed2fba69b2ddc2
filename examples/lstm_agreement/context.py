"""How far a subject's number is carried, and by which paths: `python -m
examples.lstm_agreement.context`.

The paper's authors speculate that the primary path counts for less the longer the context is, and
leave it open, because the number of paths grows exponentially (section 5). Here prepositional
phrases are put between subject and verb, up to 48 words. The influences of classes of paths are
exact at every length; statistics over all paths are estimates with intervals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.evaluation import verb_margins
from examples.lstm_agreement.lexicon import ENGLISH, Forms, Lexicon
from examples.lstm_agreement.measure import Role, Settings, noun_influences, primary_path
from examples.lstm_agreement.tasks import Noun, Number, Sentence
from pathflow import metrics
from pathflow.models import LSTMLanguageModel, Vocabulary

_SUBJECT = 1
_WORDS_PER_PHRASE = 3


@dataclass(frozen=True)
class Length:
    """What is found at one length.

    Arguments:
        n_words: how many words stand between subject and verb.
        condition: the numbers of the subject and of all other nouns.
        n_sentences: how many sentences.
        accuracy: fraction of sentences in which the agreeing verb has the higher score.
        n_paths: how many paths lead from the subject to the score.
        total: mean influence of all of them, in logits.
        primary: mean influence of the primary path.
        classes: mean influence of exact classes of paths, by name; they and the rest add up to the
            total.
        absolute: the sum of absolute influences, mean over sentences, estimated.
        share: fraction of the positive influence that the primary path has, estimated.
        t: probability that the primary path exceeds another one, drawn uniformly, estimated.
        structural: worst structural residual of the exact sums.
    """

    n_words: int
    condition: str
    n_sentences: int
    accuracy: metrics.Interval
    n_paths: int
    total: metrics.Interval
    primary: metrics.Interval
    classes: dict[str, metrics.Interval]
    absolute: metrics.Interval
    share: metrics.Interval
    t: metrics.Interval
    structural: float


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
        for condition in ("SS", "SP", "PS", "PP") if phrases else ("S", "P"):
            sentences.append(
                _sentence(
                    condition,
                    group,
                    lexicon.subjects[subject],
                    phrases,
                    lexicon.verbs[verb],
                    lexicon,
                )
            )
    return tuple(sentences)


def _different(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    rounds = [rng.permutation(n) for _ in range(-(-size // n))]
    return np.concatenate([np.zeros(0, int), *rounds])[:size]


def _sentence(
    condition: str,
    group: int,
    subject: Forms,
    phrases: Sequence[tuple[str, Forms]],
    verb: Forms,
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
        subject=Noun(_SUBJECT, subject, number),
        intervening=last,
        correct=number.form_of(verb),
        wrong=wrong.form_of(verb),
    )


def path_classes(n_words: int) -> dict[str, str]:
    """Patterns of classes of paths that have nothing in common: where the number waits.

    Arguments:
        n_words: how many words stand between subject and verb.

    Returns:
        The primary path; the other paths that leave the first layer at the subject and wait in the
        cell of the second; and, where there are words between, those that wait in the cell of the
        first layer until the last word.
    """
    last = _SUBJECT + n_words
    primary = primary_path(_SUBJECT, last)
    second = f"x ?0@{_SUBJECT} c0@{_SUBJECT}? h0@{_SUBJECT} ?1@{_SUBJECT} c1+ h1 qoi"
    first = f"x ?0@{_SUBJECT} c0+ h0@{last} ?1@{last} c1@{last}? h1 qoi"
    classes = {"primary": primary, "second cell": f"({second}) & ~({primary})"}
    return classes | ({"first cell": first} if n_words else {})


def measure(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    settings: Settings,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Iterator[Length]:
    """Measures the subject's paths, condition by condition.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one length.
        settings: the quadrature.
        draws: paths that are drawn for each of the two estimates.
        seed: of the draws.

    Yields:
        What is found, one condition after the other.
    """
    n_words = len(sentences[0].tokens) - 1 - _SUBJECT
    primary = primary_path(_SUBJECT, _SUBJECT + n_words)
    margins = verb_margins(model, vocabulary, sentences)
    searches = (
        pf.Aggregate(path_classes(n_words)),
        pf.Sample(draws, jax.random.key(seed), pf.Importance(), of=(primary,)),
        pf.Sample(draws, jax.random.key(seed), of=(primary,)),
    )
    for condition in dict.fromkeys(s.condition for s in sentences):
        of_condition = np.array([s.condition == condition for s in sentences])
        asked = [s for s in sentences if s.condition == condition]
        # A sample speaks of the sentences that it was drawn for, so that they go in together.
        together = replace(settings, chunk=len(asked))
        sums, large, uniform = (
            noun_influences(model, vocabulary, asked, Role.SUBJECT, together, search=search)
            for search in searches
        )
        yield Length(
            n_words,
            condition,
            len(asked),
            metrics.bootstrap_interval((margins[of_condition] > 0).astype(np.float64)),
            sums.count,
            metrics.bootstrap_interval(sums.total),
            metrics.bootstrap_interval(sums["primary"]),
            {
                name: metrics.bootstrap_interval(sums[name])
                for name in [*path_classes(n_words), "rest"]
            },
            large.absolute_sum(),
            large.positive_share(primary),
            uniform.t_value(primary),
            float(np.max(sums.audit.structural)),
        )
