"""The words of a language model, in the order of its logits."""

import collections
import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Int, Integer

from pathflow._errors import ArgumentError, CheckpointError


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The words of a model; a word's place is its number.

    Arguments:
        words: the words in order, without repeats.
        unknown: the word that stands for every other word.
        end: the word that ends a sentence.

    Raises:
        ArgumentError: a word occurs twice, or `unknown` or `end` is not among the words.
    """

    words: tuple[str, ...]
    unknown: str = "<unk>"
    end: str = "<eos>"

    def __post_init__(self):
        if len(self.index) != len(self.words):
            counts = collections.Counter(self.words)
            twice = sorted(word for word, count in counts.items() if count > 1)[:5]
            raise ArgumentError(f"Vocabulary(words=...): {', '.join(twice)} occur(s) twice.")
        for name in ("unknown", "end"):
            if getattr(self, name) not in self.index:
                raise ArgumentError(
                    f"Vocabulary({name}={getattr(self, name)!r}) is not among the words; add it "
                    "to words."
                )

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    @functools.cached_property
    def index(self) -> Mapping[str, int]:
        """The number of every word."""
        return MappingProxyType({word: i for i, word in enumerate(self.words)})

    def encode(self, words: Iterable[str]) -> Int[np.ndarray, " words"]:
        """Word numbers; words that are not in the vocabulary become `unknown`."""
        unknown = self.index[self.unknown]
        return np.array([self.index.get(word, unknown) for word in words], np.int32)

    def decode(self, numbers: Sequence[int] | Integer[np.ndarray, " words"]) -> list[str]:
        """The words of the numbers."""
        return [self.words[int(number)] for number in numbers]

    @functools.cached_property
    def sha256(self) -> str:
        """Identifies the word list and its order."""
        text = json.dumps([self.words, self.unknown, self.end], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_vocabulary(path: Path | str, *, unknown: str = "<unk>", end: str = "<eos>") -> Vocabulary:
    """Reads a file of words, one per line, in the order of a model's numbers.

    Arguments:
        path: a UTF-8 text file.
        unknown: the word that stands for every other word.
        end: the word that ends a sentence.

    Raises:
        CheckpointError: the file is missing or no UTF-8 text, or a line is empty, has a blank in
            it, or has the word of an earlier line; the message names file and line.
        ArgumentError: `unknown` or `end` is not among the words.
    """
    try:
        # Other line ends than this one may be a word, or a part of one.
        text = Path(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"The vocabulary {path} cannot be read ({error}).") from error
    words = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    lines: dict[str, int] = {}
    for line, word in enumerate(words, 1):
        if word.split() != [word]:
            raise CheckpointError(f"{path}:{line}: a line holds one word, and not {word[:60]!r}.")
        if lines.setdefault(word, line) != line:
            raise CheckpointError(
                f"{path}:{line}: {word[:60]!r} is the word of line {lines[word]} already."
            )
    return Vocabulary(tuple(words), unknown, end)
