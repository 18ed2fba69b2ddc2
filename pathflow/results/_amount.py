"""Numbers as results hand them out: one for one example, or one per example of a batch."""

from typing import Any

import numpy as np
from jaxtyping import Float

from pathflow._errors import ArgumentError

# A number for one example, or one number per example.
Amount = float | Float[np.ndarray, " B"]


def amount(value: Any) -> Amount:
    """A Python float where there is no axis of examples."""
    return float(value) if np.ndim(value) == 0 else value


def batch_size(n_examples: int | None) -> int:
    """The number of examples.

    Raises:
        ArgumentError: there is no axis of examples.
    """
    if n_examples is None:
        raise ArgumentError("this result has no axis of examples; it is one example already.")
    return n_examples


def check_example(i: int, n_examples: int | None) -> None:
    """Refuses an example that is not there.

    Raises:
        ArgumentError: there is no axis of examples, or no such example.
    """
    size = batch_size(n_examples)
    if not 0 <= i < size:
        raise ArgumentError(f"i={i} is outside 0 .. {size - 1}, the examples.")
