"""The derivative of a function as it is, with one tangent per state of an automaton."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled, open_jaxpr
from pathflow._errors import DecisionChangedError, NotDifferentiableError
from pathflow.evaluation import flags_of, lift, together
from pathflow.graph import Node
from pathflow.influence.question._points import Points, points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.influence.question._tiles import example_tiles, tile_sizes
from pathflow.influence.question._work import Work, bytes_of
from pathflow.influence.streaming._diagnose import refuse_not_finite
from pathflow.influence.streaming._mixing import Mixing
from pathflow.tracing import (
    LANES,
    REVERSE_ONLY,
    Program,
    Substitution,
    Value,
    cached_by_program,
    holds,
)


@dataclass(frozen=True)
class Streamed:
    """What arrives at the target, weighted and summed over points.

    Arguments:
        values: for each example, the influence in each of `Mixing.states`.
        scale: for each example, the sum of the absolute influences over states and points.
    """

    values: np.ndarray
    scale: np.ndarray


def stream_work(problem: Problem | Question, mixing: Mixing, memory: int, n_points: int) -> Work:
    """How examples and points are cut into tiles; a tile holds at least one point.

    Arguments:
        problem: what is asked.
        mixing: what the tags do to the lanes.
        memory: bytes that activations and tangents may take together, by an estimate.
        n_points: how many points of interest there are.
    """
    shared, each = bytes_of(problem)
    unit = max(1, (1 + mixing.n_lanes) * each)
    examples, points = tile_sizes(max(1, memory - shared), unit, n_points, problem.examples or 1)
    return Work(unit, examples, points, held=shared)


def stream(problem: Problem | Question, mixing: Mixing, work: Work, progress: Any) -> Streamed:
    """Runs the lanes at all points of interest.

    Arguments:
        problem: what is asked, at the points of its distribution.
        mixing: what the tags do to the lanes.
        work: how examples and points are cut into tiles.
        progress: called with the fraction done after each tile, or None.

    Raises:
        NotDifferentiableError: JAX cannot differentiate the function.
        DecisionChangedError: at some point a source or the target is never computed.
        NonFiniteError: an activation is NaN or infinite.
    """
    batch = problem.examples or 1
    values = np.zeros((batch, len(mixing.states)))
    scale = np.zeros(batch)
    for tile in stream_tiles(problem, work, progress):
        found = call(_compiled, problem, mixing, tile)
        parts = np.asarray(found, np.float64) * np.asarray(tile.weights, np.float64)[..., None]
        values[tile.examples] += parts.sum(axis=-2)
        scale[tile.examples] += np.abs(parts).sum(axis=(-2, -1))
    return Streamed(values, scale)


@dataclass(frozen=True, eq=False)
class Tile:
    """Some points of some examples.

    Arguments:
        examples: which rows of a result they belong to; results are added.
        inputs: what a compiled derivative takes: points, directions, arguments, constants.
        weights: `([examples,] points)`; zero for an example that another tile has.
        count: the number of examples, or None where there is no axis of them.
        first_point: the number of the first point.
    """

    examples: slice
    inputs: tuple[Value, ...]
    weights: np.ndarray
    count: int | None
    first_point: int


def stream_tiles(problem: Problem | Question, work: Work, progress: Any) -> Iterator[Tile]:
    """Cuts examples and points into tiles of one size.

    Arguments:
        problem: what is asked.
        work: the size of a tile.
        progress: called with the fraction done after each tile of examples, or None.
    """
    count = points_of(problem, problem.doi, slice(0, 1)).count
    size, chunk = work.examples, work.points
    found = example_tiles(problem.examples or 1, size)
    done = 0
    for number, examples in enumerate(found):
        points = points_of(problem, problem.doi, examples)
        for start in range(0, count, chunk):
            part = points.slice(start, chunk)
            weights = np.array(part.weights, np.float64)
            if problem.examples is not None:
                # The last tile of examples overlaps the one before.
                weights[: done - examples.start] = 0
            yield Tile(
                examples,
                _inputs(problem, part, examples),
                weights,
                None if problem.examples is None else examples.stop - examples.start,
                start,
            )
        done = examples.stop
        if progress is not None:
            progress((number + 1) / len(found))


def _inputs(problem: Problem | Question, points: Points, examples: slice) -> tuple[Value, ...]:
    args = [Value(a.array[examples], True) if a.batched else a for a in problem.args]
    return (*points.values, *points.direction, *args, *map(Value, problem.program.constants))


def call(compiled: Callable, problem: Problem | Question, mixing: Mixing, tile: Tile) -> Any:
    """What a compiled derivative finds at a tile, after checks of what it reports.

    Arguments:
        compiled: makes, from program, sources, target, mixing, flags and number of examples, a
            function of a tile's arrays that returns the target's value, how often each tracked node
            was computed, and the finding.
        problem: what is asked.
        mixing: what the tags do to the lanes.
        tile: where.
    """
    run, tracked = compiled(
        problem.program,
        problem.sources,
        problem.target,
        mixing,
        flags_of(tile.inputs),
        tile.count,
    )
    with derivative_errors(), together("the function"):
        value, met, found = run(*(v.array for v in tile.inputs))
    _check_met(tracked, np.asarray(met))
    finite = [np.isfinite(x).all() for x in map(np.asarray, (value, *jax.tree.leaves(found)))]
    if not all(finite):
        start = tile.examples.start, tile.first_point
        refuse_not_finite(problem, tile.inputs, tile.count, start)
    return found


@contextmanager
def derivative_errors() -> Iterator[None]:
    """Says what JAX's refusals to differentiate mean here.

    Raises:
        NotDifferentiableError: JAX has no derivative of the function.
    """
    try:
        yield
    except NotImplementedError as error:
        raise NotDifferentiableError(
            f"the function computes something that has no derivative: {error}"
        ) from error
    except ValueError as error:
        if "do not support JVP" in str(error):
            raise NotDifferentiableError(
                "the function calls Python on the way to the target (pure_callback), which has no "
                "derivative: give it a rule with jax.custom_jvp, or keep it off the paths with "
                "jax.lax.stop_gradient."
            ) from error
        if "Reverse-mode differentiation does not work" not in str(error):
            raise
        raise NotDifferentiableError(
            "this needs reverse mode, and JAX has none for a loop of unknown length (`while`) on "
            "the way to the target; use lax.scan, or lax.fori_loop with bounds that are numbers, "
            "or trace the function and ask for Conductance() or Aggregate(...) on the graph."
        ) from error


def _check_met(tracked: Sequence[Node], met: np.ndarray) -> None:
    for i, node in enumerate(tracked):
        if not np.all(met[..., i]):
            raise DecisionChangedError(
                f"at a point of interest the function never computes node {str(node)!r}: a loop "
                "ends before, or another branch is taken; choose a narrower distribution of "
                "interest, or another node."
            )


def values_of(
    program: Program, sources: tuple[Node, ...], target: Node, mixers: Any
) -> tuple[Callable, tuple[Node, ...]]:
    """`(inputs of a tile, given) -> a function of the sources' values`, and the tracked nodes."""
    value = Substitution(program, sources, target, mixers)
    n, n_args = len(sources), len(program.avals)

    def at(inputs: Sequence[Any], given: Any = None) -> Callable:
        rest = inputs[2 * n :]
        return lambda *points: value(rest[:n_args], rest[n_args:], points, given)

    return at, value.tracked


@cached_by_program(64)
def _compiled(
    program: Program,
    sources: tuple[Node, ...],
    target: Node,
    mixing: Mixing,
    flags: Any,
    examples: int | None,
) -> tuple[Callable, tuple[Node, ...]]:
    at, tracked = values_of(program, sources, target, mixing.mixers())
    rows = np.eye(len(mixing.states))[:, list(mixing.ends)]
    arrive, n = arrivals_of(program), len(sources)

    def one(*inputs: Any) -> Any:
        return arrive(at(inputs), mixing, inputs[:n], inputs[n : 2 * n], rows)

    return compiled(lift(one, flags, examples, None)), tracked


def arrivals_of(program: Program) -> Callable:
    """What differentiates the program: forward, or in reverse where a rule of its own allows no
    other.

    It takes a function of the sources' values, a mixing, these values, the directions, and sets of
    lanes as rows of zeros and ones. It returns the target's value, how often each tracked node was
    computed, and what arrives at the target in each set of lanes.
    """
    reverse = any(holds(e, REVERSE_ONLY) for e in open_jaxpr(program.jaxpr)[0].eqns)
    return _pulled if reverse else _pushed


def _pushed(of_points: Callable, mixing: Mixing, points: Any, direction: Any, rows: Any) -> Any:
    """One tangent per lane, pushed forward.

    Each source's tangent is its direction in the lane that it begins in, and zero in all others.
    """
    begun = np.eye(mixing.n_lanes)[:, list(mixing.starts)]

    def lane(here: Any) -> Any:
        tangents = [d * h.astype(d.dtype) for d, h in zip(direction, here, strict=True)]
        return jax.jvp(of_points, points, tuple(tangents), has_aux=True)

    lanes = jax.vmap(lane, axis_name=LANES, out_axes=(None, 0, None))
    value, tangents, met = lanes(jnp.asarray(begun))
    return value, met, jnp.asarray(rows, tangents.dtype) @ tangents


def _pulled(of_points: Callable, mixing: Mixing, points: Any, direction: Any, rows: Any) -> Any:
    """One cotangent per lane, pulled back, for one set of lanes after the other: a cotangent
    forgets where it came from.
    """

    def of_row(row: Any) -> Any:
        def lane(seed: Any) -> Any:
            value, pull, met = jax.vjp(of_points, *points, has_aux=True)
            return value, met, pull(seed.astype(value.dtype))

        lanes = jax.vmap(lane, axis_name=LANES, out_axes=(None, None, 0))
        value, met, cotangents = lanes(row)
        parts = zip(cotangents, mixing.starts, direction, strict=True)
        return value, met, sum(jnp.vdot(c[start], d) for c, start, d in parts)

    return jax.vmap(of_row, out_axes=(None, None, 0))(jnp.asarray(rows))
