"""Saturated candidate cells, against the tagged values of the model itself."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from examples.lstm_agreement.language_models.saturation import _candidates, saturated_candidates
from examples.lstm_agreement.sentences.tasks import ADV, SIMPLE, generate


def test_an_initial_model_has_none(model, vocabulary):
    found = saturated_candidates(model, vocabulary, generate(SIMPLE, 5))
    assert found.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("layer", [0, 1])
def test_a_layer_with_large_biases_is_saturated(model, vocabulary, layer):
    changed = nnx.clone(model)
    bias = changed.layers[layer].bias
    # The last quarter belongs to the candidate; half of its units are driven to one.
    bias[...] = bias[...].at[-3:].set(9.0)
    found = saturated_candidates(changed, vocabulary, generate(SIMPLE, 5))
    assert found[layer] == 0.5
    assert found[1 - layer] == 0.0


def test_the_candidates_are_those_that_make_the_cell(model, vocabulary):
    tokens = vocabulary.encode(generate(ADV, 1)[0].tokens)
    candidates = _candidates(model, jnp.asarray(tokens)[None], 1)[0]
    _, before = model.logits(tokens[:1])
    _, after = model.logits(tokens[:2])
    x = model.embedding[...][tokens[1]]
    for layer in (0, 1):
        cell = model.layers[layer]
        z = x @ cell.input_kernel[...] + before[layer].hidden @ cell.recurrent_kernel[...]
        f, i = np.split(np.asarray(z + cell.bias[...]), 4)[:2]
        f, i = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-i))
        expected = f * before[layer].cell + i * candidates[layer]
        np.testing.assert_allclose(after[layer].cell, expected, atol=1e-6)
        x = after[layer].hidden
