"""The points of interest of some examples, in the shapes that the kernel takes."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow.influence.question._devices import Devices
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.interest import AbstractDoI, DoIPoints
from pathflow.tracing import Value


@dataclass(frozen=True, eq=False)
class Points:
    """Points of interest.

    Arguments:
        values: of each source, `([examples,] points, *shape)`.
        weights: `([examples,] points)`.
        direction: of each source, `([examples,] *shape)`.
        endpoints: of each source, `([examples,] *shape)`: where a line starts; None for other
            distributions.
    """

    values: tuple[Value, ...]
    weights: Any
    direction: tuple[Value, ...]
    endpoints: tuple[Value, ...] | None

    @property
    def count(self) -> int:
        return int(self.weights.shape[-1])

    def slice(self, start: int, size: int) -> "Points":
        """`size` points from `start` on; beyond the end the last point stands again, with weight
        zero.
        """
        if (start, size) == (0, self.count):
            return self
        axis = self.weights.ndim - 1
        # By NumPy: these are known, and JAX would compile each line for each number of points.
        at = np.arange(start, start + size)
        within = np.minimum(at, self.count - 1)
        values = tuple(
            Value(jnp.take(v.array, within, axis=axis), v.batched, True) for v in self.values
        )
        weights = jnp.where(at < self.count, jnp.take(self.weights, within, axis=axis), 0)
        return Points(values, weights.astype(self.weights.dtype), self.direction, self.endpoints)

    def on(self, devices: Devices) -> "Points":
        """The same points, spread over devices."""
        values, direction = (tuple(map(devices.cut, vs)) for vs in (self.values, self.direction))
        return Points(values, devices.cut_weights(self.weights), direction, self.endpoints)


def points_of(problem: Problem | Question, doi: AbstractDoI, examples: slice) -> Points:
    """The points of interest of some examples (or of the only one)."""
    sources = [v.array[examples] if v.batched else v.array for v in problem.source_values]
    batched = problem.examples is not None
    if not batched:
        found = doi.points(tuple(sources))
    else:
        axes = doi.example_axes([x.ndim - 1 for x in sources])
        leaves, structure = jax.tree_util.tree_flatten(doi)
        cut = [x if a is None else x[examples] for x, a in zip(leaves, axes, strict=True)]

        def of_one(leaves: list[Any], *xs: Any) -> DoIPoints:
            return jax.tree_util.tree_unflatten(structure, leaves).points(xs)

        found = jax.vmap(of_one, in_axes=(axes, *(0 for _ in sources)))(cut, *sources)
    ends = found.endpoints
    return Points(
        tuple(Value(v, batched, True) for v in found.values),
        # In their own precision: that of a source in half precision is too coarse for a mean.
        jnp.asarray(found.weights),
        tuple(Value(d, batched) for d in found.direction),
        None if ends is None else tuple(Value(e, batched) for e in ends),
    )
