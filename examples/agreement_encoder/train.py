"""Trains the model that is shipped: `python -m examples.agreement_encoder.train`, half a minute."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from examples.agreement_encoder.task import LENGTH, N_WORDS, batches, sentences
from pathflow.models import (
    LearnedPositions,
    ModelCard,
    TransformerEncoder,
    fit,
    load_model,
    save_model,
)

CHECKPOINT = Path(__file__).with_name("checkpoints") / "agreement.safetensors"
SEED = 1
WIDTH = 32
_STEPS, _BATCH, _RATE, _DECAY = 2000, 128, 3e-3, 0.3


def new_model(seed: int) -> TransformerEncoder:
    """Two layers of two heads each, with perceptrons."""
    return TransformerEncoder(
        N_WORDS, WIDTH, 2, 2, 64, 2, LearnedPositions(LENGTH), rngs=nnx.Rngs(seed)
    )


def shipped() -> TransformerEncoder:
    """The trained model beside this file."""
    return cast("TransformerEncoder", load_model(CHECKPOINT).model)


def loss(model: TransformerEncoder, batch: tuple[Any, Any]) -> Any:
    """The mean negative log likelihood of the numbers."""
    tokens, plural = batch
    logits = jax.vmap(model)(tokens)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, plural))


def accuracy(model: TransformerEncoder, *, seed: int = 1, n: int = 2000) -> float:
    """The part of fresh sentences that gets the right number."""
    drawn = sentences(n, np.random.default_rng(seed))
    return float(np.mean(np.asarray(_numbers(model, drawn.tokens)) == drawn.plural))


@nnx.jit
def _numbers(model: TransformerEncoder, tokens: Any) -> Any:
    return jnp.argmax(jax.vmap(model)(tokens), axis=-1)


def train(seed: int) -> TransformerEncoder:
    """A trained model; the same seed gives the same one."""
    model = new_model(seed)
    rate = optax.cosine_decay_schedule(_RATE, _STEPS)
    optimizer = optax.adamw(rate, weight_decay=_DECAY)
    fit(model, loss, batches(_BATCH, seed), optimizer=optimizer, steps=_STEPS)
    return model


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, prints the accuracy, writes the file."""
    parser = argparse.ArgumentParser(
        "python -m examples.agreement_encoder.train", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the model and the sentences")
    parser.add_argument("--out", type=Path, default=CHECKPOINT, help="file to write")
    given = parser.parse_args(arguments)
    model = train(given.seed)
    reached = accuracy(model)
    print(f"accuracy on fresh sentences: {reached:.4f}")
    card = ModelCard(
        "A verb agrees with its subject, in an encoder of two layers",
        description="Trained on sentences of examples.agreement_encoder.task alone.",
        licence="Apache-2.0",
        training={"seed": given.seed, "steps": _STEPS, "batch": _BATCH, "weight_decay": _DECAY},
        evaluation={"accuracy": reached},
    )
    save_model(given.out, model, card)
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
