"""Trains the model that is shipped: `python -m examples.shortcut_mlp.train`, ten seconds."""

from pathlib import Path
from typing import cast

from flax import nnx

from examples.shortcut_mlp.task import N_FEATURES, batches, fresh
from examples.training import Recipe
from pathflow.models import MLP, load_model

CHECKPOINT = Path(__file__).with_name("checkpoints") / "shortcut.safetensors"
WIDTH = 16


def new_model(seed: int) -> MLP:
    """Two hidden layers."""
    return MLP(N_FEATURES, (WIDTH, WIDTH), 2, rngs=nnx.Rngs(seed))


def shipped() -> MLP:
    """The trained model beside this file."""
    return cast("MLP", load_model(CHECKPOINT).model)


RECIPE = Recipe(
    module="examples.shortcut_mlp",
    title="Two rings, told apart by their radius and by a shortcut",
    inputs="points",
    seed=0,
    checkpoint=CHECKPOINT,
    new_model=new_model,
    batches=batches,
    fresh=fresh,
    steps=2000,
    batch=128,
    rate=1e-2,
    decay=1e-3,
)
accuracy = RECIPE.accuracy

if __name__ == "__main__":
    raise SystemExit(RECIPE.main())
