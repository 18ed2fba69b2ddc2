"""The parameters of a model by name: their first values, and filling them from a file."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Shaped

from pathflow._errors import ArgumentError, CheckpointError
from pathflow._precision import check_precision


def uniform(
    rngs: nnx.Rngs, shape: tuple[int, ...], fan: int, dtype: DTypeLike
) -> Float[Array, "..."]:
    """First values of a kernel, uniform within one over the root of `fan`.

    Raises:
        X64DisabledError: `dtype` is float64, and JAX's x64 is off.
    """
    check_precision("dtype= of the model", np.dtype(dtype))
    bound = 1 / math.sqrt(fan)
    return jax.random.uniform(rngs.params(), shape, dtype, -bound, bound)


def check_size(argument: str, size: object) -> None:
    """Refuses what is no size.

    Raises:
        ArgumentError: it is no positive integer; `argument` names it, as in `MLP(in_size=...)`.
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ArgumentError(f"{argument} takes a positive int, got {size!r}.")


def check_sizes(owner: str, **sizes: object) -> None:
    """Refuses arguments of a model that are no sizes.

    Raises:
        ArgumentError: one is no positive integer.
    """
    for name, size in sizes.items():
        check_size(f"{owner}({name}=...)", size)


def checked_sizes(argument: str, sizes: object) -> tuple[int, ...]:
    """Sizes as a tuple.

    Raises:
        ArgumentError: they are no sequence of positive integers; `argument` names them.
    """
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        raise ArgumentError(f"{argument} takes a sequence of positive ints, got {sizes!r}.")
    for size in sizes:
        check_size(argument, size)
    return tuple(sizes)


def parameters(model: nnx.Module) -> dict[str, nnx.Variable]:
    """The parameters by where they are in the model, as in `layers.0.kernel`."""
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {".".join(map(str, path)): variable for path, variable in flat}


def arrays(model: nnx.Module) -> dict[str, np.ndarray]:
    """The values of the parameters by where they are in the model."""
    return {name: np.asarray(value[...]) for name, value in parameters(model).items()}


def fill(path: Path, model: nnx.Module, tensors: Mapping[str, Shaped[np.ndarray, "..."]]) -> None:
    """Gives every parameter of a model, which may be abstract, the value that a file has for it.

    Raises:
        CheckpointError: the file has an array too few or too many, of another shape or dtype, or
            with values that are not finite.
    """
    expected = parameters(model)
    if expected.keys() != tensors.keys():
        missing = sorted(expected.keys() - tensors.keys())
        extra = sorted(tensors.keys() - expected.keys())
        raise CheckpointError(
            f"{path} does not hold the arrays of the model it describes: missing {missing}, "
            f"unexpected {extra}."
        )
    for name, variable in expected.items():
        found, slot = tensors[name], variable.get_value()
        if found.shape != slot.shape or found.dtype != slot.dtype:
            raise CheckpointError(
                f"{path}: {name} is {found.dtype}{list(found.shape)}, the model needs "
                f"{slot.dtype}{list(slot.shape)}; the file is damaged, or holds float64 arrays "
                "while JAX runs without jax_enable_x64."
            )
        if not np.all(np.isfinite(found)):
            raise CheckpointError(f"{path}: {name} holds values that are not finite.")
        variable.set_value(jnp.asarray(found))
