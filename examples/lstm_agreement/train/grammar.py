"""A probabilistic grammar of English agreement, for models that train in minutes.

It makes sentences such as

    The actors near the bridge that the boy likes rarely speak .

with prepositional phrases, relative clauses with and without *that*, conjoined subjects,
complement clauses, questions, pronouns, names and modals. A finite present verb agrees with the
head of its subject, whatever stands between. Two things are held out, so that a test on them is
one of generalisation: a quarter of all pairs of subject noun and verb, and a quarter of all pairs
of a noun and the noun of the phrase that modifies it.
"""

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from examples.lstm_agreement.sentences.lexicon import Forms
from examples.lstm_agreement.sentences.tasks import Number
from examples.lstm_agreement.train import grammar_lexicon as lexicon
from examples.lstm_agreement.train.grammar_lexicon import Verb, capitalised
from pathflow.models import AbstractCorpus, Vocabulary

_T = TypeVar("_T")
_SINGULAR_SHARE = 0.58
_MAX_DEPTH = 2

VOCABULARY = Vocabulary(lexicon.all_words(), lexicon.UNKNOWN, lexicon.END)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """A present verb at position `verb` that agrees with the subject whose head is at `subject`.

    For a conjoined subject, `subject` is the conjunction.
    """

    subject: int
    verb: int
    number: Number


@dataclasses.dataclass(frozen=True)
class Parse:
    """A sentence, and which of its words agree."""

    words: tuple[str, ...]
    agreements: tuple[Agreement, ...]


@dataclasses.dataclass(frozen=True)
class _Subject:
    head: int
    number: Number
    noun: Forms | None = None


@functools.cache
def held_out_verbs() -> frozenset[tuple[Forms, Forms]]:
    """Pairs of a noun and a verb that it is never the subject of: a quarter of all."""
    nouns = (*lexicon.PEOPLE, *lexicon.THINGS)
    return _quarter(nouns, [verb.present for verb in lexicon.AGREEMENT_VERBS], seed=1)


@functools.cache
def held_out_modifiers() -> frozenset[tuple[Forms, Forms]]:
    """Pairs of a noun and a thing that never stands in its prepositional phrase: a quarter."""
    return _quarter((*lexicon.PEOPLE, *lexicon.THINGS), lexicon.THINGS, seed=2)


