"""How the small models of the other examples are trained, measured and kept."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pathflow.models import AbstractReferenceModel, ModelCard, fit, save_model

Model = TypeVar("Model", bound=AbstractReferenceModel)


@dataclass(frozen=True)
class Recipe(Generic[Model]):
    """All that one training needs: a model that answers each input with one of several classes.

    Arguments:
        module: whose command it is, as in `examples.induction`.
        title: of the model.
        inputs: what the inputs are called, as in `prompts`.
        seed: of the model that is shipped.
        checkpoint: the file that it is shipped in.
        new_model: an untrained model from a seed.
        batches: inputs and answers without end, from a batch's size and a seed.
        fresh: so many inputs and answers that are not learnt from, or all where these are fewer.
        steps: number of updates.
        batch: inputs in each.
        rate: the first learning rate, which falls along a cosine to zero.
        decay: of the weights.
    """

    module: str
    title: str
    inputs: str
    seed: int
    checkpoint: Path
    new_model: Callable[[int], Model]
    batches: Callable[[int, int], Iterator[tuple[np.ndarray, np.ndarray]]]
    fresh: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    steps: int
    batch: int
    rate: float
    decay: float

    def trained(self, seed: int) -> Model:
        """A trained model; the same seed gives the same one."""
        model = self.new_model(seed)
        rate = optax.cosine_decay_schedule(self.rate, self.steps)
        optimizer = optax.adamw(rate, weight_decay=self.decay)
        fit(model, _loss, self.batches(self.batch, seed), optimizer=optimizer, steps=self.steps)
        return model

    def accuracy(self, model: Model, *, seed: int = 1, n: int = 2000) -> float:
        """The part of fresh inputs that is answered right."""
        inputs, answers = self.fresh(n, np.random.default_rng(seed))
        return float(np.mean(np.asarray(_answers(model, inputs)) == answers))

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """The command: trains, prints the accuracy, writes the file."""
        parser = argparse.ArgumentParser(
            f"python -m {self.module}.train", description="Trains the model that is shipped."
        )
        parser.add_argument(
            "--seed", type=int, default=self.seed, help=f"of the model and the {self.inputs}"
        )
        parser.add_argument("--out", type=Path, default=self.checkpoint, help="file to write")
        given = parser.parse_args(arguments)
        model = self.trained(given.seed)
        reached = self.accuracy(model)
        print(f"accuracy on fresh {self.inputs}: {reached:.4f}")
        training = {"seed": given.seed, "steps": self.steps, "batch": self.batch}
        card = ModelCard(
            self.title,
            description=f"Trained on {self.inputs} of {self.module}.task alone.",
            licence="Apache-2.0",
            training=training | {"weight_decay": self.decay},
            evaluation={"accuracy": reached},
        )
        save_model(given.out, model, card)
        print(f"wrote {given.out}")
        return 0


def _loss(model: Any, batch: tuple[Any, Any]) -> Any:
    """The mean negative log likelihood of the answers."""
    inputs, answers = batch
    logits = jax.vmap(model)(inputs)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, answers))


@nnx.jit
def _answers(model: Any, inputs: Any) -> Any:
    return jnp.argmax(jax.vmap(model)(inputs), axis=-1)
