"""Points that the caller gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from pathflow._errors import ArgumentError, ShapeError

from ._doi import (
    AbstractDoI,
    DoIPoints,
    Source,
    as_array,
    directions,
    example_axes_of,
    fitted,
    float_sources,
    per_source,
    working_dtype,
)


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Samples(AbstractDoI):
    """Any points, such as values of the source on other examples.

    Arguments:
        values: shape `(N, *shape)` for a source of shape `shape`, in its dtype; a tuple for several
            sources, with the same N.
        weights: shape `(N,)`, summing to 1; None weighs the points equally.
        direction: as for `Point`.
    """

    values: Any
    weights: Any = None
    direction: Any = None

    def example_axes(self, ndims: Sequence[int]) -> list[int | None]:
        """One axis per array; see `AbstractDoI.example_axes`."""
        return [
            *example_axes_of(self.values, ndims, leading=1),
            *example_axes_of(self.weights, [1]),
            *example_axes_of(self.direction, ndims),
        ]

    def points(self, sources: tuple[Source, ...]) -> DoIPoints:
        """The points as given, checked.

        Raises:
            ShapeError: values, weights or a direction do not fit the sources or each other.
            ArgumentError: there is no point, or the weights do not sum to 1 (checked where they are
                no tracers).
            NotDifferentiableError: a source is no floating array.
        """
        xs = float_sources(sources)
        entries = per_source("values", self.values, len(xs))
        first = as_array("values", entries[0], "(N, *shape), for a source of shape `shape`")
        n = (first.shape or (0,))[0]
        if n == 0:
            raise ArgumentError(
                "values holds no point; give an array whose first axis counts the points."
            )
        values = (fitted("values", v, x, (n,)) for v, x in zip(entries, xs, strict=True))
        return DoIPoints(
            values=tuple(values),
            weights=self._weights(n, working_dtype(xs)),
            direction=directions(self.direction, xs),
        )

    def _weights(self, n: int, dtype: Any) -> Float[Array, " N"]:
        if self.weights is None:
            return jnp.full(n, 1 / n, dtype)
        weights = as_array("weights", self.weights, f"({n},)")
        if weights.shape != (n,):
            raise ShapeError(
                f"weights has shape {weights.shape} for {n} points; give shape ({n},)."
            )
        if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self.weights)):
            total = float(np.sum(np.asarray(self.weights), dtype=np.float64))
            # Float32 weights that were normalised miss 1 by some n * 1e-7.
            if not abs(total - 1) <= 1e-5:
                raise ArgumentError(
                    f"weights sums to {total}, not to 1; divide it by its sum, so that influences "
                    "are a mean over the points."
                )
        return weights.astype(dtype)
