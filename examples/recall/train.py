"""Trains the models that are shipped: `python -m examples.recall.train gru` (or `elman`)."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from flax import nnx

from examples.recall.task import N_VALUES, batches, fresh
from examples.training import Recipe
from pathflow.models import GRU, ElmanRNN, load_model

WIDTH = 24
Cell = TypeVar("Cell", GRU, ElmanRNN)


def _recipe(cls: type[Cell], name: str, title: str, *, steps: int, rate: float) -> Recipe[Cell]:
    def new_model(seed: int) -> Cell:
        return cls(N_VALUES + 1, WIDTH, N_VALUES, rngs=nnx.Rngs(seed))

    return Recipe(
        module="examples.recall",
        title=title,
        inputs="sequences",
        seed=0,
        checkpoint=Path(__file__).with_name("checkpoints") / f"{name}.safetensors",
        new_model=new_model,
        batches=batches,
        fresh=fresh,
        steps=steps,
        batch=128,
        rate=rate,
        decay=0.0,
    )


# The simple network takes smaller steps, and more of them: with the other's it does not learn.
RECIPES = {
    "gru": _recipe(GRU, "gru", "A GRU that recalls a marked value", steps=3000, rate=5e-3),
    "elman": _recipe(
        ElmanRNN, "elman", "An Elman network that recalls a marked value", steps=8000, rate=1.5e-3
    ),
}


def shipped(name: str) -> GRU | ElmanRNN:
    """The trained model of a recipe."""
    model = load_model(RECIPES[name].checkpoint).model
    if not isinstance(model, GRU | ElmanRNN):
        raise TypeError(f"{RECIPES[name].checkpoint} holds a {type(model).__name__}.")
    return model


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: trains the one or the other."""
    parser = argparse.ArgumentParser("python -m examples.recall.train", description=__doc__)
    parser.add_argument("cell", choices=tuple(RECIPES))
    given, rest = parser.parse_known_args(arguments)
    return RECIPES[given.cell].main(rest)


if __name__ == "__main__":
    raise SystemExit(main())
