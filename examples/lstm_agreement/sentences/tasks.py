"""The number agreement tasks: sentences up to the verb, in matched groups of all number conditions.

A *task* is a row of slots, as in `The [subject] [preposition] the [place]`; a *group* fills them
with words, and holds one sentence per number condition, made by swapping the forms of the same
nouns. The paper (section 4.1) uses the tasks of Lakretz et al. (2019), whose files sample every
condition apart; matched groups let one compare conditions word by word.
"""

import enum
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms, Lexicon

_T = TypeVar("_T")


class Number(enum.Enum):
    """Grammatical number; the value is its letter in the name of a condition."""

    SINGULAR = "S"
    PLURAL = "P"

    def form_of(self, forms: Forms) -> str:
        """The form with this number."""
        return forms.singular if self is Number.SINGULAR else forms.plural


class Slot(enum.Enum):
    """A position of a task's sentences; the value is the field of the lexicon that fills it."""

    DETERMINER = "determiner"
    ARTICLE = "article"
    SUBJECT = "subjects"
    PLACE = "places"
    PREPOSITION = "prepositions"
    ADVERB = "adverbs"
    NAME = "names"
    CONJUNCTION = "conjunction"


@dataclass(frozen=True)
class Task:
    """A kind of sentence.

    Arguments:
        name: the task's name in the paper.
        slots: what stands at each position before the verb.
        conditions: the number conditions, a letter for the subject and, where there is one, a
            letter for the noun between subject and verb. A name is always singular.
    """

    name: str
    slots: tuple[Slot, ...]
    conditions: tuple[str, ...]

    @property
    def subject(self) -> int:
        """Position of the subject."""
        return self.slots.index(Slot.SUBJECT)

    @property
    def intervening(self) -> int | None:
        """Position of the intervening noun with two number forms, if there is one."""
        return self.slots.index(Slot.PLACE) if Slot.PLACE in self.slots else None


_NOUN = (Slot.DETERMINER, Slot.SUBJECT)
_PP = (*_NOUN, Slot.PREPOSITION, Slot.ARTICLE, Slot.PLACE)
_FOUR = ("SS", "SP", "PS", "PP")
SIMPLE = Task("Simple", _NOUN, ("S", "P"))
ADV = Task("Adv", (*_NOUN, Slot.ADVERB), ("S", "P"))
NAME_PP = Task("namePP", (*_NOUN, Slot.PREPOSITION, Slot.NAME), ("SS", "PS"))
NOUN_PP = Task("nounPP", _PP, _FOUR)
NOUN_PP_ADV = Task("nounPPAdv", (*_PP, Slot.ADVERB), _FOUR)
TASKS = (SIMPLE, ADV, NAME_PP, NOUN_PP, NOUN_PP_ADV)


@dataclass(frozen=True)
class Noun:
    """A noun of a sentence: where it stands, its two forms, and the number that it has there."""

    position: int
    forms: Forms
    number: Number


@dataclass(frozen=True)
class Sentence:
    """One sentence of a task, up to its verb.

    Arguments:
        task: name of the task.
        condition: letters of the nouns' numbers, subject first, as in "SP".
        group: sentences with the same group differ in the numbers of their nouns only.
        tokens: the words before the verb.
        subject: the noun that the verb agrees with.
        intervening: the noun with two forms that stands between, or `None`.
        correct: the verb's form that agrees with the subject.
        wrong: the verb's other form.
    """

    task: str
    condition: str
    group: int
    tokens: tuple[str, ...]
    subject: Noun
    intervening: Noun | None
    correct: str
    wrong: str

    def words(self) -> frozenset[str]:
        """Every word that a model must know: the tokens, both verb forms and both forms of the
        nouns.
        """
        nouns = [n for n in (self.subject, self.intervening) if n is not None]
        forms = {word for n in nouns for word in (n.forms.singular, n.forms.plural)}
        return frozenset({*self.tokens, self.correct, self.wrong} | forms)


def swapped(sentence: Sentence) -> Sentence:
    """The sentence with the other number of the subject, and the same verbs asked about."""
    noun = sentence.subject
    other = Number.PLURAL if noun.number is Number.SINGULAR else Number.SINGULAR
    tokens = list(sentence.tokens)
    tokens[noun.position] = other.form_of(noun.forms)
    return replace(sentence, tokens=tuple(tokens), subject=replace(noun, number=other))


def by_condition(sentences: Sequence[Sentence]) -> tuple[tuple[str, np.ndarray], ...]:
    """Each condition, in the order of first appearance, and which sentences are of it."""
    conditions = np.array([s.condition for s in sentences])
    return tuple((c, conditions == c) for c in dict.fromkeys(conditions.tolist()))


