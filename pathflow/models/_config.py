"""The settings of a training."""

import dataclasses
import math
from typing import Any

import jax
import optax

from pathflow._errors import ArgumentError
from pathflow.models._objectives import AbstractObjective, FullSoftmax


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """AdamW (Loshchilov and Hutter 2019) with clipped gradients; the rate warms up linearly and
    falls along a cosine to zero.

    Arguments:
        total_steps: number of updates.
        batch_size: rows that are read side by side.
        n_steps: words per row and update: how far back an error is propagated.
        learning_rate: the highest one.
        warmup_steps: updates until it is reached.
        clip_norm: the gradient's largest global norm.
        weight_decay: what the rate times this takes from every matrix per update; biases keep
            theirs. Zero is plain Adam.
        objective: the loss.
        final_full_steps: how many of the last updates use the full softmax, whatever the
            objective.
        reset_at_end: whether the state starts from zeros after a sentence's end.
        seed: of everything that training draws.
        log_every: updates between two records.
        evaluate_every: updates between two evaluations.
        save_every: updates between two saves.

    Raises:
        ArgumentError: a number is out of range; the message names it.
    """

    total_steps: int
    batch_size: int = 32
    n_steps: int = 32
    learning_rate: float = 2e-3
    warmup_steps: int = 500
    clip_norm: float = 1.0
    weight_decay: float = 0.0
    objective: AbstractObjective = dataclasses.field(default_factory=FullSoftmax)
    final_full_steps: int = 0
    reset_at_end: bool = True
    seed: int = 0
    log_every: int = 100
    evaluate_every: int = 1000
    save_every: int = 500

    def __post_init__(self):
        for name in ("total_steps", "batch_size", "n_steps", "log_every", "evaluate_every"):
            self._check(name, at_least=1)
        for name in ("warmup_steps", "final_full_steps", "seed"):
            self._check(name, at_least=0)
        self._check("save_every", at_least=1)
        for name in ("learning_rate", "clip_norm"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ArgumentError(
                    f"TrainConfig({name}=...) takes a positive number, got {value!r}."
                )
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ArgumentError(
                "TrainConfig(weight_decay=...) takes a number of at least 0, got "
                f"{self.weight_decay!r}."
            )

    def _check(self, name: str, at_least: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or value < at_least:
            raise ArgumentError(
                f"TrainConfig({name}=...) takes an int of at least {at_least}, got {value!r}."
            )

    def schedule(self) -> optax.Schedule:
        """The learning rate by step."""
        warmup = min(self.warmup_steps, self.total_steps)
        ramp = optax.linear_schedule(
            self.learning_rate / max(warmup, 1), self.learning_rate, warmup
        )
        decay = optax.cosine_decay_schedule(self.learning_rate, max(self.total_steps - warmup, 1))
        return optax.join_schedules([ramp, decay], [warmup])

    def optimizer(self) -> optax.GradientTransformation:
        """The update rule."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            optax.adamw(self.schedule(), weight_decay=self.weight_decay, mask=_matrices),
        )

    def objective_at(self, step: int) -> AbstractObjective:
        """The loss of the update with number `step`, counted from 0."""
        final = step >= self.total_steps - self.final_full_steps
        return FullSoftmax() if final else self.objective


def _matrices(parameters: Any) -> Any:
    return jax.tree.map(lambda p: p.ndim > 1, parameters)
