"""How a language model is taken apart: what its nodes are, and which of them are asked about.

The tables are about paths from a noun's embedding through gates. A view says what that means for
one kind of model, so that the same tables can be made of others.
"""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import nnx

import pathflow as pf
from pathflow.models import LSTMLanguageModel


class AbstractView(abc.ABC):
    """How one kind of model becomes a graph."""

    @property
    def nodes(self) -> pf.AbstractNodeSelector:
        """Which values are nodes, as of `pathflow.trace`; all tags where it is not overridden."""
        return pf.tagged()

    @property
    def split(self) -> Mapping[str, pf.AbstractParts] | None:
        """Which nodes are divided, as of `pathflow.trace`."""
        return None

    @abc.abstractmethod
    def embedding(self, model: Any) -> jax.Array:
        """The words' vectors, one row per word."""

    @staticmethod
    def scores(model: Any, tokens: jax.Array, words: jax.Array) -> jax.Array:
        """The scores of some words after a sentence, as a function with the same nodes.

        Arguments:
            model: the language model.
            tokens: the sentence.
            words: numbers of words.
        """
        return model(tokens)[words]

    @abc.abstractmethod
    def source(self, position: int) -> str:
        """The node of the word at a position."""

    @abc.abstractmethod
    def primary_path(self, position: int, last: int) -> str:
        """The path that the tables are about, from a word to the verb after the word `last`."""

    @abc.abstractmethod
    def gates(self, position: int, last: int) -> frozenset[str]:
        """The nodes that Table 2 holds, from a word to the word before the verb."""

    @abc.abstractmethod
    def routes(self, position: int, last: int) -> dict[str, str]:
        """Patterns of classes of paths: where the number waits for the verb."""

    def living(self, space: pf.PathSpace, position: int) -> np.ndarray:
        """The ranks of the paths that can carry anything; all of them where it is not overridden.

        Arguments:
            space: the paths from a word.
            position: of that word.
        """
        del position
        return np.arange(space.count)


@dataclass(frozen=True)
class RecurrentView(AbstractView):
    """A recurrent model of two layers that reads word after word.

    Arguments:
        gates_of: letters of the nodes of a layer that Table 2 holds.
        up: the nodes of the primary path at the word, after its embedding, to the second layer.
        waits: the node of either layer that keeps what it has, by its letter.
        leaves: the node of either layer that others read.
    """

    gates_of: str
    up: tuple[str, ...]
    waits: str
    leaves: str

    def embedding(self, model: Any) -> jax.Array:
        """See `AbstractView.embedding`."""
        return model.embedding[...]

    @staticmethod
    def scores(model: Any, tokens: jax.Array, words: jax.Array) -> jax.Array:
        """See `AbstractView.scores`; of an LSTM, no other scores are computed."""
        if isinstance(model, LSTMLanguageModel):
            return scoring_only(model, words)(tokens)
        return model(tokens)[words]

    def source(self, position: int) -> str:
        """See `AbstractView.source`."""
        return f"x@{position}"

    def primary_path(self, position: int, last: int) -> str:
        """Up at the word, and then along what the second layer keeps."""
        up = [f"{name}@{position}" for name in ("x", *self.up)]
        along = [f"{self.waits}1@{t}" for t in range(position, last + 1)]
        end = [] if self.waits == self.leaves else [f"{self.leaves}1@{last}"]
        return " ".join([*up, *along, *end, "qoi"])

    def gates(self, position: int, last: int) -> frozenset[str]:
        """All gates of both layers."""
        steps = range(position, last + 1)
        return frozenset(
            f"{g}{layer}@{t}" for t in steps for layer in (0, 1) for g in self.gates_of
        )

    def routes(self, position: int, last: int) -> dict[str, str]:
        """Up at the word, and up after the last one; what changes its place between is neither."""
        at, end = f"(?0@{position})+", f"(?1@{last})+"
        out = "" if self.waits == self.leaves else f"{self.leaves}0@{last} "
        outer = "" if self.waits == self.leaves else f"{self.leaves}1 "
        return {
            "second layer": f"x {at} (?1@{position})+ {self.waits}1+ {outer}qoi",
            "first layer": f"x {at} {self.waits}0+ {out}{end} qoi",
        }


def scoring_only(model: LSTMLanguageModel, words: jax.Array) -> LSTMLanguageModel:
    """The model with the logits of some words alone.

    It reads all words as before.

    Arguments:
        model: the language model.
        words: their numbers, in the order of the logits.
    """
    rows, bias = model.output_rows[words], model.output_bias[...][words]
    # Only its form is taken; its parameters are never made.
    small = nnx.eval_shape(
        lambda: LSTMLanguageModel(
            len(words), model.embed_dim, model.hidden_dim, model.n_layers, False, rngs=nnx.Rngs(0)
        )
    )
    small.embedding, small.layers = model.embedding, model.layers
    small.output_kernel, small.output_bias = nnx.Param(rows), nnx.Param(bias)
    return small


LSTM_VIEW = RecurrentView("fiog", ("g0", "c0", "h0", "g1"), "c", "h")
