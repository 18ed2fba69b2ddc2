"""Trains the model that is shipped: `python -m examples.induction.train`, twenty seconds."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from examples.induction.task import LENGTH, N_WORDS, batches, prompts
from pathflow.models import (
    LearnedPositions,
    ModelCard,
    TransformerDecoder,
    fit,
    load_model,
    save_model,
)

CHECKPOINT = Path(__file__).with_name("checkpoints") / "induction.safetensors"
SEED = 3
WIDTH = 32
_STEPS, _BATCH, _RATE, _DECAY = 2000, 128, 3e-3, 0.3


def new_model(seed: int) -> TransformerDecoder:
    """Two layers of two heads each, and nothing else."""
    return TransformerDecoder(
        N_WORDS, WIDTH, 2, 2, 0, LearnedPositions(LENGTH), tied=False, rngs=nnx.Rngs(seed)
    )


def shipped() -> TransformerDecoder:
    """The trained model beside this file."""
    return cast("TransformerDecoder", load_model(CHECKPOINT).model)


def loss(model: TransformerDecoder, batch: tuple[Any, Any]) -> Any:
    """The mean negative log likelihood of the answers."""
    tokens, answers = batch
    logits = jax.vmap(model)(tokens)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, answers))


def accuracy(model: TransformerDecoder, *, seed: int = 1, n: int = 2000) -> float:
    """The part of fresh prompts that is answered right."""
    drawn = prompts(n, np.random.default_rng(seed))
    return float(np.mean(np.asarray(_answers(model, drawn.tokens)) == drawn.answers))


@nnx.jit
def _answers(model: TransformerDecoder, tokens: Any) -> Any:
    return jnp.argmax(jax.vmap(model)(tokens), axis=-1)


def train(seed: int) -> TransformerDecoder:
    """A trained model; the same seed gives the same one."""
    model = new_model(seed)
    rate = optax.cosine_decay_schedule(_RATE, _STEPS)
    optimizer = optax.adamw(rate, weight_decay=_DECAY)
    fit(model, loss, batches(_BATCH, seed), optimizer=optimizer, steps=_STEPS)
    return model


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, prints the accuracy, writes the file."""
    parser = argparse.ArgumentParser("python -m examples.induction.train", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the model and the prompts")
    parser.add_argument("--out", type=Path, default=CHECKPOINT, help="file to write")
    given = parser.parse_args(arguments)
    model = train(given.seed)
    reached = accuracy(model)
    print(f"accuracy on fresh prompts: {reached:.4f}")
    card = ModelCard(
        "Two layers of attention that continue a repeated word",
        description="Trained on prompts of examples.induction.task alone.",
        licence="Apache-2.0",
        training={"seed": given.seed, "steps": _STEPS, "batch": _BATCH, "weight_decay": _DECAY},
        evaluation={"accuracy": reached},
    )
    save_model(given.out, model, card)
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
