"""Agreement across a clause: sentences with two verbs, in matched groups of all number conditions.

A task is a row of parts that ends with the verb that is asked about, as in `The [outer] that
[transitive] the [inner] [agreement]`. A group fills it with words and holds one sentence per
condition. Every verb but the last agrees with its own subject, so that it tells that subject's
number once more.
"""

import dataclasses
import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import ENGLISH, Forms, pairs
from examples.lstm_agreement.sentences.tasks import (
    Noun,
    Number,
    Sentence,
    combination,
    shuffled,
)


@dataclass(frozen=True)
class NounPart:
    """A noun; the value is the list of words that it is from."""

    words: str


@dataclass(frozen=True)
class VerbPart:
    """A present verb: the list of words that it is from, and the noun that it agrees with."""

    words: str
    agrees: NounPart


Part = str | NounPart | VerbPart
OUTER, INNER = NounPart("outer"), NounPart("inner")


@dataclass(frozen=True)
class ClauseTask:
    """A kind of sentence with a clause in it.

    Arguments:
        name: of the task.
        parts: words, nouns and verbs; the last one is the verb that is asked about.
    """

    name: str
    parts: tuple[Part, ...]

    @property
    def slots(self) -> tuple[Part, ...]:
        """What stands before the verb."""
        return self.parts[:-1]

    @property
    def verb(self) -> VerbPart:
        """The verb that is asked about."""
        last = self.parts[-1]
        if not isinstance(last, VerbPart):
            raise TypeError(f"the last part of {self.name} is no verb.")
        return last

    @property
    def subject(self) -> int:
        """Position of the noun that the verb agrees with."""
        return self.parts.index(self.verb.agrees)

    @property
    def intervening(self) -> int | None:
        """Position of the other noun before the verb, if there is one; it may stand before the
        subject.
        """
        others = [i for i, p in enumerate(self.parts) if isinstance(p, NounPart)]
        others.remove(self.subject)
        return others[0] if others else None

    @property
    def first_verb(self) -> int | None:
        """Position of the verb before the last one, if there is one."""
        verbs = [i for i, p in enumerate(self.slots) if isinstance(p, VerbPart)]
        return verbs[0] if verbs else None

    @property
    def crossed(self) -> int | None:
        """Position of a verb between the subject and the verb that is asked about."""
        first = self.first_verb
        return first if first is not None and first > self.subject else None

    @property
    def conditions(self) -> tuple[str, ...]:
        """Letters of the numbers of the verb's subject and of the other noun."""
        n_nouns = 1 if self.intervening is None else 2
        return tuple("".join(letters) for letters in itertools.product("SP", repeat=n_nouns))

    def up_to_first_verb(self) -> Self:
        """The task that asks about the first verb in the place of the last one.

        Raises:
            StudyError: there is one verb alone.
        """
        if self.first_verb is None:
            raise StudyError(f"{self.name} has one verb alone; there is no other to ask about.")
        return dataclasses.replace(
            self, name=f"{self.name}, first verb", parts=self.parts[: self.first_verb + 1]
        )


_ASKED = VerbPart("agreement", OUTER)
SUBJECT_RELATIVE = ClauseTask(
    "subject relative",
    ("The", OUTER, "that", VerbPart("transitive", OUTER), "the", INNER, _ASKED),
)
OBJECT_RELATIVE_THAT = ClauseTask(
    "object relative, that",
    ("The", OUTER, "that", "the", INNER, VerbPart("transitive", INNER), _ASKED),
)
OBJECT_RELATIVE = ClauseTask(
    "object relative", ("The", OUTER, "the", INNER, VerbPart("transitive", INNER), _ASKED)
)
COMPLEMENT = ClauseTask(
    "complement",
    ("The", OUTER, VerbPart("sentential", OUTER), "the", INNER, VerbPart("agreement", INNER)),
)
COORDINATION = ClauseTask(
    "coordination", ("The", OUTER, VerbPart("intransitive", OUTER), "and", _ASKED)
)
LONG_COORDINATION = ClauseTask(
    "long coordination",
    ("The", OUTER, VerbPart("transitive", OUTER), "the", INNER, "and", _ASKED),
)
CLAUSE_TASKS = (
    SUBJECT_RELATIVE,
    OBJECT_RELATIVE_THAT,
    OBJECT_RELATIVE,
    COMPLEMENT,
    COORDINATION,
    LONG_COORDINATION,
)

# The nouns and the verbs that are asked about are those of the other tasks.
WORDS = {
    "agreement": ENGLISH.verbs,
    "transitive": pairs(
        "likes/like loves/love watches/watch follows/follow helps/help meets/meet hates/hate "
        "visits/visit"
    ),
    "intransitive": pairs(
        "sleeps/sleep laughs/laugh smiles/smile waits/wait runs/run sings/sing falls/fall "
        "works/work lives/live returns/return"
    ),
    "sentential": pairs("says/say hopes/hope claims/claim fears/fear"),
}


