"""Trains the model that is shipped: `python -m examples.agreement_encoder.train`, half a minute."""

from pathlib import Path
from typing import cast

import numpy as np
from flax import nnx

from examples.agreement_encoder.task import LENGTH, N_WORDS, batches, sentences
from examples.training import Recipe
from pathflow.models import LearnedPositions, TransformerEncoder, load_model

CHECKPOINT = Path(__file__).with_name("checkpoints") / "agreement.safetensors"
WIDTH = 32


def new_model(seed: int) -> TransformerEncoder:
    """Two layers of two heads each, with perceptrons."""
    return TransformerEncoder(
        N_WORDS, WIDTH, 2, 2, 64, 2, LearnedPositions(LENGTH), rngs=nnx.Rngs(seed)
    )


def shipped() -> TransformerEncoder:
    """The trained model beside this file."""
    return cast("TransformerEncoder", load_model(CHECKPOINT).model)


def _fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    drawn = sentences(n, rng)
    return drawn.tokens, drawn.plural


RECIPE = Recipe(
    module="examples.agreement_encoder",
    title="A verb agrees with its subject, in an encoder of two layers",
    inputs="sentences",
    seed=1,
    checkpoint=CHECKPOINT,
    new_model=new_model,
    batches=batches,
    fresh=_fresh,
    steps=2000,
    batch=128,
    rate=3e-3,
    decay=0.3,
)
accuracy = RECIPE.accuracy

if __name__ == "__main__":
    raise SystemExit(RECIPE.main())
