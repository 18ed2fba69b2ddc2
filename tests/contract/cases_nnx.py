"""Layers and models of flax nnx, as they come."""

from flax import nnx

from tests.contract._library import GATES, MODULES, filled, gru_paths, library_cases, lstm_paths


def _function(build, x):
    own = {"dtype": x.dtype, "param_dtype": x.dtype}
    model = nnx.eval_shape(lambda: build(own | {"rngs": nnx.Rngs(0)}))
    model.eval()
    graph, state = nnx.split(model)
    state = filled(state)

    def run(x):
        # A module made outside may not change inside a trace, and a recurrent one counts its keys.
        return nnx.merge(graph, state, copy=True)(x)

    return run


def _mlp(own):
    return nnx.Sequential(nnx.Linear(4, 5, **own), nnx.tanh, nnx.Linear(5, 3, **own))


def _convolutions(own):
    return nnx.Sequential(
        nnx.Conv(1, 2, (3, 3), **own), nnx.BatchNorm(2, **own), nnx.gelu, nnx.Dropout(0.5)
    )


def _attention(own):
    # Without dropout, JAX's own attention takes its softmax in float32, whatever it is given.
    return nnx.MultiHeadAttention(2, 4, decode=False, dropout_rate=0.5, **own)


def _lstm(own):
    return nnx.RNN(nnx.OptimizedLSTMCell(3, 3, **own))


def _gru(own):
    return nnx.RNN(nnx.GRUCell(2, 2, **own))


def _adapted(own):
    low_rank = nnx.LoRA(4, 2, 4, base_module=nnx.Linear(4, 4, **own), **own)
    return nnx.Sequential(low_rank, nnx.LayerNorm(4, **own))


_LSTM_GATES = " ".join(f"cell.{n}" for n in "ifgoch")

CASES = library_cases(
    "nnx",
    _function,
    ("MLP", _mlp, (4,), "layers.0 layers.2 Sequential", 1, MODULES),
    (
        "convolutions",
        _convolutions,
        (1, 3, 3, 1),
        "layers.0 layers.1 layers.3 Sequential",
        1,
        MODULES,
    ),
    ("attention", _attention, (3, 4), "query key value out MultiHeadAttention", 3, MODULES),
    ("gates of a fused LSTM", _lstm, (1, 2, 3), _LSTM_GATES, lstm_paths(2), GATES),
    (
        "gates of a GRU",
        _gru,
        (1, 3, 2),
        " ".join(f"cell.{n}" for n in "rznh"),
        gru_paths(3),
        GATES,
    ),
    (
        "low-rank adaptation",
        _adapted,
        (4,),
        "layers.0.base_module layers.0 layers.1 Sequential",
        2,
        MODULES,
    ),
)
