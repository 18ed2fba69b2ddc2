"""The transformer benchmark measures the same derivative by each of its methods."""

import jax
import pytest

from benchmarks._transformer_alone import measure


def test_every_method_agrees_with_the_derivative_alone():
    with jax.enable_x64(False):
        edges, paths, jvp, grad = measure(
            steps=3, layers=3, heads=2, width=8, points=1, repeats=1, vocab=11
        )
    # Two heads and a perceptron of every layer read all writers before them, and so do the logits.
    assert (edges["nodes"], edges["edges"]) == (12, 2 * (1 + 4 + 7) + (3 + 6 + 9) + 10 + 1)
    assert edges["residual"] < 1e-4
    for row in (edges, paths, grad):
        assert row["total"] == pytest.approx(jvp["total"], rel=1e-3)
        assert row["later s"] > 0
        assert row["first call s"] > 0
