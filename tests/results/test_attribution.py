import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from tests.graph.strategies import spaces

GRAPH = pf.Graph(
    [pf.Node("x"), *(pf.Node("a", (i,)) for i in range(3)), pf.Node("b"), pf.Node("qoi")],
    [
        *(("x", f"a@{i}") for i in range(3)),
        *((f"a@{i}", "b") for i in range(3)),
        ("a@0", "qoi"),
        ("b", "qoi"),
    ],
)
SPACE = GRAPH.paths("x", "qoi")
# Ranks: x a@0 b qoi, x a@0 qoi, x a@1 b qoi, x a@2 b qoi.
ROW = np.array([1.0, -2.0, 3.0, -2.0])
BATCH = np.stack([ROW, 2 * ROW, -ROW])


def audit(structural=1e-12, **facts) -> pf.Audit:
    return pf.Audit(structural=structural, reference_total=np.zeros(np.shape(structural)), **facts)


def result(influences=ROW, **metadata) -> pf.Attribution:
    batch = influences.shape[:-1]
    return pf.Attribution(SPACE, influences, audit(np.full(batch, 1e-12)), metadata)


def test_ranks_are_what_the_tests_here_assume():
    assert [str(p) for p in SPACE] == [
        "x a@0 b qoi",
        "x a@0 qoi",
        "x a@1 b qoi",
        "x a@2 b qoi",
    ]


def test_total_and_single_paths():
    one = result()
    assert one.total == 0.0
    assert isinstance(one.total, float)
    assert one.n_examples is None
    for path in ("x a@1 b qoi", pf.Path.parse("x a@1 b qoi"), ("x", "a@1", "b", "qoi"), 2):
        assert one[path] == 3.0
    many = result(BATCH)
    assert many.n_examples == 3
    assert many.total.tolist() == [0.0, 0.0, 0.0]
    assert many["x a@1 b qoi"].tolist() == [3.0, 6.0, -3.0]
    assert many[np.int64(1)].tolist() == [-2.0, -4.0, 2.0]


def test_sums_are_exact_in_float32():
    count = 1 << 14
    graph = pf.Graph(
        [pf.Node("x"), *(pf.Node("a", (i,)) for i in range(count)), pf.Node("y")],
        [e for i in range(count) for e in (("x", f"a@{i}"), (f"a@{i}", "y"))],
    )
    space = graph.paths("x", "y")
    influences = np.full(count, 1e-4, "float32")
    influences[0] = 1e4
    one = pf.Attribution(space, influences, audit())
    expected = float(influences[0]) + (count - 1) * float(influences[1])
    assert one.total == pytest.approx(expected, rel=1e-14)
    assert one.sum(np.ones(count, bool)) == pytest.approx(expected, rel=1e-14)
    assert one.through("x") == pytest.approx(expected, rel=1e-14)


@given(spaces(), st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 3]), st.data())
def test_sums_against_a_loop_over_paths(case, seed, batch, data):
    graph, space = case
    rng = np.random.default_rng(seed)
    influences = rng.normal(size=(space.count,) if batch is None else (batch, space.count))
    whole = pf.Attribution(space, influences, audit())
    nodes = data.draw(st.lists(st.sampled_from(graph.nodes), min_size=1, max_size=2))
    through = [i for i, p in enumerate(space) if all(n in p for n in nodes)]
    expected = influences[..., through].sum(-1)
    np.testing.assert_allclose(whole.through(*nodes), expected, rtol=1e-12, atol=1e-12)
    assert whole.ranks_through(*nodes).tolist() == through
    chosen = data.draw(st.lists(st.sampled_from(range(space.count)), max_size=4))
    expected = influences[..., sorted(set(chosen))].sum(-1)
    for paths in (
        chosen,
        np.array(chosen, int),
        [space.unrank(i) for i in chosen],
        (str(space.unrank(i)) for i in chosen),
        np.isin(np.arange(space.count), chosen),
    ):
        np.testing.assert_allclose(whole.sum(paths), expected, rtol=1e-12, atol=1e-12)