def generate_clauses(
    task: ClauseTask,
    n_groups: int,
    *,
    seed: int = 0,
    vocabulary: Collection[str] | None = None,
) -> tuple[Sentence, ...]:
    """Makes `n_groups` different matched groups, with every word of a slot used equally often.

    Half of the nouns of people are outer ones and half inner ones, drawn by the seed, so that no
    sentence repeats a noun.

    Arguments:
        task: which sentences, as in `SUBJECT_RELATIVE`.
        n_groups: how many groups; each gives one sentence per condition.
        seed: the same seed gives the same sentences.
        vocabulary: the words that the model knows; words with an unknown form are left out.

    Returns:
        `n_groups * len(task.conditions)` sentences, group after group.

    Raises:
        StudyError: `n_groups` is not positive or above the number of different groups, or the
            vocabulary leaves a slot empty or lacks a word of the task.
    """
    rng = np.random.default_rng(seed)
    lists = _lists(task, rng, vocabulary)
    sizes = [len(entries) for entries in lists.values()]
    if not 0 < n_groups <= math.prod(sizes):
        raise StudyError(
            f"n_groups must be from 1 to {math.prod(sizes)} for {task.name}, the number of "
            f"different groups that the words allow; got {n_groups}."
        )
    sentences = []
    for group in range(n_groups):
        choice = combination(group, sizes)
        words = {part: entries[i] for (part, entries), i in zip(lists.items(), choice, strict=True)}
        sentences += [_sentence(task, c, group, words) for c in task.conditions]
    return tuple(sentences)


def count_groups(task: ClauseTask, vocabulary: Collection[str] | None = None) -> int:
    """How many different groups the words allow.

    Raises:
        StudyError: the vocabulary leaves a slot empty or lacks a word of the task.
    """
    lists = _lists(task, np.random.default_rng(0), vocabulary)
    return math.prod(len(entries) for entries in lists.values())


def _lists(
    task: ClauseTask, rng: np.random.Generator, vocabulary: Collection[str] | None
) -> dict[NounPart | VerbPart, tuple[Forms, ...]]:
    """The words of every noun and verb of a task, in random order."""
    fixed = [part for part in task.parts if isinstance(part, str)]
    if vocabulary is not None and (missing := [w for w in fixed if w not in vocabulary]):
        raise StudyError(
            f"vocabulary lacks {', '.join(map(repr, missing))}, with which {task.name} sentences "
            "are built; use a model that knows it."
        )
    people = shuffled(_known(ENGLISH.subjects, vocabulary, "subjects"), rng)
    half = len(people) // 2
    nouns = {OUTER: people[:half], INNER: people[half:]}
    return {
        part: nouns[part]
        if isinstance(part, NounPart)
        else shuffled(_known(WORDS[part.words], vocabulary, f"{part.words} verbs"), rng)
        for part in task.parts
        if not isinstance(part, str)
    }


def _known(
    entries: Sequence[Forms], vocabulary: Collection[str] | None, what: str
) -> tuple[Forms, ...]:
    if vocabulary is None:
        return tuple(entries)
    known = tuple(e for e in entries if e.singular in vocabulary and e.plural in vocabulary)
    if len(known) < 2:
        raise StudyError(
            f"vocabulary holds {len(known)} of the {len(entries)} {what} (the first is "
            f"{entries[0].singular}/{entries[0].plural}); use a model trained on these words."
        )
    return known


def _sentence(
    task: ClauseTask, condition: str, group: int, words: dict[NounPart | VerbPart, Forms]
) -> Sentence:
    letters = dict(zip((task.subject, task.intervening), condition, strict=False))
    numbers = {task.parts[p]: Number(letter) for p, letter in letters.items() if p is not None}

    def shown(part: Part) -> str:
        if isinstance(part, str):
            return part
        noun = part if isinstance(part, NounPart) else part.agrees
        return numbers[noun].form_of(words[part])

    def noun(position: int) -> Noun:
        part = task.parts[position]
        return Noun(position, words[part], numbers[part])

    number = numbers[task.verb.agrees]
    other = Number.PLURAL if number is Number.SINGULAR else Number.SINGULAR
    return Sentence(
        task=task.name,
        condition=condition,
        group=group,
        tokens=tuple(map(shown, task.slots)),
        subject=noun(task.subject),
        intervening=None if task.intervening is None else noun(task.intervening),
        correct=number.form_of(words[task.verb]),
        wrong=other.form_of(words[task.verb]),
    )
