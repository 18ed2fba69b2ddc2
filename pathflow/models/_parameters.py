"""The parameters of a model by name: their first values, and filling them from a file."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Shaped

from pathflow._errors import ArgumentError, CheckpointError, told
from pathflow._precision import check_precision

_Module = TypeVar("_Module", bound=nnx.Module)
_FEW, _SHOWN = 8, 60


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


def layer_widths(first: int, rest: int, n_layers: int) -> Iterator[int]:
    """What goes into each layer. One at a time: a file may say any number of layers, and is refused
    while they are made.
    """
    return chain((first,), repeat(rest, n_layers - 1))


def parameters(model: nnx.Module) -> dict[str, nnx.Variable]:
    """The parameters by where they are in the model, as in `layers.0.kernel`."""
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {".".join(map(str, path)): variable for path, variable in flat}


def arrays(model: nnx.Module) -> dict[str, np.ndarray]:
    """The values of the parameters by where they are in the model."""
    return {name: np.asarray(value[...]) for name, value in parameters(model).items()}


class _LimitedRngs(nnx.Rngs):
    """Keys for so many draws, and then an error."""

    def __init__(self, most: int):
        super().__init__(0)
        self.left = most

    def __getattr__(self, name: str) -> Any:
        # The only stream there is bears another name, so that every draw comes by here.
        if self.left == 0:
            raise CheckpointError("it describes more parameters than there are arrays")
        self.left -= 1
        return super().__getattr__(name)


def abstract(make: Callable[[nnx.Rngs], _Module], tensors: Mapping[str, Any]) -> _Module:
    """A model without numbers: no parameter is drawn only to be overwritten by a file's.

    Arguments:
        make: makes the model, as a file describes it.
        tensors: the file's arrays. A model that draws more parameters is given up while it is made:
            it could be of any number of layers.

    Raises:
        CheckpointError: it has too many parameters; or what `make` raises.
    """
    return nnx.eval_shape(lambda: make(_LimitedRngs(len(tensors))))


@contextmanager
def described(path: Path, writer: str) -> Iterator[None]:
    """Turns whatever a description that somebody made up ends in into an error that names the file.

    Arguments:
        path: the file.
        writer: the function that writes such files.

    Raises:
        CheckpointError: the description makes no model.
    """
    try:
        yield
    # The constructors of models are given what the file says, so any error is the file's.
    except Exception as error:
        raise CheckpointError(
            f"{path}: the description of the model cannot be read ({told(error)}); the file is "
            f"damaged, or was not written by {writer} of this version."
        ) from error


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
            f"{path} does not hold the arrays of the model it describes: missing "
            f"{few(missing)}, unexpected {few(extra)}."
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


def few(names: Sequence[str]) -> str:
    """Names for a message; those of a file may be many and long."""
    shown = ", ".join(repr(name[:_SHOWN]) for name in names[:_FEW])
    return f"[{shown}{', ...' if len(names) > _FEW else ''}]"
