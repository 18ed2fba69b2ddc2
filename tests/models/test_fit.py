"""The trainer against the same descent written out, and against itself."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from pathflow._errors import ArgumentError, NonFiniteError, ShapeError
from pathflow.models import fit, shuffled


class Line(nnx.Module):
    def __init__(self, dtype=jnp.float64):
        self.kernel = nnx.Param(jnp.array([1.0, -2.0, 0.5], dtype))
        self.count = nnx.Variable(jnp.array(7, jnp.int32))

    def __call__(self, x):
        return x @ self.kernel[...]


def squares(model, batch):
    x, y = batch
    return jnp.mean((jax.vmap(model)(x) - y) ** 2)


def data(n=64, seed=0, dtype=np.float64):
    x = np.random.default_rng(seed).normal(size=(n, 3)).astype(dtype)
    return x, x @ np.array([0.3, 0.2, -1.0], dtype)


def test_descent_by_hand():
    model, source = Line(), shuffled(data(), 8, seed=3)
    losses = fit(model, squares, source, optimizer=optax.sgd(0.05), steps=12)
    w, expected = np.array([1.0, -2.0, 0.5]), []
    for (x, y), _ in zip(shuffled(data(), 8, seed=3), range(12), strict=False):
        expected.append(np.mean((x @ w - y) ** 2))
        w = w - 0.05 * 2 * x.T @ (x @ w - y) / len(y)
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    np.testing.assert_allclose(model.kernel[...], w, rtol=1e-12)
    assert model.count[...] == 7


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_same_seed_gives_the_same_bits_and_the_loss_falls(dtype):
    runs = []
    for seed in (1, 1, 2):
        model = Line(dtype)
        source = shuffled(data(dtype=np.dtype(dtype)), 16, seed=seed)
        losses = fit(model, squares, source, optimizer=optax.adam(0.05), steps=250)
        runs.append((losses, np.asarray(model.kernel[...])))
    assert np.array_equal(runs[0][0], runs[1][0])
    assert np.array_equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][0], runs[2][0])
    assert runs[0][1].dtype == dtype
    assert runs[0][0][-10:].mean() < 1e-3 * runs[0][0][:10].mean()


def test_no_more_batches_are_taken_than_steps():
    source = iter([data(4, seed) for seed in range(5)])
    fit(Line(), squares, source, optimizer=optax.sgd(0.1), steps=3)
    assert len(list(source)) == 2


def test_a_refused_training_leaves_the_model_as_it_was():
    model, before = Line(), np.asarray(Line().kernel[...])
    with pytest.raises(ArgumentError, match="ended after 2 of steps=3 batches"):
        fit(model, squares, [data(4)] * 2, optimizer=optax.sgd(0.1), steps=3)
    assert np.array_equal(model.kernel[...], before)
    with pytest.raises(NonFiniteError, match=r"update \d+ is (inf|nan)"):
        fit(model, squares, [data(4)] * 800, optimizer=optax.sgd(1e3), steps=800)
    assert np.array_equal(model.kernel[...], before)
    for steps in (0, -1, True):
        with pytest.raises(ArgumentError, match="positive int"):
            fit(model, squares, [data(4)], optimizer=optax.sgd(0.1), steps=steps)


def test_a_round_has_every_example_once():
    numbers = np.arange(10)
    source = shuffled({"a": numbers, "b": 2 * numbers[:, None]}, 3, seed=0)
    rounds = [[next(source) for _ in range(3)] for _ in range(4)]
    orders = [np.concatenate([batch["a"] for batch in found]) for found in rounds]
    for found, order in zip(rounds, orders, strict=True):
        assert len(set(order.tolist())) == 9
        for batch in found:
            assert np.array_equal(batch["b"], 2 * batch["a"][:, None])
    assert len({tuple(order) for order in orders}) == 4


def test_batches_that_cannot_be_made_are_refused():
    with pytest.raises(ArgumentError, match="more than the 10 examples"):
        shuffled(np.arange(10), 11, seed=0)
    with pytest.raises(ArgumentError, match="positive int"):
        shuffled(np.arange(10), 0, seed=0)
    with pytest.raises(ShapeError, match="same number of examples"):
        shuffled((np.arange(3), np.arange(4)), 2, seed=0)
    with pytest.raises(ShapeError, match="same number of examples"):
        shuffled(np.float64(1), 1, seed=0)
