"""A single point: the gradient at the value itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp

from ._doi import (
    AbstractDoI,
    DoIPoints,
    Source,
    directions,
    example_axes_of,
    float_sources,
    working_dtype,
)


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Point(AbstractDoI):
    """The source's value as it is, with weight 1.

    Arguments:
        direction: an array of the source's shape and dtype (a tuple for several sources). None
            means the value itself: gradient times input.
    """

    direction: Any = None

    def example_axes(self, ndims: Sequence[int]) -> list[int | None]:
        """One axis per array; see `AbstractDoI.example_axes`."""
        return example_axes_of(self.direction, ndims)

    def points(self, sources: tuple[Source, ...]) -> DoIPoints:
        """The one point.

        Raises:
            ShapeError: a direction does not fit its source.
            NotDifferentiableError: a source is no floating array.
        """
        xs = float_sources(sources)
        return DoIPoints(
            values=tuple(x[None] for x in xs),
            weights=jnp.ones(1, working_dtype(xs)),
            direction=directions(self.direction, xs),
        )
