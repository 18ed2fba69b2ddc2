"""Graphs stay small where programs grow: counts of nodes and edges, and exact numbers of paths."""

import jax
import jax.numpy as jnp
import pytest

import pathflow as pf
from tests.helpers import lstm_by_layer, lstm_by_step, lstm_params


@pytest.mark.parametrize("lstm", [lstm_by_step, lstm_by_layer])
def test_an_lstm_over_a_hundred_words(lstm):
    """13 nodes a word: its embedding and six per layer."""
    steps = 100
    traced = pf.trace(lstm, lstm_params(2, 3, 4, steps))
    assert len(traced.nodes) == 13 * steps + 1
    # Per word: four edges into the gates of each layer from below, five on to c and h.
    # Between two words: four from h to the gates of each layer, and one from c to c.
    assert len(traced.edges) == steps * 2 * (4 + 5) + (steps - 1) * 2 * 5 + 1
    count = traced.count_paths("x@0", "qoi")
    assert count > 10**70
    assert (
        traced.paths("x@0", "qoi").rank(traced.paths("x@0", "qoi").unrank(count - 1)) == count - 1
    )


def test_the_number_of_node_classes_does_not_grow_with_the_words():
    short, long = (repr(pf.trace(lstm_by_step, lstm_params(2, 3, 4, t))) for t in (5, 50))
    assert short.split(",")[-1] == long.split(",")[-1]


LAYERS, HEADS, WIDTH, WORDS, VOCABULARY = 12, 12, 768, 16, 50_257


def transformer(params, tokens):
    """A GPT-2 forward pass on a residual stream; every head and every MLP a node."""
    x = pf.tag(params["wte"][tokens] + params["wpe"][: tokens.shape[0]], "embedding")
    mask = jnp.tril(jnp.ones((tokens.shape[0],) * 2, bool))
    for layer, p in enumerate(params["blocks"]):
        a = normed(x, p["ln1"])
        q, k, v = jnp.split(a @ p["qkv"] + p["qkv_b"][None], 3, axis=-1)
        q, k, v = (u.reshape(-1, HEADS, WIDTH // HEADS).swapaxes(0, 1) for u in (q, k, v))
        for head in range(HEADS):
            scores = q[head] @ k[head].T / jnp.sqrt(jnp.asarray(WIDTH / HEADS, x.dtype))
            weights = jax.nn.softmax(jnp.where(mask, scores, -1e9), axis=-1)
            rows = p["out"].reshape(HEADS, WIDTH // HEADS, WIDTH)[head]
            x = x + pf.tag(weights @ v[head] @ rows, f"head{layer}.{head}")
        hidden = jax.nn.gelu(normed(x, p["ln2"]) @ p["up"] + p["up_b"][None])
        x = x + pf.tag(hidden @ p["down"] + p["down_b"][None], f"mlp{layer}")
    return normed(x, params["ln"])[-1] @ params["wte"].T


def normed(x, scale):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(centred.var(-1, keepdims=True) + 1e-5) * scale[None]


def transformer_shapes():
    def s(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    block = {
        "ln1": s(WIDTH),
        "qkv": s(WIDTH, 3 * WIDTH),
        "qkv_b": s(3 * WIDTH),
        "out": s(WIDTH, WIDTH),
        "ln2": s(WIDTH),
        "up": s(WIDTH, 4 * WIDTH),
        "up_b": s(4 * WIDTH),
        "down": s(4 * WIDTH, WIDTH),
        "down_b": s(WIDTH),
    }
    params = {"wte": s(VOCABULARY, WIDTH), "wpe": s(1024, WIDTH), "ln": s(WIDTH)}
    params["blocks"] = [block] * LAYERS
    return params, jax.ShapeDtypeStruct((WORDS,), jnp.int32)


def test_a_transformer_of_the_size_of_gpt2():
    """Through the residual stream every node reads all nodes of the layers before it."""
    traced = pf.trace(transformer, *transformer_shapes(), qoi=pf.LogitDifference(5, 7))
    assert len(traced.nodes) == 1 + LAYERS * (HEADS + 1) + 1
    before, edges = 1, 0
    for _ in range(LAYERS):
        # The heads of a layer read what came before the layer; its MLP reads the heads as well.
        edges += HEADS * before + before + HEADS
        before += HEADS + 1
    assert len(traced.edges) == edges + before
    # Each layer multiplies the ways to reach the stream: past it, through a head, through the MLP
    # with or without one of the layer's heads before it.
    assert traced.count_paths("embedding", "qoi") == (1 + HEADS + 1 + HEADS) ** LAYERS
