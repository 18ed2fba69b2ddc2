"""Arguments that several figures take."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow._whole_number import whole_number


def number_drawn(name: str, value: Any) -> int:
    """A number of things to draw.

    Raises:
        ArgumentError: it is no whole number over 0.
    """
    number = whole_number(value)
    if number is None or number < 1:
        raise ArgumentError(f"{name} must be at least 1, got {value!r}; give a whole number.")
    return number


def check_names(name: str, given: Mapping[Any, Any]) -> None:
    """Refuses a mapping with keys that are no texts.

    Raises:
        ArgumentError: it is no mapping, or a key is no text.
    """
    if not isinstance(given, Mapping):
        raise ArgumentError(f"{name} takes a mapping from names, got {type(given).__name__}.")
    for key in given:
        if not isinstance(key, str):
            raise ArgumentError(
                f"{name} has the name {key!r}, which is {type(key).__name__}; names are texts, "
                f"such as {str(key)!r}."
            )


def check_texts(name: str, given: Sequence[Any]) -> list[str]:
    """A list of texts.

    Raises:
        ArgumentError: it is none.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ArgumentError(f"{name} takes a list of texts, got {given!r}.")
    for text in given:
        if not isinstance(text, str):
            raise ArgumentError(f"{name} holds {text!r}, which is no text; write {str(text)!r}.")
    return list(given)


def finite_numbers(name: str, given: Mapping[Any, Any]) -> dict[str, float]:
    """Numbers by name.

    Raises:
        ArgumentError: a name is no text, or a value no finite number.
    """
    check_names(name, given)
    for key, value in given.items():
        real = isinstance(value, int | float | np.number) and not np.iscomplexobj(value)
        if not real or not math.isfinite(value):
            raise ArgumentError(f"{name}[{key!r}]={value!r} is no finite number.")
    return {key: float(value) for key, value in given.items()}
