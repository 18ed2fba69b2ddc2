"""Influences through nodes and along edges, against sums over single paths."""

from functools import cache
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from pathflow.influence.aggregation._on_graph import over_points
from tests.helpers import (
    PROGRAMS,
    lstm_by_step,
    lstm_params,
    lstm_path_influences,
    pattern_matches,
    patterns,
)

pytestmark = pytest.mark.filterwarnings("ignore::pathflow.PatternWarning")

_EXACT = 1e-10


def test_points_are_added_up_in_float64():
    points = jnp.array([[1e8, 1.0, -1e8], [1.0, 2.0, 3.0]], jnp.float32)
    np.testing.assert_array_equal(over_points(points), [[1.0], [6.0]])
    np.testing.assert_array_equal(over_points(points[:, None]), [[1.0], [6.0]])


@cache
def case(name):
    """A program with its arguments, a question about it, and the enumeration."""
    args = PROGRAMS[name].args()
    graph = pf.trace(PROGRAMS[name].function(), *args)
    question = {"source": "x", "doi": pf.Line(jnp.zeros(3), n_steps=3)}
    return graph, args, question, pf.attribute(graph, args, **question)


def assert_flows(result, influences):
    """What flows through each node and along each edge is the sum over the paths that take it."""
    scale = max(sum(map(abs, influences.values())), 1e-6)
    assert result.total == pytest.approx(sum(influences.values()), abs=_EXACT * scale)
    nodes = dict.fromkeys(map(str, result.nodes), 0.0)
    edges = {(str(u), str(v)): 0.0 for u, v in result.edges}
    for path, influence in influences.items():
        for label in path:
            nodes[label] += influence
        for edge in pairwise(path):
            edges[edge] += influence
    for label, expected in nodes.items():
        assert result.through(label) == pytest.approx(expected, abs=_EXACT * scale)
    for edge, expected in edges.items():
        assert result.along(*edge) == pytest.approx(expected, abs=_EXACT * scale)
    assert result.audit.ok


def labelled(every, pattern=None, row=None):
    """The influences of the paths that a pattern matches, by their labels."""
    values = every.influences if row is None else every.influences[row]
    return {
        tuple(map(str, path)): float(value)
        for path, value in zip(every.space, values, strict=True)
        if pattern is None or pattern_matches(pattern, path)
    }


