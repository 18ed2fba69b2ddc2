"""Layers and models of haiku, as they come."""

import haiku as hk
import jax
import jax.numpy as jnp

from tests.contract._library import GATES, MODULES, filled, gru_paths, library_cases, lstm_paths


def _function(build, x):
    def net(x):
        # A haiku module is made inside the function that is transformed.
        return build()(x)

    model = hk.without_apply_rng(hk.transform(net))
    parameters = filled(jax.eval_shape(model.init, jax.random.key(0), x))
    return lambda x: model.apply(parameters, x)


def _mlp():
    return hk.nets.MLP([5, 3], activation=jnp.tanh)


def _convolutions():
    return hk.Sequential(
        [
            hk.Conv2D(2, 3),
            jax.nn.gelu,
            hk.AvgPool((2, 2, 1), (2, 2, 1), "VALID"),
            hk.LayerNorm((-3, -2, -1), create_scale=True, create_offset=True),
        ]
    )


def _attention():
    attention = hk.MultiHeadAttention(2, 2, w_init=hk.initializers.VarianceScaling(1.0))
    return lambda x: attention(x, x, x)


def _unrolled(core):
    return lambda x: hk.dynamic_unroll(core, x, core.initial_state(None))[0]


def _lstm():
    return _unrolled(hk.LSTM(3))


def _gru():
    return _unrolled(hk.GRU(2))


def _stacked():
    return _unrolled(hk.DeepRNN([hk.VanillaRNN(2), hk.VanillaRNN(2)]))


_CORES = " ".join(
    f"{core}.{name}"
    for core in ("vanilla_rnn", "vanilla_rnn_1")
    for name in ("linear", "linear_1", "h")
)

CASES = library_cases(
    "haiku",
    _function,
    ("MLP", _mlp, (4,), "mlp.linear_0 mlp.linear_1 mlp", 1, MODULES),
    (
        "convolutions",
        _convolutions,
        (1, 4, 4, 1),
        "conv2_d avg_pool layer_norm sequential",
        1,
        MODULES,
    ),
    (
        "attention",
        _attention,
        (3, 4),
        "multi_head_attention "
        + " ".join(f"multi_head_attention.{n}" for n in ("query", "key", "value", "linear")),
        3,
        MODULES,
    ),
    (
        "gates of an LSTM",
        _lstm,
        (2, 3),
        " ".join(f"lstm.{n}" for n in "ifgoch"),
        lstm_paths(2),
        GATES,
    ),
    ("gates of a GRU", _gru, (3, 3), " ".join(f"gru.{n}" for n in "rznh"), gru_paths(3), GATES),
    # Up at either step, or along one of two cores: 1 to the first output, 3 to the second.
    ("stacked RNNs", _stacked, (2, 3), f"{_CORES} deep_rnn.0 deep_rnn.1.0", 4, MODULES),
)
