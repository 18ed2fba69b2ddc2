"""Text as numbers, cut into the batches of truncated back-propagation."""

import abc
import dataclasses
import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from pathflow._errors import ArgumentError, ShapeError


class AbstractCorpus(abc.ABC):
    """An endless text in rounds; a round is a long sequence of word numbers.

    A subclass also has `end`, the number of the word that ends a sentence.
    """

    end: int

    @abc.abstractmethod
    def round(self, index: int) -> Integer[np.ndarray, " words"]:
        """The words of a round, the same on every call with the same index."""


@dataclasses.dataclass(frozen=True, eq=False)
class SentenceCorpus(AbstractCorpus):
    """Sentences in an order that is drawn anew in every round.

    Arguments:
        words: all sentences one after the other, each closed by `end`.
        end: the number of the word that ends a sentence.
        repeats: how often each sentence occurs in a round; once where it is None.
        seed: of the order.

    Raises:
        ShapeError: `words` does not end with `end`, or `repeats` has not one entry per sentence.
    """

    words: Integer[np.ndarray, " words"]
    end: int
    repeats: Integer[np.ndarray, " sentences"] | None = None
    seed: int = 0

    def __post_init__(self):
        if not len(self.words) or self.words[-1] != self.end:
            raise ShapeError(
                f"SentenceCorpus(words=...) must close every sentence with end={self.end}, the "
                "last one too."
            )
        if self.repeats is not None and self.repeats.shape != self.starts.shape:
            raise ShapeError(
                f"SentenceCorpus(repeats=...) takes one number per sentence, {self.starts.shape}, "
                f"got shape {self.repeats.shape}."
            )

    @functools.cached_property
    def starts(self) -> Int[np.ndarray, " sentences"]:
        """Where each sentence begins in `words`."""
        return np.concatenate([[0], np.flatnonzero(self.words == self.end)[:-1] + 1])

    def round(self, index: int) -> Integer[np.ndarray, " words"]:
        """All sentences, each as often as `repeats` says, shuffled."""
        sentences = np.arange(len(self.starts))
        if self.repeats is not None:
            sentences = np.repeat(sentences, self.repeats)
        order = np.random.default_rng([self.seed, index]).permutation(sentences)
        lengths = np.diff(self.starts, append=len(self.words))[order]
        before = np.cumsum(lengths) - lengths
        # Word j of the round is word j - before[s] of its sentence s.
        shift = np.repeat(self.starts[order] - before, lengths)
        return self.words[shift + np.arange(len(shift))]


class Batch(NamedTuple):
    """`steps` words of `batch` rows, the words after them, and where the state is kept."""

    inputs: Int[np.ndarray, "steps batch"]
    targets: Int[np.ndarray, "steps batch"]
    keep: Float[np.ndarray, "steps batch"]


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a training stands in its corpus: the next batch to take."""

    round: int = 0
    batch: int = 0


def batches(
    corpus: AbstractCorpus,
    batch_size: int,
    n_steps: int,
    start: Position,
    *,
    reset_at_end: bool = True,
) -> Iterator[tuple[Batch, Position]]:
    """Yields batches forever, each with the position after it.

    A round is cut into `batch_size` rows of equal length, which are read side by side, `n_steps`
    words at a time: a row's state goes on from batch to batch. The few words at the end of a round
    that fill no batch are dropped.

    Arguments:
        corpus: the text.
        batch_size: number of rows.
        n_steps: words per row and batch.
        start: the position to begin at.
        reset_at_end: whether the state starts from zeros after a sentence's end; otherwise only at
            the beginning of a round.

    Raises:
        ArgumentError: a round is too short for one batch, or `start` is beyond its round.
    """
    position = start
    while True:
        rows = _rows(corpus.round(position.round), batch_size, n_steps)
        count = (rows.shape[0] - 1) // n_steps
        if position.batch >= count:
            raise ArgumentError(
                f"Round {position.round} has {count} batches, and {position} is none of them; go "
                "on with the corpus, batch_size and n_steps that the position is of."
            )
        for k in range(position.batch, count):
            first = k * n_steps
            window = rows[first : first + n_steps + 1].astype(np.int32)
            keep = np.ones((n_steps, batch_size), np.float32)
            if reset_at_end:
                keep[1:] = window[:-2] != corpus.end
                keep[0] = rows[first - 1] != corpus.end
            if k == 0:
                keep[0] = 0
            last = k + 1 == count
            position = Position(position.round + 1) if last else Position(position.round, k + 1)
            yield Batch(window[:-1], window[1:], keep), position


def _rows(words: np.ndarray, batch_size: int, n_steps: int) -> np.ndarray:
    length = (len(words) - 1) // batch_size // n_steps * n_steps
    if not length:
        raise ArgumentError(
            f"A round of {len(words)} words is too short for batch_size={batch_size} rows of "
            f"n_steps={n_steps} words; use smaller ones or a longer text."
        )
    # Every row holds one word more, the target of its last one.
    return np.stack([words[b * length : (b + 1) * length + 1] for b in range(batch_size)], axis=1)
