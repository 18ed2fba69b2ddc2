"""What is refused, and all that is said of it: the argument, what came, and what to give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

KEY = jax.random.key(7)
X = jnp.ones((2, 3))
LOGITS = jnp.asarray([0.5, -1.0, 2.0, 4.0])
_STEP = "a line has at least one step, so give"
_SEVERAL = (
    "has 1 entry for 2 sources; give a tuple with one array per source, or the array alone for a "
    "single source."
)
_SHAPE = "give an array of shape {} (jnp.broadcast_to makes one)."


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: pf.RightRiemann().nodes_and_weights(0),
            "n=0 is too small; a right Riemann sum has at least one step, so give 1 or more.",
        ),
        (
            lambda: pf.Midpoint().nodes_and_weights(0),
            "n=0 is too small; a midpoint sum has at least one step, so give 1 or more.",
        ),
        (
            lambda: pf.Trapezoid().nodes_and_weights(1),
            "n=1 is too small; a trapezoid sum has both ends among its points, so give 2 or more.",
        ),
        (
            lambda: pf.GaussLegendre().nodes_and_weights(0),
            "n=0 is too small; a Gauss rule has at least one point, so give 1 or more.",
        ),
        (
            lambda: pf.DiscreteGauss(0),
            "n_nodes=0 is too small; a Gauss rule has at least one point, so give 1 or more.",
        ),
        (lambda: pf.Line(X, n_steps=0), f"n_steps=0 is too small; {_STEP} 1 or more."),
        (lambda: pf.Line(X, max_steps=0), f"max_steps=0 is too small; {_STEP} 1 or more."),
        (
            lambda: pf.Line(X, n_steps=2.5),
            f"n_steps=2.5 is no integer; {_STEP} an int of at least 1.",
        ),
        (
            lambda: pf.Line(X, rule="gauss"),
            "rule='gauss' is no quadrature rule; give an object such as GaussLegendre().",
        ),
        (lambda: pf.Line(X, tol=np.inf), "tol=inf must be positive and finite, or None."),
        (lambda: pf.Line(X, tol="a"), "tol='a' must be positive and finite, or None."),
        (lambda: pf.Line(X, tol=True), "tol=True must be positive and finite, or None."),
        (
            lambda: pf.Gaussian(1.0, 2, 0).example_axes([2]),
            "Gaussian(key=0) takes one random key, such as jax.random.key(0).",
        ),
        (
            lambda: pf.Samples(X[None], weights=[1.0, 0.0]).points((X,)),
            "weights has shape (2,) for 1 points; give shape (1,).",
        ),
        (
            lambda: pf.Samples(X[None], weights={}).points((X,)),
            "weights={} is no array; give one of shape (1,).",
        ),
        (lambda: pf.Custom(None), "fn=None is no function; give one of the output."),
        (
            lambda: pf.Custom(lambda z, i: z[i], 1)(LOGITS),
            ("args=1 is no tuple; give a tuple of what fn takes after the output, as in "
            "(weights,)."),
        ),
        (
            lambda: pf.Line(X, 5, tol=1.0, max_steps=4),
            "max_steps=4 is under n_steps=5, where the doubling starts; raise it.",
        ),
        (
            lambda: pf.Gaussian(1.0, 0, KEY),
            "n_samples=0 is too small; a mean needs at least one sample, so give 1 or more.",
        ),
        (
            lambda: pf.Gaussian((1, -2), 3, KEY),
            "std=-2 is no standard deviation; give 0 or more.",
        ),
        (
            lambda: pf.Samples(1.0).points((jnp.asarray(1.0),)),
            "values holds no point; give an array whose first axis counts the points.",
        ),
        (
            lambda: pf.Samples(X[None][:0]).points((X,)),
            "values holds no point; give an array whose first axis counts the points.",
        ),
        (
            lambda: pf.Samples(X[None], weights=np.array([2.0])).points((X,)),
            ("weights sums to 2.0, not to 1; divide it by its sum, so that influences are a mean "
            "over the points."),
        ),
        (
            lambda: pf.Samples(X[None], weights=np.ones(3)).points((X,)),
            "weights has shape (3,) for 1 points; give shape (1,).",
        ),
        (
            lambda: pf.Point().points((X, jnp.arange(3))),
            ("source 1 has dtype int64, and influence is a derivative; choose a source of floating "
            "dtype, such as the embedding of an integer token."),
        ),
        (lambda: pf.Line(X).points((X, X)), f"baseline {_SEVERAL}"),
        (lambda: pf.Point(direction=X).points((X, X)), f"direction {_SEVERAL}"),
        (lambda: pf.Gaussian(1.0, 3, KEY).points((X, X)), f"std {_SEVERAL}"),
        (lambda: pf.Samples(X[None]).points((X, X)), f"values {_SEVERAL}"),
        (
            lambda: pf.Line(X[0]).points((X,)),
            f"baseline has shape (3,), but the source has shape (2, 3); {_SHAPE.format((2, 3))}",
        ),
        (
            lambda: pf.Samples(X).points((X,)),
            f"values has shape (2, 3), but the source has shape (2, 3); {_SHAPE.format((2, 2, 3))}",
        ),
        (
            lambda: pf.Gaussian(X[0], 3, KEY).points((X,)),
            f"std has shape (3,), but the source has shape (2, 3); {_SHAPE.format((2, 3))}",
        ),
        (
            lambda: pf.Point(direction=X.astype("float32")).points((X,)),
            ("direction has dtype float32, but the source has dtype float64; convert it with "
            "`.astype('float64')`."),
        ),
        (
            lambda: pf.Logit(0)(X),
            ("output has shape (2, 3), and the logits of one position of one example have shape "
            "(n_classes,); let the function return those (for instance `logits[-1]`), trace with "
            "one example and give many by in_axes, or use Custom(fn)."),
        ),
        (
            lambda: pf.Logit(0)([1.0]),
            ("output has type list, and the logits of one position of one example have shape "
            "(n_classes,); let the function return those (for instance `logits[-1]`), trace with "
            "one example and give many by in_axes, or use Custom(fn)."),
        ),
        (lambda: pf.Logit(0)(jnp.arange(4)), "output has dtype int64; logits are floating."),
        (lambda: pf.Logit(1.0)(LOGITS), "index has dtype float64; give an integer index."),
        (
            lambda: pf.LogitDifference(0, np.array([1]))(LOGITS),
            ("bad has shape (1,), and one example takes shape (); trace with that of one, and "
            "give one for each to attribute(qoi=..., in_axes=...), or put a batch of indices under "
            "vmap."),
        ),
        (
            lambda: pf.SetDifference(0, np.array([1]))(LOGITS),
            ("good has shape (), and one example takes shape (n,) with n >= 1; trace with that "
            "of one, and give one for each to attribute(qoi=..., in_axes=...), or put a batch of "
            "indices under vmap."),
        ),
        (
            lambda: pf.LogitDifference(0, 4)(LOGITS),
            ("bad=4 is outside 0 .. 3, the entries of the output; look the index up in the "
            "vocabulary again."),
        ),
        (
            lambda: pf.Custom(lambda z: z)(LOGITS),
            ("fn returned an array of shape (4,); a quantity of interest is a scalar, so let it "
            "return one entry or a sum."),
        ),
        (
            lambda: pf.Custom(lambda z: jnp.int32(1))(LOGITS),
            ("fn returned dtype int32; influence is a derivative, so let it return a floating "
            "scalar."),
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("unchecked")
def test_all_that_is_said(call, said):
    with pytest.raises(pf.PathflowError) as caught:
        call()
    assert str(caught.value) == said


def test_the_least_that_is_not_refused():
    assert len(pf.Trapezoid().nodes_and_weights(2)[0]) == 2
    assert pf.DiscreteGauss(1).nodes_and_weights(4)[0].tolist() == pytest.approx([0.625])
    assert pf.Line(X, 5, tol=1e-300, max_steps=5).max_steps == 5
    np.testing.assert_array_equal(pf.Gaussian(0.0, 1, KEY).points((X,)).values[0], X[None])
    for miss, refused in ((0.9e-5, False), (1.1e-5, True), (-1.1e-5, True)):
        samples = pf.Samples(X[None], weights=np.array([1 + miss]))
        if refused:
            with pytest.raises(pf.ArgumentError, match="sums to"):
                samples.points((X,))
        else:
            assert float(samples.points((X,)).weights[0]) == 1 + miss


def test_directions_noise_and_weights_are_those_asked_for():
    y = jnp.asarray([1.0, -2.0], "float32")
    directions = (2 * X, 3 * y)
    noisy = pf.Gaussian((0.5, 2.0), 4, KEY, direction=directions).points((X, y))
    for i, (source, std) in enumerate(((X, 0.5), (y, 2.0))):
        noise = jax.random.normal(jax.random.fold_in(KEY, i), (4, *source.shape), source.dtype)
        np.testing.assert_array_equal(noisy.values[i], source[None] + std * noise)
    given = pf.Samples((X[None], y[None]), direction=directions).points((X, y))
    for points in (noisy, given):
        for found, wanted in zip(points.direction, directions, strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert points.endpoints is None
    assert noisy.weights.tolist() == [0.25] * 4
    assert given.weights.tolist() == [1.0]


def test_a_rule_that_is_compressed_is_integrated_exactly_to_its_degree():
    points, weights = pf.Trapezoid().nodes_and_weights(9)
    few, their = pf.DiscreteGauss(4, of=pf.Trapezoid()).nodes_and_weights(9)
    assert len(few) == 4
    for degree in range(8):
        assert their @ few**degree == pytest.approx(weights @ points**degree, rel=1e-13)
    assert their @ few**8 != pytest.approx(weights @ points**8, rel=1e-9)
    same = pf.DiscreteGauss(9, of=pf.Trapezoid()).nodes_and_weights(9)
    np.testing.assert_array_equal(same[0], points)


@pytest.mark.usefixtures("unchecked")
def test_numpy_integers_become_python_integers():
    line = pf.Line(X, np.int64(7), max_steps=np.int64(70))
    gaussian = pf.Gaussian(1.0, np.int64(3), KEY)
    assert [*map(type, (line.n_steps, line.max_steps, gaussian.n_samples))] == [int] * 3
