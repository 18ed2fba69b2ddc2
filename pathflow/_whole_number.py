"""Whole numbers, whoever's they are."""

import operator
from typing import Any


def whole_number(value: Any) -> int | None:
    """A whole number of Python's or NumPy's as Python's; None for all else, truth values too."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