class TestPrograms:
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_without_a_pattern(self, name):
        graph, args, question, every = case(name)
        result = pf.attribute(graph, args, **question, search=pf.Conductance())
        assert_flows(result, labelled(every))
        for node in every.space.nodes:
            assert result.through(node) == pytest.approx(every.through(node), abs=1e-12)

    @pytest.mark.parametrize("name", PROGRAMS)
    @settings(max_examples=max(4, settings.default.max_examples // 7))
    @given(st.data())
    def test_random_patterns(self, name, data):
        graph, args, question, every = case(name)
        pattern = data.draw(patterns([*map(str, graph.nodes)]))
        result = pf.attribute(graph, args, **question, search=pf.Conductance(pattern))
        assert_flows(result, labelled(every, pf.Pattern.parse(str(pattern))))
        gap = result.audit.reference_total - every.total
        assert abs(gap) <= _EXACT * np.abs(every.influences).sum()


@cache
def lstm():
    params = lstm_params(2, 3, 4, 3)
    return pf.trace(lstm_by_step, params), params


@pytest.mark.parametrize("pattern", [None, "x@0 .* h0@1: .*", "x@0 g0 c0 h0 g1 c1+ h1 qoi"])
def test_an_lstm_by_hand(pattern):
    graph, params = lstm()
    word = np.asarray(params["words"])[0]
    found = lstm_path_influences(
        params["layers"], params["words"], params["readout"], word[None] / 2, [1.0], word
    )
    doi = pf.Line(jnp.zeros(3), n_steps=1, rule=pf.Midpoint())
    search = pf.Conductance(pattern)
    result = pf.attribute(graph, (params,), source="x@0", doi=doi, search=search)
    asked = pf.Pattern.parse(pattern or ".*")
    chosen = {tuple(p.split()): v for p, v in found.items()}
    matching = {p: v for p, v in chosen.items() if pattern_matches(asked, pf.Path(p))}
    assert 0 < len(matching) <= len(found)
    assert_flows(result, matching)
    # What leaves the source is everything, and nothing is lost at any node.
    out = sum(result.along(u, v) for u, v in result.edges if str(u) == "x@0")
    assert out == pytest.approx(result.total, abs=1e-14)
    assert result.through("f0@0") == 0.0


class TestQuestions:
    PATTERN = ".* h@0 .*"

    def ask(self, search=None, **changes):
        graph, args, question, _ = case("recurrent")
        question = {**question, "args": args, **changes}
        return pf.attribute(graph, **question, search=search or pf.Conductance(self.PATTERN))

    def test_two_sources(self):
        doi = pf.Samples(
            (np.ones((2, 3)), np.zeros((2, 2))),
            weights=np.array([0.25, 0.75]),
            direction=(np.arange(3.0), np.ones(2)),
        )
        question = {"source": ("x", "y"), "doi": doi}
        every = self.ask(pf.Enumerate(), **question)
        result = self.ask(**question)
        assert_flows(result, labelled(every, pf.Pattern.parse(self.PATTERN)))
        assert result.through("x") + result.through("y") == pytest.approx(result.total)

    def test_examples_and_tiles(self):
        _, args, _, every = case("recurrent")
        batch = jnp.stack([args[0] * k for k in (1.0, 0.5, -1.0)])
        question = {"args": (batch, *args[1:]), "in_axes": (0, None, None)}
        many = self.ask(**question)
        assert many.n_examples == 3
        assert_flows(many.example(0), labelled(every, pf.Pattern.parse(self.PATTERN)))
        for i, x in enumerate(batch):
            alone = self.ask(args=(x, *args[1:]))
            np.testing.assert_allclose(many.example(i).node_influences, alone.node_influences)
            np.testing.assert_allclose(many.example(i).edge_influences, alone.edge_influences)
        fractions = []
        tiled = self.ask(pf.Conductance(self.PATTERN, 8000, fractions.append), **question)
        assert len(fractions) > 1
        assert fractions[-1] == 1
        np.testing.assert_allclose(tiled.edge_influences, many.edge_influences, atol=1e-14)
        assert tiled.audit.ok

    def test_a_pattern_that_matches_nothing(self):
        with pytest.warns(pf.PatternWarning, match="`c9`"):
            result = self.ask(pf.Conductance("x c9 .*"))
        assert result.total == 0.0
        assert not result.edge_influences.any()
        assert result.audit.ok

    def test_what_is_in_the_metadata(self):
        metadata = self.ask().metadata
        assert metadata["search"] == "Conductance"
        assert metadata["pattern"] == self.PATTERN

    @pytest.mark.usefixtures("unchecked")
    def test_what_is_no_pattern(self):
        with pytest.raises(pf.PatternError, match=r"\^"):
            pf.Conductance("x ( q")
        with pytest.raises(pf.PatternError, match="3"):
            pf.Conductance(3)


def test_more_predecessors_than_are_handled_one_by_one():
    def fn(x, weights):
        parts = [pf.tag(jnp.sin(x), "embed")]
        for i, w in enumerate(weights):
            parts.append(pf.tag(jnp.tanh(w @ sum(parts)), f"n{i}"))
        return pf.tag(jnp.sum(jnp.cos(sum(parts))), "q")

    random = np.random.default_rng(0)
    args = (jnp.asarray(random.normal(size=3)), jnp.asarray(random.normal(size=(4, 3, 3)) / 2))
    graph = pf.trace(fn, *args, inputs=["x"])
    assert len(graph.graph.predecessors("q")) == 5
    ask = {"source": "x", "target": "q", "doi": pf.Point()}
    every = pf.attribute(graph, args, **ask)
    result = pf.attribute(graph, args, **ask, search=pf.Conductance(".* n1 .*"))
    assert_flows(result, labelled(every, pf.Pattern.parse(".* n1 .*")))
