"""Sums over classes of paths, against the single paths of an enumeration."""

import re
from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import (
    PATH_COUNTS,
    PROGRAMS,
    NumpyLSTM,
    compiled,
    count_paths,
    lstm_by_step,
    lstm_params,
    lstm_path_influences,
    pattern_matches,
    patterns,
)

pytestmark = pytest.mark.filterwarnings("ignore::pathflow.PatternWarning")

_EXACT = 1e-10
PRIMARY = "x@0 g0 c0 h0 g1 c1+ h1 qoi"


def listed(result):
    """The paths of an enumeration, and their influences."""
    return tuple(result.space), np.atleast_2d(result.influences)


def assert_sums(result, every, member):
    """The same influences as those of the listed paths, and the same numbers of paths;
    `member(path, name)` says whether a path is in a class.
    """
    paths, rows = every
    inside = np.array([[member(path, name) for path in paths] for name in result.names])
    chosen = np.vstack([inside, ~inside.any(axis=0), np.ones(len(paths), bool)])
    found = [*np.atleast_2d(result.influences).T, result.rest, result.total]
    scale = np.maximum(np.abs(rows).sum(axis=1), 1e-6)
    for mask, values in zip(chosen, found, strict=True):
        assert (np.abs(rows[:, mask].sum(axis=1) - values) <= _EXACT * scale).all()
    assert [*result.counts.values(), result.count] == chosen.sum(axis=1).tolist()
    assert result.audit.ok


def by_patterns(given):
    parsed = {name: pf.Pattern.parse(str(p)) for name, p in given.items()}
    return lambda path, name: pattern_matches(parsed[name], path)


@cache
def traced(name):
    """A program with its arguments, a question about it, and the enumeration."""
    args = PROGRAMS[name].args()
    graph = pf.trace(PROGRAMS[name].function(), *args)
    question = {"source": "x", "doi": pf.Line(jnp.zeros(3), n_steps=2)}
    return graph, args, question, listed(pf.attribute(graph, args, **question))


@cache
def lstm(steps):
    params = lstm_params(2, 3, 4, steps)
    question = {"source": "x@0", "doi": pf.Line(jnp.zeros(3), n_steps=2, rule=pf.Midpoint())}
    return pf.trace(lstm_by_step, params), (params,), question


@cache
def by_hand():
    """The paths of the LSTM over three words, and their influences, from its equations."""
    params = jax.tree.map(np.asarray, lstm(3)[1][0])
    word = params["words"][0]
    found = lstm_path_influences(
        params["layers"],
        params["words"],
        params["readout"],
        np.array([0.25, 0.75])[:, None] * word,
        [0.5, 0.5],
        word,
    )
    return tuple(map(pf.Path.parse, found)), np.array([[*found.values()]])


# The same sets of paths, as regular expressions over the labels joined by blanks.
EXPRESSIONS = {
    PRIMARY: r"x@0 g0@0 c0@0 h0@0 g1@0 (c1@\d )+h1@2 qoi",
    ".* c1@1 .*": r".* c1@1 .*",
    "x@0 (*0@0)* (*1)* qoi": r"x@0 (\w0@0 )*(\w1@\d )*qoi",
    "~(.* f? .*)": r"(?!.* f\d@).*",
    ".* h0@0 .* & .* (i1@1: | o1@2) .*": r"(?=.* h0@0 ).* (i1@[12]|o1@2) .*",
}