def test_sum_of_a_single_path():
    assert result().sum("x a@1 b qoi") == 3.0
    assert result().sum(SPACE.unrank(1)) == -2.0
    assert result().sum(1) == -2.0


def test_through_a_node_on_no_path():
    graph = pf.Graph([pf.Node(n) for n in "xzy"], [("x", "y"), ("z", "y")])
    one = pf.Attribution(graph.paths("x", "y"), np.ones(1), audit())
    assert one.through("z") == 0.0
    with pytest.raises(pf.UnknownNodeError):
        one.through("w")


@given(
    st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=4, max_size=4),
    st.integers(0, 6),
    st.sampled_from([pf.Magnitude(), pf.Largest(), pf.Smallest()]),
)
def test_top_is_a_stable_sort(values, k, by):
    influences = np.array(values)
    keys = {
        pf.Magnitude: lambda i: -abs(influences[i]),
        pf.Largest: lambda i: -influences[i],
        pf.Smallest: lambda i: influences[i],
    }
    expected = sorted(range(4), key=keys[type(by)])[:k]
    rows = result(influences).top(k, by)
    assert [r.rank for r in rows] == expected
    assert [r.path for r in rows] == [SPACE.unrank(i) for i in expected]
    assert [r.influence for r in rows] == influences[expected].tolist()


def test_share_is_of_the_sum_of_its_sign():
    assert [r.share for r in result().top(4, pf.Largest())] == [0.75, 0.25, 0.5, 0.5]
    assert [r.share for r in result(np.array([0.0, 0, 0, 1])).top(2)] == [1.0, 0.0]
    assert str(result().top(1)[0]) == "+3   75.0%  x a@1 b qoi"


def test_top_of_a_batch_is_of_the_mean():
    rows = result(BATCH).top(2)
    assert [(r.rank, r.influence) for r in rows] == [(2, 2.0), (1, pytest.approx(-4 / 3))]


def test_examples_and_mean():
    many = result(BATCH, seed=3)
    assert many.example(1).influences.tolist() == (2 * ROW).tolist()
    assert many.example(1).metadata == {"seed": 3}
    assert many.example(1).audit.structural == 1e-12
    np.testing.assert_allclose(many.mean().influences, BATCH.mean(0))
    assert many.mean().n_examples is None
    assert result(BATCH.astype("float32")).mean().influences.dtype == np.float64


def test_nan_is_never_dropped():
    broken = ROW.copy()
    broken[1] = np.nan
    one = result(broken)
    assert np.isnan(one.total)
    assert np.isnan(one.through("a@0"))
    assert np.isnan(one["x a@0 qoi"])
    assert one.through("a@1") == 3.0
    with pytest.raises(pf.NonFiniteError, match="1 of 4 influences are NaN"):
        one.top(1)
    assert one.to_pandas()["share"].isna().all()


def test_infinite_influences_are_ordered():
    assert result(np.array([1.0, -np.inf, 2.0, np.inf])).top(2)[0].rank == 1


def test_to_pandas():
    table = result().to_pandas()
    assert list(table.columns) == ["path", "rank", "influence", "share"]
    assert table["path"].tolist() == [str(p) for p in SPACE]
    assert table["influence"].tolist() == ROW.tolist()
    assert table["share"].tolist() == [0.25, 0.5, 0.75, 0.5]
    first = result().to_pandas(k=2)
    assert first["rank"].tolist() == [2, 1]


