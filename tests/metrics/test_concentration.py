import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pathflow as pf
from pathflow import metrics

batches = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(1, 4), st.integers(1, 6)),
    elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]),
)
ORDERS = {
    pf.Magnitude(): abs,
    pf.Largest(): lambda v: max(v, 0.0),
    pf.Smallest(): lambda v: max(-v, 0.0),
}
orders = st.sampled_from(list(ORDERS))


def best_share(row, k, mass):
    """The largest fraction that any k paths carry together."""
    masses = sorted((mass(v) for v in row.astype(float)), reverse=True)
    return sum(masses[:k]) / sum(masses) if sum(masses) else 0.0


@given(batches, orders)
def test_the_curve_by_brute_force(influences, by):
    counts = range(1, influences.shape[1] + 2)
    expected = [[best_share(row, k, ORDERS[by]) for k in counts] for row in influences]
    found = metrics.concentrations(influences, counts, by)
    np.testing.assert_allclose(found, expected, atol=1e-15)
    np.testing.assert_allclose(
        metrics.concentration(influences, counts, by), np.mean(expected, 0), atol=1e-15
    )


@given(batches, orders, st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]))
def test_effective_numbers_by_brute_force(influences, by, fraction):
    found = metrics.effective_numbers(influences, fraction, by)
    for row, number in zip(influences, found, strict=True):
        if not any(map(ORDERS[by], row)):
            assert number == 0
            continue
        counts = range(1, len(row) + 1)
        enough = [k for k in counts if best_share(row, k, ORDERS[by]) >= fraction - 1e-12]
        assert number == enough[0]
    assert metrics.effective_number(influences, fraction, by) == np.mean(found)


def test_magnitude_is_the_default_and_nan_stays():
    rows = np.array([[3.0, -5.0, 2.0], [1.0, np.nan, 2.0]])
    assert metrics.concentrations(rows, [1, 3])[0].tolist() == [0.5, 1.0]
    assert np.isnan(metrics.concentrations(rows, [1, 3])[1]).all()
    assert np.isnan(metrics.effective_numbers(rows, 0.5)).tolist() == [False, True]
    assert np.isnan(metrics.effective_number(rows, 0.5))


def test_infinite_influence_has_no_fractions():
    row = np.array([np.inf, 1.0])
    assert np.isnan(metrics.concentrations(row, [1])).all()
    assert np.isnan(metrics.effective_numbers(row, 0.5)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.concentrations(np.ones(3), [0]), "counts holds 0"),
        (lambda m: m.concentrations(np.ones(3), [1.5]), r"counts holds 1\.5"),
        (lambda m: m.concentrations(np.ones((0, 3)), [1]), "no sentence"),
        (lambda m: m.concentrations(np.ones(3), [1], "largest"), "by='largest' is no order"),
        (lambda m: m.effective_numbers(np.ones(3), 0.0), r"fraction=0\.0"),
        (lambda m: m.effective_numbers(np.ones(3), 1.1), r"fraction=1\.1"),
        (lambda m: m.rank_of(np.ones(3), 0, "largest"), "by='largest' is no order"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_arguments(call, message):
    with pytest.raises(pf.ArgumentError, match=message):
        call(metrics)
