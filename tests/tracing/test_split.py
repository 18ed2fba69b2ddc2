"""Nodes split at trace time: their graph, and their paths against those of the undivided nodes."""

import re
from collections import defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import OUTPUT, dag_programs, lstm_by_layer, lstm_by_step, lstm_params

_EXACT = 1e-10
_PRIMARY = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 h1@1 qoi"


def labels(nodes):
    return [str(n) for n in nodes]


def undivided(path):
    return re.sub(r"\[[^\]]*\]", "", str(path))


def assert_sums(fine, coarse):
    """Paths of the finer graph through the parts of the same nodes add up to the coarse path's."""
    sums = defaultdict(float)
    for rank, path in enumerate(fine.space):
        sums[undivided(path)] += fine.influences[rank]
    scale = max(np.abs(coarse.influences).sum(), 1e-6)
    found = {str(path): coarse.influences[rank] for rank, path in enumerate(coarse.space)}
    assert set(sums) <= set(found)
    for path, value in found.items():
        assert abs(sums.get(path, 0.0) - value) <= _EXACT * scale
    assert abs(fine.total - coarse.total) <= _EXACT * scale
    assert fine.audit.ok


@pytest.fixture(scope="module")
def params():
    return lstm_params(2, embed=3, hidden=4, steps=2)


@pytest.fixture(scope="module")
def coarse(params):
    graph = pf.trace(lstm_by_step, params)
    return pf.attribute(graph, (params,), source="x@0", doi=pf.Point())


@pytest.mark.parametrize("fn", [lstm_by_step, lstm_by_layer])
def test_units_keep_to_themselves(params, fn):
    graph = pf.trace(fn, params, split={"c1": pf.Components()})
    assert [n for n in labels(graph.nodes) if n.startswith("c1")] == [
        f"c1[{i}]@{t}" for t in range(2) for i in range(4)
    ]
    node = graph.node("c1[2]@1")
    assert (node.shape, node.dtype) == ((), "float64")
    assert labels(graph.graph.successors("c1[2]@0")) == ["h1@0", "c1[2]@1"]
    assert set(labels(graph.graph.predecessors("c1[2]@1"))) == {"f1@1", "i1@1", "g1@1", "c1[2]@0"}


def test_classes_do_not_grow_with_the_parts(params):
    split = {"c1": pf.Components(), "g0": pf.Components()}
    counts = []
    for hidden in (4, 6):
        graph = pf.trace(lstm_by_step, lstm_params(2, 3, hidden, steps=2), split=split)
        counts.append(len({f.computes for f in graph.functions.values()}))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "split",
    [
        {"c1@1": pf.Components(), "h0": pf.Groups(2)},
        {"g*": pf.Groups({"even": [0, 2]}), "c0": pf.Axis(0)},
    ],
)
def test_paths_add_up_to_the_undivided_ones(params, coarse, split):
    graph = pf.trace(lstm_by_step, params, split=split)
    fine = pf.attribute(graph, (params,), source="x@0", doi=pf.Point())
    assert_sums(fine, coarse)


def test_parts_are_those_of_a_refinement(params, coarse):
    split = {"c1": pf.Components(), "c0": pf.Groups({"a": [3, 0], "b": [1]})}
    graph = pf.trace(lstm_by_step, params, split=split)
    fine = pf.attribute(graph, (params,), source="x@0", doi=pf.Point())
    refined = pf.refine(coarse, _PRIMARY, split)
    assert len(refined) == 12
    scale = np.abs(refined.influences).sum()
    for a in ("a", "b", "rest"):
        for i in range(4):
            path = f"x@0 g0@0 c0[{a}]@0 h0@0 g1@0 c1[{i}]@0 c1[{i}]@1 h1@1 qoi"
            assert abs(fine[path] - refined[f"c0@0[{a}] c1@1[{i}]"]) <= _EXACT * scale


def test_parts_of_parts(params):
    graph = pf.trace(lstm_by_step, params, split={"c1": pf.Groups(2)})
    fine = pf.attribute(graph, (params,), source="x@0", doi=pf.Point())
    path = "x@0 g0@0 c0@0 h0@0 g1@0 c1[1]@0 c1[1]@1 h1@1 qoi"
    units = pf.refine(fine, path, at="c1[1]@1")
    assert units.labels == ("c1[1]@1[0]", "c1[1]@1[1]")
    assert units.total == pytest.approx(fine[path], rel=1e-9)


def attention(x):
    """A node of two axes that is read entry by entry, by rows and as a whole."""
    w = jnp.arange(6.0).reshape(2, 3) / 7
    a = pf.tag(jnp.sin(w * x[0]) + x[1:].reshape(2, 3), "a")
    b = pf.tag(jnp.tanh(a), "b")
    return (b.T @ jnp.array([1.0, -2.0]))[1] + (b[0] * a[1]).sum() + a[1, 2]


@pytest.mark.parametrize(
    ("split", "shapes"),
    [
        ({"a": pf.Axis(0), "b": pf.Axis(0)}, {"a[0]": (3,), "b[1]": (3,)}),
        ({"a": pf.Axis(1), "b": pf.Components()}, {"a[2]": (2,), "b[1.2]": ()}),
        (
            {"a": pf.Groups({"p": [0, 4, 5]}), "b": pf.Groups([[5, 0], [2, 1]])},
            {"a[p]": (3,), "a[rest]": (3,), "b[0]": (2,), "b[rest]": (2,)},
        ),
        ({"a": pf.Groups(1)}, {"a[0]": (2, 3)}),
    ],
)
def test_several_axes(split, shapes):
    x = jnp.asarray(np.random.default_rng(0).normal(size=7))
    whole = pf.attribute(pf.trace(attention, x), (x,), source="x", doi=pf.Point())
    graph = pf.trace(attention, x, split=split)
    for label, shape in shapes.items():
        assert graph.node(label).shape == shape
    assert_sums(pf.attribute(graph, (x,), source="x", doi=pf.Point()), whole)


