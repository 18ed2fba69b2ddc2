"""Estimates from weighted draws, with confidence intervals."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError

from ._interval import Interval

PerDraw = Float64[np.ndarray, " n"]


def quantile(level: float) -> float:
    """How many standard errors an interval reaches to both sides.

    Raises:
        ArgumentError: the level is no probability.
    """
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise ArgumentError(f"level={level} is no probability between 0 and 1, such as 0.95.")
    return NormalDist().inv_cdf((1 + level) / 2)


def around(mean: float, error: float, level: float) -> Interval:
    """A mean, and as many standard errors to both sides as the level asks for."""
    half = quantile(level) * error
    return Interval(mean, mean - half, mean + half)


def clipped(interval: Interval, low: float, high: float) -> Interval:
    """An interval within what is possible."""
    return Interval(*(min(max(end, low), high) for end in interval))


def norm(parts: PerDraw) -> float:
    """A standard error, from each draw's part in the error."""
    return float(np.sqrt(np.square(parts).sum()))


def fraction(values: PerDraw, weights: PerDraw, level: float) -> Interval:
    """The mean of a number between 0 and 1, from draws with weights.

    The weights are normed by their sum. The interval is Agresti and Coull's: that of the draws and
    of `z^2 / 2` more with the value 0 and as many with 1. So it has a width where all draws agree,
    and without any draw it is all from 0 to 1. Draws with weights count as their effective number,
    `(sum w)^2 / sum w^2`, which makes the added ones heavier.

    Arguments:
        values: one for each draw.
        weights: over 0.
        level: the probability that the interval is made to cover.

    Source: A. Agresti and B. Coull, "Approximate Is Better than Exact for Interval Estimation of
        Binomial Proportions" (1998); for the weights A. Owen, "Monte Carlo Theory, Methods and
        Examples" (2013), sections 9.2 and 9.3.
    """
    z = quantile(level)
    whole = float(weights.sum())
    added = z * z / 2 * (float(np.square(weights).sum()) / whole if whole else 1.0)
    sum_of_values = float((weights * values).sum())
    middle = (sum_of_values + added) / (whole + 2 * added)
    squares = float(np.square(weights * (values - middle)).sum())
    # An added weight of m / (z^2 / 2) for each of z^2 / 2 draws.
    squares += added * added / (z * z / 2) * (middle**2 + (1 - middle) ** 2)
    half = z * math.sqrt(squares) / (whole + 2 * added)
    mean = sum_of_values / whole if whole else middle
    return Interval(mean, max(0.0, middle - half), min(1.0, middle + half))
