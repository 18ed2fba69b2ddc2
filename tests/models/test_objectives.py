"""The sampled softmax against the full one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pathflow._errors import ArgumentError
from pathflow.models import Candidates, FullSoftmax, LSTMLanguageModel, SampledSoftmax

VOCAB = 40


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def model(request):
    made = LSTMLanguageModel(VOCAB, 6, 6, 1, request.param, dtype=jnp.float64, rngs=nnx.Rngs(0))
    made.output_bias.set_value(jax.random.normal(jax.random.key(1), (VOCAB,), jnp.float64))
    return made


def problem(seed=0, n=9):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=(n, 6))), jnp.asarray(rng.integers(0, VOCAB, n))


def test_the_full_softmax_is_the_negative_log_likelihood(model):
    features, targets = problem()
    logits = np.asarray(features) @ np.asarray(model.output_rows).T + np.asarray(
        model.output_bias[...]
    )
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(len(targets)), np.asarray(targets)])
    full = FullSoftmax()
    ours = full.losses(model, features, targets, full.candidates(np.random.default_rng(0)))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_with_every_word_a_candidate_it_is_exact(model):
    features, targets = problem()
    everything = Candidates(np.arange(VOCAB, dtype=np.int32), np.zeros(VOCAB, np.float32))
    sampled = SampledSoftmax(np.ones(VOCAB, int), n_candidates=10, n_frequent=5)
    full = FullSoftmax()
    np.testing.assert_allclose(
        sampled.losses(model, features, targets, everything),
        full.losses(model, features, targets, everything),
        rtol=0,
        atol=1e-12,
    )


def test_the_normaliser_is_estimated_without_bias(model):
    features, targets = problem()
    sampled = SampledSoftmax(np.arange(VOCAB) ** 2, n_candidates=20, n_frequent=8, always=(0, 3))
    full = FullSoftmax()
    rng = np.random.default_rng(0)
    own = jnp.sum(features * model.output_rows[targets], axis=1) + model.output_bias[...][targets]
    losses = jax.jit(lambda c: sampled.losses(model, features, targets, c))
    draws = np.stack([np.exp(losses(sampled.candidates(rng)) + own) for _ in range(4000)])
    exact = np.exp(full.losses(model, features, targets, full.candidates(rng)) + own)
    error = np.abs(draws.mean(axis=0) - exact)
    assert (error < 5 * draws.std(axis=0) / np.sqrt(len(draws)) + 1e-12).all()
    assert (draws.std(axis=0) > 0).all()


def test_frequent_and_named_words_are_always_candidates():
    counts = np.array([5, 1, 9, 0, 7, 3, 2, 8])
    sampled = SampledSoftmax(counts, n_candidates=6, n_frequent=2, always=(3,))
    rng = np.random.default_rng(0)
    drawn = set()
    for _ in range(200):
        words, log_expected = sampled.candidates(rng)
        assert words.shape == log_expected.shape == (6,)
        assert words[:3].tolist() == [2, 3, 7]
        assert not log_expected[:3].any()
        drawn |= set(words[3:].tolist())
    assert drawn == {0, 1, 4, 5, 6}


def test_a_target_among_the_candidates_counts_once(model):
    features, _ = problem(n=1)
    only = Candidates(np.array([4, 7], np.int32), np.zeros(2, np.float32))
    sampled = SampledSoftmax(np.ones(VOCAB, int), n_candidates=10, n_frequent=5)
    logits = np.asarray(features @ model.output_rows.T)[0] + np.asarray(model.output_bias[...])
    expected = np.log(np.exp(logits[[4, 7]]).sum()) - logits[7]
    np.testing.assert_allclose(sampled.losses(model, features, jnp.array([7]), only)[0], expected)


@pytest.mark.parametrize(
    "arguments", [{"n_candidates": 5, "n_frequent": 5}, {"n_candidates": 60, "n_frequent": 40}]
)
def test_nothing_left_to_draw_is_refused(arguments):
    with pytest.raises(ArgumentError, match="leaves nothing to draw"):
        SampledSoftmax(np.ones(VOCAB, int), **arguments)
