"""Quadrature rules on the unit interval, as points and weights that sum to one."""

import abc
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError
from pathflow._whole_number import whole_number

Rule = tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]


def at_least(argument: str, value: int, least: int, reason: str) -> int:
    """The value as a Python integer, if it is an integer of at least `least`.

    Raises:
        ArgumentError: it is no integer, or smaller.
    """
    number = whole_number(value)
    if number is None:
        raise ArgumentError(
            f"{argument}={value!r} is no integer; {reason}, so give an int of at least {least}."
        )
    if number < least:
        raise ArgumentError(f"{argument}={number} is too small; {reason}, so give {least} or more.")
    return number


class AbstractRule(abc.ABC):
    """A quadrature rule: approximates the mean of a function over [0, 1] by a weighted sum."""

    @abc.abstractmethod
    def nodes_and_weights(self, n: int) -> Rule:
        """The rule with `n` steps.

        Arguments:
            n: the number of steps, at least 1 (a rule may need more).

        Returns:
            Points in [0, 1], ascending, and their weights, which sum to 1; both float64, shape
            `(n,)` unless the rule says otherwise.

        Raises:
            ArgumentError: `n` is no integer, or too small for the rule.
        """


@final
@dataclass(frozen=True)
class RightRiemann(AbstractRule):
    """Points `k / n`, k = 1 .. n, with equal weights: the sum that the influence-path paper uses.

    Exact for constants only; its error falls like 1 / n.
    """

    def nodes_and_weights(self, n: int) -> Rule:
        n = at_least("n", n, 1, "a right Riemann sum has at least one step")
        return np.arange(1, n + 1) / n, np.full(n, 1 / n)


@final
@dataclass(frozen=True)
class Midpoint(AbstractRule):
    """Points `(k - 1/2) / n`, k = 1 .. n, with equal weights. Exact for polynomials of degree 1."""

    def nodes_and_weights(self, n: int) -> Rule:
        n = at_least("n", n, 1, "a midpoint sum has at least one step")
        return (np.arange(n) + 0.5) / n, np.full(n, 1 / n)


@final
@dataclass(frozen=True)
class Trapezoid(AbstractRule):
    """`n` equidistant points with both ends, which weigh half. Exact to polynomial degree 1."""

    def nodes_and_weights(self, n: int) -> Rule:
        n = at_least("n", n, 2, "a trapezoid sum has both ends among its points")
        weights = np.full(n, 1 / (n - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n), weights


@final
@dataclass(frozen=True)
class GaussLegendre(AbstractRule):
    """The Gauss-Legendre rule, exact for polynomials of degree 2n - 1.

    No point lies on an end of the interval. For a smooth function its error falls exponentially.
    """

    def nodes_and_weights(self, n: int) -> Rule:
        n = at_least("n", n, 1, "a Gauss rule has at least one point")
        points, weights = np.polynomial.legendre.leggauss(n)
        return (points + 1) / 2, weights / weights.sum()
