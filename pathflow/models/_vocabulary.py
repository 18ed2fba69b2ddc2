"""The words of a language model, in the order of its logits."""

import collections
import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Int, Integer

from pathflow._errors import ArgumentError


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
