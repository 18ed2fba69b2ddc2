"""Curves of what is left when the first nodes or paths of a ranking are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr

import pathflow as pf

_X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))


def _fn(x):
    a = pf.tag(jnp.tanh(x), "a")
    b = pf.tag(jnp.sin(2 * x), "b")
    c = pf.tag(a * b + x, "c")
    return jnp.stack([a.sum(), 2 * b.sum(), c @ jnp.arange(3.0)])


@pytest.fixture(scope="module")
def scalar():
    return pf.trace(_fn, _X[0], qoi=pf.LogitDifference(2, 0))


@pytest.fixture(scope="module")
def vector():
    return pf.trace(_fn, _X[0])


def test_nodes_are_kept_one_after_another(scalar):
    zero = pf.Zero()
    curve = pf.faithfulness(scalar, (_X,), ["c", "b", "a"], instead=zero, in_axes=0)
    assert curve.sizes.tolist() == [0, 1, 2, 3]
    assert curve.ranking == ("c", "b", "a")
    for size, kept in zip(curve.sizes, curve.kept, strict=True):
        by = pf.Keep(["c", "b", "a"][:size], instead=zero)
        np.testing.assert_array_equal(kept, pf.do(scalar, (_X,), by, in_axes=0))
    np.testing.assert_allclose(curve.kept[-1], jax.vmap(_fn)(_X)[:, 2] - jax.vmap(_fn)(_X)[:, 0])
    recovered = curve.recovered()
    wanted = (curve.kept.mean(1) - curve.empty.mean()) / (curve.full.mean() - curve.empty.mean())
    np.testing.assert_allclose(recovered, wanted)
    assert recovered[0] == 0.0
    np.testing.assert_allclose(recovered[-1], 1.0)
    assert curve.accuracy().tolist() == [(k > 0).mean() for k in curve.kept]


def test_steps_that_are_kept_together(scalar):
    curve = pf.faithfulness(scalar, (_X,), [["a", "b"], "c"], sizes=[1, 2], in_axes=0)
    np.testing.assert_array_equal(
        curve.kept[0], pf.do(scalar, (_X,), pf.Keep(["a", "b"]), in_axes=0)
    )
    assert curve.ranking == ("a + b", "c")


def test_paths_are_kept_one_after_another(scalar):
    baseline = jnp.zeros(3)
    result = pf.attribute(scalar, (_X,), source="x", doi=pf.Line(baseline), in_axes=0)
    paths = result.top(5)
    curve = pf.faithfulness(scalar, (_X,), paths, instead=pf.Fix(baseline), in_axes=0)
    assert curve.sizes.tolist() == [0, 1, 2, 4, 5]
    np.testing.assert_allclose(curve.empty, _fn(baseline)[2] - _fn(baseline)[0], atol=1e-12)
    for size, kept in zip(curve.sizes[1:], curve.kept[1:], strict=True):
        sparing = [p.path for p in paths[:size]]
        found = pf.do(scalar, (_X,), {"x": baseline}, sparing=sparing, in_axes=0)
        np.testing.assert_array_equal(kept, found)
    texts = [str(p.path) for p in paths]
    by_text = pf.faithfulness(scalar, (_X,), texts, instead=pf.Fix(baseline), in_axes=0)
    np.testing.assert_array_equal(by_text.kept, curve.kept)
    assert by_text.ranking == curve.ranking == tuple(texts)
    # All five paths are all there are.
    np.testing.assert_allclose(curve.kept[-1], curve.full, rtol=1e-12)


def test_divergence_of_distributions(vector):
    curve = pf.faithfulness(vector, (_X,), ["b", "c"], sizes=[1, 2], in_axes=0)
    full = np.exp(log_softmax(curve.full, axis=-1))
    wanted = [rel_entr(full, np.exp(log_softmax(k, axis=-1))).sum(-1).mean() for k in curve.kept]
    np.testing.assert_allclose(curve.divergence(), wanted, rtol=1e-9)
    for measure in (curve.recovered, curve.accuracy):
        with pytest.raises(pf.ArgumentError, match="scalar target"):
            measure()


def test_one_example_and_data_to_average_over(scalar):
    curve = pf.faithfulness(scalar, (_X[0],), ["c"], instead=pf.Mean((_X,)))
    assert curve.kept.shape == (2,)
    assert curve.full.shape == ()
    np.testing.assert_allclose(curve.recovered()[0], 0.0)
    with pytest.raises(pf.ArgumentError, match="vector of logits"):
        curve.divergence()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"ranking": []}, "at least one and all of one kind"),
        ({"ranking": [pf.Path.parse("x a qoi"), "a"]}, "all of one kind"),
        ({"ranking": ["x a qoi", "a"]}, "all of one kind"),
        ({"ranking": ["a", "b"], "sizes": [2, 1]}, "ascending numbers from 0 to 2"),
        ({"ranking": ["a", "b"], "sizes": [3]}, "ascending numbers from 0 to 2"),
        ({"ranking": [pf.Path.parse("x a qoi")], "among": "a"}, "not of paths"),
    ],
)
def test_refusals(scalar, ask, said):
    with pytest.raises(pf.ArgumentError, match=said):
        pf.faithfulness(scalar, (_X,), in_axes=0, **ask)


def test_nothing_to_recover(scalar):
    # The target is linear in `a` and `c`, so their means leave its mean as it is.
    curve = pf.faithfulness(scalar, (_X,), ["a"], among=["a", "c"], in_axes=0)
    with pytest.raises(pf.ArgumentError, match="nothing can be recovered"):
        curve.recovered()
    curve = pf.faithfulness(scalar, (_X[0],), ["a"], among="a", instead=pf.Fix(jnp.tanh(_X[0])))
    with pytest.raises(pf.ArgumentError, match="nothing can be recovered"):
        curve.recovered()


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision(dtype):
    """Measures are taken in float64, of dtypes too that NumPy does not know itself."""
    x = _X.astype(dtype)
    fn = lambda x: (pf.tag(jnp.tanh(x), "a") + pf.tag(x * x, "b")).sum()  # noqa: E731
    graph = pf.trace(fn, x[0])
    curve = pf.faithfulness(graph, (x,), ["b", "a"], instead=pf.Zero(), in_axes=0)
    full, kept = (np.asarray(a, np.float64).mean(-1) for a in (curve.full, curve.kept))
    np.testing.assert_allclose(curve.recovered(), kept / full, rtol=1e-12)
    assert curve.curves().keys() == {"recovered", "accuracy"}
    same = pf.faithfulness(graph, (x,), ["b"], among="a", instead=pf.Apply(lambda a: a), in_axes=0)
    with pytest.raises(pf.ArgumentError, match="nothing can be recovered"):
        same.recovered()
