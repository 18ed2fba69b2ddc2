"""What recurrent models of one state per layer have in common: stepping through a sequence."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow.models._dense import Dense, checked
from pathflow.models._parameters import check_sizes, layer_widths
from pathflow.models._reference import AbstractReferenceModel
from pathflow.tracing import tag


@runtime_checkable
class RecurrentLayer(Protocol):
    """A layer that makes its next hidden state from an input and the hidden state before."""

    hidden_size: int
    bias: nnx.Param

    def step(self, x: Float[Array, " in"], hidden: Float[Array, " hidden"]) -> Array:
        """The next hidden state."""
        ...


def _last_hidden(
    layers: Sequence[RecurrentLayer], inputs: Float[Array, "steps in"]
) -> Float[Array, " hidden"]:
    """The top layer's hidden state after the last step; all are zero before the first.

    Every step's input is tagged `x`.
    """

    def step(before: tuple[Array, ...], x: Array) -> tuple[tuple[Array, ...], None]:
        x = tag(x, "x")
        after = []
        for layer, hidden in zip(layers, before, strict=True):
            x = layer.step(x, hidden)
            after.append(x)
        return tuple(after), None

    zeros = tuple(jnp.zeros(layer.hidden_size, layer.bias[...].dtype) for layer in layers)
    last, _ = jax.lax.scan(step, zeros, inputs)
    return last[-1]


class RecurrentModel(AbstractReferenceModel):
    """Maps the last hidden state of its top layer to outputs.

    A subclass keeps its arguments by `_build`, which makes the layers, the lowest first, and then
    the readout.
    """

    def _build(
        self,
        in_size: int,
        hidden_size: int,
        out_size: int,
        n_layers: int,
        layer: Callable[[int, int], RecurrentLayer],
        *,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        """Makes the model; `layer` makes one from its number and the width of what it reads.

        Raises:
            ArgumentError: a size is no positive integer.
        """
        check_sizes(
            type(self).__name__,
            in_size=in_size,
            hidden_size=hidden_size,
            out_size=out_size,
            n_layers=n_layers,
        )
        self.in_size = in_size
        self.hidden_size = hidden_size
        self.out_size = out_size
        self.n_layers = n_layers
        widths = layer_widths(in_size, hidden_size, n_layers)
        self.layers = nnx.List([layer(i, width) for i, width in enumerate(widths)])
        self.readout = Dense(hidden_size, out_size, dtype=dtype, rngs=rngs)

    def __call__(self, inputs: Float[Array | np.ndarray, "steps in"]) -> Float[Array, " out"]:
        """Logits after the last step of one sequence.

        Raises:
            ShapeError: it has another shape or dtype than the model, or no step.
        """
        name, like = f"{type(self).__name__}: inputs", self.readout.kernel
        return self.readout(
            _last_hidden(self.layers, checked(name, inputs, (None, self.in_size), like))
        )