def test_what_reads_a_row_reads_no_other():
    x = jnp.ones(7)
    graph = pf.trace(attention, x, split={"a": pf.Axis(0), "b": pf.Axis(0)})
    assert labels(graph.graph.predecessors("b[0]")) == ["a[0]"]
    assert labels(graph.graph.predecessors("output")) == ["a[1]", "b[0]", "b[1]"]
    columns = pf.trace(attention, x, split={"a": pf.Axis(1), "b": pf.Axis(1)})
    assert labels(columns.graph.predecessors("b[2]")) == ["a[2]"]


def test_a_part_as_source_and_as_target():
    x = jnp.asarray(np.random.default_rng(0).normal(size=7))
    start = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3)))
    whole = pf.trace(attention, x)
    node = pf.attribute(whole, (x,), source="a", doi=pf.Line(start, n_steps=3))
    graph = pf.trace(attention, x, split={"a": pf.Groups({"p": [4, 0]}), "b": pf.Components()})
    assert pf.attribute(graph, (x,), source="a[p]", doi=pf.Point()).audit.ok
    # Both parts together are the node, from a baseline of both.
    baseline = (start.ravel()[jnp.array([0, 4])], start.ravel()[jnp.array([1, 2, 3, 5])])
    parts = pf.attribute(graph, (x,), source=("a[p]", "a[rest]"), doi=pf.Line(baseline, n_steps=3))
    assert parts.audit.ok
    assert parts.total == pytest.approx(node.total, rel=1e-9)
    inner = pf.attribute(graph, (x,), source="x", target="b[1.1]", doi=pf.Point())
    assert inner.audit.ok
    expected = jax.jvp(lambda v: jnp.tanh(jnp.sin(4 / 7 * v[0]) + v[5]), (x,), (x,))[1]
    assert inner.total == pytest.approx(float(expected), rel=1e-9)


@given(dag_programs(max_nodes=4), st.data())
@settings(max_examples=settings().max_examples // 10)
def test_random_models(program, data):
    args = program.args()
    whole = pf.trace(program.function(), *args)
    if not whole.count_paths("x", OUTPUT):
        return
    names = data.draw(st.lists(st.sampled_from(sorted(program.tags())), min_size=1, unique=True))
    kinds = st.sampled_from([pf.Components(), pf.Groups([[0]])])
    split = {name: data.draw(kinds) for name in names}
    graph = pf.trace(program.function(), *args, split=split)
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=2)
    fine, coarse = (pf.attribute(g, args, source="x", doi=doi) for g in (graph, whole))
    assert_sums(fine, coarse)


@pytest.mark.parametrize(
    ("split", "error", "message"),
    [
        (
            {"c9": pf.Components()},
            pf.TraceError,
            "'c9' matches no tagged value; there are x@0 f0@0",
        ),
        ({"params": pf.Components()}, pf.TraceError, "'params' matches no tagged value"),
        ({"qoi": pf.Components()}, pf.TraceError, "'qoi' matches no tagged value"),
        ({"c1@2:": pf.Components()}, pf.TraceError, "'c1@2:' matches no tagged value"),
        ({"c1": pf.Axis(1)}, pf.ShapeError, "divides no node of shape"),
        ({"c1": pf.Groups(3)}, pf.ShapeError, "divides no node of 4 entries"),
        ({"c1": 3}, pf.ArgumentError, "parts=3"),
        (["c1"], pf.ArgumentError, "takes a mapping from steps to parts"),
        ({"c1 c1": pf.Components()}, pf.PatternError, "not a single step"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_arguments(params, split, error, message):
    with pytest.raises(error, match=message):
        pf.trace(lstm_by_step, params, split=split)


def test_an_input_is_tagged_to_be_split():
    x = jnp.ones(7)
    with pytest.raises(pf.TraceError, match="'x' names an input; tag it inside"):
        pf.trace(attention, x, split={"x": pf.Components()})
    graph = pf.trace(lambda v: attention(pf.tag(v, "x")), x, split={"x": pf.Components()})
    assert "x[6]" in labels(graph.nodes)


@pytest.mark.parametrize(
    "partition",
    [
        {"z": ".* c1[0]@0 .*"},
        {"z": "~(.* c1[0]@0 .*)"},
        {"z": ".* h1 .*"},
        {"z": ".*"},
        pf.FirstOf({"p": "c1[0]@0", "q": "c1[1]@0"}),
    ],
)
def test_streaming_knows_no_parts(params, partition):
    """Whatever the classes speak of: even those of parts alone would be empty without a word."""
    graph = pf.trace(lstm_by_step, params, split={"c1": pf.Components()})
    ask = {"source": "x@0", "doi": pf.Point()}
    refused = pytest.raises(pf.ArgumentError, match=r"traced with split=.*OnGraph\(\)")
    with refused:
        pf.attribute(graph, (params,), search=pf.Aggregate(partition, pf.Streaming()), **ask)
    with refused:
        pf.aggregate(graph, (params,), partition, **ask)
    with refused:
        pf.conductance(graph, (params,), **ask)
