"""Contextual decomposition against its terms, one by one."""

import itertools

import jax.numpy as jnp
import numpy as np
from flax import nnx

from examples.lstm_agreement.rivals.contextual import decompose
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import NOUN_PP, generate
from pathflow.models import LSTMLanguageModel
from tests.examples.numpy_lstm import forward


def close(found, expected, part):
    np.testing.assert_allclose(found, expected, atol=part * np.abs(expected).max())


def test_parts_add_up_to_the_states(model, vocabulary):
    tokens = encode(generate(NOUN_PP, 2), vocabulary).tokens
    here = {}

    def keep(name, layer, step, value):
        here[f"{name}{layer}@{step}"] = value
        return value

    forward(model, tokens, keep)
    for position in (1, 4):
        cell, hidden = decompose(model, tokens, position)
        close(cell.word + cell.rest, here["c1@4"], 1e-6)
        close(hidden.word + hidden.rest, here["o1@4"] * np.tanh(here["c1@4"]), 1e-6)
        assert np.abs(cell.word).max() > 1e-3


def test_the_word_gets_every_order_and_product_that_is_its_own(vocabulary):
    """Two words through one layer, each term of every product by itself."""
    model = LSTMLanguageModel(len(vocabulary), 3, 3, 1, True, rngs=nnx.Rngs(7))
    layer, rng = model.layers[0], np.random.default_rng(3)
    layer.bias[...] = jnp.asarray(rng.normal(size=12), jnp.float32)
    embedding, w, u, b = (
        np.asarray(p[...], float)
        for p in (model.embedding, layer.input_kernel, layer.recurrent_kernel, layer.bias)
    )
    embedding *= 40
    model.embedding[...] = jnp.asarray(embedding, jnp.float32)

    def terms(name, word, rest):
        """The mean over both orders of what each adds, after the bias."""
        k = "fiog".index(name)
        word, rest, bias = word[3 * k : 3 * k + 3], rest[3 * k : 3 * k + 3], b[3 * k : 3 * k + 3]
        act = np.tanh if name == "g" else lambda z: 1 / (1 + np.exp(-z))
        found = {"word": 0, "rest": 0, "bias": act(bias)}
        for order in itertools.permutations([("word", word), ("rest", rest)]):
            before = bias
            for who, value in order:
                found[who] = found[who] + (act(before + value) - act(before)) / 2
                before = before + value
        return found

    def step(word, rest, cell, mine):
        new = {"word": 0, "rest": 0}
        f, i, g = (terms(name, word, rest) for name in "fig")
        for (a, x), (c, y) in itertools.product(i.items(), g.items()):
            own = {a, c} <= {"word", "bias"} and ("word" in (a, c) or mine)
            new["word" if own else "rest"] += x * y
        for (a, x), (c, y) in itertools.product(f.items(), cell.items()):
            new["word" if c == "word" and a != "rest" else "rest"] += x * y
        tanh = {
            who: (np.tanh(new[who]) + np.tanh(sum(new.values())) - np.tanh(new[other])) / 2
            for who, other in (("word", "rest"), ("rest", "word"))
        }
        o = 1 / (1 + np.exp(-(word + rest + b)[6:9]))
        return new, {who: o * value for who, value in tanh.items()}

    x, none = embedding[[5, 9]] @ w, np.zeros(12)
    cell, hidden = step(x[0], none, {"word": np.zeros(3), "rest": np.zeros(3)}, True)
    cell, hidden = step(hidden["word"] @ u, hidden["rest"] @ u + x[1], cell, False)
    found = decompose(model, np.array([[5, 9]]), 0)
    for mine, expected in zip(found, (cell, hidden), strict=True):
        close(mine.word[0], expected["word"], 1e-5)
        close(mine.rest[0], expected["rest"], 1e-5)
