"""Every language model: what training reads is what the model says, and training teaches it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow.models import (
    GRULanguageModel,
    LanguageModel,
    LearnedPositions,
    LSTMLanguageModel,
    PostNorm,
    Rotary,
    SentenceCorpus,
    TrainConfig,
    TransformerDecoder,
    load_model,
    perplexity,
    save_model,
    train,
)
from pathflow.models import ModelCard as Card

END, VOCAB = 1, 12

MODELS = {
    "lstm": lambda rngs: LSTMLanguageModel(VOCAB, 8, 8, 2, tied=False, rngs=rngs),
    "gru": lambda rngs: GRULanguageModel(VOCAB, 6, 8, 2, rngs=rngs),
    "rotary": lambda rngs: TransformerDecoder(VOCAB, 8, 2, 2, 16, Rotary(), rngs=rngs),
    "learned": lambda rngs: TransformerDecoder(
        VOCAB, 8, 2, 2, 16, LearnedPositions(32), PostNorm(), tied=False, rngs=rngs
    ),
}
CARRYING = ("lstm", "gru")


@pytest.fixture(params=MODELS)
def named(request):
    return request.param, MODELS[request.param](nnx.Rngs(3))


def corpus():
    """Each sentence counts upwards from a random word, so that the next word is certain."""
    rng = np.random.default_rng(0)
    sentences = []
    for first in rng.integers(2, 8, 120):
        sentences += [*range(first, first + rng.integers(2, 5)), END]
    return SentenceCorpus(np.array(sentences, np.uint16), END)


def settings(steps):
    return TrainConfig(
        total_steps=steps,
        batch_size=4,
        n_steps=8,
        learning_rate=3e-2,
        warmup_steps=3,
        evaluate_every=steps,
        save_every=5,
    )


def row(sentences):
    """Sentences as one row of a batch: words, and where one begins."""
    words = np.concatenate(sentences)
    keep = np.ones(len(words), np.float32)
    keep[np.cumsum([0, *map(len, sentences[:-1])])] = 0
    return words, keep


def test_rows_of_sentences_are_read_as_sentences_apart(named):
    _, model = named
    assert isinstance(model, LanguageModel)
    rng = np.random.default_rng(1)
    rows = [
        [rng.integers(0, VOCAB, n) for n in lengths] for lengths in ((4, 2, 2), (2, 2, 4), (8,))
    ]
    words, keep = (np.stack(parts, axis=1) for parts in zip(*map(row, rows), strict=True))
    features, _ = model.features(jnp.asarray(words), jnp.asarray(keep), model.initial_state(3))
    bias = jnp.asarray(model.output_bias[...])
    logits = np.asarray(features @ model.output_rows.T + jnp.broadcast_to(bias, (8, 3, VOCAB)))
    for column, sentences in enumerate(rows):
        at = 0
        for sentence in sentences:
            for end in {2, len(sentence)}:
                alone = model(jnp.asarray(sentence[:end]))
                np.testing.assert_allclose(logits[at + end - 1, column], alone, atol=2e-5)
            at += len(sentence)


def test_a_state_goes_on_where_a_model_has_one(named):
    name, model = named
    words = jnp.asarray(np.random.default_rng(2).integers(0, VOCAB, (8, 1)))
    keep = jnp.ones((8, 1), jnp.float32).at[0].set(0)
    whole, _ = model.features(words, keep, model.initial_state(1))
    _, state = model.features(words[:4], keep[:4], model.initial_state(1))
    rest, _ = model.features(words[4:], keep[4:], state)
    assert np.allclose(rest, whole[4:], atol=2e-5) is (name in CARRYING)


def test_training_teaches_and_goes_on_where_it_stopped(named, tmp_path):
    name, model = named
    before = perplexity(model, corpus().round(0), END)
    train(model, corpus(), settings(40), folder=tmp_path, progress=False)
    assert perplexity(model, corpus().round(0), END) < 0.9 * before
    again = MODELS[name](nnx.Rngs(3))
    train(again, corpus(), settings(40), folder=tmp_path, progress=False)
    parameters = (jax.tree.leaves(nnx.state(m, nnx.Param)) for m in (model, again))
    assert all(np.array_equal(a, b) for a, b in zip(*parameters, strict=True))


def test_a_file_of_units_with_gates_is_read_again(tmp_path):
    model = MODELS["gru"](nnx.Rngs(4))
    save_model(tmp_path / "gru.safetensors", model, Card("Untrained"))
    again = load_model(tmp_path / "gru.safetensors").model
    words = jnp.array([3, 1, 5])
    assert again.config == model.config
    assert np.array_equal(again(words), model(words))


def test_paths_of_units_with_gates():
    model = MODELS["gru"](nnx.Rngs(4))
    words = jnp.array([3, 1, 5, 2])
    graph = pf.trace(model, words, qoi=pf.LogitDifference(2, 3))
    # 3**layers * 4**n * binomial(n + layers - 1, n), n steps before the last word.
    assert graph.count_paths("x@2", "qoi") == 3**2 * 4 * 2
    assert graph.count_paths("x@1", "qoi") == 3**2 * 4**2 * 3
    result = pf.attribute(graph, (words,), source="x@1", doi=pf.Point())

    def margin(vector):
        # A word more than there are, which stands where the second one stood.
        changed = nnx.clone(model)
        changed.embedding = nnx.Param(jnp.concatenate([model.embedding[...], vector[None]]))
        logits = changed(words.at[1].set(VOCAB))
        return logits[2] - logits[3]

    x = model.embedding[...][1]
    _, expected = jax.jvp(margin, (x,), (x,))
    np.testing.assert_allclose(result.total, expected, rtol=1e-4)


def test_a_window_that_is_longer_than_the_learned_positions_is_named():
    model = TransformerDecoder(
        VOCAB, 8, 2, 1, 16, LearnedPositions(6), tied=False, rngs=nnx.Rngs(0)
    )
    text = np.array([2, 3, 4, 5, END] * 6)
    with pytest.raises(pf.ShapeError, match=r"perplexity\(window=32\) reads 32 words at a time"):
        perplexity(model, text, END)
    found = perplexity(model, text, END, batch_size=1, window=5)
    # A window is a sentence: its first word is predicted from the end before it, the others from
    # the words before them.
    read, said = [[END], [2], [2, 3], [2, 3, 4], [2, 3, 4, 5]], [2, 3, 4, 5, END]
    scores = [np.asarray(model(jnp.asarray(words)), np.float64) for words in read]
    likelihoods = np.array(
        [x[w] - np.log(np.exp(x).sum()) for x, w in zip(scores, said, strict=True)]
    )
    assert found == pytest.approx(np.exp(-likelihoods.mean()), rel=1e-5)
    with pytest.raises(pf.ArgumentError, match="window"):
        perplexity(model, text, END, window=0)
