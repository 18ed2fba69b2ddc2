"""What a search that grows paths walks on: the hops of a trellis, with their partials at all
points.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow._errors import NonFiniteError
from pathflow.evaluation import Applied, Edge, LivePaths, chain
from pathflow.graph import Node, Trellis
from pathflow.influence.branching._hops import Hop, hops_of
from pathflow.influence.question._points import Points, points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import activations_to
from pathflow.interest import AbstractDoI
from pathflow.tracing import Structure, structure_of

# Batches have one of these sizes, so that each step is compiled a few times and no more.
_LADDER = (8, 128, 1024)
# Bytes of one batch of tangents.
_BATCH_BYTES = 2**26


class Landscape:
    """Pushes tangents and pulls cotangents through hops, in batches of few sizes.

    Vectors are NumPy arrays `(paths, [examples,] points, *shape)`.

    Attributes:
        hops: of the trellis.
        weights: `(examples * points,)`, of the mean over the examples.
        margin: what bounds are multiplied by, for the rounding along a path.
        examples: the number of examples, or None.
        points: the number of points.
    """

    def __init__(
        self, problem: Problem, doi: AbstractDoI, live: LivePaths, trellis: Trellis
    ) -> None:
        self.hops = hops_of(trellis)
        self.examples = problem.examples
        self._points: Points = points_of(problem, doi, slice(None))
        self.points = self._points.count
        sources = problem.space.sources
        self._partials, self._functions = live.partials, problem.traced.functions
        self._applied = _applied(problem, live, self._points)
        self._direction = dict(zip(sources, self._points.direction, strict=True))
        weights = np.asarray(self._points.weights, np.float64)
        self._per_example = np.broadcast_to(weights, (problem.examples or 1, self.points))
        self.weights = (self._per_example / (problem.examples or 1)).ravel()
        # Rounding grows with the length of a path, and is far from this root at any length.
        self.margin = 1 + max(float(jnp.finfo(d).eps) for d in problem.dtypes) ** 0.5

    def node(self, junction: int) -> Node:
        """The node of a vertex."""
        return self.hops.trellis.vertices[junction].node

    @property
    def axes(self) -> tuple[int, ...]:
        """The sizes of the axes of examples and points."""
        return (self.points,) if self.examples is None else (self.examples, self.points)

    def entries(self, junction: int) -> int:
        """How many entries one tangent at a junction has."""
        return prod(self.axes) * max(1, prod(self.node(junction).shape))

    def start(self, source: int) -> np.ndarray:
        """The direction at a source, as the one tangent of the empty beginning."""
        node = self.node(source)
        given = self._direction[node]
        array = np.asarray(given.array)[..., None, *(slice(None),) * len(node.shape)]
        return np.broadcast_to(array, (*self.axes, *node.shape))[None]

    def push(self, hop: Hop, vectors: np.ndarray) -> np.ndarray:
        """Tangents at the start of a hop, as tangents at its end."""
        return self._batched(self._step(hop, pull=False), self._arrays(hop), vectors)

    def pull(self, hop: Hop, vectors: np.ndarray) -> np.ndarray:
        """Cotangents at the end of a hop, as cotangents at its start: all of them at once.

        Raises:
            NonFiniteError: one is NaN or infinite.
        """
        pulled = np.asarray(self._step(hop, pull=True)(self._arrays(hop)[::-1], vectors))
        if not np.all(np.isfinite(pulled)):
            raise NonFiniteError(
                f"The derivative of {str(hop.edges[-1][1])!r} by {str(hop.edges[0][0])!r} along "
                "some path is NaN or infinite although all activations are finite: a partial is "
                "(as that of a square root at zero); choose points where the model is "
                "differentiable, such as a line that does not end there."
            )
        return pulled

    def influences(self, vectors: np.ndarray) -> np.ndarray:
        """Tangents at the target as influences `(paths, examples)`."""
        flat = vectors.reshape(len(vectors), -1, self.points).astype(np.float64)
        return np.einsum("mep,ep->me", flat, self._per_example)

    def flow(self, tangents: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
        """What flows from beginnings into a junction and on to the target, `(paths, examples)`.

        Arguments:
            tangents: of the beginnings, at the junction.
            cotangent: the sum of all endings from there.
        """
        # What overflows is refused by whoever asked, in words that say what to do.
        with np.errstate(over="ignore"):
            product = tangents.astype(np.float64) * cotangent
        return self.influences(product.reshape(len(product), *self.axes, -1).sum(axis=-1))

    def structure(self, hop: Hop) -> Structure:
        """Which entries of the hop's Jacobian can be other than zero."""
        return reduce(lambda before, after: before.then(after), map(self._structure, hop.edges))

    def _structure(self, edge: Edge) -> Structure:
        return structure_of(self._partials[edge], self._functions[edge[1]])

    def _step(self, hop: Hop, *, pull: bool) -> Callable:
        keys = tuple(self._applied[e].key for e in hop.edges)
        return _compiled(keys[::-1] if pull else keys, pull, self.examples, self.points)

    def _arrays(self, hop: Hop) -> tuple[Any, ...]:
        return tuple(self._applied[e].arrays for e in hop.edges)

    def _batched(self, step: Callable, arrays: Any, vectors: np.ndarray) -> np.ndarray:
        size = batch_size(len(vectors), vectors.nbytes // max(1, len(vectors)))
        done = []
        for begin in range(0, len(vectors), size):
            part = vectors[begin : begin + size]
            done.append(np.asarray(step(arrays, padded(part, size)))[: len(part)])
        return done[0] if len(done) == 1 else np.concatenate(done)


def batch_size(count: int, nbytes: int) -> int:
    """The size of batches in which `count` vectors of so many bytes are moved."""
    most = max(1, _BATCH_BYTES // max(1, nbytes))
    fitting = [size for size in _LADDER if size <= most] or [1]
    return next((size for size in fitting if size >= count), fitting[-1])


def padded(vectors: np.ndarray, size: int) -> np.ndarray:
    """The vectors, filled up with zeros."""
    if len(vectors) == size:
        return vectors
    out = np.zeros((size, *vectors.shape[1:]), vectors.dtype)
    out[: len(vectors)] = vectors
    return out


def _applied(problem: Problem, live: LivePaths, points: Points) -> Mapping[Edge, Applied]:
    space = problem.space
    run = activations_to(problem.traced, space.sources, space.target, live.partials)
    values = dict(zip(space.sources, points.values, strict=True))
    return run(problem.context, values)[1]


@lru_cache(4096)
def _compiled(keys: tuple, pull: bool, examples: int | None, points: int) -> Callable:
    return compiled(chain(keys, pull, examples, points))
