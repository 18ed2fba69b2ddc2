"""Quantities of interest (Definition 2): the scalar function of the output that is explained."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from pathflow._described import described
from pathflow._errors import ArgumentError, NotDifferentiableError, ShapeError


class AbstractQoI(abc.ABC):
    """A scalar function of a model's output. A pytree whose leaves (indices) may be batched."""

    @abc.abstractmethod
    def __call__(self, output: Any) -> Float[Array, ""]:
        """The quantity, for the output of one example.

        Raises:
            ShapeError: the output has not the shape that the quantity is a function of.
        """


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Logit(AbstractQoI):
    """One entry of a vector of logits: `output[index]`.

    Arguments:
        index: an integer, or an integer array of shape `()` (with a batch axis under `vmap`).

    An index outside the output is an error where its value is known, and NaN where it is not (under
    `jit` or `vmap`), never another entry.
    """

    index: Any

    def __call__(self, output: Any) -> Float[Array, ""]:
        return _entries(output, index=(self.index, 0))[0]


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class LogitDifference(AbstractQoI):
    """`output[good] - output[bad]`: how much one class is preferred to another.

    Arguments:
        good, bad: integers, or integer arrays of shape `()` (with a batch axis under `vmap`).

    Indices outside the output are treated as by `Logit`.
    """

    good: Any
    bad: Any

    def __call__(self, output: Any) -> Float[Array, ""]:
        good, bad = _entries(output, good=(self.good, 0), bad=(self.bad, 0))
        return good - bad


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class SetDifference(AbstractQoI):
    """The sum of the logits in one set minus the sum of those in another.

    Arguments:
        good, bad: integer arrays of shape `(n,)`, n >= 1, each with its own n (and with
            a batch axis in front under `vmap`).

    Indices outside the output are treated as by `Logit`.
    """

    good: Any
    bad: Any

    def __call__(self, output: Any) -> Float[Array, ""]:
        good, bad = _entries(output, good=(self.good, 1), bad=(self.bad, 1))
        return good.sum() - bad.sum()


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Custom(AbstractQoI):
    """Any scalar function of the output.

    Arguments:
        fn: takes the output, of any structure, and `args`; returns a floating scalar.
        args: arrays that `fn` needs; they are leaves, so they may be batched.

    Raises:
        ArgumentError: `fn` is no function.
    """

    fn: Callable[..., Any] = field(metadata={"static": True})
    args: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise ArgumentError(f"fn={described(self.fn)} is no function; give one of the output.")

    def __call__(self, output: Any) -> Float[Array, ""]:
        # Not where it is made: as a pytree it may hold an axis in the place of its arrays.
        if not isinstance(self.args, tuple | list):
            raise ArgumentError(
                f"args={described(self.args)} is no tuple; give a tuple of what fn takes after the "
                "output, as in (weights,)."
            )
        value = self.fn(output, *self.args)
        if not isinstance(value, jax.Array | np.ndarray | np.generic | int | float):
            raise ShapeError(
                f"fn returned {type(value).__name__}; a quantity of interest is a scalar, so let "
                "it return one number of the output."
            )
        value = jnp.asarray(value)
        if value.shape != ():
            raise ShapeError(
                f"fn returned an array of shape {value.shape}; a quantity of interest is a scalar, "
                "so let it return one entry or a sum."
            )
        if not jnp.issubdtype(value.dtype, jnp.floating):
            raise NotDifferentiableError(
                f"fn returned dtype {value.dtype}; influence is a derivative, so let it return a "
                "floating scalar."
            )
        return value


def as_quantity(qoi: Any, caller: str) -> AbstractQoI:
    """The quantity itself, or the one that a function of the output is.

    Raises:
        ArgumentError: it is neither; the message names the `caller`.
    """
    if isinstance(qoi, AbstractQoI):
        return qoi
    if not callable(qoi):
        raise ArgumentError(
            f"{caller}(qoi=...) takes a function of the output or a quantity such as "
            f"pathflow.Logit(3), got {qoi!r:.60}."
        )
    return Custom(qoi)


def _entries(output: Any, **indices: tuple[Any, int]) -> list[Float[Array, "..."]]:
    """The entries of a vector at each of the index arrays, given as `name=(index, its ndim)`."""
    shape = getattr(output, "shape", None)
    if shape is None or len(shape) != 1:
        came = f"shape {shape}" if shape is not None else f"type {type(output).__name__}"
        raise ShapeError(
            f"output has {came}, and the logits of one position of one example have shape "
            "(n_classes,); let the function return those (for instance `logits[-1]`), trace with "
            "one example and give many by in_axes, or use Custom(fn)."
        )
    if not jnp.issubdtype(output.dtype, jnp.floating):
        raise NotDifferentiableError(f"output has dtype {output.dtype}; logits are floating.")
    return [_at(output, name, index, ndim) for name, (index, ndim) in indices.items()]


def _at(output: Float[Array, " n"], name: str, index: Any, ndim: int) -> Float[Array, "..."]:
    _check_index(output.shape[0], name, index, ndim)
    where = jnp.asarray(index)
    inside = (where >= 0) & (where < output.shape[0])
    # JAX clamps an index that is too large, and would answer for another word. Multiplying, rather
    # than selecting, makes the derivative NaN as well.
    factor = jnp.where(inside, jnp.ones((), output.dtype), jnp.full((), jnp.nan, output.dtype))
    return output[jnp.where(inside, where, jnp.zeros_like(where))] * factor


def _check_index(size: int, name: str, index: Any, ndim: int) -> None:
    if isinstance(index, list | tuple):
        raise ArgumentError(
            f"{name} is a {type(index).__name__} of {len(index)}; give an array of indices, as in "
            "jnp.array([3, 5]), with at least one."
        )
    shape, dtype = jnp.shape(index), jnp.result_type(index)
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ArgumentError(f"{name} has dtype {dtype}; give an integer index.")
    if len(shape) != ndim or 0 in shape:
        wanted = "()" if ndim == 0 else "(n,) with n >= 1"
        raise ShapeError(
            f"{name} has shape {shape}, and one example takes shape {wanted}; trace with that of "
            "one, and give one for each to attribute(qoi=..., in_axes=...), or put a batch of "
            "indices under vmap."
        )
    if isinstance(index, Tracer):
        return
    values = np.asarray(index)
    outside = values[(values < 0) | (values >= size)]
    if outside.size:
        raise ArgumentError(
            f"{name}={outside.flat[0]} is outside 0 .. {size - 1}, the entries of the output; "
            "look the index up in the vocabulary again."
        )
