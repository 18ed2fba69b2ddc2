"""Number agreement as a concept: the study's own sentences and the published reflexives."""

import enum
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.lstm_agreement.concepts.concept import AbstractSource, Example
from examples.lstm_agreement.sentences.encoding import known_sentences
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.marvin_linzen import PairFile, read_pairs
from examples.lstm_agreement.sentences.tasks import Number, Sentence, Task, generate
from pathflow.models import Vocabulary


class Asked(enum.Enum):
    """Which verbs' scores are compared."""

    ONE_VERB = "one verb"
    ALL_VERBS = "all verbs"


@dataclass(frozen=True)
class Agreement(AbstractSource):
    """The sentences of the study's tasks.

    Arguments:
        tasks: the tasks, a frame each.
        asked: the paper's quantity, both forms of one verb, or all verbs of the task in one number
            against all in the other.
    """

    tasks: tuple[Task, ...]
    asked: Asked = Asked.ONE_VERB

    def examples(self, vocabulary: Vocabulary, n: int, seed: int) -> tuple[Example, ...]:
        """See `AbstractSource.examples`."""
        verbs = ENGLISH.within(vocabulary).verbs
        found = []
        for task in self.tasks:
            for sentence in generate(task, n, seed=seed, vocabulary=vocabulary):
                good, bad = (sentence.correct,), (sentence.wrong,)
                if self.asked is Asked.ALL_VERBS:
                    number = sentence.subject.number
                    other = Number.PLURAL if number is Number.SINGULAR else Number.SINGULAR
                    good, bad = [tuple(k.form_of(v) for v in verbs) for k in (number, other)]
                found.append(_example(sentence, good, bad))
        return tuple(found)


@dataclass(frozen=True)
class PublishedPairs(AbstractSource):
    """The sentences of a file of minimal pairs (Marvin and Linzen 2018).

    They differ in length: those of the most frequent length are taken.

    Arguments:
        folder: where the files are.
        file: which one.
    """

    folder: Path
    file: PairFile

    def examples(self, vocabulary: Vocabulary, n: int, seed: int) -> tuple[Example, ...]:
        """See `AbstractSource.examples`."""
        known = known_sentences(read_pairs(self.file, self.folder), vocabulary)
        lengths = [len(s.tokens) for s in known]
        usual = max(set(lengths), key=lengths.count)
        order = np.random.default_rng(seed).permutation(len(known))
        mixed = [known[i] for i in order if lengths[i] == usual]
        chosen = [
            [s for s in mixed if s.condition == condition][:n]
            for condition in dict.fromkeys(s.condition for s in known)
        ]
        return tuple(_example(s, (s.correct,), (s.wrong,)) for some in chosen for s in some)


def _example(sentence: Sentence, good: tuple[str, ...], bad: tuple[str, ...]) -> Example:
    forms = sentence.subject.forms
    return Example(
        sentence.task,
        sentence.condition,
        sentence.tokens,
        sentence.subject.position,
        (forms.singular, forms.plural),
        good,
        bad,
    )
