"""What a concept is: a word that has one of two values, and words whose scores tell which.

A concept is a name and a source of examples. An example says all that a question needs: the words
up to the one asked about, which of them is the source of the paths, the forms that it could have
(the line of interest starts at their mean), and which words' scores are compared (the quantity of
interest).
"""

import abc
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import combination, shuffled
from pathflow.models import Vocabulary


@dataclass(frozen=True)
class Example:
    """A sentence up to the word asked about, and the question.

    Arguments:
        frame: the kind of sentence; examples of a frame have one length and one position.
        condition: the value of the source word, and those of others, a letter each.
        tokens: the words.
        position: of the source word.
        forms: both forms that the source word could have.
        good: the words that agree with it.
        bad: as many words that do not.
    """

    frame: str
    condition: str
    tokens: tuple[str, ...]
    position: int
    forms: tuple[str, str]
    good: tuple[str, ...]
    bad: tuple[str, ...]

    def words(self) -> tuple[str, ...]:
        """Every word that a model must know."""
        return (*self.tokens, *self.forms, *self.good, *self.bad)

    def swapped(self) -> tuple[str, ...]:
        """The words with the other form of the source word."""
        (other,) = set(self.forms) - {self.tokens[self.position]}
        return (*self.tokens[: self.position], other, *self.tokens[self.position + 1 :])


class AbstractSource(abc.ABC):
    """Where examples of a concept come from."""

    @abc.abstractmethod
    def examples(self, vocabulary: Vocabulary, n: int, seed: int) -> tuple[Example, ...]:
        """Examples that the model knows every word of, frame after frame.

        Arguments:
            vocabulary: the model's words.
            n: how many per frame and condition, where there are as many.
            seed: of what is drawn.

        Raises:
            StudyError: the model does not know the words.
        """


@dataclass(frozen=True)
class Concept:
    """A concept.

    Arguments:
        name: what the tables call it.
        source: of its examples.
    """

    name: str
    source: AbstractSource


Pair = tuple[str, str]
# Pairs of source words that a concept needs at least.
_FEWEST = 4


@dataclass(frozen=True)
class Frames(AbstractSource):
    """Sentences from frames, in matched groups: a group has one sentence per condition.

    Arguments:
        values: the letters of the two values, as in "MF".
        pairs: the source word's two forms, in the order of the values.
        answers: the words asked about for each of the values, as many for one as for the other.
        frames: under the name of each kind of sentence, frames of one length, as in "The {} hurt";
            `{}` is the source word, and `{other}` another word from `others`, with a value of its
            own.
        others: pairs for `{other}`, with no word of `pairs` among them; by default those of `pairs`
            that a group does not use already.
    """

    values: str
    pairs: tuple[Pair, ...]
    answers: tuple[tuple[str, ...], tuple[str, ...]]
    frames: dict[str, tuple[str, ...]]
    others: tuple[Pair, ...] = field(default=())

    def examples(self, vocabulary: Vocabulary, n: int, seed: int) -> tuple[Example, ...]:
        """See `AbstractSource.examples`."""
        asked = (*self.answers[0], *self.answers[1])
        if missing := [word for word in asked if word not in vocabulary]:
            raise StudyError(
                f"the model does not know {', '.join(missing)}, which are asked about; ask a model "
                "with a larger vocabulary."
            )
        n_known = sum(set(pair) <= set(vocabulary.words) for pair in self.pairs)
        if n_known < _FEWEST:
            raise StudyError(
                f"the model knows both forms of {n_known} of {len(self.pairs)} source words, and "
                f"fewer than {_FEWEST} say little; ask a model with a larger vocabulary."
            )
        found: list[Example] = []
        for name, texts in self.frames.items():
            found += self._of_frame(name, texts, vocabulary, n, seed)
        if not found:
            raise StudyError(
                "the model knows too few words of every frame; ask one with a larger vocabulary."
            )
        return tuple(found)

    def _of_frame(
        self, name: str, texts: Sequence[str], vocabulary: Vocabulary, n: int, seed: int
    ) -> list[Example]:
        rng = np.random.default_rng(seed)
        known = shuffled([p for p in self.pairs if set(p) <= set(vocabulary.words)], rng)
        others = [p for p in self.others if set(p) <= set(vocabulary.words)]
        written = [t for t in texts if all(w in vocabulary for w in _fixed(t))]
        two = "{other}" in texts[0]
        if two and not self.others:
            half = len(known) // 2
            known, others = known[:half], list(known[half:])
        lists = [known, shuffled(written, rng), *([shuffled(others, rng)] if two else [])]
        sizes = [len(entries) for entries in lists]
        if not all(sizes):
            return []
        conditions = ["".join(v) for v in itertools.product(self.values, repeat=1 + two)]
        found = []
        for group in range(min(n, int(np.prod(sizes)))):
            pair, text, *other = [
                entries[i] for entries, i in zip(lists, combination(group, sizes), strict=True)
            ]
            found += [self._example(name, c, pair, text, other) for c in conditions]
        return found

    def _example(
        self, name: str, condition: str, pair: Pair, text: str, other: Sequence[Pair]
    ) -> Example:
        value, *rest = [self.values.index(letter) for letter in condition]
        tokens = text.split()
        position = tokens.index("{}")
        tokens[position] = pair[value]
        for forms, at in zip(other, rest, strict=True):
            tokens[tokens.index("{other}")] = forms[at]
        return Example(
            name,
            condition,
            tuple(tokens),
            position,
            pair,
            self.answers[value],
            self.answers[1 - value],
        )


def _fixed(text: str) -> list[str]:
    return [word for word in text.split() if not word.startswith("{")]
