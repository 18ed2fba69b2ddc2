"""Handwritten digits of eight by eight pixels, from scikit-learn (Alpaydin and Kaynak 1998)."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits

from pathflow.models import shuffled

SIDE = 8
N_HELD_OUT = 597


class Digits(NamedTuple):
    """Images with what they show.

    Arguments:
        images: grey values from 0 (nothing) to 1.
        labels: the digits.
    """

    images: Float[np.ndarray, "digits height width 1"]
    labels: Int[np.ndarray, " digits"]

    def of(self, *wanted: int) -> "Digits":
        """Those that show one of some digits."""
        chosen = np.isin(self.labels, wanted)
        return Digits(self.images[chosen], self.labels[chosen])


class Split(NamedTuple):
    """What a model may learn from, and what it is asked about."""

    training: Digits
    held_out: Digits


@cache
def digits() -> Split:
    """All 1797 digits, a third of them, drawn once and for all, held out."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    whole = Digits(
        (images[order] / 16).reshape(-1, SIDE, SIDE, 1).astype(np.float32),
        labels[order].astype(np.int32),
    )
    held_out, training = (
        Digits(*(field[part] for field in whole))
        for part in (slice(N_HELD_OUT), slice(N_HELD_OUT, None))
    )
    return Split(training, held_out)


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and labels to learn from, without end."""
    return shuffled(tuple(digits().training), size, seed=seed)


def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """So many of the digits that are held out, or all of them where these are fewer."""
    images, labels = digits().held_out
    chosen = rng.permutation(len(labels))[:n]
    return images[chosen], labels[chosen]
