"""How much of what a model does is left when only some of its nodes or paths are kept."""

import contextlib
from dataclasses import dataclass
from typing import Any, final

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from pathflow._errors import ArgumentError
from pathflow.drawing import AbstractDisplayed, Page, Text, table

from ._pages import page
from ._storable import Storable

# What rounding may leave of a difference of means at most, in half precision.
_COARSEST = 0.03


@final
@dataclass(frozen=True, eq=False)
class Faithfulness(Storable, AbstractDisplayed):
    """The target with more and more of the graph kept.

    Attributes:
        sizes: how many nodes (or groups of nodes) or paths are kept, ascending.
        kept: the target with so many kept, `(sizes, [examples,] *shape)`.
        full: the target with all of them kept: the model as it is, `([examples,] *shape)`.
        empty: the target with none of them kept, `([examples,] *shape)`.
        ranking: what is kept, first things first, as text.
        batched: whether there is an axis of examples.
    """

    sizes: Int[np.ndarray, " sizes"]
    kept: Float[np.ndarray, "sizes ..."]
    full: Float[np.ndarray, "..."]
    empty: Float[np.ndarray, "..."]
    ranking: tuple[str, ...]
    batched: bool

    def recovered(self) -> Float[np.ndarray, " sizes"]:
        """The part of the difference between `full` and `empty` that is there again, of the means
        over examples: 0 with nothing kept, 1 where the target is the model's. It may leave that
        range.

        Raises:
            ArgumentError: the target is no scalar, or keeping everything makes no difference.
        """
        self._check_scalar("recovered")
        full, empty = (x.mean(dtype=np.float64) for x in (self.full, self.empty))
        # Where only rounding is left, its quotient says nothing.
        rounding = min(100 * float(jnp.finfo(self.full.dtype).eps), _COARSEST)
        if abs(full - empty) <= rounding * max(np.abs(self.full).max(), np.abs(self.empty).max()):
            raise ArgumentError(
                "recovered(): the mean of the target is the same with everything and with nothing "
                "kept, so nothing can be recovered; ask per condition, or replace by other values."
            )
        return (self._means() - empty) / (full - empty)

    def accuracy(self) -> Float[np.ndarray, " sizes"]:
        """The fraction of examples in which the target is above zero, as where it is the score of a
        right answer less that of a wrong one.

        Raises:
            ArgumentError: the target is no scalar.
        """
        self._check_scalar("accuracy")
        return (self.kept.reshape(len(self.sizes), -1) > 0).mean(axis=1)

    def divergence(self) -> Float[np.ndarray, " sizes"]:
        """The mean Kullback-Leibler divergence of the model's distribution from that of what is
        kept, in nats: the target is a vector of logits.

        Raises:
            ArgumentError: the target is no vector.
        """
        if self.full.ndim != 1 + self.batched:
            raise ArgumentError(
                "divergence() compares distributions, so the target is a vector of logits; this "
                f"one has shape {self.full.shape[self.batched :]}."
            )
        full, kept = _log_softmax(self.full), _log_softmax(self.kept)
        found = (np.exp(full) * (full - kept)).sum(axis=-1)
        return found.reshape(len(self.sizes), -1).mean(axis=1)

    def curves(self) -> dict[str, Float[np.ndarray, " sizes"]]:
        """`recovered`, `accuracy` and `divergence` by name, as far as they are of such a target."""
        found = {}
        for measure in (self.recovered, self.accuracy, self.divergence):
            # What is refused is not of this target.
            with contextlib.suppress(ArgumentError):
                found[measure.__name__] = measure()
        return found

    def _page(self) -> Page:
        columns = {"kept": [f"{size:,}" for size in self.sizes.tolist()]}
        for name, values in self.curves().items():
            columns[name] = [f"{value:.4g}" for value in values.tolist()]
        rows = [
            [Text(text, right=True) for text in row] for row in zip(*columns.values(), strict=True)
        ]
        facts = f"{len(self.ranking):,} ranked"
        return page("Faithfulness", facts, [table(list(columns), rows)], None)

    def __repr__(self) -> str:
        return f"Faithfulness({len(self.ranking)} ranked, sizes {self.sizes.tolist()})"

    def _means(self) -> Float[np.ndarray, " sizes"]:
        return self.kept.reshape(len(self.sizes), -1).mean(axis=1, dtype=np.float64)

    def _check_scalar(self, what: str) -> None:
        if self.full.ndim != self.batched:
            raise ArgumentError(
                f"{what}() is of a scalar target, but this one has shape "
                f"{self.full.shape[self.batched :]}; trace with qoi=, or see divergence()."
            )


def _log_softmax(logits: Any) -> Any:
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
