"""The shipped model continues repeated words, and by the circuit that is known for it."""

import numpy as np
import pytest

from examples.induction.__main__ import all_paths
from examples.induction.measure import ablations, looks
from examples.induction.task import LENGTH, N_WORDS, prompts
from examples.induction.train import CHECKPOINT, accuracy, new_model, shipped

pytestmark = pytest.mark.usefixtures("single_precision")


@pytest.fixture(scope="module")
def model():
    return shipped()


def test_prompts_are_as_described():
    drawn = prompts(500, np.random.default_rng(0))
    assert drawn.tokens.shape == (500, LENGTH)
    for tokens, at, answer in zip(*drawn, strict=True):
        assert len(set(tokens[:-1])) == LENGTH - 1
        assert tokens[-1] == tokens[at] != tokens[-2]
        assert tokens[at + 1] == answer
    assert set(drawn.at) == set(range(LENGTH - 2))
    assert set(drawn.answers) == set(range(N_WORDS))


def test_the_shipped_model_is_right_and_small(model):
    assert CHECKPOINT.stat().st_size < 300_000
    assert accuracy(model, seed=11) >= 0.999
    assert accuracy(new_model(100), seed=11) < 0.15


def test_heads_that_the_circuit_needs_are_those_that_are_missed(model):
    circuit = looks(model, seed=12).circuit
    needed = {f"l0.h{circuit.previous}", f"l1.h{circuit.induction}"}
    for head, without_it in ablations(model).items():
        assert (without_it < 0.5) == (head in needed), (head, without_it)


def test_the_circuit_is_the_largest_path_in_the_trained_model_alone(model):
    expected = looks(model, seed=12).circuit.path
    paths = all_paths(model, 8, places=(4,))
    assert paths.worst < 1e-4
    assert paths.rank(expected) == 1
    assert paths.share(expected) > 0.6
    untrained = all_paths(new_model(100), 8, places=(4,))
    assert untrained.rank(expected) > 10
    mean = untrained.influences.mean(axis=0)[untrained.names.index(expected)]
    assert abs(mean) < 0.01 * paths.influences.mean(axis=0).max()
