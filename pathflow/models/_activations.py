"""Activation functions as objects, so that a model's config can hold them."""

import abc
import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pathflow.models._reference import register_part


class AbstractActivation(abc.ABC):
    """A function of each entry of an array.

    A subclass is a frozen dataclass with `register_part` before it.
    """

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The function's values."""


@register_part
@dataclasses.dataclass(frozen=True)
class Relu(AbstractActivation):
    """`max(x, 0)`."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """See `AbstractActivation`."""
        return jax.nn.relu(x)


@register_part
@dataclasses.dataclass(frozen=True)
class Tanh(AbstractActivation):
    """The hyperbolic tangent."""

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """See `AbstractActivation`."""
        return jnp.tanh(x)


@register_part
@dataclasses.dataclass(frozen=True)
class Gelu(AbstractActivation):
    """`x Phi(x)`, `Phi` being the normal distribution function (Hendrycks and Gimpel 2016).

    Arguments:
        approximate: whether to use their approximation by a hyperbolic tangent.
    """

    approximate: bool = False

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """See `AbstractActivation`."""
        return jax.nn.gelu(x, approximate=self.approximate)