def test_to_pandas_of_a_batch():
    table = result(BATCH).to_pandas(k=2)
    assert list(table.columns) == ["example", "path", "rank", "influence", "share"]
    assert table["example"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["rank"].tolist() == [2, 1] * 3
    assert table["influence"].tolist() == [3.0, -2.0, 6.0, -4.0, -3.0, 2.0]
    assert table["share"].tolist() == [0.75, 0.5, 0.75, 0.5, 0.75, 0.5]


def test_to_pandas_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(pf.MissingDependencyError, match=r"pathflow\[table\]"):
        result().to_pandas()


def test_is_a_pytree():
    many = result(BATCH, seed=3)
    leaves = jax.tree.leaves(many)
    assert len(leaves) == 3
    doubled = jax.tree.map(lambda leaf: 2 * leaf, many)
    assert isinstance(doubled, pf.Attribution)
    np.testing.assert_array_equal(doubled.influences, 2 * BATCH)
    assert doubled.space is SPACE
    assert doubled.metadata == {"seed": 3}
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), many, many)
    assert joined.n_examples == 6
    assert joined.audit.structural.shape == (6,)
    scaled = jax.jit(lambda r: jax.tree.map(lambda leaf: leaf / 2, r))(doubled)
    assert scaled["x a@1 b qoi"].tolist() == [3.0, 6.0, -3.0]
    assert scaled.top(1)[0].rank == 2
    assert isinstance(scaled.influences, jax.Array)


def test_pytrees_of_different_results_do_not_mix():
    other = pf.Attribution(GRAPH.paths("x", "b"), np.ones(3), audit())
    with pytest.raises(ValueError, match="[Mm]ismatch|pytree"):
        jax.tree.map(lambda a, b: a + b, result(), other)


def test_repr():
    text = repr(result(BATCH))
    assert "x -> qoi, 4 paths, 3 examples" in text
    assert "structural=1.0e-12, ok=True" in text
    assert len(text) < 160


def test_a_set_of_paths_may_be_an_array_of_jax():
    for chosen in (np.array([True, False, True, False]), np.array([0, 2, 0])):
        assert result().sum(jnp.asarray(chosen)) == result().sum(chosen) == ROW[[0, 2]].sum()
    with pytest.raises(pf.GraphError, match="rank=9"):
        result().sum(jnp.array([0, 9]))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("shape", [(3,), (2, 5), (1, 1, 4), ()])
def test_shape_of_influences(shape):
    with pytest.raises(pf.ShapeError, match="for 4 paths"):
        pf.Attribution(SPACE, np.zeros(shape), audit())


@pytest.mark.usefixtures("unchecked")
def test_influences_that_are_no_floats():
    with pytest.raises(pf.ShapeError, match="dtype int64"):
        pf.Attribution(SPACE, np.zeros(4, int), audit())


def test_metadata_that_is_no_json():
    with pytest.raises(pf.ArgumentError, match="plain JSON"):
        pf.Attribution(SPACE, ROW, audit(), {"key": jnp.zeros(2)})


def test_arguments_that_fit_nothing(unchecked):
    one = result()
    with pytest.raises(pf.GraphError, match=r"rank=4 is outside 0 \.\. 3"):
        one[4]
    with pytest.raises(pf.GraphError, match="rank=-1"):
        one[-1]
    with pytest.raises(pf.GraphError, match="rank=9"):
        one.sum(np.array([0, 9]))
    with pytest.raises(pf.GraphError, match="no path takes an edge x -> b"):
        one["x b qoi"]
    with pytest.raises(pf.ShapeError, match="one entry each"):
        one.sum(np.ones(3, bool))
    with pytest.raises(pf.ArgumentError, match="paths=None is no set of paths; give paths"):
        one.sum(None)
    for k in (-1, "5", 2.0, True, None):
        with pytest.raises(pf.ArgumentError, match=rf"k={k!r} is no number of rows"):
            one.top(k)
    assert len(one.top(np.int64(2))) == 2
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        one.mean()
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        one.example(0)
    with pytest.raises(pf.ArgumentError, match=r"i=3 is outside 0 \.\. 2"):
        result(BATCH).example(3)


@pytest.mark.usefixtures("unchecked")
def test_arguments_of_the_wrong_kind():
    with pytest.raises(pf.ArgumentError, match="by='largest' is no order"):
        result().top(1, by="largest")
    with pytest.raises(pf.ShapeError, match="ranks on one axis"):
        result().sum(np.zeros((2, 2), int))
    with pytest.raises(pf.ShapeError, match="dtype float64"):
        result().sum(np.zeros(2))
