"""The text that the real-text model is trained on: sentences of English Wikipedia.

The data are read from a folder that is no part of the project:

    wiki_lm_corpus/train_na_rich.txt.xz      sentences that hold a word of the agreement tasks
    wiki_lm_corpus/train_background.txt.xz   other sentences
    wiki_lm_corpus/valid.txt.xz, test.txt.xz
    wiki_lm_corpus/full_ids/part*.u16.xz     a larger pool, as numbers of gulordava_vocab/vocab.txt
    lakretz_na_tasks/                        the tasks, whose words must be known
"""

import collections
import dataclasses
import lzma
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from examples.lstm_agreement.errors import StudyError
from pathflow.models import AbstractCorpus, SentenceCorpus, Vocabulary

UNKNOWN, END = "<unk>", "<eos>"
_TEXTS = "wiki_lm_corpus"
_POOL = "wiki_lm_corpus/full_ids"
_POOL_WORDS = "gulordava_vocab/vocab.txt"
_TASKS = "lakretz_na_tasks"

Words = Integer[np.ndarray, " words"]


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Encoded texts, each a sequence of sentences closed by `<eos>`."""

    vocabulary: Vocabulary
    rich: Words
    background: Words
    valid: Words
    test: Words

    @property
    def end(self) -> int:
        """The number of `<eos>`."""
        return self.vocabulary.index[END]

    def counts(self) -> Integer[np.ndarray, " vocab"]:
        """How often each word occurs in the two training texts."""
        size = len(self.vocabulary)
        return np.bincount(self.rich, minlength=size) + np.bincount(self.background, minlength=size)


def read_corpus(data: Path, size: int = 10_000) -> Corpus:
    """Reads the texts and chooses the words: all words of the tasks, and the most frequent ones.

    Raises:
        StudyError: a file is not there.
    """
    texts = {
        name: _read_text(data, f"{_TEXTS}/{name}.txt.xz").splitlines()
        for name in ("train_na_rich", "train_background", "valid", "test")
    }
    counts = collections.Counter()
    for name in ("train_na_rich", "train_background"):
        for line in texts[name]:
            counts.update(line.split())
    vocabulary = choose_words(counts, task_words(data), size)
    encoded = [encode(lines, vocabulary) for lines in texts.values()]
    return Corpus(vocabulary, *encoded)


def task_words(data: Path) -> frozenset[str]:
    """Every word of the published task sentences.

    Raises:
        StudyError: there is no task file.
    """
    words: set[str] = set()
    for path in task_files(data):
        for line in path.read_text(encoding="utf-8").splitlines():
            words.update(line.split("\t")[0].split())
    return frozenset(words)


def task_files(data: Path) -> tuple[Path, ...]:
    """The files of published task sentences, by name.

    Raises:
        StudyError: there is none.
    """
    files = sorted((data / _TASKS).glob("*.txt"))
    if not files:
        raise StudyError(
            f"{data / _TASKS} holds no task file (*.txt); pass the folder that holds {_TASKS} and "
            f"{_TEXTS}."
        )
    return tuple(files)


def verb_forms(path: Path) -> frozenset[str]:
    """The last words of a task file's sentences: both forms of its verbs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split("\t")[0].split()[-1] for line in lines if line.strip())


def choose_words(counts: Mapping[str, int], required: Collection[str], size: int) -> Vocabulary:
    """`<unk>`, `<eos>`, the required words and the most frequent others, by falling count.

    Raises:
        StudyError: the required words alone are more than `size`.
    """
    special = (UNKNOWN, END)
    by_count = sorted(counts, key=lambda word: (-counts[word], word))
    kept = set(required) - set(special)
    room = size - len(special) - len(kept)
    if room < 0:
        raise StudyError(f"size={size} words cannot hold the {len(kept)} required ones.")
    kept.update([w for w in by_count if w not in kept and w not in special][:room])
    ordered = sorted(kept, key=lambda word: (-counts.get(word, 0), word))
    return Vocabulary((*special, *ordered), UNKNOWN, END)


def encode(lines: Sequence[str], vocabulary: Vocabulary) -> Words:
    """The word numbers of sentences, each closed by `<eos>`; 16 bits each, to save memory."""
    words = vocabulary.encode(word for line in lines for word in (*line.split(), END))
    return words.astype(np.uint16)


def read_pool(data: Path, vocabulary: Vocabulary) -> Iterator[Words]:
    """Reads the parts of the larger pool in the numbers of `vocabulary`.

    Raises:
        StudyError: a file is not there.
    """
    words = _existing(data / _POOL_WORDS).read_text(encoding="utf-8").splitlines()
    numbers = vocabulary.encode(words).astype(np.uint16)
    for path in sorted(_existing(data / _POOL).glob("part*.u16.xz")):
        yield numbers[np.frombuffer(lzma.decompress(path.read_bytes()), "<u2")]


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Sentences of a mixture.

    Arguments:
        words: sentences closed by `<eos>`.
        repeats: how often each sentence occurs in a round.
        share: the fraction of the sentences that a round draws.
    """

    words: Words
    repeats: Integer[np.ndarray, " sentences"] | int = 1
    share: float = 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture(AbstractCorpus):
    """Several texts, some more often than others, shuffled anew in every round.

    Arguments:
        parts: the texts.
        end: the number of `<eos>`.
        seed: of the order.
    """

    parts: tuple[Part, ...]
    end: int
    seed: int = 0

    def round(self, index: int) -> Words:
        """The words of a round."""
        rng = np.random.default_rng([self.seed, index])
        repeats = []
        for part in self.parts:
            n_sentences = int(np.sum(part.words == self.end))
            drawn = rng.permutation(n_sentences) < round(part.share * n_sentences)
            repeats.append(drawn * part.repeats)
        words = np.concatenate([part.words for part in self.parts])
        shuffled = SentenceCorpus(words, self.end, np.concatenate(repeats), seed=self.seed)
        return shuffled.round(index)


def _read_text(data: Path, name: str) -> str:
    with lzma.open(_existing(data / name), "rt", encoding="utf-8") as file:
        return file.read()


def _existing(path: Path) -> Path:
    if not path.exists():
        raise StudyError(
            f"{path} is not there; the data folder must hold {_TEXTS}, {_TASKS} and {_POOL_WORDS}."
        )
    return path
