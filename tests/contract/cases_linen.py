"""Layers and models of flax linen, as they come."""

import jax
from flax import linen as nn

from tests.contract._library import GATES, MODULES, filled, gru_paths, library_cases, lstm_paths


def _function(build, x):
    model = build({"dtype": x.dtype, "param_dtype": x.dtype})
    variables = filled(jax.eval_shape(model.init, jax.random.key(0), x))
    return lambda x: model.apply(variables, x)


def _mlp(own):
    return nn.Sequential([nn.Dense(5, **own), nn.tanh, nn.Dense(3, **own)])


def _convolutions(own):
    def pool(x):
        return nn.avg_pool(x, (2, 2), (2, 2))

    return nn.Sequential([nn.Conv(2, (3, 3), **own), nn.gelu, pool, nn.GroupNorm(1, **own)])


def _attention(own):
    return nn.MultiHeadDotProductAttention(num_heads=2, **own)


def _lstm(own):
    return nn.RNN(nn.LSTMCell(3, **own))


def _fused(own):
    return nn.RNN(nn.OptimizedLSTMCell(3, **own))


def _gru(own):
    return nn.Bidirectional(nn.RNN(nn.GRUCell(2, **own)), nn.RNN(nn.GRUCell(2, **own)))


def _lifted(own):
    several = nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True})
    return nn.Sequential([nn.remat(nn.Dense)(3, **own), nn.silu, several(2, **own)])


_PROJECTIONS = " ".join(f"cell.{a}{gate}" for a in "ih" for gate in "ifgo")

CASES = library_cases(
    "linen",
    _function,
    ("MLP", _mlp, (4,), "layers_0 layers_2 Sequential", 1, MODULES),
    ("convolutions", _convolutions, (4, 4, 1), "layers_0 layers_3 Sequential", 1, MODULES),
    (
        "attention",
        _attention,
        (3, 4),
        "query key value out MultiHeadDotProductAttention",
        3,
        MODULES,
    ),
    # Every gate has a projection of the word and one of the state, so ways are those of the gates.
    ("LSTM", _lstm, (2, 3), f"{_PROJECTIONS} cell.c cell.h RNN", lstm_paths(2), MODULES),
    (
        "gates of a fused LSTM",
        _fused,
        (2, 3),
        " ".join(f"cell.{n}" for n in "ifgoch"),
        lstm_paths(2),
        GATES,
    ),
    (
        "gates of a GRU both ways",
        _gru,
        (2, 2),
        " ".join(f"{way}_rnn.cell.{n}" for way in ("forward", "backward") for n in "rznh"),
        2 * gru_paths(2),
        GATES,
    ),
    ("remat and vmap", _lifted, (2, 3), "layers_0 layers_2 Sequential", 1, MODULES),
)
