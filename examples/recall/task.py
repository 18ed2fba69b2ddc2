"""Sequences of values of which one is marked and must be said at the end.

    3  7  5*  1  5  0  2  6   ->  5

Where the marked value stands, is drawn, and so are all the values, so that nothing but the mark
tells which one is meant. The delay is the number of values after it, all of them distractors.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

N_VALUES = 8
LENGTH = 20


class Sequences(NamedTuple):
    """Sequences with what is asked of them.

    Arguments:
        inputs: for each step its value, one-hot, and last whether it is marked.
        at: where the marked value stands.
        answers: the marked values.
    """

    inputs: Float[np.ndarray, "sequences steps entries"]
    at: Int[np.ndarray, " sequences"]
    answers: Int[np.ndarray, " sequences"]


def sequences(
    n: int, rng: np.random.Generator, *, length: int = LENGTH, delay: int | None = None
) -> Sequences:
    """Draws `n` sequences, with any delay that their length allows or with the one given."""
    values = rng.integers(0, N_VALUES, (n, length))
    at = rng.integers(0, length, n) if delay is None else np.full(n, length - 1 - delay)
    rows = np.arange(n)
    marked = np.zeros((n, length, 1))
    marked[rows, at] = 1
    inputs = np.concatenate([np.eye(N_VALUES)[values], marked], axis=-1)
    return Sequences(inputs.astype(np.float32), at, values[rows, at].astype(np.int32))


def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """So many sequences and answers."""
    drawn = sequences(n, rng)
    return drawn.inputs, drawn.answers


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sequences and answers without end."""
    rng = np.random.default_rng(seed)
    while True:
        yield fresh(size, rng)
