"""The reference models."""

import jax.numpy as jnp
from flax import nnx

import pathflow as pf
from pathflow.models import LSTMLanguageModel
from tests.contract._case import Case

_TOKENS = (3, 5)


def _lstm(dtype):
    model = LSTMLanguageModel(7, 3, 4, 1, tied=False, dtype=dtype, rngs=nnx.Rngs(0))
    return model, (jnp.array(_TOKENS),)


def _lstm_of_first_word(dtype):
    model, (tokens,) = _lstm(dtype)
    table = model.embedding[...]
    parts = nnx.split(model)

    def quantity(row):
        changed = nnx.merge(*parts, copy=True)
        # The first word's row is read nowhere else.
        changed.embedding[...] = table.at[_TOKENS[0]].set(row)
        return _DIFFERENCE(changed(tokens))

    return quantity, table[_TOKENS[0]]


_DIFFERENCE = pf.LogitDifference(2, 6)

CASES = [
    Case(
        name="LSTM language model",
        make=_lstm,
        names=frozenset({"x", "qoi", *(f"{n}0" for n in "fiogch")}),
        source="x@0",
        # Four ways to the first h and four on from each to the second, and three through both c.
        paths=19,
        qoi=_DIFFERENCE,
        of_source=_lstm_of_first_word,
    ),
]
