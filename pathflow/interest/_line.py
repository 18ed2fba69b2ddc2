"""The line from a baseline: integrated gradients."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pathflow._errors import ArgumentError

from ._doi import (
    AbstractDoI,
    DoIPoints,
    Source,
    example_axes_of,
    fitted,
    float_sources,
    per_source,
    working_dtype,
)
from ._rules import AbstractRule, GaussLegendre, at_least


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Line(AbstractDoI):
    """The line from a baseline `x0` to the value `x`: integrated gradients.

    Points `x0 + a_k (x - x0)`, direction `x - x0`.

    The influences of all paths then sum to `q(x) - q(x0)`, up to quadrature (completeness).

    Arguments:
        baseline: `x0`, an array of the source's shape and dtype; a tuple of them for several
            sources.
        n_steps: how many steps the quadrature rule takes, at least 1.
        rule: the quadrature rule. `RightRiemann()` is the influence-path paper's.
        tol: None, or the largest completeness gap `|sum of paths - (q(x) - q(x0))|` to accept:
            `n_steps` is then doubled until the gap is under it.
        max_steps: where the doubling stops, with a warning.

    Raises:
        ArgumentError: `n_steps`, `tol` or `max_steps` is out of its range.

    Source: Definition 4 of the influence-path paper; Sundararajan et al., "Axiomatic
    Attribution for Deep Networks" (2017).
    """

    baseline: Any
    n_steps: int = field(default=50, metadata={"static": True})
    rule: AbstractRule = field(default_factory=GaussLegendre, metadata={"static": True})
    tol: float | None = field(default=None, metadata={"static": True})
    max_steps: int = field(default=3200, metadata={"static": True})

    def __post_init__(self) -> None:
        n_steps = at_least("n_steps", self.n_steps, 1, "a line has at least one step")
        max_steps = at_least("max_steps", self.max_steps, 1, "a line has at least one step")
        object.__setattr__(self, "n_steps", n_steps)
        object.__setattr__(self, "max_steps", max_steps)
        if not isinstance(self.rule, AbstractRule):
            raise ArgumentError(
                f"rule={self.rule!r} is no quadrature rule; give an object such as GaussLegendre()."
            )
        if self.tol is None:
            return
        number = isinstance(self.tol, int | float | np.number) and not isinstance(self.tol, bool)
        if not (number and self.tol > 0 and math.isfinite(self.tol)):
            raise ArgumentError(f"tol={self.tol!r:.60} must be positive and finite, or None.")
        if max_steps < n_steps:
            raise ArgumentError(
                f"max_steps={max_steps} is under n_steps={n_steps}, where the doubling starts; "
                "raise it."
            )

    def with_steps(self, n_steps: int) -> "Line":
        """The same line with another number of steps."""
        return dataclasses.replace(self, n_steps=n_steps)

    def example_axes(self, ndims: Sequence[int]) -> list[int | None]:
        """One axis per array; see `AbstractDoI.example_axes`."""
        return example_axes_of(self.baseline, ndims)

    def points(self, sources: tuple[Source, ...]) -> DoIPoints:
        """The points on the line, for one example.

        Raises:
            ShapeError: a baseline does not fit its source.
            NotDifferentiableError: a source is no floating array.
            ArgumentError: the rule needs more steps.
        """
        xs = float_sources(sources)
        entries = per_source("baseline", self.baseline, len(xs))
        starts = tuple(fitted("baseline", b, x) for b, x in zip(entries, xs, strict=True))
        fractions, weights = self.rule.nodes_and_weights(self.n_steps)
        dtype = working_dtype(xs)
        a = jnp.asarray(fractions, dtype)
        return DoIPoints(
            values=tuple(_along(a, x0, x) for x0, x in zip(starts, xs, strict=True)),
            weights=jnp.asarray(weights, dtype),
            direction=tuple(x - x0 for x0, x in zip(starts, xs, strict=True)),
            endpoints=starts,
        )


def _along(
    fractions: Float[Array, " N"], start: Float[Array, "..."], end: Float[Array, "..."]
) -> Float[Array, "N ..."]:
    a = fractions.reshape(-1, *(1,) * end.ndim)
    x0, x1 = (v.astype(fractions.dtype)[None] for v in (start, end))
    # Not x0 + a (x1 - x0): this form hits both ends exactly, and a constant line stays constant
    # to the last bit either way.
    return ((1 - a) * x0 + a * x1).astype(end.dtype)
