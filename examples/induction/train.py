"""Trains the model that is shipped: `python -m examples.induction.train`, twenty seconds."""

from pathlib import Path
from typing import cast

import numpy as np
from flax import nnx

from examples.induction.task import LENGTH, N_WORDS, batches, prompts
from examples.training import Recipe
from pathflow.models import LearnedPositions, TransformerDecoder, load_model

CHECKPOINT = Path(__file__).with_name("checkpoints") / "induction.safetensors"
WIDTH = 32


def new_model(seed: int) -> TransformerDecoder:
    """Two layers of two heads each, and nothing else."""
    return TransformerDecoder(
        N_WORDS, WIDTH, 2, 2, 0, LearnedPositions(LENGTH), tied=False, rngs=nnx.Rngs(seed)
    )


def shipped() -> TransformerDecoder:
    """The trained model beside this file."""
    return cast("TransformerDecoder", load_model(CHECKPOINT).model)


def _fresh(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    drawn = prompts(n, rng)
    return drawn.tokens, drawn.answers


RECIPE = Recipe(
    module="examples.induction",
    title="Two layers of attention that continue a repeated word",
    inputs="prompts",
    seed=3,
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
