"""The reference models of vectors, images and sequences."""

import jax
from flax import nnx

import pathflow as pf
from pathflow.models import CNN, GRU, MLP, ElmanRNN, MeanPooling, Tanh
from tests.contract._case import Case

_DIFFERENCE = pf.LogitDifference(0, 2)


def _inputs(shape, dtype):
    return jax.random.normal(jax.random.key(1), shape, dtype)


def _mlp(dtype):
    model = MLP(4, (5, 3), 3, Tanh(), dtype=dtype, rngs=nnx.Rngs(0))
    return model, (_inputs((4,), dtype),)


def _cnn(dtype):
    # Smooth, so that the line crosses no kink between its points.
    model = CNN((4, 4, 1), (2, 3), 3, 3, 1, Tanh(), MeanPooling(), dtype=dtype, rngs=nnx.Rngs(0))
    return model, (_inputs((4, 4, 1), dtype),)


def _elman(dtype):
    return ElmanRNN(2, 3, 3, 2, dtype=dtype, rngs=nnx.Rngs(0)), (_inputs((4, 2), dtype),)


def _gru(dtype):
    return GRU(2, 3, 3, 1, dtype=dtype, rngs=nnx.Rngs(0)), (_inputs((3, 2), dtype),)


def _of_input(make):
    def of_source(dtype):
        model, (inputs,) = make(dtype)
        return lambda value: _DIFFERENCE(model(value)), inputs

    return of_source


def _of_first_step(make):
    def of_source(dtype):
        model, (inputs,) = make(dtype)
        return lambda first: _DIFFERENCE(model(inputs.at[0].set(first))), inputs[0]

    return of_source


CASES = [
    Case(
        name="MLP",
        make=_mlp,
        names=frozenset({"x", "h0", "h1", "qoi"}),
        source="x",
        paths=1,
        qoi=_DIFFERENCE,
        inputs=(),
        of_source=_of_input(_mlp),
    ),
    Case(
        name="CNN",
        make=_cnn,
        names=frozenset(
            {"x", "qoi"}
            | {f"{name}{s}" for s in (0, 1) for name in ("conv", "pool")}
            | {f"{name}{s}.0" for s in (0, 1) for name in ("branch", "block")}
        ),
        source="x",
        # Through the branch or beside it, in each of two stages.
        paths=4,
        qoi=_DIFFERENCE,
        inputs=(),
        of_source=_of_input(_cnn),
    ),
    Case(
        name="Elman network of two layers",
        make=_elman,
        names=frozenset({"x", "h0", "h1", "qoi"}),
        source="x@0",
        # One step up among three steps on, at any of four times.
        paths=4,
        qoi=_DIFFERENCE,
        inputs=(),
        of_source=_of_first_step(_elman),
    ),
    Case(
        name="GRU",
        make=_gru,
        names=frozenset({"x", "r0", "z0", "n0", "h0", "qoi"}),
        source="x@0",
        # Three ways into the first hidden state, four from each to the next.
        paths=3 * 4 * 4,
        qoi=_DIFFERENCE,
        inputs=(),
        of_source=_of_first_step(_gru),
    ),
]
