"""Numbers as results hand them out: one for one example, or one per example of a batch."""

from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from pathflow._described import described
from pathflow._errors import ArgumentError, NonFiniteError
from pathflow._whole_number import whole_number

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
    size, number = batch_size(n_examples), whole_number(i)
    if number is None:
        raise ArgumentError(
            f"i={described(i)} is no whole number; give one of 0 .. {size - 1}, the examples."
        )
    if not 0 <= number < size:
        raise ArgumentError(f"i={number} is outside 0 .. {size - 1}, the examples.")


def means_of(influences: Any) -> Float64[np.ndarray, " _"]:
    """The mean of every column over the examples of a batch; a single row as it is."""
    rows = np.atleast_2d(np.asarray(influences))
    return np.asarray(rows.mean(axis=0, dtype=np.float64))


def finite_means(name: str, influences: Any) -> Float64[np.ndarray, " _"]:
    """The same of finite numbers.

    Raises:
        NonFiniteError: one is NaN or infinite.
    """
    check_finite(name, influences)
    return means_of(influences)


def check_finite(name: str, values: Any, why: str = "nothing that holds them adds up") -> None:
    """Refuses numbers that sums do not survive.

    Arguments:
        name: what they are.
        values: the numbers.
        why: what is impossible with them.

    Raises:
        NonFiniteError: one is NaN or infinite.
    """
    bad = int(np.size(values) - np.isfinite(values).sum())
    if bad:
        raise NonFiniteError(
            f"{bad} of {np.size(values)} {name} are NaN or infinite, and {why}; complete the "
            "result, or take examples without them by `example(i)`."
        )