class TestPatterns:
    @pytest.mark.parametrize("name", PROGRAMS)
    @settings(max_examples=max(6, settings.default.max_examples // 5))
    @given(st.data())
    def test_random_ones(self, name, data):
        graph, args, question, every = traced(name)
        drawn = st.lists(patterns([*map(str, graph.nodes)]), min_size=1, max_size=3)
        classes = {f"class {i}": p for i, p in enumerate(data.draw(drawn))}
        result = pf.attribute(graph, args, **question, search=pf.Aggregate(classes))
        assert_sums(result, every, by_patterns(classes))

    @pytest.mark.parametrize("pattern", EXPRESSIONS)
    def test_against_regular_expressions(self, pattern):
        graph, args, question = lstm(3)
        search = pf.Aggregate({"class": pattern})
        result = pf.attribute(graph, args, **question, search=search)
        expression = re.compile(EXPRESSIONS[pattern])
        assert_sums(result, by_hand(), lambda path, _: expression.fullmatch(str(path)) is not None)
        assert 0 < result.counts["class"] < PATH_COUNTS[3]

    def test_overlapping_ones(self):
        """A path in two classes counts in both, and once in the total."""
        graph, args, question = lstm(3)
        classes = {"up": ".* h0 .*", "late": ".* c0@2 .*", "both": ".* h0 .* & .* c0@2 .*"}
        result = pf.attribute(graph, args, **question, search=pf.Aggregate(classes))
        assert_sums(result, by_hand(), by_patterns(classes))
        assert result.overlapping
        union = result["up"] + result["late"] - result["both"]
        assert union + result.rest == pytest.approx(result.total, abs=1e-12)

    def test_one_that_matches_nothing_warns(self):
        graph, args, question = lstm(3)
        search = pf.Aggregate({"typo": "x@0 .* c7@2 .*", "c": ".* c1 .*"})
        with pytest.warns(pf.PatternWarning, match=r"class 'typo': .*`c7@2`") as caught:
            result = pf.attribute(graph, args, **question, search=search)
        assert len(caught) == 1
        assert result["typo"] == 0.0
        assert result.counts["typo"] == 0


PARTITIONS = {
    "steps": (pf.CountSteps("h*", 5), lambda p: min(sum(n.name[0] == "h" for n in p), 5)),
    "length": (pf.PathLength(12), lambda p: min(len(p) - 1, 12)),
    "crossing": (
        pf.FirstOf({str(t): f"*1@{t}" for t in range(3)}),
        lambda p: next(n.index[0] for n in p if n.name[1:] == "1"),
    ),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_partitions_share_out_the_total(name):
    partition, number = PARTITIONS[name]
    graph, args, question = lstm(3)
    result = pf.attribute(graph, args, **question, search=pf.Aggregate(partition))
    assert_sums(result, by_hand(), lambda p, c: c.rstrip("+") == str(number(p)))
    assert result.rest == 0.0
    assert result.influences.sum() == pytest.approx(result.total, abs=1e-14)
    assert sum(v != 0 for v in result.influences) >= 3


class TestManyPaths:
    """An LSTM over 50 words: 1.7e36 paths, of which none can be listed."""

    def test_exact_counts_and_a_pattern_with_its_complement(self):
        graph, args, question = lstm(50)
        classes = {"yes": "x@0 .* (c1@20: .*)* h1 qoi & ~(.* f* .*)"}
        classes["no"] = f"~({classes['yes']})"
        result = pf.attribute(graph, args, **question, search=pf.Aggregate(classes))
        assert result.count == count_paths(graph.to_networkx(), ["x@0"], "qoi")
        assert 1e36 < result.count < 1e37
        assert result.counts["yes"] + result.counts["no"] == result.count
        assert result.counts["rest"] == result.rest == 0
        assert 0 < result.counts["yes"] < result.count
        total, scale = result.audit.reference_total, np.abs(result.influences).sum()
        assert abs(result["yes"] + result["no"] - total) <= 1e-12 * scale
        assert result.audit.ok

    def test_a_single_path_among_them_by_hand(self):
        graph, args, question = lstm(50)
        result = pf.attribute(graph, args, **question, search=pf.Aggregate({"primary": PRIMARY}))
        assert result.counts["primary"] == 1
        up = [f"{n}@0" for n in ("x", "g0", "c0", "h0", "g1")]
        path = [*up, *(f"c1@{t}" for t in range(50)), "h1@49", "qoi"]
        expected = np.mean([_along(path, args[0], fraction) for fraction in (0.25, 0.75)])
        assert result["primary"] == pytest.approx(expected, rel=1e-12)
        assert expected != 0

    def test_a_longer_loop_compiles_nothing_for_its_nodes(self):
        """Four times the nodes: only what is done once for all of them compiles again."""
        seen = []
        for steps in (3, 12):
            graph, args, question = lstm(steps)
            for search in (pf.Aggregate({"primary": PRIMARY}), pf.Conductance()):
                with compiled() as compilations:
                    pf.attribute(graph, args, **question, search=search)
                seen.append(len(compilations))
        assert seen[2] <= 6
        assert seen[3] <= 6


def _along(path, params, fraction):
    """The influence of one path at one point, from the network's equations."""
    words = np.asarray(params["words"])
    moved = np.concatenate([fraction * words[:1], words[1:]])
    network = NumpyLSTM(params["layers"], moved, params["readout"])
    tangent = words[0]
    for label, after in pairwise(path):
        tangent = dict(network._after(label, tangent))[after]
    return float(tangent)


@cache
def stream_of(layers, width):
    """Residual streams: every node reads all nodes of the layers before it."""

    def fn(x, weights):
        parts = [pf.tag(jnp.sin(x), "embed")]
        for w in weights:
            total = sum(parts)
            parts += [pf.tag(jnp.tanh(w[i] @ total), f"n{i}") for i in range(width)]
        return pf.tag(jnp.sum(jnp.cos(sum(parts))), "q")

    random = np.random.default_rng(0)
    x, weights = random.normal(size=3), random.normal(size=(layers, width, 3, 3)) / 2
    args = (jnp.asarray(x), tuple(map(jnp.asarray, weights)))
    return pf.trace(fn, *args, inputs=["x"]), args


STREAM = {"low": "x embed n0* q", "n": ".* n1 .*"}


class TestResidualStream:
    def test_against_the_enumeration(self):
        graph, args = stream_of(2, 4)
        every = listed(pf.attribute(graph, args, source="x", target="q", doi=pf.Point()))
        search = pf.Aggregate(STREAM)
        result = pf.attribute(graph, args, source="x", target="q", doi=pf.Point(), search=search)
        assert_sums(result, every, by_patterns(STREAM))

    @pytest.mark.parametrize("search", [pf.Aggregate(STREAM), pf.Conductance()])
    def test_compiles_per_layer_and_not_per_edge(self, search):
        graph, args = stream_of(3, 12)
        with compiled() as compilations:
            result = pf.attribute(
                graph, args, source="x", target="q", doi=pf.Point(), search=search
            )
        assert len(graph.edges) > 500
        assert len(compilations) < 60
        assert result.audit.ok


@jax.custom_vjp
def clipped(x, y):
    return jnp.sin(x) * y


clipped.defvjp(
    lambda x, y: (clipped(x, y), (x, y)), lambda r, ct: (ct * r[1], 2 * ct * jnp.cos(r[0]))
)


def by_rule(x):
    """A node of two others with a rule for reverse mode alone."""
    a, b = pf.tag(jnp.sin(x), "a"), pf.tag(x**2, "b")
    return pf.tag(clipped(a, b), "c").sum() + b[0]


def by_loop(x):
    """A node of two others of different shapes through a loop of unknown length."""
    a, b = pf.tag(jnp.sin(x), "a"), pf.tag(jnp.sum(x**2), "b")
    body = lambda s: (s[0] + 1, jnp.tanh(s[1] * b + a))  # noqa: E731
    return pf.tag(jax.lax.while_loop(lambda s: s[0] < 3, body, (0, a))[1], "c").sum() * b


@pytest.mark.parametrize("fn", [by_rule, by_loop])
def test_derivatives_that_jax_takes_in_one_mode_only(fn):
    x = jnp.array([0.3, -1.2, 0.7])
    graph = pf.trace(fn, x)
    every = listed(pf.attribute(graph, (x,), source="x", doi=pf.Point()))
    classes = {"a": ".* a .*", "b": ".* b .*"}
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point(), search=pf.Aggregate(classes))
    assert_sums(result, every, by_patterns(classes))


LOOP = {"k": ".* k* .*", "h0": ".* h@0 .*"}


def batch_of(x):
    return jnp.stack([x * k for k in (1.0, 0.5, -1.0)])


class TestQuestions:
    """Points, sources and examples, as an enumeration takes them."""

    def ask(self, search=None, **changes):
        graph, args, question, _ = traced("recurrent")
        question = {**question, "args": args, **changes}
        return pf.attribute(graph, **question, search=search or pf.Aggregate(LOOP))

    @pytest.mark.parametrize(
        "question",
        [
            {
                "source": ("x", "y"),
                "doi": pf.Samples(
                    (np.ones((2, 3)), np.zeros((2, 2))),
                    weights=np.array([0.25, 0.75]),
                    direction=(np.arange(3.0), np.ones(2)),
                ),
            },
            {"source": "h@0", "doi": pf.Point()},
        ],
        ids=["two sources", "an inner source"],
    )
    def test_sources(self, question):
        every = listed(self.ask(pf.Enumerate(), **question))
        assert_sums(self.ask(**question), every, by_patterns(LOOP))

    def test_examples_are_what_each_is_alone(self):
        _, args, _, every = traced("recurrent")
        batch = batch_of(args[0])
        many = self.ask(args=(batch, *args[1:]), in_axes=(0, None, None))
        assert many.n_examples == 3
        assert_sums(many.example(0), every, by_patterns(LOOP))
        for i, x in enumerate(batch):
            alone = self.ask(args=(x, *args[1:]))
            np.testing.assert_allclose(many.example(i).influences, alone.influences, atol=1e-13)
            assert many.counts == alone.counts
        assert many.audit.ok

    def test_tiles_change_nothing(self):
        _, args, _, _ = traced("recurrent")
        question = {"args": (batch_of(args[0]), *args[1:]), "in_axes": (0, None, None)}
        results = {}
        for memory in (2**20, 8000, 1600):
            fractions = []
            search = pf.Aggregate(LOOP, pf.OnGraph(memory, fractions.append))
            result = self.ask(search, **question)
            assert result.audit.ok
            assert fractions == sorted(fractions)
            assert fractions[-1] == 1
            results[memory] = len(fractions), result.influences
        assert [results[m][0] for m in (2**20, 8000, 1600)] == [1, 2, 3]
        for memory in (8000, 1600):
            np.testing.assert_allclose(results[memory][1], results[2**20][1], atol=1e-13)

    def test_a_tolerance_refines_the_line(self):
        result = self.ask(doi=pf.Line(jnp.zeros(3), n_steps=1, tol=1e-3))
        assert result.audit.n_steps > 1
        assert result.audit.ok
        assert abs(result.audit.quadrature) <= 1e-3

    def test_in_float32(self):
        args = jax.tree.map(lambda a: a.astype(jnp.float32), traced("diamonds")[1])
        graph = pf.trace(lambda x, y, w: pf.tag(jnp.tanh(w["w"] @ x), "a").sum() * x[0], *args)
        doi = pf.Line(jnp.zeros(3, jnp.float32), n_steps=4)
        search = pf.Aggregate({"a": ".* a .*"})
        result = pf.attribute(graph, args, source="x", doi=doi, search=search)
        assert result.audit.dtype == "float32"
        assert result.audit.ok
        assert result.audit.structural > 0

    def test_what_is_in_the_metadata(self):
        result = self.ask()
        assert result.metadata["search"] == "Aggregate"
        assert result.metadata["execution"] == "OnGraph"
        assert "h@0" in result.metadata["partition"]


def test_paths_that_are_zero_by_construction():
    def fn(x):
        state = jnp.zeros(3)
        gate = pf.tag(jnp.tanh(x), "gate")
        return pf.tag(gate * state, "kept").sum()

    x = jnp.ones(3)
    graph = pf.trace(fn, x)
    for search in (pf.Aggregate({"gate": ".* gate .*"}), pf.Conductance()):
        result = pf.attribute(graph, (x,), source="x", doi=pf.Point(), search=search)
        assert result.total == 0.0
        assert result.audit.ok
    lstm_graph, args, question = lstm(3)
    search = pf.Aggregate({"first forget gate": ".* f0@0 .*"})
    result = pf.attribute(lstm_graph, args, **question, search=search)
    assert result["first forget gate"] == 0.0
    assert result.counts["first forget gate"] > 0


class TestBadArguments:
    @pytest.mark.parametrize(
        ("partition", "error", "message"),
        [
            ({}, pf.PatternError, "patterns is empty"),
            ({"a": "x ( q"}, pf.PatternError, r"\^"),
            ({"rest": "x q"}, pf.ArgumentError, "'rest'"),
            ({"total": "x q"}, pf.ArgumentError, "'total'"),
            ({"a": 3}, pf.PatternError, "3"),
            ("x .* q", pf.PatternError, "under names"),
            (None, pf.PatternError, "under names"),
            (pf.Pattern.parse("x"), pf.PatternError, "under names"),
        ],
    )
    @pytest.mark.usefixtures("unchecked")
    def test_partitions(self, partition, error, message):
        with pytest.raises(error, match=message):
            pf.Aggregate(partition)

    @pytest.mark.usefixtures("unchecked")
    def test_executions(self):
        with pytest.raises(pf.ArgumentError, match=r"execution.*OnGraph\(\)"):
            pf.Aggregate({"a": "x"}, "streaming")
        for memory in (0, -1, 1.5, True):
            with pytest.raises(pf.ArgumentError, match="OnGraph.*bytes"):
                pf.OnGraph(memory)
            with pytest.raises(pf.ArgumentError, match="Conductance.*bytes"):
                pf.Conductance(memory=memory)

    @pytest.mark.parametrize(
        "search", [pf.Aggregate({"a": "x"}, pf.OnGraph(9)), pf.Conductance(memory=9)]
    )
    def test_a_budget_that_holds_nothing(self, search):
        graph, args, question, _ = traced("diamonds")
        with pytest.raises(pf.ArgumentError, match=r"one example at one point takes [\d,]+ bytes"):
            pf.attribute(graph, args, **question, search=search)

    @pytest.mark.parametrize("search", [pf.Aggregate({"a": ".* a .*"}), pf.Conductance()])
    def test_an_infinite_derivative(self, search):
        graph = pf.trace(lambda x: pf.tag(jnp.sqrt(pf.tag(x, "a")), "b").sum(), jnp.ones(3))
        doi = pf.Point(direction=jnp.ones(3))
        with pytest.raises(pf.NonFiniteError, match="'a'|along x -> a|along a -> b"):
            pf.attribute(graph, (jnp.zeros(3),), source="x", doi=doi, search=search)
