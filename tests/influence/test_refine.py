"""Parts of paths, against dense Jacobians with masks in between, and by hand."""

import copy
import pickle
from collections import defaultdict
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pathflow as pf
from pathflow.influence.refinement import _parts_plan
from tests.helpers import (
    INTERESTS,
    OUTPUT,
    PROGRAMS,
    BruteParts,
    NumpyLSTM,
    Points,
    brute_force,
    dag_programs,
    lstm_by_step,
    lstm_params,
)

_EXACT = 1e-10
_PRIMARY = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 c1@2 h1@2 qoi"


def rows_of(refined):
    """The rows of a refinement by the nodes and parts that they go through."""
    table = refined.table
    return {
        tuple((str(n), i) for n, i in zip(table.nodes, row, strict=True) if i >= 0): float(value)
        for row, value in zip(table.chosen.tolist(), refined.influences, strict=True)
    }


def assert_parts(refined, expected):
    """Row by row; what has no row is zero. `expected` has every combination of parts."""
    found, scale = rows_of(refined), max(sum(map(abs, expected.values())), 1e-6)
    assert set(found) <= set(expected)
    wrong = {
        parts: (found.get(parts, 0.0), value)
        for parts, value in expected.items()
        if abs(found.get(parts, 0.0) - value) > _EXACT * scale
    }
    assert not wrong
    assert refined.n_zeros == len(expected) - len(found)
    assert abs(refined.parent - sum(expected.values())) <= _EXACT * scale
    assert abs(refined.total - refined.parent) <= _EXACT * scale
    assert refined.audit.ok


def halves(graph, labels):
    """Divisions of nodes into two parts as they come, and the owners of the entries."""
    owners = {n: np.arange(max(1, int(np.prod(graph.node(n).shape)))) % 2 for n in labels}
    groups = {
        n: pf.Groups([np.flatnonzero(o == i) for i in range(o.max() + 1)])
        for n, o in owners.items()
    }
    return groups, owners


def each(graph, labels):
    owners = {n: np.arange(max(1, int(np.prod(graph.node(n).shape)))) for n in labels}
    return dict.fromkeys(labels, pf.Components()), owners


@pytest.mark.parametrize("name", ["diamonds", "recurrent"])
def test_a_path_of_written_programs(name):
    program = PROGRAMS[name]
    args = program.args()
    graph = pf.trace(program.function(), *args)
    values = {k: np.asarray(v) for k, v in zip("xy", args, strict=False)}
    doi, points = INTERESTS["Gauss-Legendre"].make(values, np.random.default_rng(3))
    brute = BruteParts(program, args, points)
    space = graph.paths(("x", "y"), OUTPUT)
    rank = space.count // 2
    labels = tuple(map(str, space.unrank(rank)))
    for chosen, divide in ((labels[:1], each), (labels[1:3], each), (labels[::2][:3], halves)):
        at, owners = divide(graph, chosen)
        search = pf.Refine(rank, at)
        refined = pf.attribute(graph, args, source=("x", "y"), doi=doi, search=search)
        assert_parts(refined, brute.parts(labels, owners))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("diamonds", ".*"), ("recurrent", "x .* output"), ("branching", "x .* output | y .*")],
)
def test_patterns(name, pattern):
    program = PROGRAMS[name]
    args = program.args()
    graph = pf.trace(program.function(), *args)
    values = {k: np.asarray(v) for k, v in zip("xy", args, strict=False)}
    doi, points = INTERESTS["midpoint"].make(values, np.random.default_rng(3))
    brute, every = BruteParts(program, args, points), brute_force(program, args, points)
    inner = [str(n) for n in graph.nodes if str(n) not in ("x", "y", OUTPUT)]
    for chosen, divide in ((inner[1:2], each), (["x", *inner[:2]], halves)):
        at, owners = divide(graph, chosen)
        expected = defaultdict(float)
        for path in every.influences:
            if path[0] == "x" or pattern != "x .* output":
                for parts, value in brute.parts(path, owners).items():
                    expected[parts] += value
        search = pf.Refine(pattern, at)
        refined = pf.attribute(graph, args, source=("x", "y"), doi=doi, search=search)
        assert_parts(refined, expected)


