"""Transformers against a forward pass in NumPy, and their graphs against counts in closed form."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from pathflow._errors import ArgumentError, ShapeError
from pathflow.models import (
    LearnedPositions,
    ModelCard,
    PostNorm,
    PreNorm,
    Relu,
    Rotary,
    TransformerDecoder,
    TransformerEncoder,
    attention_parts,
    load_model,
    mlp_neurons,
    residual_sums,
    residual_writers,
    save_model,
)

VOCAB, WIDTH, HEADS, LAYERS, HIDDEN = 7, 12, 3, 2, 10
TOKENS = np.array([3, 0, 6, 3])
F64 = jnp.float64

every = nnx.jit(lambda model, tokens: model.logits(tokens))


def decoder(dtype=jnp.float64, hidden=HIDDEN, positions=None, **options):
    where = LearnedPositions(5) if positions is None else positions
    model = TransformerDecoder(
        VOCAB, WIDTH, HEADS, LAYERS, hidden, where, dtype=dtype, rngs=nnx.Rngs(0), **options
    )
    return shaken(model)


def encoder(**options):
    where = options.pop("positions", LearnedPositions(5))
    model = TransformerEncoder(
        VOCAB,
        WIDTH,
        HEADS,
        LAYERS,
        HIDDEN,
        2,
        where,
        dtype=jnp.float64,
        rngs=nnx.Rngs(0),
        **options,
    )
    return shaken(model)


def shaken(model):
    """No bias is zero and no scale is one, so that none can be left out unseen."""
    random = np.random.default_rng(0)
    state = nnx.state(model, nnx.Param)
    nnx.update(
        model, jax.tree.map(lambda x: x + random.normal(size=x.shape).astype(x.dtype) / 5, state)
    )
    return model


def numpy_stream(model, tokens, causal):
    """The residual stream after the last norm, one head and one position at a time."""
    p = {
        ".".join(map(str, path)): np.asarray(v[...])
        for path, v in nnx.to_flat_state(nnx.state(model.stream, nnx.Param))
    }

    def norm(x, name):
        unit = (x - x.mean(-1, keepdims=True)) / np.sqrt(
            x.var(-1, keepdims=True) + model.norm.epsilon
        )
        return p[f"{name}.scale"] * unit + p[f"{name}.shift"]

    def turned(x, t):
        if not isinstance(model.positions, Rotary):
            return x
        half = len(x) // 2
        z = x[:half] + 1j * x[half:]
        z = z * np.exp(1j * t * model.positions.base ** (-np.arange(half) / half))
        return np.concatenate([z.real, z.imag])

    def attention(x, name):
        out = np.zeros_like(x) + p[f"{name}.output_bias"]
        for h in range(HEADS):
            q, k, v = (
                x @ p[f"{name}.{n}"][h] + p[f"{name}.{n}_bias"][h]
                for n in ("query", "key", "value")
            )
            for t in range(len(x)):
                seen = range(t + 1) if causal else range(len(x))
                scores = [turned(q[t], t) @ turned(k[s], s) / np.sqrt(q.shape[1]) for s in seen]
                weights = np.exp(scores) / np.exp(scores).sum()
                mixed = sum(w * v[s] for w, s in zip(weights, seen, strict=True))
                out[t] += mixed @ p[f"{name}.output"][h]
        return out

    x = p["embedding"][tokens]
    if "position_table" in p:
        x = x + p["position_table"][: len(tokens)]
    before = isinstance(model.norm, PreNorm)
    if not before:
        x = norm(x, "outer_norm")
    for i in range(LAYERS):
        name = f"layers.{i}"
        blocks = {"attention": lambda y, n=name: attention(y, f"{n}.attention")}
        if model.hidden_dim:
            blocks["perceptron"] = lambda y, n=name: (
                np.maximum(y @ p[f"{n}.perceptron.input"] + p[f"{n}.perceptron.input_bias"], 0)
                @ p[f"{n}.perceptron.output"]
                + p[f"{n}.perceptron.output_bias"]
            )
        for block, f in blocks.items():
            if before:
                x = x + f(norm(x, f"{name}.{block}_norm"))
            else:
                x = norm(x + f(x), f"{name}.{block}_norm")
    return norm(x, "outer_norm") if before else x


CHOICES = [
    {"norm": PreNorm(1e-3)},
    {"norm": PostNorm(), "tied": False},
    {"positions": Rotary(100.0), "hidden": 0},
    {"positions": Rotary(), "norm": PostNorm(1e-2)},
]


@pytest.mark.parametrize("options", CHOICES)
def test_a_decoder_is_an_independent_one(options):
    model = decoder(activation=Relu(), **options)
    rows = np.asarray(model.stream.embedding[...] if model.tied else model.unembedding[...])
    expected = numpy_stream(model, TOKENS, causal=True) @ rows.T
    np.testing.assert_allclose(every(model, TOKENS), expected, atol=1e-12)
    np.testing.assert_allclose(model(TOKENS), expected[-1], atol=1e-12)


@pytest.mark.parametrize("options", [{"norm": PostNorm()}, {"positions": Rotary(), "read_at": -2}])
def test_an_encoder_is_an_independent_one(options):
    model = encoder(activation=Relu(), **options)
    stream = numpy_stream(model, TOKENS, causal=False)
    expected = stream @ np.asarray(model.output[...]) + np.asarray(model.output_bias[...])
    np.testing.assert_allclose(every(model, TOKENS), expected, atol=1e-12)
    np.testing.assert_allclose(model(TOKENS), expected[model.read_at], atol=1e-12)


def test_patterns_add_up_and_look_at_nothing_later():
    patterns = np.asarray(decoder().patterns(TOKENS))
    assert patterns.shape == (LAYERS, HEADS, 4, 4)
    np.testing.assert_allclose(patterns.sum(axis=-1), 1, rtol=1e-12)
    assert not np.triu(patterns, 1).any()
    assert np.asarray(encoder().patterns(TOKENS)).min() > 0


def test_float32_and_batches():
    model = decoder(jnp.float32)
    batch = jnp.asarray([TOKENS, TOKENS[::-1]])
    logits = jax.vmap(model)(batch)
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits[1], model(batch[1]), atol=1e-5)


H, L = HEADS, LAYERS
SELECTIONS = {
    "writers": (residual_writers(), L * (H + 1) + 2, None, (2 * (1 + H)) ** L),
    "layers": (residual_writers(heads=False), 2 * L + 2, (2 * L + 2) * (2 * L + 1) // 2, 4**L),
    "sums": (residual_sums(), 2 * L + 2, 2 * L + 1, 1),
    "both": (
        residual_writers() | residual_sums(),
        L * (H + 3) + 2,
        L * (2 * H + 4) + 1,
        (2 * (1 + H)) ** L,
    ),
    "parts": (
        residual_writers() | attention_parts(),
        L * (5 * H + 1) + 2,
        None,
        (2 * (1 + 3 * H)) ** L,
    ),
    "neurons": (residual_writers() | mlp_neurons(), L * (H + 2) + 2, None, (2 * (1 + H)) ** L),
}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("norm", [PreNorm(), PostNorm()], ids=["pre", "post"])
def test_selections_have_the_graphs_that_they_are_said_to_have(name, norm):
    nodes, n_nodes, n_edges, n_paths = SELECTIONS[name]
    graph = pf.trace(decoder(norm=norm), TOKENS, nodes=nodes)
    assert len(graph.nodes) == n_nodes
    assert n_edges is None or len(graph.edges) == n_edges
    assert graph.count_paths("embed", "logits") == n_paths


def test_a_gpt2_has_159_nodes_and_five_classes():
    model = shaken(TransformerDecoder(5, 24, 12, 12, 4, LearnedPositions(3), rngs=nnx.Rngs(0)))
    graph = pf.trace(
        model, jnp.array([1, 2]), nodes=residual_writers(), qoi=pf.LogitDifference(1, 2)
    )
    assert (len(graph.nodes), len(graph.edges)) == (159, 11_612)
    assert graph.count_paths("embed", "qoi") == 26**12
    # Heads of the first layer, all other heads, perceptrons, logits, quantity.
    assert len({f.computes for f in graph.functions.values()} - {None}) == 5


@pytest.mark.parametrize("name", ["writers", "both"])
def test_paths_add_up_to_the_derivative(name):
    model = decoder(norm=PostNorm(), hidden=4)
    graph = pf.trace(model, TOKENS, nodes=SELECTIONS[name][0], qoi=pf.LogitDifference(1, 2))
    value = jnp.asarray(np.random.default_rng(1).normal(size=(4, WIDTH)))
    doi = pf.Samples(value[None])
    result = pf.attribute(
        graph, (TOKENS,), source="embed", doi=doi, search=pf.Aggregate({"heads": ".* l*.h* .*"})
    )

    def quantity(x):
        changed = x
        for layer in model.stream.layers:
            changed = layer(changed, model.positions, jnp.tril(jnp.ones((4, 4), bool)))
        if model.stream.normalised_last:
            changed = model.stream.outer_norm(changed)
        logits = changed[-1] @ model.output_rows.T
        return logits[1] - logits[2]

    x = model.stream.embedding[...][TOKENS] + model.stream.position_table[...][:4]
    x = x if model.stream.normalised_last else model.stream.outer_norm(x)
    expected = float(jax.jvp(quantity, (value,), (x,))[1])
    np.testing.assert_allclose(result.total, expected, rtol=1e-10)


@pytest.mark.parametrize("model", [decoder(positions=Rotary(50.0)), encoder(read_at=1)])
def test_a_file_gives_the_model_back(model, tmp_path):
    save_model(tmp_path / "m.safetensors", model, ModelCard("A test"))
    again = load_model(tmp_path / "m.safetensors").model
    assert again.config == model.config
    np.testing.assert_array_equal(again(TOKENS), model(TOKENS))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 4, 1, 1, 4, Rotary()), "vocab_size=...) takes"),
        ((5, 4, 3, 1, 4, Rotary()), "multiple of the number"),
        ((5, 6, 2, 1, 4, Rotary()), "even number"),
        ((5, 4, 2, 1, -1, Rotary()), "other than 0"),
        ((5, 4, 2, 1, 4, "rotary"), "positions='rotary'"),
        ((5, 4, 2, 1, 4, Rotary(), 3), "norm=3"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_makes_no_transformer_is_refused(sizes, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        TransformerDecoder(*sizes, rngs=nnx.Rngs(0))


@pytest.mark.usefixtures("unchecked")
def test_options_are_checked():
    with pytest.raises(ArgumentError, match="n_outputs"):
        TransformerEncoder(5, 4, 2, 1, 4, 0, Rotary(), rngs=nnx.Rngs(0))
    with pytest.raises(ArgumentError, match=re.escape("LearnedPositions(length=...)")):
        LearnedPositions(0)
    with pytest.raises(ArgumentError, match="must be over 1"):
        Rotary(1.0)
    with pytest.raises(ArgumentError, match="must be positive"):
        PreNorm(0.0)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((2, 2), int), r"got shape \(2, 2\)"),
        (np.zeros(0, int), "at least one"),
        (np.zeros(3), "must be integers"),
        (np.zeros(6, int), "learned 5 positions"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_is_no_sequence_is_refused(tokens, message):
    with pytest.raises(ShapeError, match=message):
        decoder()(tokens)
    with pytest.raises(ShapeError, match="reads at 4"):
        encoder(read_at=4)(TOKENS)
