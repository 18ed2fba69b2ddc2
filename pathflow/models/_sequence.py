"""What recurrent models of one state per layer have in common: stepping through a sequence."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from pathflow.models._parameters import check_size
from pathflow.tracing import tag


@runtime_checkable
class RecurrentLayer(Protocol):
    """A layer that makes its next hidden state from an input and the hidden state before."""

    hidden_size: int
    bias: nnx.Param

    def step(self, x: Float[Array, " in"], hidden: Float[Array, " hidden"]) -> Array:
        """The next hidden state."""
        ...


def last_hidden(
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


def check_recurrent_sizes(
    model: str, in_size: int, hidden_size: int, out_size: int, n_layers: int
) -> None:
    """Refuses what are no sizes of a recurrent model.

    Raises:
        ArgumentError: one is no positive integer.
    """
    sizes = {
        "in_size": in_size,
        "hidden_size": hidden_size,
        "out_size": out_size,
        "n_layers": n_layers,
    }
    for name, size in sizes.items():
        check_size(f"{model}({name}=...)", size)
