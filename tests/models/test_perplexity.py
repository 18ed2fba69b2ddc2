"""Perplexity against a sum over sentences, one at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pathflow._errors import ShapeError
from pathflow.models import LSTMLanguageModel, perplexity

END = 1


def text(seed=0, n=40):
    rng = np.random.default_rng(seed)
    return np.concatenate([[*rng.integers(2, 9, rng.integers(1, 60)), END] for _ in range(n)])


def test_it_is_that_of_the_sentences_one_by_one():
    model = LSTMLanguageModel(9, 5, 5, 2, False, dtype=jnp.float64, rngs=nnx.Rngs(0))
    words = text()
    # In one part, every word but the first of each sentence sees its sentence, from zeros; the
    # first one sees the sentence before.
    step = jax.jit(lambda word, state: model.logits(word[None], state))
    total, state, before = 0.0, model.initial_state(), END
    for word in words:
        logits, state = step(jnp.array(before), state)
        total -= float(jax.nn.log_softmax(logits[0])[word])
        if before == END:
            state = model.initial_state()
        before = word
    expected = np.exp(total / len(words))
    np.testing.assert_allclose(perplexity(model, words, END, batch_size=1), expected, rtol=1e-12)


def test_the_batch_size_matters_through_first_words_alone():
    model = LSTMLanguageModel(9, 5, 5, 2, False, dtype=jnp.float64, rngs=nnx.Rngs(0))
    one, many = (perplexity(model, text(), END, batch_size=size) for size in (1, 16))
    np.testing.assert_allclose(one, many, rtol=1e-3)


def test_a_uniform_model_has_the_perplexity_of_its_size():
    model = LSTMLanguageModel(9, 5, 5, 1, False, dtype=jnp.float64, rngs=nnx.Rngs(0))
    model.output_kernel.set_value(jnp.zeros((9, 5)))
    np.testing.assert_allclose(perplexity(model, text(), END), 9, rtol=1e-12)


def test_an_open_sentence_is_refused():
    model = LSTMLanguageModel(9, 5, 5, 1, False, rngs=nnx.Rngs(0))
    with pytest.raises(ShapeError, match="close every sentence"):
        perplexity(model, text()[:-1], END)
