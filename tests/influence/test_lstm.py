"""The paper's model: counts of paths, and every path against an enumeration by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow.models import LSTMLanguageModel
from tests.helpers import PATH_COUNTS, lstm_by_layer, lstm_params, lstm_path_influences

VOCABULARY, GOOD, BAD = 11, 3, 8


def language_model(hidden=4, embed=3, layers=2, dtype=jnp.float64, scale=3.0, seed=0):
    """A model whose weights are large enough for its gates to be far from linear."""
    model = LSTMLanguageModel(
        VOCABULARY, embed, hidden, layers, False, dtype=dtype, rngs=nnx.Rngs(seed)
    )
    graph, state = nnx.split(model)
    return nnx.merge(graph, jax.tree.map(lambda a: a * scale, state))


def by_hand(model, tokens, points, weights, direction):
    """All path influences of the first word, from the model's weights."""
    layers = []
    for layer in model.layers:
        wx, wh, b = (
            np.asarray(p[...], np.float64)
            for p in (layer.input_kernel, layer.recurrent_kernel, layer.bias)
        )
        size = wh.shape[0]
        fused = {"wx": wx.T, "wh": wh.T, "b": b}
        layers.append({k: v.reshape(4, size, *v.shape[1:]) for k, v in fused.items()})
    rows = np.asarray(model.output_rows, np.float64)
    words = np.asarray(model.embedding[...], np.float64)[tokens]
    readout = rows[GOOD] - rows[BAD]
    return lstm_path_influences(layers, words, readout, points, weights, direction)


def attribute(model, tokens, doi, **kwargs):
    qoi = pf.LogitDifference(GOOD, BAD)
    traced = pf.trace(lambda tokens, model: model(tokens), tokens, model, qoi=qoi)
    return pf.attribute(traced, (tokens, model), source="x@0", doi=doi, **kwargs)


@pytest.mark.parametrize("steps", PATH_COUNTS)
def test_the_papers_numbers_of_paths(steps):
    model = language_model()
    traced = pf.trace(model, jnp.arange(steps), qoi=pf.Logit(0))
    assert traced.count_paths("x@0", "qoi") == PATH_COUNTS[steps]


def test_the_primary_path_is_a_path():
    model = language_model()
    traced = pf.trace(model, jnp.arange(4), qoi=pf.Logit(0))
    space = traced.paths("x@0", "qoi")
    primary = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 c1@2 c1@3 h1@3 qoi"
    assert pf.Path.parse(primary) in space


@pytest.mark.parametrize("steps", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_path_is_the_one_found_by_hand(steps, layers):
    model = language_model(layers=layers)
    tokens = np.arange(steps) * 3 % VOCABULARY
    embeddings = np.asarray(model.embedding[...])
    start, end = embeddings.mean(0), embeddings[tokens[0]]
    fractions = np.array([1, 2, 3]) / 3
    points = start + fractions[:, None] * (end - start)
    expected = by_hand(model, tokens, points, np.full(3, 1 / 3), end - start)
    doi = pf.Line(jnp.asarray(start), n_steps=3, rule=pf.RightRiemann())
    result = attribute(model, jnp.asarray(tokens), doi)
    assert result.space.count == len(expected)
    scale = sum(map(abs, expected.values()))
    found = {str(result.space.unrank(i)): float(v) for i, v in enumerate(result.influences)}
    assert set(found) == set(expected)
    assert all(abs(found[path] - value) <= 1e-10 * scale for path, value in expected.items())
    assert result.audit.ok


def test_a_forget_gate_at_the_first_word_has_no_influence():
    """It multiplies a state of zeros; its paths are there, and exactly zero."""
    result = attribute(language_model(), jnp.array([4, 7]), pf.Point())
    zeros = result.influences[result.ranks_through("f0@0")]
    assert zeros.size > 0
    assert not zeros.any()


def test_completeness_on_the_language_model():
    model = language_model()
    tokens = jnp.array([4, 7, 1])
    start = model.embedding[...].mean(0)
    result = attribute(model, tokens, pf.Line(start, n_steps=40))
    replaced = lstm_like(model, tokens, start)
    logits = model(tokens)
    change = (logits[GOOD] - logits[BAD]) - (replaced[GOOD] - replaced[BAD])
    assert result.total == pytest.approx(float(change), abs=1e-9)
    assert result.audit.quadrature == pytest.approx(0.0, abs=1e-9)


def lstm_like(model, tokens, first):
    """The model's logits with another embedding for the first word, by a word of its own."""
    graph, state = nnx.split(model)
    pure = nnx.to_pure_dict(state)
    pure["embedding"] = pure["embedding"].at[VOCABULARY - 1].set(first)
    nnx.replace_by_pure_dict(state, pure)
    return nnx.merge(graph, state)(tokens.at[0].set(VOCABULARY - 1))


def test_layer_by_layer_gives_the_same_influences():
    params = lstm_params(2, 3, 4, 3)
    args = jax.tree.map(np.asarray, params)
    traced = pf.trace(lstm_by_layer, params)
    direction = np.random.default_rng(0).normal(size=3)
    doi = pf.Point(direction=jnp.asarray(direction))
    result = pf.attribute(traced, (params,), source="x@0", target="qoi", doi=doi)
    expected = lstm_path_influences(
        args["layers"], args["words"], args["readout"], args["words"][:1], [1.0], direction
    )
    found = {str(result.space.unrank(i)): float(v) for i, v in enumerate(result.influences)}
    assert found == pytest.approx(expected, abs=1e-12 * sum(map(abs, expected.values())))


def test_sentences_in_a_batch():
    model = language_model()
    sentences = jnp.array([[4, 7, 1], [2, 2, 9], [0, 5, 6]])
    qoi = pf.LogitDifference(GOOD, BAD)
    traced = pf.trace(lambda tokens, model: model(tokens), sentences[0], model, qoi=qoi)
    doi = pf.Line(model.embedding[...].mean(0), n_steps=4)
    batched = pf.attribute(traced, (sentences, model), source="x@0", doi=doi, in_axes=(0, None))
    assert batched.audit.ok
    for i, tokens in enumerate(sentences):
        alone = pf.attribute(traced, (tokens, model), source="x@0", doi=doi)
        scale = np.abs(alone.influences).sum()
        np.testing.assert_allclose(batched.influences[i], alone.influences, atol=1e-12 * scale)