@given(dag_programs(max_nodes=5), st.data())
@settings(max_examples=settings().max_examples // 6)
def test_random_models(program, data):
    args = program.args()
    graph = pf.trace(program.function(), *args)
    if not graph.count_paths("x", OUTPUT):
        return
    space = graph.paths("x", OUTPUT)
    path = tuple(map(str, space.unrank(data.draw(st.integers(0, min(space.count, 50) - 1)))))
    chosen = data.draw(st.lists(st.sampled_from(path), min_size=1, max_size=3, unique=True))
    at, owners = (each if data.draw(st.booleans()) else halves)(graph, sorted(chosen))
    x = np.asarray(args[0])
    values = np.stack([x, 0.5 * x])
    doi = pf.Samples(jnp.asarray(values), direction=args[0])
    refined = pf.attribute(graph, args, source="x", doi=doi, search=pf.Refine(path, at))
    points = Points({"x": values}, np.full(2, 0.5), {"x": x})
    assert_parts(refined, BruteParts(program, args, points).parts(path, owners))


@pytest.fixture(scope="module")
def lstm():
    """An LSTM of three words, with what attribute found along a line of four points."""
    params = lstm_params(2, embed=3, hidden=4, steps=3)
    graph = pf.trace(lstm_by_step, params)
    start = jnp.asarray(np.random.default_rng(5).normal(size=3))
    doi = pf.Line(start, n_steps=4, rule=pf.RightRiemann())
    return graph, params, doi, pf.attribute(graph, (params,), source="x@0", doi=doi)


def test_units_of_the_primary_path_by_hand(lstm):
    _, params, doi, result = lstm
    points = doi.points((params["words"][0],))
    expected = np.zeros(4)
    for word, weight in zip(np.asarray(points.values[0]), np.asarray(points.weights), strict=True):
        words = np.concatenate([word[None], np.asarray(params["words"])[1:]])
        net = NumpyLSTM(params["layers"], words, params["readout"])
        tangent = np.asarray(points.direction[0])
        steps = _PRIMARY.split()
        for label, after in pairwise(steps[:6]):
            tangent = dict(net._after(label, tangent))[after]
        # From here on every gate is a factor of its own unit.
        value = net._values
        keep = value["f1@1"] * value["f1@2"]
        slope = value["o1@2"] * (1 - np.tanh(value["c1@2"]) ** 2)
        expected += weight * tangent * keep * slope * np.asarray(params["readout"])
    for at in ("c1", "c1@2", "c1@1:", ["c1@0", "h1@2"], pf.Step("c1", 1)):
        refined = pf.refine(result, _PRIMARY, at=at)
        assert len(refined) == 4
        np.testing.assert_allclose(refined.influences, expected, rtol=1e-10)
    refined = pf.refine(result, _PRIMARY, at="c1")
    assert refined.n_zeros == 4**3 - 4
    assert refined.labels[2] == "c1@0[2] c1@1[2] c1@2[2]"
    assert refined.parent == pytest.approx(result[_PRIMARY], rel=1e-12)


def test_two_layers_of_cells(lstm):
    _, _, _, result = lstm
    both = pf.refine(result, _PRIMARY, at=["c0", "c1"])
    assert len(both) == 16
    for node in ("c0@0", "c1@2"):
        alone = pf.refine(result, _PRIMARY, at=node)
        np.testing.assert_allclose(both.by_part(node), alone.influences, rtol=1e-9)
    grouped = pf.refine(result, _PRIMARY, at={"c0": pf.Groups({"a": [3, 0]}), "c1@1": pf.Groups(2)})
    assert grouped.labels == (
        "c0@0[a] c1@1[0]",
        "c0@0[a] c1@1[1]",
        "c0@0[rest] c1@1[0]",
        "c0@0[rest] c1@1[1]",
    )
    table = both.influences.reshape(4, 4)
    expected = [[table[np.ix_(i, j)].sum() for j in ([0, 1], [2, 3])] for i in ([0, 3], [1, 2])]
    np.testing.assert_allclose(grouped.influences.reshape(2, 2), expected, rtol=1e-9)


def test_all_paths_through_a_unit(lstm):
    _, _, _, result = lstm
    through = pf.refine(result, "x .* c1@1 .* qoi", at="c1@1")
    assert len(through) == 4
    assert through.total == pytest.approx(result.through("c1@1"), rel=1e-9)
    everything = pf.refine(result, ".*", at="c1@1")
    np.testing.assert_allclose(everything.by_part("c1@1"), through.influences, rtol=1e-9)
    assert everything["()"] == pytest.approx(result.total - through.total, rel=1e-9)


def test_a_batch_and_small_memory_change_nothing(lstm):
    graph, params, doi, result = lstm
    at = ["g0", "c1"]
    words = jnp.asarray(np.random.default_rng(2).normal(size=(3, 3, 3))).at[1].set(params["words"])
    axes = {"layers": None, "words": 0, "readout": None}

    def refined(memory):
        search = pf.Refine(_PRIMARY, at, memory=memory)
        batch = ({**params, "words": words},)
        return pf.attribute(graph, batch, source="x@0", doi=doi, in_axes=(axes,), search=search)

    together = refined(2**30)
    assert together.influences.shape == (3, 16)
    alone = pf.refine(result, _PRIMARY, at)
    np.testing.assert_allclose(together.influences[1], alone.influences, rtol=1e-9)
    assert together.example(1).parent == pytest.approx(alone.parent, rel=1e-9)
    assert together.audit.ok
    apart = refined(60_000)
    np.testing.assert_allclose(apart.influences, together.influences, rtol=1e-9)
    assert apart.audit.ok


def test_axes_of_a_node():
    def heads(x, w):
        a = pf.tag(jnp.tanh(w * x), "a")
        return (a @ jnp.arange(1.0, 4.0)).sum() * a[0, 0]

    x, w = jnp.float64(0.7), jnp.asarray(np.random.default_rng(0).normal(size=(2, 3)))
    graph = pf.trace(heads, x, w, inputs=["x"])
    result = pf.attribute(graph, (x, w), source="x", doi=pf.Point())
    units = pf.refine(result, "x a output", at="a")
    assert units.labels[5] == "a[1.2]"
    values = units.influences.reshape(2, 3)
    rows = pf.refine(result, "x a output", at="a", parts=pf.Axis(0))
    np.testing.assert_allclose(rows.influences, values.sum(1), rtol=1e-12)
    columns = pf.refine(result, "x a output", at="a", parts=pf.Axis(-1))
    np.testing.assert_allclose(columns.influences, values.sum(0), rtol=1e-12)
    assert columns.labels == ("a[0]", "a[1]", "a[2]")


def test_a_path_that_is_zero_whatever_the_inputs(lstm):
    _, _, _, result = lstm
    refined = pf.refine(result, "x@0 f0@0 c0@0 h0@0 g1@0 c1@0 c1@1 c1@2 h1@2 qoi", at="c0")
    assert (len(refined), refined.n_zeros, refined.total, refined.parent) == (0, 4, 0.0, 0.0)
    assert refined["c0@0[1]"] == 0.0
    assert refined.audit.ok


def test_float32():
    x = jnp.asarray(np.random.default_rng(0).normal(size=5), jnp.float32)
    graph = pf.trace(lambda x: pf.tag(jnp.tanh(x), "a") @ jnp.cos(x), x)
    search = pf.Refine("x a output", "a")
    refined = pf.attribute(graph, (x,), source="x", doi=pf.Point(), search=search)
    assert refined.influences.dtype == np.float32
    expected = np.cos(np.float64(x)) / np.cosh(np.float64(x)) ** 2 * np.float64(x)
    np.testing.assert_allclose(refined.influences, expected, rtol=1e-5)
    assert refined.audit.ok
    assert refined.audit.dtype == "float32"


def test_a_result_knows_its_question_until_it_is_changed(lstm):
    _, _, _, result = lstm
    expected = pf.refine(result, _PRIMARY, at="c1").influences
    np.testing.assert_array_equal(
        pf.refine(copy.deepcopy(result), _PRIMARY, at="c1").influences, expected
    )
    changed = [
        jax.tree.map(lambda a: a, result),
        pickle.loads(pickle.dumps(result)),  # noqa: S301
    ]
    for other in changed:
        assert other.question is None
        np.testing.assert_array_equal(other.influences, result.influences)
        with pytest.raises(pf.ArgumentError, match="search=pathflow.Refine"):
            pf.refine(other, _PRIMARY, at="c1")


def test_too_many_parts_are_refused_before_any_work(lstm):
    _, _, _, result = lstm
    at = ["x", "g0", "h0", "c1"]
    assert len(pf.refine(result, _PRIMARY, at)) == 3 * 4 * 4
    with pytest.raises(pf.TooManyPathsError, match="There are 48 combinations of parts") as error:
        pf.refine(result, _PRIMARY, at, memory=80 * 47)
    assert error.value.count == 48
    with pytest.raises(pf.TooManyPathsError, match="48 .* bytes of vectors"):
        pf.refine(result, _PRIMARY, at, memory=80 * 60)
    with pytest.raises(pf.TooManyPathsError, match="more than 100 combinations"):
        pf.refine(result, ".*", "c*", memory=80 * 100)


@pytest.mark.parametrize(
    ("paths", "at", "error", "message"),
    [
        (_PRIMARY, "c9", pf.UnknownNodeError, "at='c9' is no node of the paths, which pass x@0 g0"),
        (_PRIMARY, "f1", pf.UnknownNodeError, "at='f1'"),
        (_PRIMARY, [], pf.ArgumentError, "at is empty"),
        (_PRIMARY, None, pf.ArgumentError, "at=None names no nodes; give a node's label"),
        (_PRIMARY, 3, pf.ArgumentError, "at=3 names no nodes"),
        (_PRIMARY, "c1 c1", pf.PatternError, "not a single step"),
        (_PRIMARY, {"c1": 3}, pf.ArgumentError, "parts=3 is no way"),
        (
            _PRIMARY,
            {"c1": pf.Components(), "c1@2": pf.Axis(0)},
            pf.ArgumentError,
            "c1@2 is matched",
        ),
        (_PRIMARY, {"c1": pf.Axis(1)}, pf.ShapeError, r"Axis\(1\) divides no node of shape \(4,\)"),
        (_PRIMARY, {"c1": pf.Groups(3)}, pf.ShapeError, "3.* divides no node of 4 entries"),
        (_PRIMARY, {"c1": pf.Groups([[4]])}, pf.ShapeError, "has the place 4"),
        ("x@0 g0@0 qoi", "g0", pf.GraphError, "no path takes an edge g0@0 -> qoi"),
        (10**9, "c1", pf.GraphError, "rank=1,000,000,000"),
        ("x h9 .* qoi", "c1", pf.NoPathError, "matches no path"),
        (3.0, "c1", pf.ArgumentError, "neither a path nor a pattern"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_arguments(lstm, paths, at, error, message):
    with pytest.raises(error, match=message):
        pf.refine(lstm[3], paths, at)


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_result_or_budget():
    with pytest.raises(pf.ArgumentError, match=r"Refine\(memory"):
        pf.Refine(_PRIMARY, "c1", memory=0)
    with pytest.raises(pf.ArgumentError, match="this list does not hold its question"):
        pf.refine([], _PRIMARY, "c1")


@pytest.mark.parametrize(
    "search",
    [pf.Aggregate({"all": ".*"}), pf.Conductance(), pf.Sample(3, jax.random.key(0))],
)
def test_a_kind_of_result_that_holds_no_question(search):
    graph = pf.trace(lambda x: pf.tag(2 * x, "a").sum(), jnp.ones(2))
    found = pf.attribute(graph, (jnp.ones(2),), source="x", doi=pf.Point(), search=search)
    with pytest.raises(
        pf.ArgumentError, match=r"only an Attribution and a Ranked .*search=pathflow"
    ):
        pf.refine(found, "x a output", "a")
    one = pf.attribute(graph, (jnp.ones((2, 2)),), source="x", doi=pf.Point(), in_axes=0)
    with pytest.raises(pf.ArgumentError, match=r"taken out of a batch.*search=pathflow"):
        pf.refine(one.example(0), "x a output", "a")


def test_a_derivative_that_is_infinite():
    graph = pf.trace(lambda x: pf.tag(jnp.sqrt(x), "a").sum(), jnp.ones(2))
    x = jnp.array([0.0, 1.0])
    doi = pf.Point(direction=jnp.ones(2))
    with pytest.raises(pf.NonFiniteError, match=r"through a\[0\] of 'x a output'"):
        pf.attribute(graph, (x,), source="x", doi=doi, search=pf.Refine("x a output", "a"))


def test_a_side_with_too_many_histories_leaves_the_rest_to_the_other(lstm, monkeypatch):
    _, _, _, result = lstm
    at = ["c0@0", "c1@1"]
    expected = pf.refine(result, ".*", at)
    assert len(expected) == 25
    # After the second node, strands of single histories and of many would be written down as one.
    monkeypatch.setattr("pathflow.influence.refinement._strands.ENTRIES", 0.4)
    reached = []
    lay = _parts_plan.lay_strands
    monkeypatch.setattr(
        _parts_plan, "lay_strands", lambda *a, **k: reached.append(lay(*a, **k)) or reached[-1]
    )
    found = pf.refine(result, ".*", at, memory=80 * 130)
    assert all(len(side.labels) < len(result.space.nodes) for side in reached)
    assert found.table == expected.table
    np.testing.assert_allclose(found.influences, expected.influences, rtol=1e-9, atol=1e-15)


def test_nodes_without_entries():
    def fn(x):
        a = pf.tag(jnp.sin(x), "a")
        return a.sum() + pf.tag(a[:0], "e").sum()

    graph = pf.trace(fn, jnp.ones(3))
    result = pf.attribute(graph, (jnp.ones(3),), source="x", doi=pf.Point())
    for paths, at, rows in (
        ("x a e output", "a", 0),
        ("x a e output", "e", 0),
        (".*", ["a", "e"], 3),
        (".*", "e", 1),
    ):
        refined = pf.refine(result, paths, at)
        assert len(refined) == rows
        assert refined.total == pytest.approx(3 * np.cos(1) * (rows > 0))
        assert refined.audit.ok
    split = pf.trace(fn, jnp.ones(3), split={"e": pf.Components()})
    assert split.node("e").shape == (0,)


class TestStructure:
    """Edges that keep parts apart although they are not diagonal."""

    def model(self, x):
        """Rows that are turned around, and mixed within."""
        a = pf.tag(jnp.sin(x * jnp.arange(1.0, 7.0).reshape(3, 2)), "a")
        b = pf.tag(jax.nn.softmax(a[::-1] + 0.3 * a[:1], axis=1), "b")
        c = pf.tag(jnp.tanh(b.T * 2.0), "c")
        return (c @ jnp.array([1.0, -2.0, 0.5])).sum() * jnp.sum(c)

    @pytest.mark.parametrize(
        ("at", "count"),
        [
            ({"b": pf.Axis(0), "c": pf.Axis(1)}, 3),
            ({"b": pf.Axis(0), "c": pf.Components()}, 6),
            ({"b": pf.Components(), "c": pf.Components()}, 6),
            # Rows of a come together in those of b: all that may pass is told apart.
            ({"a": pf.Axis(0), "b": pf.Axis(0), "c": pf.Axis(1)}, 9),
        ],
    )
    def test_combinations_that_exist(self, at, count):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2)))
        graph = pf.trace(self.model, x)
        doi = pf.Line(jnp.zeros_like(x), n_steps=2, rule=pf.Midpoint())
        path = "x a b c output"
        found = pf.attribute(graph, (x,), source="x", doi=doi, search=pf.Refine(path, at))
        assert len(found) == count
        assert found.audit.ok
        points = pf.attribute(graph, (x,), source="x", doi=doi)
        assert found.parent == pytest.approx(points[path], rel=1e-12)
        # By hand: Jacobians with masks in between.
        assert rows_of(found) == pytest.approx(self.by_hand(x, at, found), rel=1e-9, abs=1e-12)

    def by_hand(self, x, at, found):
        steps = {
            "a": lambda v: jnp.sin(v * jnp.arange(1.0, 7.0).reshape(3, 2)),
            "b": lambda v: jax.nn.softmax(v[::-1] + 0.3 * v[:1], axis=1),
            "c": lambda v: jnp.tanh(v.T * 2.0),
            "output": lambda v: (v @ jnp.array([1.0, -2.0, 0.5])).sum() * jnp.sum(v),
        }
        total = dict.fromkeys(rows_of(found), 0.0)
        for alpha in (0.25, 0.75):
            for parts in total:
                value, tangent, chosen = x * alpha, x, dict(parts)
                for name, step in steps.items():
                    value, tangent = jax.jvp(step, (value,), (tangent,))
                    if name in chosen:
                        division = at[name].divide(value.shape)
                        mask = division.owner.reshape(value.shape) == chosen[name]
                        tangent = jnp.where(mask, tangent, 0.0)
                total[parts] += 0.5 * float(tangent)
        return total
