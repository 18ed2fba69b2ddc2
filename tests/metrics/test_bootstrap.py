import numpy as np
import pytest

import pathflow as pf
from pathflow import metrics


def test_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(300):
        values = rng.exponential(size=60)
        interval = metrics.bootstrap_interval(values, level=0.9, n_resamples=400, seed=seed)
        assert interval.low <= interval.mean <= interval.high
        covered += interval.low <= 1.0 <= interval.high
    # The percentile interval of a skewed distribution covers a little less than it says, and the
    # count of 300 has a standard deviation of 1.7%.
    assert 0.80 <= covered / 300 <= 0.97


def test_width_is_that_of_the_standard_error():
    values = np.random.default_rng(1).normal(size=400)
    interval = metrics.bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)
    assert interval.mean == pytest.approx(values.mean(), rel=1e-14)


def test_is_reproducible_and_independent_of_chunks(monkeypatch):
    values = np.random.default_rng(1).normal(size=50)
    first = metrics.bootstrap_interval(values, seed=3)
    assert metrics.bootstrap_interval(values, seed=3) == first
    assert metrics.bootstrap_interval(values, seed=4) != first
    # The last chunk is not full.
    monkeypatch.setattr("pathflow.metrics._bootstrap._CHUNK_ENTRIES", 1350)
    assert metrics.bootstrap_interval(values, seed=3) == first


def test_float32_is_averaged_in_float64():
    values = np.random.default_rng(2).normal(size=40).astype(np.float32)
    wide = metrics.bootstrap_interval(values.astype(np.float64))
    assert metrics.bootstrap_interval(values) == wide


def test_constant_and_nan():
    assert metrics.bootstrap_interval(np.full(5, 0.5)) == (0.5, 0.5, 0.5)
    assert all(np.isnan(v) for v in metrics.bootstrap_interval(np.array([1.0, np.nan] * 20)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.zeros(0)}, "^values is empty; give one number per sentence.$"),
        ({"level": 1.0}, r"level=1\.0"),
        ({"level": 0.0}, r"level=0\.0"),
        ({"n_resamples": 0}, "n_resamples=0"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(pf.ArgumentError, match=message):
        metrics.bootstrap_interval(**{"values": np.ones(3), **arguments})