def generate(
    task: Task,
    n_groups: int,
    *,
    seed: int = 0,
    lexicon: Lexicon = ENGLISH,
    vocabulary: Collection[str] | None = None,
) -> tuple[Sentence, ...]:
    """Makes `n_groups` different matched groups of a task, with every word of a slot used equally
    often.

    Arguments:
        task: which sentences, as in `NOUN_PP`.
        n_groups: how many groups; each gives one sentence per condition of the task.
        seed: the same seed gives the same sentences.
        lexicon: the words.
        vocabulary: the words that the model knows; entries of the lexicon with an unknown form are
            left out.

    Returns:
        `n_groups * len(task.conditions)` sentences, group after group. Within a slot (the verb's
        included) the numbers of groups that two words stand in differ by one at most.

    Raises:
        StudyError: `n_groups` is not positive or above the number of different groups that the
            words allow, or the vocabulary leaves a slot empty.
    """
    if vocabulary is not None:
        lexicon = lexicon.within(vocabulary)
    rng = np.random.default_rng(seed)
    lists = {field: shuffled(getattr(lexicon, field), rng) for field in _fields(task)}
    sizes = [len(entries) for entries in lists.values()]
    if not 0 < n_groups <= math.prod(sizes):
        raise StudyError(
            f"n_groups must be from 1 to {math.prod(sizes)} for {task.name}, the number of "
            f"different groups that the lexicon's words allow; got {n_groups}."
        )
    sentences = []
    for group in range(n_groups):
        choice = combination(group, sizes)
        filling = {f: entries[i] for (f, entries), i in zip(lists.items(), choice, strict=True)}
        sentences += [_sentence(task, c, group, filling, lexicon) for c in task.conditions]
    return tuple(sentences)


def count_groups(
    task: Task, *, lexicon: Lexicon = ENGLISH, vocabulary: Collection[str] | None = None
) -> int:
    """How many different groups `generate` can make with the same arguments."""
    if vocabulary is not None:
        lexicon = lexicon.within(vocabulary)
    return math.prod(len(getattr(lexicon, field)) for field in _fields(task))


def _fields(task: Task) -> tuple[str, ...]:
    """The lists of the lexicon that a task takes words from."""
    fields = [s.value for s in task.slots if s not in (Slot.DETERMINER, Slot.ARTICLE)]
    return (*fields, "verbs")


def shuffled(entries: Sequence[_T], rng: np.random.Generator) -> tuple[_T, ...]:
    """The entries in a random order."""
    return tuple(entries[i] for i in rng.permutation(len(entries)))


def combination(k: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """The k-th of all the combinations of indices below `sizes`, in an order whose every prefix is
    balanced.

    For two sizes a and b, step k takes `(k mod a, (k + k // lcm(a, b)) mod b)`. Within a run of
    lcm(a, b) steps the pairs differ by the Chinese remainder theorem; the runs differ in `i - j mod
    gcd(a, b)`; so the a*b pairs are all different, while each index cycles through its values. The
    pair `k mod a*b` then counts as one index.
    """
    choice = []
    for place in range(len(sizes) - 1, 0, -1):
        before = math.prod(sizes[:place])
        choice.append((k + k // math.lcm(before, sizes[place])) % sizes[place])
        k %= before
    return (k, *reversed(choice))


def _sentence(task: Task, condition: str, group: int, filling: dict, lexicon: Lexicon) -> Sentence:
    numbers = [Number(letter) for letter in condition]
    tokens, nouns = [], {}
    for position, slot in enumerate(task.slots):
        match slot:
            case Slot.DETERMINER | Slot.ARTICLE:
                tokens.append(getattr(lexicon, slot.value))
            case Slot.SUBJECT | Slot.PLACE:
                noun = Noun(position, filling[slot.value], numbers[len(nouns)])
                nouns[slot] = noun
                tokens.append(noun.number.form_of(noun.forms))
            case _:
                tokens.append(filling[slot.value])
    subject, verb = nouns[Slot.SUBJECT], filling["verbs"]
    other = Number.PLURAL if subject.number is Number.SINGULAR else Number.SINGULAR
    return Sentence(
        task=task.name,
        condition=condition,
        group=group,
        tokens=tuple(tokens),
        subject=subject,
        intervening=nouns.get(Slot.PLACE),
        correct=subject.number.form_of(verb),
        wrong=other.form_of(verb),
    )
