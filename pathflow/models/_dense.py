"""An affine map, and the checks of what a model of arrays is called on."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow._errors import ShapeError
from pathflow.models._parameters import uniform


class Dense(nnx.Module):
    """`x @ kernel + bias`."""

    def __init__(self, in_size: int, out_size: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.kernel = nnx.Param(uniform(rngs, (in_size, out_size), in_size, dtype))
        self.bias = nnx.Param(jnp.zeros(out_size, dtype))

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        """The map of one vector."""
        return x @ self.kernel[...] + self.bias[...]


def checked(argument: str, value: object, shape: tuple[int | None, ...], like: nnx.Param) -> Array:
    """The value as an array, where it has the shape and the parameters' dtype.

    Arguments:
        argument: names the value, as in `MLP(inputs=...)`.
        value: what came.
        shape: what it must be; None is any length but zero.
        like: a parameter of the model.

    Raises:
        ShapeError: shape or dtype are others.
    """
    array = jnp.asarray(value)
    fits = array.ndim == len(shape) and all(
        found == size if size is not None else found > 0
        for found, size in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(
            f"{argument} takes one example of shape ({wanted}), got {array.shape}; jax.vmap(model) "
            "takes a batch."
        )
    dtype = like[...].dtype
    if array.dtype != dtype:
        raise ShapeError(
            f"{argument} takes {dtype.name}, as the parameters are, got {array.dtype.name}; "
            f"convert it with jnp.asarray(..., {dtype.name!r}), or give the model another dtype=."
        )
    return array
