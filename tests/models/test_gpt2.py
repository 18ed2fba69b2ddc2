"""Weights in the layout of GPT-2, against a forward pass in NumPy that reads the same files."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

import pathflow as pf
from pathflow._errors import CheckpointError
from pathflow.models import TransformerDecoder, load_gpt2, residual_writers

VOCAB, WIDTH, HEADS, LAYERS, POSITIONS = 13, 12, 3, 2, 7
TOKENS = np.array([4, 0, 12, 4, 9])


def weights(dtype=np.float64, hidden=4 * WIDTH, seed=0):
    """Arrays under their published names."""
    random = np.random.default_rng(seed)
    shapes = {"wte.weight": (VOCAB, WIDTH), "wpe.weight": (POSITIONS, WIDTH)}
    for i in range(LAYERS):
        shapes |= {
            f"h.{i}.ln_1.weight": (WIDTH,),
            f"h.{i}.ln_1.bias": (WIDTH,),
            f"h.{i}.attn.c_attn.weight": (WIDTH, 3 * WIDTH),
            f"h.{i}.attn.c_attn.bias": (3 * WIDTH,),
            f"h.{i}.attn.c_proj.weight": (WIDTH, WIDTH),
            f"h.{i}.attn.c_proj.bias": (WIDTH,),
            f"h.{i}.ln_2.weight": (WIDTH,),
            f"h.{i}.ln_2.bias": (WIDTH,),
            f"h.{i}.mlp.c_fc.weight": (WIDTH, hidden),
            f"h.{i}.mlp.c_fc.bias": (hidden,),
            f"h.{i}.mlp.c_proj.weight": (hidden, WIDTH),
            f"h.{i}.mlp.c_proj.bias": (WIDTH,),
        }
    shapes |= {"ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}
    # Nothing is zero or one, so that no array can be left out unseen.
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def write(folder, tensors, config=None, name="model.safetensors"):
    path = folder / name
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return path


def numpy_logits(w, tokens, epsilon=1e-5, heads=HEADS, activation=None):
    """Logits after every word, one head and one position at a time."""

    def norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return w[f"{name}.weight"] * (x - mean) / np.sqrt(variance + epsilon) + w[f"{name}.bias"]

    def gelu(x):
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    x = w["wte.weight"][tokens] + w["wpe.weight"][: len(tokens)]
    size = WIDTH // heads
    for i in range(LAYERS):
        qkv = norm(x, f"h.{i}.ln_1") @ w[f"h.{i}.attn.c_attn.weight"]
        qkv = qkv + w[f"h.{i}.attn.c_attn.bias"]
        q, k, v = qkv[:, :WIDTH], qkv[:, WIDTH : 2 * WIDTH], qkv[:, 2 * WIDTH :]
        mixed = np.zeros_like(x)
        for h in range(heads):
            own = slice(h * size, (h + 1) * size)
            for t in range(len(tokens)):
                scores = k[: t + 1, own] @ q[t, own] / np.sqrt(size)
                powers = np.exp(scores - scores.max())
                mixed[t, own] = powers / powers.sum() @ v[: t + 1, own]
        x = x + mixed @ w[f"h.{i}.attn.c_proj.weight"] + w[f"h.{i}.attn.c_proj.bias"]
        hidden = norm(x, f"h.{i}.ln_2") @ w[f"h.{i}.mlp.c_fc.weight"] + w[f"h.{i}.mlp.c_fc.bias"]
        hidden = (activation or gelu)(hidden)
        x = x + hidden @ w[f"h.{i}.mlp.c_proj.weight"] + w[f"h.{i}.mlp.c_proj.bias"]
    return norm(x, "ln_f") @ w.get("lm_head.weight", w["wte.weight"]).T


def test_logits_are_those_of_an_independent_gpt2(tmp_path):
    w = weights()
    model = load_gpt2(write(tmp_path, w), n_heads=HEADS, dtype=jnp.float64)
    assert isinstance(model, TransformerDecoder)
    assert (model.tied, model.n_layers, model.positions.length) == (True, LAYERS, POSITIONS)
    expected = numpy_logits(w, TOKENS)
    np.testing.assert_allclose(model.logits(TOKENS), expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model(TOKENS), expected[-1], rtol=0, atol=1e-10)


def test_names_may_have_a_prefix_and_masks_are_passed_over(tmp_path):
    w = weights()
    named = {f"transformer.{name}": array for name, array in w.items()}
    named["transformer.h.0.attn.bias"] = np.ones((1, 1, POSITIONS, POSITIONS), bool)
    named["transformer.h.1.attn.masked_bias"] = np.array(-1e4)
    named["lm_head.weight"] = w["wte.weight"]
    model = load_gpt2(write(tmp_path, named, {"n_head": HEADS}).parent, dtype=jnp.float64)
    assert model.tied
    np.testing.assert_allclose(model.logits(TOKENS), numpy_logits(w, TOKENS), rtol=0, atol=1e-10)


def test_output_weights_of_their_own(tmp_path):
    w = weights()
    w["lm_head.weight"] = np.random.default_rng(1).normal(size=(VOCAB, WIDTH))
    model = load_gpt2(write(tmp_path, w), n_heads=HEADS, dtype=jnp.float64)
    assert not model.tied
    np.testing.assert_allclose(model.logits(TOKENS), numpy_logits(w, TOKENS), rtol=0, atol=1e-10)


def test_the_configuration_counts(tmp_path):
    w = weights(hidden=20)
    config = {
        "n_head": 2,
        "n_inner": 20,
        "n_layer": LAYERS,
        "layer_norm_epsilon": 0.5,
        "activation_function": "relu",
        "architectures": ["GPT2LMHeadModel"],
    }
    model = load_gpt2(write(tmp_path, w, config), dtype=jnp.float64)
    assert (model.n_heads, model.hidden_dim, model.norm.epsilon) == (2, 20, 0.5)
    expected = numpy_logits(w, TOKENS, 0.5, 2, lambda x: np.maximum(x, 0))
    np.testing.assert_allclose(model.logits(TOKENS), expected, rtol=0, atol=1e-10)
    assert load_gpt2(tmp_path, n_heads=4).n_heads == 4


@pytest.mark.parametrize("stored", [jnp.float16, jnp.bfloat16, np.float64])
def test_the_dtype_of_the_file_is_converted(tmp_path, stored):
    w = {name: np.asarray(jnp.asarray(array).astype(stored)) for name, array in weights().items()}
    model = load_gpt2(write(tmp_path, w), n_heads=HEADS)
    assert {leaf.dtype for leaf in jax.tree.leaves(model)} == {jnp.dtype(jnp.float32)}
    rounded = {name: array.astype(np.float64) for name, array in w.items()}
    expected = numpy_logits(rounded, TOKENS)
    np.testing.assert_allclose(model.logits(TOKENS), expected, rtol=0, atol=1e-3)


def test_a_loaded_model_has_paths(tmp_path):
    model = load_gpt2(write(tmp_path, weights()), n_heads=HEADS, dtype=jnp.float64)
    graph = pf.trace(model, TOKENS, nodes=residual_writers(), qoi=pf.LogitDifference(1, 2))
    assert graph.count_paths("embed", "qoi") == (2 * (1 + HEADS)) ** LAYERS
    doi = pf.Line(jnp.zeros((len(TOKENS), WIDTH)), n_steps=2)
    assert pf.attribute(graph, (TOKENS,), source="embed", doi=doi).audit.ok


def without(name):
    return lambda w: {k: v for k, v in w.items() if k != name}


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (without("h.1.mlp.c_proj.bias"), {}, r"missing \['h.1.mlp.c_proj.bias'\]"),
        (without("wpe.weight"), {}, "has no wpe.weight, so it is no GPT-2"),
        (lambda w: {"a": w["wte.weight"]}, {}, "first arrays are \\['a'\\]"),
        (lambda w: {**w, "extra": np.ones(3)}, {}, r"unexpected \['extra'\]"),
        (lambda w: {**w, "transformer.wte.weight": w["wte.weight"]}, {}, "with and without"),
        (
            lambda w: {**w, "h.0.mlp.c_fc.weight": np.ones(3)},
            {},
            "h.0.mlp.c_fc.weight is no matrix",
        ),
        (
            lambda w: {**w, "h.1.attn.c_attn.weight": w["h.1.attn.c_attn.weight"].T},
            {},
            r"shape \[36, 12\], and \[12, 36\] .* transpose it",
        ),
        (lambda w: {**w, "ln_f.bias": np.ones(5)}, {}, r"ln_f.bias has shape \[5\]"),
        (lambda w: {**w, "ln_f.bias": np.ones(WIDTH, int)}, {}, "holds int64"),
        (lambda w: {**w, "ln_f.bias": np.full(WIDTH, np.nan)}, {}, "not finite"),
        (dict, {"n_head": 5}, "5 heads cannot share a width of 12"),
        (dict, {"n_head": "3"}, "'3' heads"),
        (dict, {"n_head": 3, "n_embd": 768}, "n_embd=768, and the arrays say 12"),
        (dict, {"n_head": 3, "activation_function": "silu"}, "activation_function='silu'"),
        (dict, {"n_head": 3, "scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx=True"),
        (dict, {"n_head": 3, "layer_norm_epsilon": 0}, "layer_norm_epsilon=0"),
        (dict, {}, "how many heads"),
        (dict, [1], "no JSON object"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, config, message):
    config = {"n_head": HEADS} if config == {} and change is not dict else config
    with pytest.raises(CheckpointError, match=message):
        load_gpt2(write(tmp_path, change(weights()), config))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_gpt2(tmp_path)
    path = write(tmp_path, weights())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        load_gpt2(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cut short"):
        load_gpt2(path)
