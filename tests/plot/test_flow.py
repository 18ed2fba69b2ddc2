"""Edge influences against a list of all paths."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathflow.plot import edge_influences

from .conftest import lstm_graph, make_result


def by_listing(space, influences):
    flow = {}
    for path, influence in zip(space, influences, strict=True):
        for edge in pairwise(path):
            flow[edge] = flow.get(edge, 0.0) + influence
    return flow


@given(
    n_steps=st.integers(1, 3),
    n_layers=st.integers(1, 2),
    source=st.integers(0, 2),
    seed=st.integers(0, 2**31),
)
def test_equals_the_sum_over_a_list(n_steps, n_layers, source, seed):
    space = lstm_graph(n_steps, n_layers).paths(f"x@{source % n_steps}", "qoi")
    influences = np.random.default_rng(seed).standard_normal(space.count)
    found = edge_influences(make_result(space, influences))
    expected = by_listing(space, influences)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        list(found.values()), [expected[e] for e in found], atol=1e-11 * np.abs(influences).sum()
    )


def test_several_sources():
    space = lstm_graph(2).paths(("x@1", "x@0"), "qoi")
    influences = np.random.default_rng(1).standard_normal(space.count)
    found = edge_influences(make_result(space, influences))
    expected = by_listing(space, influences)
    assert found == {edge: pytest.approx(value) for edge, value in expected.items()}


def test_flow_is_conserved(result):
    flow = edge_influences(result)
    for node in result.space.nodes:
        into = sum(f for (_, v), f in flow.items() if v == node)
        out = sum(f for (u, _), f in flow.items() if u == node)
        if node in result.space.sources or node == result.space.target:
            assert into + out == pytest.approx(result.influences.sum())
        else:
            assert into == pytest.approx(out)


def test_examples_are_averaged(result):
    two = make_result(result.space, np.stack([result.influences, 3 * result.influences]))
    one, mean = edge_influences(result), edge_influences(two)
    assert mean == {edge: pytest.approx(2 * value) for edge, value in one.items()}
