"""Points on two rings, and a feature beside them that says which ring, but only mostly.

The label is the ring: 0 is the inner one, 1 the outer one. The radius tells it, with some noise. In
training a third feature, the shortcut, says the same on 97 of 100 points; where the shortcut is
broken, it says anything.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

N_FEATURES = 3
SHORTCUT = 2
AGREES = 0.97
_RADII, _NOISE = (0.8, 1.6), 0.3


class Points(NamedTuple):
    """Points with their labels.

    Arguments:
        inputs: two coordinates and the shortcut, -1 or 1.
        labels: 0 or 1.
    """

    inputs: Float[np.ndarray, "points features"]
    labels: Int[np.ndarray, " points"]


def points(n: int, rng: np.random.Generator, *, agrees: float = AGREES) -> Points:
    """Draws `n` points whose shortcut says the label with probability `agrees`; 0.5 is broken."""
    labels = rng.integers(0, 2, n)
    radius = np.take(_RADII, labels) + _NOISE * rng.normal(size=n)
    angle = rng.uniform(0, 2 * np.pi, n)
    right = rng.random(n) < agrees
    shortcut = np.where(right, labels, 1 - labels) * 2 - 1
    inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle), shortcut], axis=1)
    return Points(inputs.astype(np.float32), labels.astype(np.int32))


def fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """So many points and labels, as in training."""
    return tuple(points(n, rng))


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points and labels without end."""
    rng = np.random.default_rng(seed)
    while True:
        yield fresh(size, rng)


def neutral(of: Points) -> Float[np.ndarray, "points features"]:
    """The same directions on the middle between the rings, with a shortcut that says nothing."""
    found = of.inputs.copy()
    coordinates = found[:, :SHORTCUT]
    coordinates *= np.mean(_RADII) / np.linalg.norm(coordinates, axis=1, keepdims=True)
    found[:, SHORTCUT] = 0
    return found
