"""Paired differences, their p-values and Holm's correction, against SciPy and by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from examples.lstm_agreement.tables.bootstrap import (
    N_RESAMPLES,
    holm,
    interval_over,
    p_of_zero,
    two_sided,
)
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import (
    SUBJECT_OVER_NOUN,
    TRAINED_OVER_UNTRAINED,
    TRAINED_OVER_UNTRAINED_NOUN,
    between_rows,
    between_schemes,
)
from examples.lstm_agreement.tables.table1 import Measured
from tests.examples.test_report import row


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_smallest_level_of_rejection(p_values):
    found = holm(p_values)

    def rejected(level):
        """The procedure as Holm states it: from the smallest on, until one fails."""
        order, out = sorted(range(len(p_values)), key=lambda i: p_values[i]), set()
        for k, i in enumerate(order):
            if p_values[i] * (len(p_values) - k) > level:
                break
            out.add(i)
        return out

    for level in (0.01, 0.05, 0.3, 0.9):
        assert {i for i, p in enumerate(found) if p <= level} == rejected(level)
    assert all(p <= q <= 1 for p, q in zip(p_values, found, strict=True))


def test_the_p_value_is_about_that_of_a_t_test():
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.1, 0.2, 0.3):
        values = rng.standard_normal(200) + shift
        expected = stats.ttest_1samp(values, 0).pvalue
        assert p_of_zero(values) == pytest.approx(expected, abs=0.08)
    assert p_of_zero(np.zeros(5)) == 1.0
    assert p_of_zero(np.ones(5)) == two_sided(0, N_RESAMPLES) == 2 / (1 + N_RESAMPLES)
    assert p_of_zero(-np.ones((3, 5))) == p_of_zero(np.ones(5))


@given(st.integers(2, 40), st.integers(1, 3), st.integers(0, 99))
def test_p_and_interval_agree(n, draws, seed):
    values = np.random.default_rng(seed).standard_normal((draws, n)) + 0.4
    interval, p = interval_over(values), p_of_zero(values)
    if abs(p - 0.05) > 0.01:
        assert (p < 0.05) == (interval.low > 0 or interval.high < 0)


def test_intervals_that_overlap_may_hide_a_difference():
    sentences = np.random.default_rng(0).standard_normal(100) * 5
    one, other = sentences + 0.5, sentences + np.random.default_rng(1).standard_normal(100) * 0.1
    apart = interval_over(one[None]), interval_over(other[None])
    assert apart[0].low < apart[1].high
    assert interval_over((one - other)[None]).low > 0.4


def measured(role, condition, model="trained", **numbers):
    made = row(role=role, condition=condition, model=model)
    return Measured(made, {"primary": (0.0, 0.0), "magnitude": (0.0, 0.0)} | numbers)


def test_rows_of_the_same_sentences():
    rows = [
        measured(Role.SUBJECT, "SP", primary=(3.0, 2.0), magnitude=(0.5, 0.3)),
        measured(Role.SUBJECT, "SP", "untrained 0", magnitude=(0.9, 0.9)),
        measured(Role.SUBJECT, "SP", "untrained 1", magnitude=(0.7, 0.7)),
        measured(Role.INTERVENING, "SP", primary=(-1.0, -2.0)),
        # No row of the subject to compare it with.
        measured(Role.INTERVENING, "PP", primary=(1.0, 1.0)),
        measured(Role.INTERVENING, "PP", "untrained 0", magnitude=(0.25, 0.25)),
    ]
    size, mine, noun = between_rows(rows)
    assert [d.what for d in (size, mine, noun)] == [
        SUBJECT_OVER_NOUN,
        TRAINED_OVER_UNTRAINED,
        TRAINED_OVER_UNTRAINED_NOUN,
    ]
    # 3 - 1 and 2 - 2: the noun's path is negative.
    assert (size.difference.mean, size.difference.low, size.difference.high) == (1.0, 0.0, 2.0)
    assert size.n_sentences == 2
    assert mine.difference.mean == pytest.approx(0.4 - 0.8)
    assert (noun.condition, noun.difference.mean) == ("PP", -0.25)


@given(st.integers(1, 6), st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(0, 99))
def test_untrained_models_may_have_been_asked_less(n_trained, counts, seed):
    """What all of them were asked are the first sentences."""
    rng = np.random.default_rng(seed)
    counts = [min(n, n_trained) for n in counts]
    own, *others = (tuple(rng.random(n).tolist()) for n in (n_trained, *counts))
    rows = [measured(Role.SUBJECT, "SP", magnitude=own)]
    rows += [
        measured(Role.SUBJECT, "SP", f"untrained {i}", magnitude=m) for i, m in enumerate(others)
    ]
    (found,) = between_rows(rows)
    common = min(counts)
    assert (found.what, found.n_sentences) == (TRAINED_OVER_UNTRAINED, common)
    expected = np.mean(own[:common]) - np.mean([m[:common] for m in others])
    assert found.difference.mean == pytest.approx(expected)


def test_schemes_of_the_same_sentences():
    margins = {
        "a": np.array([[1.0, 1, -1, 1]]),
        "b": np.array([[1.0, -1, -1, -1]]),
        "r": np.array([[1.0, 1, 1, 1], [-1, -1, 1, 1]]),
    }
    conditions = [("S", np.array([True, True, False, False])), ("P", np.array([0, 0, 1, 1], bool))]
    pairs = (("a", "b"), ("a", "r"), ("r", "a"), ("a", "none"))
    found = list(between_schemes("Simple", conditions, margins, pairs))
    assert [(d.what, d.condition, d.difference.mean) for d in found] == [
        ("accuracy a - b", "S", 0.5),
        ("accuracy a - b", "P", 0.5),
        ("accuracy a - r", "S", 0.5),
        ("accuracy a - r", "P", -0.5),
        ("accuracy r - a", "S", -0.5),
        ("accuracy r - a", "P", 0.5),
    ]
    assert dataclasses.asdict(found[0])["task"] == "Simple"
