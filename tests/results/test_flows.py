"""What flows through nodes and edges, against a list of all paths."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow import edge_influences, node_influences
from tests.plot.conftest import lstm_graph, make_result


@pytest.fixture
def result():
    space = lstm_graph(3).paths("x@0", "qoi")
    return make_result(space, np.random.default_rng(0).standard_normal(space.count))


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


@given(
    n_steps=st.integers(1, 3),
    n_layers=st.integers(1, 2),
    batch=st.sampled_from([(), (3,)]),
    seed=st.integers(0, 2**31),
)
def test_nodes_equal_the_sum_over_a_list(n_steps, n_layers, batch, seed):
    space = lstm_graph(n_steps, n_layers).paths("x@0", "qoi")
    influences = np.random.default_rng(seed).standard_normal((*batch, space.count))
    expected = dict.fromkeys(space.nodes, 0.0)
    for path, influence in zip(space, np.atleast_2d(influences).mean(axis=0), strict=True):
        for n in path:
            expected[n] += influence
    found = node_influences(make_result(space, influences))
    assert list(found) == list(expected)
    np.testing.assert_allclose(
        list(found.values()), list(expected.values()), atol=1e-11 * np.abs(influences).sum()
    )


def test_of_a_list_the_listed_paths_count(result):
    ranks = (5, 2, 11)
    known = pf.Certificate(True, 0.25, 0.0, result.space.count - 3, 9)
    ranked = pf.Ranked(result.space, ranks, np.array([1.0, 2.0, -4.0]), known, result.audit)
    assert edge_influences(ranked) == by_listing(map(result.space.unrank, ranks), [1.0, 2.0, -4.0])
    assert node_influences(ranked)[result.space.target] == -1.0


def test_nodes_of_conductances_need_no_edges(result):
    nodes = result.space.nodes
    flows = pf.Conductances(
        nodes, np.arange(len(nodes), dtype=float), None, None, np.array(1.0), result.audit
    )
    assert list(node_influences(flows).values()) == list(range(len(nodes)))
    with pytest.raises(pf.ArgumentError, match="holds no edges"):
        edge_influences(flows)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(result, bad):
    influences = result.influences.copy()
    influences[7] = bad
    lost = make_result(result.space, influences)
    for sums in (edge_influences, node_influences):
        with pytest.raises(pf.NonFiniteError, match=rf"1 of {len(influences)} influences"):
            sums(lost)


def test_a_node_that_nothing_flows_through_is_no_end():
    """Without a graph every tag is told of, also one that the output does not read."""

    def fn(x):
        pf.tag(jnp.sin(x), "unread")
        return (pf.tag(jnp.tanh(x), "a") ** 2).sum()

    x = jnp.ones(3)
    ask = {"source": "x", "doi": pf.Line(jnp.zeros(3))}
    streamed = pf.conductance(fn, (x,), edges=True, **ask)
    assert streamed.through("unread") == 0.0
    of_paths = edge_influences(pf.attribute(pf.trace(fn, x), (x,), **ask, target="output"))
    found = edge_influences(streamed)
    assert found.keys() == of_paths.keys()
    np.testing.assert_allclose([*found.values()], [*of_paths.values()])


def test_edges_of_a_loop_are_no_graph():
    def fn(x):
        def step(state, _):
            return pf.tag(jnp.tanh(state + x), "state"), None

        return jax.lax.scan(step, x, None, length=3)[0].sum()

    ask = {"source": "x", "doi": pf.Line(jnp.zeros(3))}
    streamed = pf.conductance(fn, (jnp.ones(3),), edges=True, **ask)
    with pytest.raises(pf.ArgumentError, match=r"from state:, which stands for all.*top_edges"):
        edge_influences(streamed)
    graph = pf.trace(fn, jnp.ones(3))
    unrolled = pf.attribute(graph, (jnp.ones(3),), **ask, search=pf.Conductance(), target="output")
    assert sum(v for (_, end), v in edge_influences(unrolled).items() if str(end) == "output") == (
        pytest.approx(float(streamed.total))
    )
    # What needs no edges is told of both.
    assert node_influences(streamed)[graph.node("state@1")] == pytest.approx(
        node_influences(unrolled)[graph.node("state@1")]
    )
