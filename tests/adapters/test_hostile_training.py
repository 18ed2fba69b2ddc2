"""Models of every library in training mode, with statistics, dropout and state."""

import functools

import equinox as eqx
import haiku as hk
import jax
import numpy as np
import pytest
from flax import linen, nnx

import pathflow as pf
from tests.adapters._hostile import KEY, LINEAR, X, calling, names


def in_training_mode(test):
    """Their draws and changes of state are told, which other tests are about."""
    for told in ("RandomnessWarning", "ChangingStateWarning"):
        test = pytest.mark.filterwarnings(f"ignore::pathflow.{told}")(test)
    return test


class Regular(linen.Module):
    @linen.compact
    def __call__(self, x, train):
        x = linen.BatchNorm(use_running_average=not train)(x)
        return linen.Dropout(0.5, deterministic=not train)(linen.Dense(3)(x)).sum()


@in_training_mode
def test_linen_with_statistics_and_dropout():
    model, xs = Regular(), np.stack([X, -X])
    variables = model.init(KEY, xs, False)
    settings = {"mutable": ["batch_stats"], "rngs": {"dropout": KEY}}
    fn = functools.partial(model.apply, train=True, **settings)
    graph = pf.trace(fn, variables, xs, nodes=pf.modules())
    found = [n.name for n in graph.nodes]
    assert found[1:5] == ["BatchNorm_0", "Dense_0", "Dropout_0", "output.0"]


class NNXRegular(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.norm, self.drop = nnx.BatchNorm(3, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x, scale=1.0):
        return (self.drop(self.norm(x)) * scale).sum()


@in_training_mode
def test_nnx_with_statistics_and_dropout():
    model, xs = NNXRegular(), np.stack([X, -X])
    before = np.asarray(model.norm.mean[...])
    graph, state = nnx.split(model)

    def merged(x):
        return nnx.merge(graph, state, copy=True)(x)

    ways = [
        model,
        model.__call__,
        functools.partial(model, scale=2.0),
        merged,
    ]
    for fn in ways:
        assert names(fn, xs)[:3] == ["x", "norm", "drop"]
    assert np.array_equal(np.asarray(model.norm.mean[...]), before)
    with pytest.raises(Exception, match="different trace level") as caught:
        names(calling(model), xs)
    assert "Trace the module itself" in "".join(caught.value.__notes__)


@in_training_mode
def test_haiku_with_state():
    def net(x):
        x = hk.BatchNorm(True, True, 0.9)(x, is_training=True)
        return hk.dropout(hk.next_rng_key(), 0.5, hk.Linear(3)(x)).sum()

    model, xs = hk.transform_with_state(net), np.stack([X, -X])
    # haiku's dropout multiplies by a mask of bools.
    with jax.numpy_dtype_promotion("standard"):
        params, state = model.init(KEY, xs)
        found = names(model, params, state, KEY, xs)
        assert {"batch_norm", "linear", "output.0"} <= set(found)
        found = names(lambda x: model.apply(params, state, KEY, x)[0], xs)
    assert found[-2:] == ["linear", "output"]


class EquinoxRegular(eqx.Module):
    norm: eqx.nn.BatchNorm
    linear: eqx.nn.Linear
    drop: eqx.nn.Dropout

    def __call__(self, x, state, key):
        x, state = self.norm(x, state)
        return self.drop(self.linear(x), key=key).sum(), state


@in_training_mode
def test_equinox_with_state():
    def make():
        norm = eqx.nn.BatchNorm(3, "batch", mode="ema")
        return EquinoxRegular(norm, LINEAR, eqx.nn.Dropout(0.5))

    model, state = eqx.nn.make_with_state(make)()

    def fn(xs):
        return jax.vmap(lambda x: model(x, state, KEY)[0], axis_name="batch")(xs).sum()

    assert {"norm.0", "linear", "drop"} <= set(names(fn, np.stack([X, -X])))
