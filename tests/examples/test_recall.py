"""The shipped models recall, the GRU by keeping its state; its carry path is the first of many."""

import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from examples.recall.measure import (
    answered,
    carried,
    first,
    kept,
    question,
    staying,
)
from examples.recall.task import LENGTH, N_VALUES, sequences
from examples.recall.train import RECIPES, shipped

pytestmark = pytest.mark.usefixtures("single_precision")


@pytest.fixture(scope="module")
def gru():
    return shipped("gru")


@pytest.fixture(scope="module")
def elman():
    return shipped("elman")


def test_sequences_are_as_described():
    drawn = sequences(400, np.random.default_rng(0))
    assert drawn.inputs.shape == (400, LENGTH, N_VALUES + 1)
    assert (drawn.inputs.sum(axis=(1, 2)) == LENGTH + 1).all()
    for inputs, at, answer in zip(*drawn, strict=True):
        assert inputs[at, answer] == inputs[at, -1] == 1
    assert set(drawn.at) == set(range(LENGTH))
    asked = question(7, 50)
    assert (asked.inputs[:, LENGTH - 8, -1] == 1).all()
    assert (asked.others != asked.answers).all()
    assert (asked.instead.argmax(axis=1) == asked.others).all()
    assert (asked.instead[:, -1] == 1).all()


def test_the_shipped_models_are_right_and_small(gru, elman):
    for name, model, least in (("gru", gru, 0.999), ("elman", elman, 0.98)):
        assert RECIPES[name].checkpoint.stat().st_size < 300_000
        assert RECIPES[name].accuracy(model, seed=11) >= least
    assert RECIPES["gru"].accuracy(RECIPES["gru"].new_model(100), seed=11) < 0.25


def test_the_carry_path_is_the_first_of_all(gru):
    asked = question(LENGTH - 1, 8, seed=6)
    found = first(gru, asked)
    assert found.paths == 3 * 4 ** (LENGTH - 1)
    assert found.proven
    assert found.carry_is_first
    trained = carried(gru, asked)
    assert trained.carry > 2 * found.influence
    untrained = carried(RECIPES["gru"].new_model(100), asked)
    assert abs(untrained.total) < 1e-3 * trained.total
    assert abs(untrained.carry) < 1e-3 * trained.carry


def test_a_gru_keeps_its_units_apart_and_an_elman_network_does_not(gru, elman):
    asked = question(LENGTH - 1, 8, seed=6)
    directly = kept(gru, asked)
    assert directly.shape == (LENGTH - 1,)
    assert directly.min() > 0.4
    assert staying(gru, asked, 10) > 0.6
    assert staying(elman, asked, 10) < 0.35


def test_the_state_that_is_kept_is_enough_for_most_answers(gru):
    asked = question(LENGTH - 1, 300, seed=6)
    found = list(answered(gru, asked).values())
    whole, only_kept, nothing_kept, *_ = found
    assert whole == 1
    assert only_kept > 0.75
    assert nothing_kept < 0.65
    # By hand: with z = 1 after the first step, the answer is what that step's state reads as.
    states = pf.activations(
        pf.trace(gru, jnp.asarray(asked.inputs[0])),
        (jnp.asarray(asked.inputs),),
        ["h0@0"],
        in_axes=0,
    )
    (state,) = states.values()
    readout = gru.readout
    logits = np.asarray(state) @ np.asarray(readout.kernel[...]) + np.asarray(readout.bias[...])
    assert np.mean(logits.argmax(axis=1) == asked.answers) == pytest.approx(only_kept, abs=1e-6)
