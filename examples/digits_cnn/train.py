"""Trains the model that is shipped: `python -m examples.digits_cnn.train`, half a minute."""

from pathlib import Path
from typing import cast

from flax import nnx

from examples.digits_cnn.task import SIDE, batches, fresh
from examples.training import Recipe
from pathflow.models import CNN, load_model

CHECKPOINT = Path(__file__).with_name("checkpoints") / "digits.safetensors"
CHANNELS = (8, 16)


def new_model(seed: int) -> CNN:
    """Two stages of a convolution, a residual block and a pooling."""
    return CNN((SIDE, SIDE, 1), CHANNELS, 10, rngs=nnx.Rngs(seed))


def shipped() -> CNN:
    """The trained model beside this file."""
    return cast("CNN", load_model(CHECKPOINT).model)


RECIPE = Recipe(
    module="examples.digits_cnn",
    title="Handwritten digits, by convolutions with residual blocks",
    inputs="digits",
    seed=0,
    checkpoint=CHECKPOINT,
    new_model=new_model,
    batches=batches,
    fresh=fresh,
    steps=800,
    batch=64,
    rate=3e-3,
    decay=0.05,
)
accuracy = RECIPE.accuracy

if __name__ == "__main__":
    raise SystemExit(RECIPE.main())
