"""A number with its confidence interval."""

from typing import NamedTuple


class Interval(NamedTuple):
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float
