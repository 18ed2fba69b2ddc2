import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf

# Rule -> the degree to which `n` steps integrate polynomials exactly, and the fewest steps.
RULES = [
    (pf.RightRiemann(), lambda n: 0, 1),
    (pf.Midpoint(), lambda n: 1, 1),
    (pf.Trapezoid(), lambda n: 1, 2),
    (pf.GaussLegendre(), lambda n: 2 * n - 1, 1),
]


def moment(points, weights, degree: int) -> float:
    return math.fsum(w * a**degree for a, w in zip(points, weights, strict=True))


@given(st.sampled_from(RULES), st.integers(1, 60))
def test_weights_points_and_degree(case, n):
    rule, degree, least = case
    n = max(n, least)
    points, weights = rule.nodes_and_weights(n)
    assert points.shape == weights.shape == (n,)
    assert abs(math.fsum(weights) - 1) <= 1e-15
    assert (weights > 0).all()
    assert (np.diff(points) > 0).all()
    assert points[0] >= 0
    assert points[-1] <= 1
    for d in range(degree(n) + 1):
        assert moment(points, weights, d) == pytest.approx(1 / (d + 1), abs=4e-15)
    # One degree further it must fail, or the table above says too little.
    gap = abs(moment(points, weights, degree(n) + 1) - 1 / (degree(n) + 2))
    assert gap > 1e-13 or n > 8


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=8),
    st.sampled_from([(rule, degree(4)) for rule, degree, _ in RULES]),
)
def test_polynomials_against_numpy_integrals(coefficients, case):
    rule, degree = case
    polynomial = np.polynomial.Polynomial(coefficients[: degree + 1])
    exact = polynomial.integ()(1.0) - polynomial.integ()(0.0)
    points, weights = rule.nodes_and_weights(4)
    assert weights @ polynomial(points) == pytest.approx(exact, abs=1e-13)


def test_right_riemann_is_the_papers():
    points, weights = pf.RightRiemann().nodes_and_weights(4)
    assert points.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert weights.tolist() == [0.25] * 4


def test_trapezoid_has_both_ends():
    points, weights = pf.Trapezoid().nodes_and_weights(3)
    assert points.tolist() == [0.0, 0.5, 1.0]
    assert weights.tolist() == [0.25, 0.5, 0.25]


@given(
    st.sampled_from([pf.RightRiemann(), pf.Midpoint(), pf.Trapezoid(), pf.GaussLegendre()]),
    st.integers(2, 80),
    st.integers(1, 14),
)
def test_discrete_gauss_has_the_moments_of_the_measure(rule, n, m):
    points, weights = rule.nodes_and_weights(n)
    kept, kept_weights = pf.DiscreteGauss(m, of=rule).nodes_and_weights(n)
    assert len(kept) == len(kept_weights) == min(m, n)
    assert abs(math.fsum(kept_weights) - 1) <= 1e-15
    assert (kept_weights > 0).all()
    for d in range(2 * m):
        assert moment(kept, kept_weights, d) == pytest.approx(moment(points, weights, d), abs=1e-14)


def test_discrete_gauss_against_exact_arithmetic():
    # Two points for the measure on 1/3, 2/3, 1: roots of the orthogonal polynomial, by hand.
    # Mean 2/3 and variance 2/27 and no skew: 2/3 -+ sqrt(2/27), equal weights.
    kept, weights = pf.DiscreteGauss(2).nodes_and_weights(3)
    half = math.sqrt(Fraction(2, 27))
    assert kept == pytest.approx([2 / 3 - half, 2 / 3 + half], abs=1e-15)
    assert weights == pytest.approx([0.5, 0.5], abs=1e-15)


def test_discrete_gauss_stays_stable_with_many_nodes():
    points, weights = pf.RightRiemann().nodes_and_weights(50)
    kept, kept_weights = pf.DiscreteGauss(40).nodes_and_weights(50)
    assert ((kept > 0) & (kept <= 1 + 1e-12)).all()
    exact = weights @ np.exp(np.sin(3 * points))
    assert kept_weights @ np.exp(np.sin(3 * kept)) == pytest.approx(exact, abs=1e-14)


def test_rules_are_values():
    assert pf.GaussLegendre() == pf.GaussLegendre()
    assert hash(pf.DiscreteGauss(12)) == hash(pf.DiscreteGauss(12, of=pf.RightRiemann()))
    assert pf.DiscreteGauss(12) != pf.DiscreteGauss(12, of=pf.Midpoint())


@pytest.mark.parametrize(("rule", "n"), [(r, least - 1) for r, _, least in RULES])
def test_too_few_steps(rule, n):
    with pytest.raises(pf.ArgumentError, match=f"n={n} is too small"):
        rule.nodes_and_weights(n)


@pytest.mark.parametrize("n_nodes", [0, -3])
def test_too_few_nodes(n_nodes):
    with pytest.raises(pf.ArgumentError, match="n_nodes"):
        pf.DiscreteGauss(n_nodes)


@pytest.mark.usefixtures("unchecked")
def test_nodes_that_are_no_integer():
    with pytest.raises(pf.ArgumentError, match=r"n_nodes=2\.5 is no integer"):
        pf.DiscreteGauss(2.5)
