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

from pathflow._errors import ArgumentError, CheckpointError, UnknownWordError, told
from pathflow._near import close_matches
from pathflow._whole_number import whole_number
from pathflow.storage import MOST_BYTES, parsed, path_of, plain_bytes

_SHOWN = 60


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The words of a model; a word's place is its number.

    Arguments:
        words: the words in order, without repeats.
        unknown: the word that stands for every other word.
        end: the word that ends a sentence.

    Raises:
        ArgumentError: a word is no text that a file can hold, or occurs twice, or `unknown` or
            `end` is not among the words.
    """

    words: tuple[str, ...]
    unknown: str = "<unk>"
    end: str = "<eos>"

    def __post_init__(self):
        for word in self.words:
            if not isinstance(word, str) or not _is_text(word):
                raise ArgumentError(
                    f"Vocabulary(words=...) holds {word!r:.60}, and a word is a text without "
                    "halves of surrogate pairs."
                )
        if len(self.index) != len(self.words):
            counts = collections.Counter(self.words)
            twice = sorted(word for word, count in counts.items() if count > 1)[:5]
            shown = ", ".join(word[:_SHOWN] for word in twice)
            raise ArgumentError(f"Vocabulary(words=...): {shown} occur(s) twice.")
        for name in ("unknown", "end"):
            special = getattr(self, name)
            if not isinstance(special, str) or special not in self.index:
                raise ArgumentError(
                    f"Vocabulary({name}={special!r:.60}) is not among the words; add it to words."
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

    def encode(self, words: Iterable[str], *, strict: bool = False) -> Int[np.ndarray, " words"]:
        """Word numbers.

        Arguments:
            words: the words of one sentence, as in `"the keys".split()`.
            strict: refuses words that are not in the vocabulary, which otherwise become `unknown`.

        Raises:
            UnknownWordError: `strict`, and a word is not in the vocabulary.
            ArgumentError: a text came in the place of its words, or what is no text among them.
        """
        if isinstance(words, str):
            raise ArgumentError(
                f"encode(words={words!r:.60}) takes the words of a sentence, and a text would be "
                "taken apart into its characters; split it, as in words.split()."
            )
        words = list(words)
        for word in words:
            if not isinstance(word, str):
                raise ArgumentError(
                    f"encode(words=...) holds {word!r:.60}, which is no text; give words, or leave "
                    "numbers as they are."
                )
        for word in words if strict else ():
            if word not in self.index:
                raise UnknownWordError(self._unknown_text(word), word)
        unknown = self.index[self.unknown]
        return np.array([self.index.get(word, unknown) for word in words], np.int32)

    def _unknown_text(self, word: str) -> str:
        pieces = word.split()
        if len(pieces) > 1 and all(piece in self.index for piece in pieces):
            return f"{word!r:.60} is {len(pieces)} words of the vocabulary; give each by itself."
        hint = close_matches(word, self.words) or "none is like it"
        return (
            f"{word!r:.60} is none of the {len(self)} words of the vocabulary ({hint}). Choose "
            f"another word, or let it become {self.unknown!r:.60} by encode(..., strict=False)."
        )

    def decode(self, numbers: Sequence[int] | Integer[np.ndarray, " words"]) -> list[str]:
        """The words of the numbers.

        Raises:
            UnknownWordError: a number is none of a word's.
            ArgumentError: what came is no list of whole numbers.
        """
        if isinstance(numbers, str) or not np.iterable(numbers):
            raise ArgumentError(
                f"decode(numbers={numbers!r:.60}) takes a list of whole numbers, as encode returns."
            )
        # An array of JAX's gives its numbers one by one, slowly.
        listed = list(numbers if isinstance(numbers, Sequence) else np.asarray(numbers).tolist())
        found = [whole_number(n) for n in listed]
        for number, given in zip(found, listed, strict=True):
            if number is None:
                raise ArgumentError(
                    f"decode(numbers=...) holds {given!r:.60}, which is no whole number; give "
                    "numbers as encode returns them."
                )
            if not 0 <= number < len(self):
                raise UnknownWordError(
                    f"{number} is the number of no word: the vocabulary has {len(self)}, from "
                    "0 on. It is another model's; use the one that the numbers were made with.",
                    number,
                )
        return [self.words[number] for number in found if number is not None]

    @functools.cached_property
    def sha256(self) -> str:
        """Identifies the word list and its order."""
        text = json.dumps([self.words, self.unknown, self.end], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\ud800" <= character <= "\udfff" for character in word)


def vocabulary_text(vocabulary: Vocabulary) -> str:
    """The words as JSON."""
    return json.dumps(dataclasses.asdict(vocabulary), ensure_ascii=False)


def vocabulary_of(text: str) -> Vocabulary:
    """The words that `vocabulary_text` wrote.

    Raises:
        ArgumentError, KeyError, TypeError, ValueError: the text is none of that.
    """
    found = parsed(text)
    if not isinstance(found["words"], list):
        raise ArgumentError("its words are no list")
    return Vocabulary(tuple(found["words"]), found["unknown"], found["end"])


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
        text = plain_bytes(path_of(path, "path"), MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The vocabulary {path} cannot be read ({told(error)}).") from error
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
