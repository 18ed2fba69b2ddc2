"""The model against an independent NumPy LSTM, and the forms of it against each other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models import LayerState, LSTMLanguageModel

VOCAB, WIDTH = 11, 6
CASES = list(itertools.product([1, 2, 3], [True, False]))


def make(n_layers=2, tied=False, dtype=jnp.float64, seed=0, embed=None):
    embed = embed or (WIDTH if tied else WIDTH - 2)
    return LSTMLanguageModel(VOCAB, embed, WIDTH, n_layers, tied, dtype=dtype, rngs=nnx.Rngs(seed))


def words(n=5, seed=0):
    return np.random.default_rng(seed).integers(0, VOCAB, n).astype(np.int32)


def numpy_logits(model, tokens, state=None):
    """Logits after every word, written from the equations: one gate at a time, no fusing."""
    params = {
        ".".join(map(str, path)): np.asarray(v[...], np.float64)
        for path, v in nnx.to_flat_state(nnx.state(model, nnx.Param))
    }
    n = model.hidden_dim
    if state is None:
        state = [(np.zeros(n), np.zeros(n)) for _ in range(model.n_layers)]
    out = []
    for token in tokens:
        below = params["embedding"][token]
        for layer in range(model.n_layers):
            h, c = state[layer]
            pre = {}
            for k, gate in enumerate("fiog"):
                cut = slice(k * n, (k + 1) * n)
                pre[gate] = (
                    params[f"layers.{layer}.input_kernel"][:, cut].T @ below
                    + params[f"layers.{layer}.recurrent_kernel"][:, cut].T @ h
                    + params[f"layers.{layer}.bias"][cut]
                )
            f, i, o = (1 / (1 + np.exp(-pre[gate])) for gate in "fio")
            c = f * c + i * np.tanh(pre["g"])
            h = o * np.tanh(c)
            state[layer] = (h, c)
            below = h
        rows = params["embedding"] if model.tied else params["output_kernel"]
        out.append(rows @ below + params["output_bias"])
    return np.stack(out), state


@pytest.mark.parametrize(("n_layers", "tied"), CASES)
def test_logits_are_those_of_an_independent_lstm(n_layers, tied):
    model = make(n_layers, tied)
    expected, _ = numpy_logits(model, words())
    every, state = model.logits(words())
    assert every.shape == (5, VOCAB)
    np.testing.assert_allclose(every, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model(words()), expected[-1], rtol=0, atol=1e-10)
    assert len(state) == n_layers


def test_float32_is_the_default_and_agrees_to_its_precision():
    model = LSTMLanguageModel(VOCAB, 4, WIDTH, 2, False, rngs=nnx.Rngs(0))
    logits = model(words())
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, numpy_logits(model, words())[0][-1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("n_layers", "tied"), CASES)
def test_a_carried_state_equals_one_pass(n_layers, tied):
    model = make(n_layers, tied)
    tokens = words(7)
    whole, last = model.logits(tokens)
    first, state = model.logits(tokens[:3])
    second, after = model.logits(tokens[3:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=0, atol=1e-14)
    np.testing.assert_allclose(model(tokens[3:], state), whole[-1], rtol=0, atol=1e-14)
    for ours, theirs in zip(after, last, strict=True):
        np.testing.assert_allclose(ours.cell, theirs.cell, rtol=0, atol=1e-14)


def test_one_step_after_another_equals_one_pass():
    model = make()
    state = model.initial_state()
    for t, token in enumerate(words()):
        logits, state = model.logits(np.array([token]), state)
        np.testing.assert_allclose(logits[0], model(words()[: t + 1]), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("n_layers", "tied"), CASES)
def test_the_batched_form_equals_the_tagged_one_and_restarts_where_asked(n_layers, tied):
    model = make(n_layers, tied)
    tokens = np.stack([words(6, seed) for seed in range(3)], axis=1)
    keep = np.ones((6, 3))
    keep[0] = 0
    keep[4, 1] = 0  # the second row starts a sentence at its fifth word
    noise = jax.tree.map(jnp.ones_like, model.initial_state(3))
    features, state = model.features(jnp.asarray(tokens), jnp.asarray(keep), noise)
    logits = np.asarray(features @ model.output_rows.T) + np.asarray(model.output_bias[...])
    for row in (0, 2):
        np.testing.assert_allclose(logits[:, row], model.logits(tokens[:, row])[0], atol=1e-13)
    np.testing.assert_allclose(logits[:4, 1], model.logits(tokens[:4, 1])[0], atol=1e-13)
    np.testing.assert_allclose(logits[4:, 1], model.logits(tokens[4:, 1])[0], atol=1e-13)
    assert state[-1].hidden.shape == (3, WIDTH)


def test_the_derivative_written_by_hand_is_that_of_the_tagged_form():
    model = make()
    graphdef, params = nnx.split(model, nnx.Param)
    tokens = np.stack([words(6, seed) for seed in range(3)], axis=1)
    keep = np.ones((6, 3))
    keep[3, 0] = 0
    weights = np.random.default_rng(0).normal(size=(6, 3, WIDTH))
    begin = jax.tree.map(lambda z: z + 0.3, model.initial_state(3))

    def batched(params, state):
        features, after = nnx.merge(graphdef, params).features(
            jnp.asarray(tokens), jnp.asarray(keep), state
        )
        return jnp.sum(features * weights) + jnp.sum(after[0].cell) + jnp.sum(after[1].hidden)

    def tagged(params, state):
        model, total = nnx.merge(graphdef, params), 0.0
        for row in range(3):
            one = jax.tree.map(lambda z, row=row: z[row], state)
            for t in range(6):
                one = jax.tree.map(lambda z, t=t, row=row: z * keep[t, row], one)
                _, one = model.logits(tokens[t : t + 1, row], one)
                total += jnp.sum(one[-1].hidden * weights[t, row])
            total += jnp.sum(one[0].cell) + jnp.sum(one[1].hidden)
        return total

    ours = jax.grad(batched, argnums=(0, 1))(params, begin)
    theirs = jax.grad(tagged, argnums=(0, 1))(params, begin)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def tag_names(fn, *args):
    names = []

    def visit(jaxpr):
        for eqn in jaxpr.eqns:
            if eqn.primitive.name == "pathflow_tag":
                names.append(eqn.params["name"])
            for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns")):
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    visit(inner)

    visit(jax.make_jaxpr(fn)(*args).jaxpr)
    return names


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_every_gate_is_tagged_once_inside_one_loop(n_layers):
    model = make(n_layers)
    expected = ["x"] + [f"{gate}{layer}" for layer in range(n_layers) for gate in "fiogch"]
    assert sorted(tag_names(model, words())) == sorted(expected)
    loops = [e for e in jax.make_jaxpr(model)(words()).jaxpr.eqns if e.primitive.name == "scan"]
    assert len(loops) == 1


def test_it_goes_through_vmap_jit_and_eval_shape():
    model = make()
    batch = np.stack([words(4, seed) for seed in range(3)])
    mapped = jax.jit(jax.vmap(model))(batch)
    for row, tokens in zip(mapped, batch, strict=True):
        np.testing.assert_allclose(row, model(tokens), rtol=0, atol=1e-14)
    assert jax.eval_shape(model, jnp.asarray(words())).shape == (VOCAB,)
    assert nnx.jit(lambda m, t: m(t))(model, jnp.asarray(words())).shape == (VOCAB,)


def test_a_seed_gives_the_parameters():
    first, second, other = (jax.tree.leaves(nnx.state(make(seed=s))) for s in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_forget_gates_start_open():
    bias = np.asarray(make().layers[1].bias[...])
    assert (bias[:WIDTH] == 1).all()
    assert (bias[WIDTH:] == 0).all()


def test_states_are_zeros_with_the_batch_axes_asked_for():
    state = make().initial_state(2, 3)
    assert isinstance(state[0], LayerState)
    assert state[1].cell.shape == (2, 3, WIDTH)
    assert not np.any(state[1].cell)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4, 4, 1, False), "vocab_size"),
        ((9, 4, 4, 0, False), "n_layers"),
        ((9, 4, -3, 1, False), "hidden_dim"),
        ((9, 4, 6, 1, True), r"embed_dim \(4\) must equal hidden_dim \(6\)"),
    ],
)
def test_sizes_that_make_no_model_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        LSTMLanguageModel(*arguments, rngs=nnx.Rngs(0))


def test_a_batch_or_no_word_at_all_is_refused_with_the_remedy():
    from pathflow.models._tokens import check_tokens

    with pytest.raises(ShapeError, match="jax.vmap"):
        check_tokens(np.zeros((2, 3), np.int32), 7)
    with pytest.raises(ShapeError, match="at least one word"):
        make()(np.zeros(0, np.int32))
    with pytest.raises(ShapeError, match="integers, got float32"):
        check_tokens(np.zeros(3, np.float32), 7)
