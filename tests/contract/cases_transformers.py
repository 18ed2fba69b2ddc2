"""Transformers as reference models, at several grains."""

import jax.numpy as jnp
from flax import nnx

import pathflow as pf
from pathflow.models import (
    LearnedPositions,
    PostNorm,
    Rotary,
    TransformerDecoder,
    TransformerEncoder,
    attention_parts,
    residual_sums,
    residual_writers,
)
from tests.contract._case import Case

_TOKENS = (3, 1, 4)
_HEADS = 2
_DIFFERENCE = pf.LogitDifference(0, 1)


def _decoder(dtype):
    model = TransformerDecoder(
        5, 4, _HEADS, 1, 3, LearnedPositions(3), tied=False, dtype=dtype, rngs=nnx.Rngs(2)
    )
    return model, (jnp.array(_TOKENS),)


def _encoder(dtype):
    model = TransformerEncoder(
        5, 4, _HEADS, 1, 3, 2, Rotary(), PostNorm(), read_at=1, dtype=dtype, rngs=nnx.Rngs(2)
    )
    return model, (jnp.array(_TOKENS),)


def _heads(*kinds):
    return {f"l0.{kind}{h}" for kind in kinds for h in range(_HEADS)}


CASES = [
    Case(
        name="transformer decoder, writers",
        make=_decoder,
        names=frozenset({"embed", *_heads("h"), "l0.mlp", "logits", "qoi"}),
        source="embed",
        paths=2 * (1 + _HEADS),
        nodes=residual_writers(),
        qoi=_DIFFERENCE,
    ),
    Case(
        name="transformer encoder, parts of heads and sums",
        make=_encoder,
        names=frozenset(
            {"embed", *_heads(*"qkvah"), "l0.mid", "l0.mlp", "l0.out", "logits", "qoi"}
        ),
        source="embed",
        paths=2 * (1 + 3 * _HEADS),
        nodes=residual_writers() | residual_sums() | attention_parts(),
        qoi=_DIFFERENCE,
    ),
]
