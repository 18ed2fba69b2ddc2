"""Tiles: examples and points of interest cut so that what is held at one time fits a budget."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from pathflow._errors import ArgumentError
from pathflow.evaluation import Activations, Applied, value_ancestors
from pathflow.graph import Node
from pathflow.influence.question._devices import Devices
from pathflow.influence.question._points import Points, points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._work import Work
from pathflow.tracing import TracedGraph, Value

# Larger tiles leave the processor's caches without making the matrix products any faster.
_TILE_BYTES = 2**28


def tile_sizes(
    budget: int, unit: int, points: int, batch: int, devices: Devices | None = None
) -> tuple[int, int]:
    """How many examples, and how many points of each, are worked on together.

    Arguments:
        budget: the bytes that may be held on each device.
        unit: the bytes that one example takes at one point; no more than the budget.
        points: how many points there are.
        batch: how many examples there are.
        devices: over which they are spread.
    """
    if devices is not None:
        share = max(1, batch // devices.examples)
        per_device = tile_sizes(budget, unit, -(-points // devices.points), share)
        return per_device[0] * devices.examples, per_device[1] * devices.points
    unit = max(1, unit)
    if budget >= unit * points:
        tile = min(batch, max(1, min(budget, _TILE_BYTES) // (unit * points)))
        return -(-batch // -(-batch // tile)), points
    chunk = max(1, budget // unit)
    return 1, -(-points // -(-points // chunk))


def example_tiles(batch: int, tile: int) -> list[slice]:
    """Slices of `tile` examples that cover a batch."""
    # The last tile overlaps the one before, so that all have one size and compile once.
    return [
        slice(max(0, min(start, batch - tile)), min(start + tile, batch))
        for start in range(0, batch, tile)
    ]


@dataclass(frozen=True, eq=False)
class Chunk:
    """The model at some points of some examples.

    Arguments:
        applied: the partials at these points.
        direction: the direction of each source.
        weights: `([examples,] points)`.
        examples: how many examples there are, or None where arrays have no axis of them.
        devices: over which the arrays are spread.
    """

    applied: Mapping[Any, Applied]
    direction: Mapping[Node, Value]
    weights: Any
    examples: int | None
    devices: Devices | None = None


def chunks(
    problem: Problem, activations: Activations, points: Points, examples: slice, size: int
) -> Iterator[Chunk]:
    """Evaluates the model at `size` points at a time, for the examples that the points are of."""
    count = None if problem.examples is None else examples.stop - examples.start
    devices = problem.devices
    context = {
        a: Value(v.array[examples], True) if v.batched else v
        for a, v in problem.placed_context.items()
    }
    if devices is not None:
        context = {a: devices.cut(v) if v.batched else v for a, v in context.items()}
    sources = problem.space.sources
    for start in range(0, points.count, size):
        part = points.slice(start, size)
        if devices is not None:
            part = part.on(devices)
        given = dict(zip(sources, part.values, strict=True))
        # Beyond the end the last point stands again, and an earlier one is never seen for it.
        _, applied = activations(context, given, (examples.start or 0, start))
        direction = dict(zip(sources, part.direction, strict=True))
        yield Chunk(applied, direction, part.weights, count, devices)


def tiles(
    problem: Problem, activations: Activations, sizes: tuple[int, int], progress: Any
) -> Iterator[tuple[slice, Iterator[Chunk]]]:
    """Goes through the examples of a problem, and through the points of each tile of them.

    An example may be in two tiles, so each tile stands for itself: results are set, not added.

    Arguments:
        problem: what was asked.
        activations: what evaluates the model.
        sizes: how many examples and points are worked on together.
        progress: called with the fraction done after each tile, or None.
    """
    found = example_tiles(problem.examples or 1, sizes[0])
    for done, examples in enumerate(found):
        points = points_of(problem, problem.doi, examples)
        yield examples, chunks(problem, activations, points, examples, sizes[1])
        if progress is not None:
            progress((done + 1) / len(found))


def fitting_work(
    problem: Problem, entries: int, lanes: int, memory: int, n_points: int, what: str
) -> Work:
    """How many examples and points are worked on together in a budget of bytes.

    Arguments:
        problem: what was asked.
        entries: how many numbers one example takes at one point.
        lanes: how many tangents a node holds, one for each state of the classes, for the message.
        memory: the budget.
        n_points: how many points there are.
        what: the argument that sets the budget, for the message.

    Raises:
        ArgumentError: the budget does not hold one example at one point.
    """
    unit = entries * problem.dtype.itemsize
    if unit > memory:
        raise ArgumentError(
            f"{what}: one example at one point takes {unit:,} bytes, over the budget of "
            f"{memory:,}. That is for {len(problem.space.nodes):,} nodes with up to "
            f"{max(prod(n.shape) for n in problem.space.nodes):,} entries of "
            f"{problem.dtype.itemsize} bytes, in {lanes:,} state(s) of the classes each. Raise the "
            "budget, ask for fewer classes at a time, choose a later source or a coarser node set "
            "(pathflow.tagged('c*', 'h*')), shorten the input, or ask in float32."
        )
    batch, devices = problem.examples or 1, problem.devices
    examples, points = tile_sizes(memory, unit, n_points, batch, devices)
    return Work(unit, examples, points, held=0)


def check_memory(memory: Any, what: str) -> None:
    """Refuses a budget that is no positive number of bytes.

    Raises:
        ArgumentError: it is none.
    """
    if not isinstance(memory, int) or isinstance(memory, bool) or memory <= 0:
        raise ArgumentError(f"{what} takes a positive number of bytes, got {memory!r}.")


def activations_to(
    traced: TracedGraph, sources: tuple[Node, ...], target: Node, partials: Mapping[Any, Any]
) -> Activations:
    """What evaluates the target, the graph's decisions, and the partials given."""
    wanted = [traced.functions[target], *(g.function for g in traced.guards)]
    nodes = value_ancestors(traced, wanted, sources) | {target}
    return Activations(traced, nodes, sources, partials)
