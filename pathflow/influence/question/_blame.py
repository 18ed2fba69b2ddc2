"""Which local partial is the first that is no number, where all activations are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._errors import NonFiniteError
from pathflow.evaluation import Applied, live_paths, mover, place
from pathflow.graph import Node
from pathflow.influence.question._audit import refined
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import Chunk, activations_to, chunks
from pathflow.tracing import LocalPartial

# Points that are looked at together.
_POINTS = 16


@contextmanager
def traced_to_partial(problem: Problem) -> Iterator[None]:
    """Within it, an influence that is not finite although all activations are is traced to the
    first edge, example and point whose local partial is not.

    Raises:
        NonFiniteError: as within, with the edge.
    """
    try:
        yield
    except NonFiniteError as error:
        if error.node is not None or error.edge is not None:
            raise
        raise _explained(problem, error) from error


def _explained(problem: Problem, error: NonFiniteError) -> NonFiniteError:
    problem = problem.with_doi(refined(problem)[0])
    known = error.example
    for example in range(problem.examples or 1) if known is None else (known,):
        for edge, point, pull in _not_finite(problem, example):
            before, node = map(str, edge)
            number = None if problem.examples is None else example
            # Forward, a branch that is not taken is selected away; in reverse it meets a zero.
            way = " (in reverse only: the branch that a jnp.where does not take may be to blame; "
            way += "give that branch an input at which it is differentiable)"
            return NonFiniteError(
                f"{error} The first partial that is not finite is that of node {node!r} with "
                f"respect to {before!r}, {place(number, point)}{way * pull}.",
                edge=(before, node),
                example=number,
                point=point,
            )
    return NonFiniteError(
        f"{error} Every local partial by itself is finite: their product is too large for "
        f"{problem.dtype.name}; trace and attribute in a wider dtype.",
        example=error.example,
    )


def _not_finite(problem: Problem, example: int) -> Iterator[tuple[tuple[Node, Node], int, bool]]:
    """The edges whose partials are not finite, with the first point at which each is so, and
    whether they are so in reverse alone.
    """
    traced, space = problem.traced, problem.space
    partials = live_paths(traced, space).partials
    activations = activations_to(traced, space.sources, space.target, partials)
    examples = slice(example, example + 1)
    points = points_of(problem, problem.doi, examples)
    size = min(_POINTS, points.count)
    order = {node: i for i, node in enumerate(traced.nodes)}
    edges = sorted(partials, key=lambda e: (order[e[1]], order[e[0]]))
    for number, at in enumerate(chunks(problem, activations, points, examples, size)):
        for edge in edges:
            for pull in (False, True):
                bad = _bad_point(at, at.applied[edge], partials[edge], pull=pull)
                if bad is not None:
                    yield edge, min(number * size + bad, points.count - 1), pull


def _bad_point(at: Chunk, applied: Applied, partial: LocalPartial, *, pull: bool) -> int | None:
    """The first point at which an entry of a partial is no number.

    A sum with a NaN or an infinite number in it is never finite, so ones find every bad entry. But
    numbers may add up to more than the dtype holds, too. So where ones find something, halves of
    them are tried, down to one entry by itself.
    """
    flags = ((at.examples is not None, True),)
    n_points = int(at.weights.shape[-1])
    run: Callable[..., Any] = mover((applied.key,), pull, flags, at.examples, n_points)
    aval = partial.out_aval if pull else partial.in_aval
    axes = (1, *(() if at.examples is None else (at.examples,)), n_points)
    entries = prod(aval.shape)

    def bad(first: int, stop: int) -> np.ndarray:
        """At which points the sum of some columns, or rows, is no number."""
        ones = (np.arange(entries) >= first) & (np.arange(entries) < stop)
        vectors = jnp.broadcast_to(ones.reshape(aval.shape), (*axes, *aval.shape))
        moved = np.asarray(run((applied.arrays,), (vectors.astype(aval.dtype),)))
        wrong = ~np.isfinite(moved.reshape(*axes, -1))
        return np.asarray(wrong.any(axis=-1).reshape(-1, n_points).any(axis=0))

    def inside(point: int, first: int, stop: int) -> bool:
        if not bad(first, stop)[point]:
            return False
        middle = (first + stop) // 2
        return middle == first or inside(point, first, middle) or inside(point, middle, stop)

    suspects = np.flatnonzero(bad(0, entries))
    return next((int(point) for point in suspects if inside(int(point), 0, entries)), None)
