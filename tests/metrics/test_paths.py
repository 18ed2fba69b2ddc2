from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pathflow as pf
from pathflow import metrics

# Few different values, so that ties and signs of every kind occur.
batches = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(1, 4), st.integers(2, 6)),
    elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]),
)


def half_ties(own: float, other: float) -> Fraction:
    return Fraction(1 if own > other else 0) + Fraction(int(own == other), 2)


@given(batches, st.data())
def test_t_value_by_brute_force(influences, data):
    rank = data.draw(st.integers(0, influences.shape[1] - 1))
    per_sentence = [
        sum(half_ties(row[rank], row[j]) for j in range(len(row)) if j != rank) / (len(row) - 1)
        for row in influences
    ]
    np.testing.assert_allclose(
        metrics.t_values(influences, rank), [float(t) for t in per_sentence], rtol=1e-15
    )
    expected = float(sum(per_sentence) / len(per_sentence))
    assert metrics.t_value(influences, rank) == pytest.approx(expected, rel=1e-14)


@given(batches, st.data())
def test_shares_by_brute_force(influences, data):
    rank = data.draw(st.integers(0, influences.shape[1] - 1))
    for metric, sign in ((metrics.positive_share, 1), (metrics.negative_share, -1)):
        parts = []
        for row in sign * influences.astype(float):
            whole = sum(v for v in row if v > 0)
            parts.append(row[rank] / whole if row[rank] > 0 else 0.0)
        assert metric(influences, rank) == pytest.approx(sum(parts) / len(parts), abs=1e-15)


@given(batches)
def test_shares_of_all_paths_sum_to_one_where_there_is_that_sign(influences):
    ranks = range(influences.shape[1])
    for per_sentence, signed in (
        (metrics.positive_shares, influences > 0),
        (metrics.negative_shares, influences < 0),
    ):
        total = sum(per_sentence(influences, r) for r in ranks)
        np.testing.assert_allclose(total, signed.any(1).astype(float), atol=1e-15)


@given(batches)
def test_t_values_of_all_paths_average_to_one_half(influences):
    ts = [metrics.t_value(influences, r) for r in range(influences.shape[1])]
    assert np.mean(ts) == pytest.approx(0.5, abs=1e-14)


@given(batches, st.data())
def test_rank_and_positive_fraction(influences, data):
    rank = data.draw(st.integers(0, influences.shape[1] - 1))
    means = influences.astype(float).mean(0)
    assert metrics.rank_of(influences, rank) == 1 + sum(m > means[rank] for m in means)
    expected = sum(row.astype(float).sum() > 0 for row in influences) / len(influences)
    assert metrics.positive_fraction(influences) == expected


def test_a_path_above_all_others_has_t_one():
    row = np.array([0.1, 5.0, -1.0])
    assert metrics.t_value(row, 1) == 1.0
    assert metrics.t_value(row, 2) == 0.0
    assert metrics.positive_share(row, 1) == pytest.approx(5 / 5.1)
    assert metrics.negative_share(row, 2) == 1.0
    assert metrics.rank_of(row, 1) == 1
    assert metrics.rank_of(row, 2) == 3


def test_nan_is_never_dropped():
    influences = np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]])
    assert np.isnan(metrics.t_values(influences, 0)).tolist() == [True, False]
    assert np.isnan(metrics.positive_shares(influences, 0)).tolist() == [True, False]
    assert np.isnan(metrics.t_value(influences, 0))
    assert np.isnan(metrics.negative_share(influences, 0))
    assert np.isnan(metrics.positive_fraction(influences))
    with pytest.raises(pf.ArgumentError, match="NaN"):
        metrics.rank_of(influences, 0)


def test_large_float32_rows_are_summed_in_float64():
    row = np.full(200_000, 1e-3, "float32")
    row[0] = 1e5
    expected = 1e5 / (1e5 + 199_999 * float(row[1]))
    assert metrics.positive_share(row, 0) == pytest.approx(expected, rel=1e-12)


def test_float32_means_that_differ_in_float64_are_no_tie():
    rows = np.array([[1.0, 1.0], [2.0**-25, 0.0]], "float32")
    assert rows.mean(0)[0] == rows.mean(0)[1]
    assert (metrics.rank_of(rows, 0), metrics.rank_of(rows, 1)) == (1, 2)


@pytest.mark.parametrize("rank", [-1, 2])
def test_path_that_is_not_there(rank):
    for metric in (metrics.t_value, metrics.positive_share, metrics.rank_of):
        with pytest.raises(pf.ArgumentError, match=rf"rank={rank} is outside 0 \.\. 1"):
            metric(np.ones((3, 2)), rank)


def test_too_little_to_compare():
    with pytest.raises(pf.ArgumentError, match="^influences holds one path; a t-value compares it"):
        metrics.t_value(np.ones((3, 1)), 0)
    with pytest.raises(
        pf.ArgumentError, match="^influences holds no sentence; a mean needs at least one.$"
    ):
        metrics.positive_share(np.ones((0, 4)), 0)
