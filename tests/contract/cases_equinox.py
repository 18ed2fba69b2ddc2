"""Layers and models of equinox, as they come."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.tree_util import Partial

from tests.contract._library import GATES, MODULES, filled, gru_paths, library_cases, lstm_paths


def _function(build, x):
    own = {"dtype": x.dtype, "key": jax.random.key(0)}
    return filled(eqx.filter_eval_shape(build, own))


def _mlp(own):
    return eqx.nn.MLP(4, 3, 5, 2, jnp.tanh, **own)


def _convolutions(own):
    return eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(1, 2, 3, **own),
            eqx.nn.Lambda(jax.nn.gelu),
            eqx.nn.AvgPool2d(2),
            eqx.nn.LayerNorm((2, 2, 2), dtype=own["dtype"]),
        ]
    )


def _attention(own):
    attention = eqx.nn.MultiheadAttention(2, 4, **own)
    return Partial(lambda attention, x: attention(x, x, x), attention)


def _over_steps(cell, x):
    zeros = jnp.zeros(cell.hidden_size, x.dtype)
    start = (zeros, zeros) if isinstance(cell, eqx.nn.LSTMCell) else zeros
    last, _ = lax.scan(lambda state, word: (cell(word, state), None), start, x)
    return jax.tree.leaves(last)[0]


def _lstm(own):
    return Partial(_over_steps, eqx.nn.LSTMCell(3, 3, **own))


def _gru(own):
    return Partial(_over_steps, eqx.nn.GRUCell(3, 2, **own))


def _tied(own):
    linear = eqx.nn.Linear(4, 4, **own)
    layers = eqx.nn.Sequential([linear, eqx.nn.Lambda(jnp.sin), eqx.nn.Linear(4, 4, **own)])
    shared = eqx.nn.Shared(layers, lambda m: m.layers[2].weight, lambda m: m.layers[0].weight)
    return Partial(lambda shared, x: shared()(x), shared)


CASES = library_cases(
    "equinox",
    _function,
    ("MLP", _mlp, (4,), "layers.0 layers.1 layers.2 MLP", 1, MODULES),
    (
        "convolutions",
        _convolutions,
        (1, 5, 5),
        "layers.0 layers.1 layers.2 layers.3 Sequential",
        1,
        MODULES,
    ),
    (
        "attention",
        _attention,
        (3, 4),
        "query_proj key_proj value_proj dropout output_proj MultiheadAttention",
        3,
        MODULES,
    ),
    (
        "gates of an LSTM",
        _lstm,
        (2, 3),
        " ".join(f"LSTMCell.{n}" for n in "ifgoch"),
        lstm_paths(2, last_only=True),
        GATES,
    ),
    (
        "gates of a GRU",
        _gru,
        (3, 3),
        " ".join(f"GRUCell.{n}" for n in "rznh"),
        gru_paths(3, last_only=True),
        GATES,
    ),
    (
        "tied weights",
        _tied,
        (4,),
        "layers.0 layers.1 layers.2 Sequential",
        1,
        MODULES,
    ),
)