def _quarter(
    first: Sequence[Forms], second: Sequence[Forms], seed: int
) -> frozenset[tuple[Forms, Forms]]:
    pairs = list(itertools.product(first, second))
    drawn = np.random.default_rng(seed).choice(len(pairs), len(pairs) // 4, replace=False)
    return frozenset(pairs[k] for k in drawn)


def sentence(rng: np.random.Generator) -> Parse:
    """Draws a sentence, without the word that ends it."""
    writer = _Writer(rng)
    if writer.chance(0.08):
        writer.question()
    else:
        if writer.chance(0.08):
            writer.word(writer.pick(lexicon.OPENINGS))
        writer.clause(depth=0)
        writer.word(".")
    writer.words[0] = capitalised(writer.words[0])
    return Parse(tuple(writer.words), tuple(writer.agreements))


@dataclasses.dataclass(frozen=True)
class GrammarCorpus(AbstractCorpus):
    """New sentences in every round.

    Arguments:
        n_sentences: sentences per round.
        seed: the same seed gives the same rounds.
        end: the number of the word that ends a sentence.
    """

    n_sentences: int = 100_000
    seed: int = 0
    end: int = VOCABULARY.index[VOCABULARY.end]

    def round(self, index: int) -> np.ndarray:
        """The word numbers of a round."""
        rng = np.random.default_rng([self.seed, index])
        words = itertools.chain.from_iterable(
            (*sentence(rng).words, VOCABULARY.end) for _ in range(self.n_sentences)
        )
        return VOCABULARY.encode(words)


class _Writer:
    """Writes one sentence from left to right."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self.words: list[str] = []
        self.agreements: list[Agreement] = []

    def chance(self, probability: float) -> bool:
        return self._rng.random() < probability

    def pick(self, entries: Sequence[_T]) -> _T:
        return entries[int(self._rng.random() * len(entries))]

    def word(self, word: str) -> int:
        self.words.append(word)
        return len(self.words) - 1

    def question(self) -> None:
        """Writes one like *does the boy near the cars sleep ?*."""
        auxiliary = self.word("did")
        subject = self._subject(depth=1)
        if self.chance(0.7):
            self.words[auxiliary] = subject.number.form_of(Forms("does", "do"))
            self.agreements.append(Agreement(subject.head, auxiliary, subject.number))
        verb = self._verb_for(subject, (*lexicon.AGREEMENT_VERBS, *lexicon.INTRANSITIVE))
        self.word(verb.present.plural)
        self.word("?")

    def clause(self, depth: int) -> None:
        """A subject and its predicate."""
        subject = self._subject(depth)
        if depth < _MAX_DEPTH and self.chance(0.07):
            self._finite(subject, self._verb_for(subject, lexicon.SENTENTIAL))
            if self.chance(0.6):
                self.word("that")
            self.clause(depth + 1)
            return
        kind = self._rng.random()
        if kind < 0.55:
            self._finite(subject, self._verb_for(subject, lexicon.AGREEMENT_VERBS))
            if self.chance(0.4):
                self._object(depth)
        elif kind < 0.8:
            self._finite(subject, self._verb_for(subject, lexicon.TRANSITIVE))
            self._object(depth)
        else:
            self._finite(subject, self._verb_for(subject, lexicon.INTRANSITIVE))

    def _subject(self, depth: int) -> _Subject:
        kind = self._rng.random()
        if kind < 0.08:
            name = self.word(self.pick(lexicon.NAMES))
            return _Subject(name, Number.SINGULAR)
        if kind < 0.16:
            number = self._number()
            singular = number is Number.SINGULAR
            words = lexicon.SINGULAR_PRONOUNS if singular else lexicon.PLURAL_PRONOUNS
            return _Subject(self.word(self.pick(words)), number)
        if kind < 0.22:
            self._noun(lexicon.PEOPLE, self._number())
            conjunction = self.word("and")
            self._noun(lexicon.PEOPLE, self._number())
            return _Subject(conjunction, Number.PLURAL)
        number = self._number()
        nouns = lexicon.PEOPLE if self.chance(0.75) else lexicon.THINGS
        head, noun = self._noun(nouns, number)
        subject = _Subject(head, number, noun)
        if depth <= 1:
            self._modifiers(subject, depth)
        return subject

    def _modifiers(self, subject: _Subject, depth: int) -> None:
        kind = self._rng.random()
        if kind < 0.3:
            self._phrase(subject.noun, depth)
        elif kind < 0.36:
            self.word("that")
            self._finite(subject, self._verb_for(subject, lexicon.TRANSITIVE))
            self._object(_MAX_DEPTH)
        elif kind < 0.44:
            if self.chance(0.5):
                self.word("that")
            inner = self._subject(_MAX_DEPTH)
            self._finite(inner, self._verb_for(inner, lexicon.TRANSITIVE))

    def _phrase(self, noun: Forms | None, depth: int) -> None:
        """Writes one like *near the cars behind the house*."""
        self.word(self.pick(lexicon.PREPOSITIONS))
        if self.chance(0.15):
            self.word(self.pick(lexicon.NAMES))
            return
        allowed = [thing for thing in lexicon.THINGS if (noun, thing) not in held_out_modifiers()]
        _, inner = self._noun(allowed, self._number())
        if depth < _MAX_DEPTH and self.chance(0.15):
            self._phrase(inner, depth + 1)

    def _object(self, depth: int) -> None:
        if self.chance(0.2):
            self.word(self.pick(lexicon.OBJECT_PRONOUNS))
            return
        nouns = lexicon.PEOPLE if self.chance(0.5) else lexicon.THINGS
        _, noun = self._noun(nouns, self._number())
        if depth < _MAX_DEPTH and self.chance(0.15):
            self._phrase(noun, depth + 1)

    def _number(self) -> Number:
        return Number.SINGULAR if self.chance(_SINGULAR_SHARE) else Number.PLURAL

    def _noun(self, nouns: Sequence[Forms], number: Number) -> tuple[int, Forms]:
        determiner = "the"
        if self.chance(0.15):
            singular = number is Number.SINGULAR
            words = lexicon.SINGULAR_DETERMINERS if singular else lexicon.PLURAL_DETERMINERS
            determiner = self.pick(words)
        self.word(determiner)
        noun = self.pick(nouns)
        return self.word(number.form_of(noun)), noun

    def _verb_for(self, subject: _Subject, verbs: tuple[Verb, ...]) -> Verb:
        """A verb that the subject may have, drawn with the noun's preferences."""
        allowed, cumulative = _preferences(subject.noun, verbs)
        return allowed[bisect.bisect(cumulative, self._rng.random() * cumulative[-1])]

    def _finite(self, subject: _Subject, verb: Verb) -> None:
        """The verb in the present, in the past, or after a modal."""
        mood = self._rng.random()
        if mood >= 0.8:
            self.word(self.pick(lexicon.MODALS))
        if self.chance(0.2):
            self.word(self.pick(lexicon.ADVERBS))
        if mood < 0.5:
            position = self.word(subject.number.form_of(verb.present))
            self.agreements.append(Agreement(subject.head, position, subject.number))
        else:
            self.word(verb.past if mood < 0.8 else verb.present.plural)


@functools.cache
def _preferences(
    noun: Forms | None, verbs: tuple[Verb, ...]
) -> tuple[tuple[Verb, ...], tuple[float, ...]]:
    """The verbs that are not held out for a noun, and their cumulative weights.

    The weights differ from noun to noun, as they do in text: who a subject is says something about
    the verb, beside its number.
    """
    allowed = tuple(v for v in verbs if (noun, v.present) not in held_out_verbs())
    nouns = (*lexicon.PEOPLE, *lexicon.THINGS)
    seed = nouns.index(noun) if noun is not None else len(nouns)
    weights = np.exp(0.7 * np.random.default_rng([3, seed]).normal(size=len(allowed)))
    return allowed, tuple(np.cumsum(weights).tolist())
