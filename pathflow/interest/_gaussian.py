"""Normally distributed points around the value: smoothed gradients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pathflow._errors import ArgumentError
from pathflow._random_key import check_key, key_ndim

from ._doi import (
    AbstractDoI,
    DoIPoints,
    Source,
    directions,
    example_axes_of,
    fitted,
    float_sources,
    per_source,
    working_dtype,
)
from ._rules import at_least


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Gaussian(AbstractDoI):
    """Points `x + std * noise` with independent standard normal noise and equal weights.

    The key fixes the noise: the same key gives the same points, also for every example of a batch,
    which makes examples comparable. Split the key and batch it to have them independent.

    Arguments:
        std: the standard deviation, a number or an array of the source's shape and dtype; a tuple
            for several sources.
        n_samples: how many points, at least 1.
        key: a JAX random key.
        direction: as for `Point`.

    Raises:
        ArgumentError: `n_samples` is no integer of at least 1, or `std` is a negative number.
    """

    std: Any
    n_samples: int = field(metadata={"static": True})
    key: Any
    direction: Any = None

    def __post_init__(self) -> None:
        n_samples = at_least("n_samples", self.n_samples, 1, "a mean needs at least one sample")
        object.__setattr__(self, "n_samples", n_samples)
        stds = self.std if isinstance(self.std, tuple | list) else (self.std,)
        for std in stds:
            if isinstance(std, int | float) and not std >= 0:
                raise ArgumentError(f"std={std} is no standard deviation; give 0 or more.")

    def example_axes(self, ndims: Sequence[int]) -> list[int | None]:
        """One axis per array; see `AbstractDoI.example_axes`."""
        one = key_ndim("Gaussian", self.key)
        return [
            *example_axes_of(self.std, ndims),
            *example_axes_of(self.key, [one]),
            *example_axes_of(self.direction, ndims),
        ]

    def points(self, sources: tuple[Source, ...]) -> DoIPoints:
        """The points around the value, for one example.

        Raises:
            ShapeError: `std` or a direction does not fit its source.
            NotDifferentiableError: a source is no floating array.
            ArgumentError: `key` is no key, or several.
        """
        xs = float_sources(sources)
        check_key("Gaussian", self.key)
        stds = per_source("std", self.std, len(xs))
        dtype = working_dtype(xs)
        values = (
            self._around(x, std, jax.random.fold_in(self.key, i))
            for i, (x, std) in enumerate(zip(xs, stds, strict=True))
        )
        return DoIPoints(
            values=tuple(values),
            weights=jnp.full(self.n_samples, 1 / self.n_samples, dtype),
            direction=directions(self.direction, xs),
        )

    def _around(self, x: Float[Array, "..."], std: Any, key: Array) -> Float[Array, "N ..."]:
        # One number for all components is meant, not a shape mistake, so this one is broadcast.
        scalar = isinstance(std, int | float) or jnp.shape(std) == ()
        scale = jnp.full(x.shape, std, x.dtype) if scalar else fitted("std", std, x)
        noise = jax.random.normal(key, (self.n_samples, *x.shape), x.dtype)
        return x[None] + scale[None] * noise
