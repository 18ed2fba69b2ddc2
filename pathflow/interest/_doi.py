"""Distributions of interest (Definition 3): points for the partials, and a direction."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from pathflow._described import described
from pathflow._errors import ArgumentError, NotDifferentiableError, ShapeError

Source = Num[Array, "..."] | Num[np.ndarray, "..."]


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class DoIPoints:
    """The points of a distribution of interest for one example, ready to evaluate.

    Attributes:
        values: for each source, its value at every point: shape `(N, *shape)`, the source's dtype.
        weights: shape `(N,)`, summing to 1, at least float32.
        direction: for each source, what the derivative is taken along: the source's shape and
            dtype.
        endpoints: for each source, where a line starts (the source itself being where it ends), so
            that completeness can be checked; None where the distribution is no line.
    """

    values: tuple[Any, ...]
    weights: Any
    direction: tuple[Any, ...]
    endpoints: tuple[Any, ...] | None = None


class AbstractDoI(abc.ABC):
    """A distribution of interest: points `x_k` with weights `w_k`, and a direction `d`.

    The influence along a path is `sum_k w_k <dq/dx along the path at x_k, d>`. It acts on the value
    of the *source node*, an input or any inner node: the points replace that value, and everything
    that depends on it is computed again. Subclasses are frozen dataclasses and pytrees, with arrays
    as leaves and all else static, so they cross `jit` and `vmap`.
    """

    @abc.abstractmethod
    def points(self, sources: tuple[Source, ...]) -> DoIPoints:
        """The points for one example.

        Arguments:
            sources: the value of each source node, without an example axis.

        Raises:
            ShapeError: an array of the distribution does not fit its source.
            NotDifferentiableError: a source is no floating array.
        """

    @abc.abstractmethod
    def example_axes(self, ndims: Sequence[int]) -> list[int | None]:
        """For each of the distribution's arrays, as `jax.tree.leaves` lists them, 0 where it holds
        one
        entry per example and None where all examples share it.

        An array is per example when it has one axis more than one example needs.

        Arguments:
            ndims: how many axes the value of each source has, for one example.
        """


def example_axes_of(value: Any, ndims: Sequence[int], leading: int = 0) -> list[int | None]:
    """The axes of examples of one array per source, each with `leading` axes before the
    source's.

    What is no such array, as a list of numbers is none, is shared: `points` judges it as it came.
    """
    entries = tuple(value) if isinstance(value, tuple | list) else (value,)
    axes: list[int | None] = []
    for entry, ndim in zip_longest(entries, ndims):
        batched = (
            ndim is not None
            and jax.tree_util.all_leaves([entry])
            and jnp.ndim(entry) == leading + ndim + 1
        )
        axes += [0 if batched else None] * len(jax.tree.leaves(entry))
    return axes


def float_sources(sources: tuple[Source, ...]) -> tuple[Float[Array, "..."], ...]:
    """The sources as JAX arrays.

    Raises:
        NotDifferentiableError: a source is no floating array.
    """
    arrays = tuple(jnp.asarray(s) for s in sources)
    for i, a in enumerate(arrays):
        if not jnp.issubdtype(a.dtype, jnp.floating):
            raise NotDifferentiableError(
                f"source {i} has dtype {a.dtype}, and influence is a derivative; choose a source "
                "of floating dtype, such as the embedding of an integer token."
            )
    return arrays


def working_dtype(sources: tuple[Float[Array, "..."], ...]) -> Any:
    """The widest dtype among the sources, at least float32.

    Half precision would round points and weights to a few per cent of the line.
    """
    return max((jnp.float32, *(s.dtype for s in sources)), key=lambda d: jnp.finfo(d).bits)


def per_source(argument: str, value: Any, n_sources: int) -> tuple[Any, ...]:
    """One entry per source: a tuple or list as it is, anything else for the only source.

    Raises:
        ShapeError: there are more or fewer entries than sources.
    """
    entries = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(entries) != n_sources:
        came = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
        raise ShapeError(
            f"{argument} has {came} for {n_sources} source{'s' * (n_sources != 1)}; give a tuple "
            "with one array per source, or the array alone for a single source."
            + (" Numbers in a list become one by jnp.array(...)." if n_sources == 1 else "")
        )
    return entries


def as_array(argument: str, value: Any, wanted: str) -> Array:
    """The value as an array, also where it is a list of numbers.

    Raises:
        ArgumentError: it is no array; tells the shape that is wanted.
    """
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{argument}={described(value)} is no array; give one of shape {wanted}."
        ) from None


def fitted(
    argument: str, value: Any, source: Float[Array, "..."], leading: Sequence[int] = ()
) -> Float[Array, "..."]:
    """The value as an array of the source's dtype and of the shape `(*leading, *source.shape)`.

    Python numbers take the source's dtype. Nothing else is broadcast or cast: a baseline of another
    shape or precision is a mistake more often than a shorthand.

    Raises:
        ArgumentError: it is no array.
        ShapeError: shape or dtype differ; names both and the remedy.
    """
    if isinstance(value, bool | int | float):
        value = jnp.asarray(value, source.dtype)
    wanted = (*leading, *source.shape)
    array = as_array(argument, value, str(wanted))
    if array.shape != wanted:
        raise ShapeError(
            f"{argument} has shape {array.shape}, but the source has shape {source.shape}; give an "
            f"array of shape {wanted} (jnp.broadcast_to makes one)."
        )
    if array.dtype != source.dtype:
        raise ShapeError(
            f"{argument} has dtype {array.dtype}, but the source has dtype {source.dtype}; convert "
            f"it with `.astype({source.dtype.name!r})`."
        )
    return array


def directions(
    direction: Any, sources: tuple[Float[Array, "..."], ...]
) -> tuple[Float[Array, "..."], ...]:
    """The direction for each source; the source's own value where none is given.

    Raises:
        ShapeError: a direction does not fit its source.
    """
    if direction is None:
        return sources
    entries = per_source("direction", direction, len(sources))
    return tuple(fitted("direction", d, s) for d, s in zip(entries, sources, strict=True))
