"""A Gauss rule for the measure that another rule's points make."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float64

from ._rules import AbstractRule, RightRiemann, Rule, at_least


@final
@dataclass(frozen=True)
class DiscreteGauss(AbstractRule):
    """Few points that stand for another rule's many.

    A rule with `n` points is itself a measure on [0, 1]. Its Gauss rule with m points has the same
    moments up to degree 2m - 1, so it gives the same sums of every polynomial up to that degree,
    and nearly the same of a smooth function, at m / n of the cost.

    It is an approximation *of the other rule*, errors included, and no better than smoothness along
    the line allows: compare a few paths with the other rule before relying on it.

    Arguments:
        n_nodes: how many points to keep. With `n_nodes >= n` the other rule is returned as it is.
        of: the rule whose `n`-point measure is compressed.

    Raises:
        ArgumentError: `n_nodes` is no integer of at least 1.

    Source: Golub and Welsch, "Calculation of Gauss quadrature rules" (1969), for the eigenvalue
    problem; the Jacobi matrix is found by the Lanczos process on the points.
    """

    n_nodes: int
    of: AbstractRule = field(default_factory=RightRiemann)

    def __post_init__(self) -> None:
        n_nodes = at_least("n_nodes", self.n_nodes, 1, "a Gauss rule has at least one point")
        object.__setattr__(self, "n_nodes", n_nodes)

    def nodes_and_weights(self, n: int) -> Rule:
        """The other rule's `n` steps in `n_nodes` points, or in fewer if it has fewer."""
        points, weights = self.of.nodes_and_weights(n)
        if self.n_nodes >= len(points):
            return points, weights
        jacobi = _jacobi_matrix(points, weights, self.n_nodes)
        kept, vectors = np.linalg.eigh(jacobi)
        squares = vectors[0] ** 2
        return kept, squares / squares.sum()


def _jacobi_matrix(
    points: Float64[np.ndarray, " n"], weights: Float64[np.ndarray, " n"], m: int
) -> Float64[np.ndarray, "m m"]:
    """The recurrence coefficients of the first `m` orthogonal polynomials, as a tridiagonal matrix.

    The Lanczos process on `diag(points)`, started at `sqrt(weights)`, makes the orthonormal
    polynomials' values its basis.
    """
    basis = np.zeros((m, len(points)))
    basis[0] = np.sqrt(weights)
    jacobi = np.zeros((m, m))
    for k in range(m):
        residual = points * basis[k]
        jacobi[k, k] = residual @ basis[k]
        if k + 1 == m:
            break
        # Twice, because on equidistant points the three-term recurrence alone loses orthogonality
        # once k passes about 2 sqrt(n).
        for _ in range(2):
            residual -= basis[: k + 1].T @ (basis[: k + 1] @ residual)
        norm = np.linalg.norm(residual)
        basis[k + 1] = residual / norm
        jacobi[k, k + 1] = jacobi[k + 1, k] = norm
    return jacobi
