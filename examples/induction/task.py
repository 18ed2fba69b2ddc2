"""Prompts that repeat one word: what follows is what followed it before.

`7 2 9 4 1 2 -> 9`: all words of a prompt but its last are different, and the last is one of them.
Which words, and where the first of the two stands, are drawn; nothing but the prompt tells the
answer.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

N_WORDS = 24
LENGTH = 10


class Prompts(NamedTuple):
    """Prompts with their answers.

    Arguments:
        tokens: word numbers.
        at: where the last word stands for the first time; its answer is one further on.
        answers: the words that follow.
    """

    tokens: Int[np.ndarray, "prompts length"]
    at: Int[np.ndarray, " prompts"]
    answers: Int[np.ndarray, " prompts"]


def prompts(n: int, rng: np.random.Generator) -> Prompts:
    """Draws `n` prompts."""
    words = rng.permuted(np.tile(np.arange(N_WORDS, dtype=np.int32), (n, 1)), axis=1)
    tokens = words[:, :LENGTH]
    # Not the last of the different words, which nothing but the repeated one follows.
    at = rng.integers(0, LENGTH - 2, size=n)
    rows = np.arange(n)
    tokens[:, -1] = tokens[rows, at]
    return Prompts(tokens, at, tokens[rows, at + 1])


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prompts and answers without end, none drawn twice but by chance."""
    rng = np.random.default_rng(seed)
    while True:
        drawn = prompts(size, rng)
        yield drawn.tokens, drawn.answers
