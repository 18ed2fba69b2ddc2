"""Influences of random programs: conservation, every path, and coarser graphs of a function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import (
    OUTPUT,
    OtherDecisionError,
    Points,
    brute_force,
    count_paths,
    dag_programs,
    dropped_names,
    line,
    programs,
    structure,
)

_EXACT = 1e-10
_MAX_PATHS = 400


def by_path(result):
    """The influences of a result, by the labels of their paths."""
    space = result.space
    paths = [tuple(str(n) for n in space.unrank(i)) for i in range(space.count)]
    return dict(zip(paths, np.asarray(result.influences).tolist(), strict=True))


def assert_same(found, expected, scale):
    """Equal, path by path; a path that one side leaves out has no influence on the other."""
    scale = max(scale, 1e-6)
    wrong = {
        path: (found.get(path, 0.0), expected.get(path, 0.0))
        for path in {*found, *expected}
        if abs(found.get(path, 0.0) - expected.get(path, 0.0)) > _EXACT * scale
    }
    assert not wrong


def check(program, args, doi, points):
    """Attribute and compare with brute force: the same paths, and a sum that is the derivative."""
    sources = tuple(points.values)
    graph = structure(program, args)
    assume(0 < count_paths(graph, sources, OUTPUT) <= _MAX_PATHS)
    traced = pf.trace(program.function(), *args)
    if not all(_reaches(traced.to_networkx(), source, sources) for source in sources):
        with pytest.raises((pf.NoPathError, pf.NotDifferentiableError)):
            pf.attribute(traced, args, source=sources, doi=doi)
        return None
    try:
        expected = brute_force(program, args, points)
    except OtherDecisionError:
        with pytest.raises(pf.DecisionChangedError):
            pf.attribute(traced, args, source=sources, doi=doi)
        return None
    result = pf.attribute(traced, args, source=sources, doi=doi)
    assert set(by_path(result)) <= set(expected.influences)
    assert_same(by_path(result), expected.influences, expected.scale)
    assert abs(result.total - expected.total) <= _EXACT * max(expected.scale, 1e-6)
    assert result.audit.ok
    return result


def _reaches(graph, source, sources):
    """Whether a source has a path of its own, through no other source."""
    open_graph = graph.subgraph(set(graph) - (set(sources) - {source}))
    return count_paths(open_graph, [source], OUTPUT) > 0


@given(programs())
def test_paths_sum_to_the_derivative_of_the_untouched_function(program):
    args = program.args()
    *arrays, params = args
    result = check(program, args, pf.Point(), _point(args))
    if result is not None:
        untouched = program.without(program.tags()).function()
        _, total = jax.jvp(lambda x: untouched(x, params), (arrays[0],), (arrays[0],))
        scale = max(np.abs(result.influences).sum(), 1e-6)
        assert abs(result.total - total) <= _EXACT * scale


def _point(args):
    x = np.asarray(args[0])
    return Points({"x": x[None]}, np.ones(1), {"x": x})


@given(dag_programs(), st.integers(1, 4))
def test_every_path_of_a_dag_model_is_the_product_of_its_jacobians(program, n_steps):
    args = program.args()
    x = np.asarray(args[0])
    start = np.full_like(x, 0.1)
    doi = pf.Line(jnp.asarray(start), n_steps=n_steps, rule=pf.RightRiemann())
    steps = np.arange(1, n_steps + 1) / n_steps
    check(program, args, doi, line(start, x, steps, np.full(n_steps, 1 / n_steps)))


@given(programs())
def test_a_line_averages_outside_the_product(program):
    args = program.args()
    x = np.asarray(args[0])
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=3, rule=pf.Midpoint())
    check(program, args, doi, line(0 * x, x, np.array([1, 3, 5]) / 6, np.full(3, 1 / 3)))


@given(programs(inputs=("x", "y")), st.integers(0, 99))
def test_two_sources_move_together(program, seed):
    args = program.args()
    random = np.random.default_rng(seed)
    values = {
        n: np.asarray(a) + random.normal(size=(2, *a.shape))
        for n, a in zip("xy", args, strict=False)
    }
    direction = {n: random.normal(size=a.shape) for n, a in zip("xy", args, strict=False)}
    weights = np.array([0.25, 0.75])
    doi = pf.Samples(
        tuple(map(jnp.asarray, values.values())),
        weights=jnp.asarray(weights),
        direction=tuple(map(jnp.asarray, direction.values())),
    )
    check(program, args, doi, Points(values, weights, direction))


@given(programs(), st.data())
def test_an_inner_node_is_a_source_whose_value_is_replaced(program, data):
    args = program.args()
    graph = structure(program, args)
    inner = [n for n in graph if n not in ("x", OUTPUT) and count_paths(graph, [n], OUTPUT)]
    label = data.draw(st.sampled_from(inner), label="source")
    traced = pf.trace(program.function(), *args)
    shape = traced.node(label).shape
    random = np.random.default_rng(program.seed)
    values, direction = random.normal(size=(2, *shape)), random.normal(size=shape)
    doi = pf.Samples(jnp.asarray(values), direction=jnp.asarray(direction))
    check(program, args, doi, Points({label: values}, np.full(2, 0.5), {label: direction}))


@given(programs(decided_by_values=False), st.data())
def test_a_coarser_graph_sums_paths_and_keeps_the_total(program, data):
    """Without some tags, each path is the sum of the finer graph's paths through the same kept
    nodes.
    """
    args = program.args()
    graph = structure(program, args)
    assume(0 < count_paths(graph, ["x"], OUTPUT) <= _MAX_PATHS)
    dropped = data.draw(dropped_names(program), label="dropped")
    doi = pf.Line(jnp.zeros_like(args[0]), n_steps=2)
    fine = pf.trace(program.function(), *args)
    coarse = pf.trace(program.without(dropped).function(), *args)
    assume(fine.count_paths("x", OUTPUT))
    results = [pf.attribute(g, args, source="x", doi=doi) for g in (fine, coarse)]
    grouped: dict = {}
    for path, influence in by_path(results[0]).items():
        kept = tuple(n for n in path if n.split("@")[0].split("#")[0] not in dropped)
        grouped[kept] = grouped.get(kept, 0.0) + influence
    scale = np.abs(results[0].influences).sum()
    assert_same(by_path(results[1]), grouped, scale)
    assert abs(results[0].total - results[1].total) <= _EXACT * max(scale, 1e-6)


@given(programs(decided_by_values=False), st.data())
def test_selecting_names_is_dropping_the_other_tags(program, data):
    args = program.args()
    dropped = data.draw(dropped_names(program), label="dropped")
    kept = sorted(program.tags() - dropped)
    selected = pf.trace(program.function(), *args, nodes=pf.tagged(*kept))
    assert selected.graph == pf.trace(program.without(dropped).function(), *args).graph


@given(dag_programs(), st.integers(1, 3))
def test_float32_keeps_the_bound_of_its_own(program, n_steps):
    """Against the same question in float64, and against the derivative in float32."""
    args = program.args()
    graph = structure(program, args)
    assume(0 < count_paths(graph, ["x"], OUTPUT) <= _MAX_PATHS)
    found = {}
    for dtype in (np.float64, np.float32):
        cast = jax.tree.map(lambda a, d=dtype: _in_dtype(a, d), args)
        with jax.enable_x64(dtype == np.float64):
            traced = pf.trace(program.function(), *cast)
            assume(_reaches(traced.to_networkx(), "x", ("x",)))
            doi = pf.Line(np.full_like(cast[0], 0.1), n_steps=n_steps)
            found[dtype] = pf.attribute(traced, cast, source="x", doi=doi)
    single, double = found[np.float32], found[np.float64]
    assert single.audit.dtype == "float32"
    assert single.audit.structural <= single.audit.tolerance == 1e-4
    scale = np.abs(double.influences).sum()
    single, double = by_path(single), by_path(double)
    wrong = [p for p in double if abs(single[p] - double[p]) > 1e-4 * max(scale, 1e-6)]
    assert not wrong


def _in_dtype(array, dtype):
    array = np.asarray(array)
    return array.astype(dtype) if array.dtype.kind == "f" else array
