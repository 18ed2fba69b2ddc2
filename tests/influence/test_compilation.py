"""Compiling once: nothing for new inputs, and one program for all nodes of a class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from tests.helpers import compiled, lstm_by_step, lstm_params


def lstm(steps):
    params = lstm_params(2, 3, 4, steps)
    return pf.trace(lstm_by_step, params), params


def other(params, seed):
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda a: a + jnp.asarray(0.1 * random.normal(size=a.shape)), params)


DOIS = {
    "Line": lambda seed: pf.Line(jnp.full(3, seed / 10), n_steps=5),
    "Point": lambda seed: pf.Point(direction=jnp.full(3, 1.0 + seed)),
    "Samples": lambda seed: pf.Samples(jnp.full((2, 3), seed / 10)),
    "Gaussian": lambda seed: pf.Gaussian(0.1, 3, jax.random.key(seed)),
}


@pytest.mark.parametrize("make", DOIS.values(), ids=DOIS)
def test_a_second_call_at_new_inputs_compiles_nothing(make):
    traced, params = lstm(3)
    with compiled() as first:
        pf.attribute(traced, (params,), source="x@0", doi=make(0))
    inputs, doi = other(params, 1), make(1)
    with compiled() as second:
        result = pf.attribute(traced, (inputs,), source="x@0", doi=doi)
    assert first
    assert not second
    assert result.audit.ok


def test_nor_does_a_second_batch_of_the_same_size():
    traced, params = lstm(2)
    axes = ({"layers": None, "words": 0, "readout": None},)

    def batch(seed):
        return {**params, "words": jnp.stack([other(params, seed + k)["words"] for k in range(3)])}

    batches, doi = [batch(0), batch(10)], pf.Line(jnp.zeros(3), n_steps=5)
    pf.attribute(traced, (batches[0],), source="x@0", doi=doi, in_axes=axes)
    with compiled() as second:
        pf.attribute(traced, (batches[1],), source="x@0", doi=doi, in_axes=axes)
    assert not second


def test_nor_does_another_quantity_of_the_same_kind():
    x = jnp.array([0.3, -1.2, 0.7])
    traced = pf.trace(lambda x: pf.tag(jnp.tanh(x), "a") * 2, x, qoi=pf.LogitDifference(0, 1))
    first, second = (pf.LogitDifference(jnp.int64(g), jnp.int64(b)) for g, b in ((0, 1), (2, 0)))
    doi = pf.Point()
    pf.attribute(traced, (x,), source="x", doi=doi, qoi=first)
    with compiled() as compilations:
        result = pf.attribute(traced, (x,), source="x", doi=doi, qoi=second)
    assert not compilations
    expected = 2 * (x[2] / jnp.cosh(x[2]) ** 2 - x[0] / jnp.cosh(x[0]) ** 2)
    assert result.total == pytest.approx(float(expected))


def test_compilations_do_not_grow_with_the_number_of_nodes():
    """Three times the words and three times the nodes are not three times as much to compile."""
    counts = []
    for steps in (2, 6):
        jax.clear_caches()
        traced, params = lstm(steps)
        doi = pf.Line(jnp.zeros(3), n_steps=2)
        source = f"x@{steps - 2}"  # the same paths from the last but one word in both
        with compiled() as compilations:
            pf.attribute(traced, (params,), source=source, doi=doi)
        counts.append(len(compilations))
    assert counts[1] <= 1.4 * counts[0]
