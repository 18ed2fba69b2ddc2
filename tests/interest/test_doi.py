import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

KEY = jax.random.key(7)
X = jnp.asarray([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
X0 = jnp.asarray([[0.0, 1.0, 1.0], [0.25, 4.0, 2.0]])


def every_doi(dtype):
    return {
        "line": pf.Line(X0.astype(dtype), n_steps=5),
        "riemann": pf.Line(X0.astype(dtype), n_steps=4, rule=pf.RightRiemann()),
        "compressed": pf.Line(X0.astype(dtype), n_steps=50, rule=pf.DiscreteGauss(12)),
        "point": pf.Point(),
        "directed": pf.Point(direction=X0.astype(dtype)),
        "gaussian": pf.Gaussian(0.1, 6, KEY),
        "samples": pf.Samples(jnp.stack([X, X0]).astype(dtype)),
        "weighted": pf.Samples(jnp.stack([X, X0]).astype(dtype), weights=np.array([0.25, 0.75])),
    }


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("name", list(every_doi("float32")))
def test_contract(name, dtype):
    x = X.astype(dtype)
    points = every_doi(dtype)[name].points((x,))
    n = len(points.weights)
    assert points.values[0].shape == (n, 2, 3)
    assert points.values[0].dtype == points.direction[0].dtype == dtype
    assert points.direction[0].shape == (2, 3)
    assert points.weights.dtype == ("float64" if dtype == "float64" else "float32")
    bits = jnp.finfo(points.weights.dtype).eps
    assert abs(float(points.weights.sum()) - 1) <= 4 * bits


@pytest.mark.parametrize("name", list(every_doi("float32")))
def test_crosses_jit_vmap_and_tree_map(name):
    doi = every_doi("float64")[name]
    direct = doi.points((X,))
    jitted = jax.jit(lambda d, x: d.points((x,)))(doi, X)
    for a, b in zip(jax.tree.leaves(direct), jax.tree.leaves(jitted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15, atol=1e-15)
    xs = jnp.stack([X, 2 * X, -X])
    batched = jax.vmap(lambda x: doi.points((x,)))(xs)
    assert batched.values[0].shape[0] == 3
    np.testing.assert_allclose(batched.values[0][0], direct.values[0], rtol=1e-15, atol=1e-15)
    leaves, tree = jax.tree.flatten(doi)
    copy = jax.tree.unflatten(tree, leaves)
    assert type(copy) is type(doi)
    assert jax.tree.structure(copy) == tree


def test_line_points_direction_and_endpoints():
    points = pf.Line(X0, n_steps=4, rule=pf.RightRiemann()).points((X,))
    for k in range(4):
        expected = X0 + (k + 1) / 4 * (X - X0)
        np.testing.assert_allclose(points.values[0][k], expected, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(points.values[0][-1], X)
    np.testing.assert_array_equal(points.direction[0], X - X0)
    np.testing.assert_array_equal(points.endpoints[0], X0)


def test_line_with_both_ends_hits_them_exactly():
    x0 = jax.random.normal(KEY, (100,)) * 1e8
    x = jax.random.normal(jax.random.key(8), (100,))
    values = pf.Line(x0, n_steps=3, rule=pf.Trapezoid()).points((x,)).values[0]
    np.testing.assert_array_equal(values[0], x0)
    np.testing.assert_array_equal(values[-1], x)


def test_batched_baseline():
    xs, baselines = jnp.stack([X, 2 * X]), jnp.stack([X0, X])
    line = pf.Line(baselines, n_steps=3)
    batched = jax.vmap(lambda d, x: d.points((x,)))(line, xs)
    for b in range(2):
        alone = pf.Line(baselines[b], n_steps=3).points((xs[b],))
        np.testing.assert_allclose(batched.values[0][b], alone.values[0], rtol=1e-15)


def test_several_sources():
    y, y0 = jnp.asarray([1.0, 2.0]), jnp.asarray([3.0, -2.0])
    points = pf.Line((X0, y0), n_steps=2, rule=pf.Midpoint()).points((X, y))
    np.testing.assert_allclose(points.values[0][0], X0 + 0.25 * (X - X0), atol=1e-15)
    np.testing.assert_allclose(points.values[1][0], y0 + 0.25 * (y - y0), atol=1e-15)
    assert len(points.endpoints) == len(points.direction) == 2
    noise = pf.Gaussian((0.0, 1.0), 3, KEY).points((X, y))
    np.testing.assert_array_equal(noise.values[0][1], X)
    assert not jnp.allclose(noise.values[1][1], y)


def test_sources_of_two_precisions():
    y = jnp.asarray([1.0, 2.0], "float32")
    points = pf.Line((X0, jnp.zeros(2, "float32")), n_steps=3).points((X, y))
    assert [v.dtype.name for v in points.values] == ["float64", "float32"]
    assert points.weights.dtype == "float64"


def test_scalar_source():
    points = pf.Line(0.0, n_steps=2, rule=pf.Trapezoid()).points((jnp.asarray(3.0, "float32"),))
    assert points.values[0].tolist() == [0.0, 3.0]
    assert points.values[0].dtype == "float32"


def test_point_is_gradient_times_input_by_default():
    assert pf.Point().points((X,)).direction[0] is X
    np.testing.assert_array_equal(pf.Point().points((X,)).values[0], X[None])
    np.testing.assert_array_equal(pf.Point(direction=X0).points((X,)).direction[0], X0)
    assert pf.Point().points((X,)).endpoints is None


def test_gaussian_is_reproducible_and_has_its_moments():
    doi = pf.Gaussian(2.0, 40_000, KEY)
    values = np.asarray(doi.points((X,)).values[0])
    np.testing.assert_array_equal(values, doi.points((X,)).values[0])
    np.testing.assert_allclose(values.mean(0), X, atol=0.06)
    np.testing.assert_allclose(values.std(0), 2.0, atol=0.06)
    other = pf.Gaussian(2.0, 40_000, jax.random.key(8)).points((X,)).values[0]
    assert not np.allclose(values, other)


def test_gaussian_std_per_component():
    std = jnp.zeros_like(X).at[0, 1].set(1.0)
    values = pf.Gaussian(std, 5, KEY).points((X,)).values[0]
    moved = np.asarray(values != X[None]).any(0)
    assert moved.tolist() == [[False, True, False], [False, False, False]]


def test_with_steps_keeps_the_rest():
    line = pf.Line(X0, 5, pf.Midpoint(), tol=1e-3, max_steps=80)
    other = line.with_steps(10)
    assert other.baseline is X0
    assert (other.n_steps, other.rule, other.tol, other.max_steps) == (10, line.rule, 1e-3, 80)
    assert line.n_steps == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 0}, "n_steps=0 is too small"),
        ({"n_steps": -1}, "n_steps=-1 is too small"),
        ({"n_steps": 2.5}, r"n_steps=2\.5 is no integer"),
        ({"n_steps": "50"}, "n_steps='50' is no integer"),
        ({"n_steps": True}, "n_steps=True is no integer"),
        ({"tol": 0.0}, r"tol=0\.0 must be positive"),
        ({"tol": float("nan")}, "tol=nan must be positive"),
        ({"tol": 1e-3, "max_steps": 10}, "max_steps=10 is under n_steps=50"),
        ({"rule": "gauss"}, "rule='gauss' is no quadrature rule"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_line_arguments(arguments, message):
    with pytest.raises(pf.ArgumentError, match=message):
        pf.Line(X0, **arguments)


@pytest.mark.parametrize("argument", ["baseline", "direction", "values", "std"])
def test_shape_mismatch_names_both_shapes(argument):
    wrong = jnp.zeros((4,))
    doi = {
        "baseline": lambda: pf.Line(wrong),
        "direction": lambda: pf.Point(direction=wrong),
        "values": lambda: pf.Samples(wrong),
        "std": lambda: pf.Gaussian(wrong, 3, KEY),
    }[argument]()
    with pytest.raises(pf.ShapeError, match=rf"{argument} has shape \(4,\).*shape \(2, 3\)"):
        doi.points((X,))


def test_nothing_is_broadcast():
    with pytest.raises(pf.ShapeError, match=r"baseline has shape \(\)"):
        pf.Line(0.0).points((X,))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_dtype_mismatch(dtype):
    with pytest.raises(pf.ShapeError, match=rf"dtype {dtype}.*astype\('float64'\)"):
        pf.Line(X0.astype(dtype)).points((X,))


def test_number_of_baselines():
    with pytest.raises(pf.ShapeError, match="baseline has 1 entries for 2 sources"):
        pf.Line(X0).points((X, X))
    with pytest.raises(
        pf.ShapeError, match="baseline has 2 entries for 1 source; .* a list of numbers is no"
    ):
        pf.Line((X0, X0)).points((X,))


def test_integer_source():
    with pytest.raises(pf.NotDifferentiableError, match="source 0 has dtype int64"):
        pf.Line(jnp.zeros(3)).points((jnp.arange(3),))


def test_sample_weights():
    values = jnp.stack([X, X0])
    with pytest.raises(pf.ArgumentError, match=r"sums to 2\.0, not to 1"):
        pf.Samples(values, weights=jnp.ones(2)).points((X,))
    with pytest.raises(pf.ShapeError, match=r"weights has shape \(3,\) for 2 points"):
        pf.Samples(values, weights=jnp.ones(3) / 3).points((X,))
    with pytest.raises(pf.ArgumentError, match="no point"):
        pf.Samples(values[:0]).points((X,))


def test_gaussian_arguments():
    with pytest.raises(pf.ArgumentError, match="n_samples=0"):
        pf.Gaussian(1.0, 0, KEY)
    with pytest.raises(pf.ArgumentError, match=r"std=-1\.0"):
        pf.Gaussian(-1.0, 3, KEY)


def test_arrays_with_one_axis_more_are_per_example():
    batch = jnp.stack([X, X0])
    keys = jax.random.split(KEY, 2)
    cases = [
        (pf.Line(X0), [None]),
        (pf.Line(batch), [0]),
        (pf.Point(), []),
        (pf.Point(direction=batch), [0]),
        (pf.Gaussian(0.1, 3, KEY), [None, None]),
        (pf.Gaussian(0.1, 3, keys), [None, 0]),
        (pf.Gaussian(batch, 3, jax.random.PRNGKey(0)), [0, None]),
        (pf.Samples(batch), [None]),
        (pf.Samples(jnp.stack([batch, batch]), jnp.full((2, 2), 0.5)), [0, 0]),
    ]
    for doi, axes in cases:
        assert list(doi.example_axes([X.ndim])) == axes, doi
        assert len(axes) == len(jax.tree.leaves(doi))
    assert list(pf.Line((X0, jnp.zeros((2, 5)))).example_axes([2, 1])) == [None, 0]
