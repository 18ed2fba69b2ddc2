"""The aggregation benchmark measures the same thing by each of its methods."""

import pytest

from benchmarks._aggregate_alone import measure


@pytest.mark.parametrize("method", ["streaming", "on the graph"])
def test_every_method_agrees_with_the_derivative_alone(method):
    row, alone = measure(steps=1, units=8, points=1, repeats=1, method=method)
    assert row["method"] == method
    assert row["residual"] < 1e-4
    assert row["total"] == pytest.approx(alone["total"], rel=1e-3)
    assert 0 < row["later s"] < row["first call s"]
