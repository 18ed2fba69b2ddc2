"""Every path's influence, by meeting in the middle."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow._errors import TooManyPathsError
from pathflow.drawing import count_text
from pathflow.evaluation import Activations
from pathflow.graph import Node
from pathflow.influence._search import AbstractSizedSearch
from pathflow.influence.enumeration._sweep import Plan, scatter
from pathflow.influence.question._audit import make_audit, refined
from pathflow.influence.question._devices import Devices, check_devices
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import activations_to, check_memory, tile_sizes, tiles
from pathflow.influence.question._work import Work
from pathflow.results import Attribution
from pathflow.tracing import TracedGraph, kept


@final
@dataclass(frozen=True)
class Enumerate(AbstractSizedSearch[Attribution]):
    """All paths, each exactly.

    At every node on one side of a cut the tangents of all prefixes are formed, on the other side
    the cotangents of all suffixes, each once; at the cut one matrix product per crossing gives the
    influences of all paths through it. The cut is the cheapest there is. Paths are never listed: a
    path is its rank.

    Arguments:
        memory: bytes for the influences and for the tangents and cotangents that are held at one
            time. Work is cut into tiles of examples and points that fit; more paths than fit are
            refused before any work.
        progress: called with the fraction done after each tile.
        devices: over which the work is spread; by default the one that JAX takes. The budget is
            then for each device.

    Source: Definition 6 of "Influence Paths for Characterizing Subject-Verb Number Agreement in
    LSTM Language Models".
    """

    memory: int = 2**30
    progress: Any = field(default=None, compare=False)
    devices: Devices | None = None

    def __post_init__(self) -> None:
        check_memory(self.memory, "Enumerate(memory=...)")
        check_devices(self.devices, "Enumerate")

    def fits(self, problem: Problem) -> bool:
        """Whether the paths are few enough for the memory."""
        try:
            self._unit(problem)
        except TooManyPathsError:
            return False
        return True

    def work(self, problem: Problem, n_points: int) -> Work:
        return self._tiled(problem, self._unit(problem), n_points)

    def _unit(self, problem: Problem) -> int:
        """What one example takes at one point.

        Raises:
            TooManyPathsError: the memory does not hold the influences and that.
        """
        held = _held(problem)
        # First, since a plan of too many paths is long work by itself.
        self._check(held, "their influences", problem)
        unit = unit_bytes(problem)
        self._check(2 * held + unit, "the tangents and cotangents of one point", problem)
        return unit

    def _tiled(self, problem: Problem, unit: int, n_points: int) -> Work:
        count, batch, held = problem.space.count, problem.examples or 1, _held(problem)
        # A tile's own influences are held beside the result.
        left = self.memory - 2 * held
        examples, points = tile_sizes(left, unit, n_points, batch, self.devices)
        of_tile = examples * count * problem.dtype.itemsize
        return Work(unit, examples, points, held=held + of_tile, after=held - of_tile)

    def run(self, problem: Problem) -> Attribution:
        count, batch = problem.space.count, problem.examples or 1
        unit = self._unit(problem)  # refuses what does not fit, before anything is computed
        plan, activations = planned(problem.traced, problem.space.sources, problem.space.target)
        problem = problem.on(self.devices)
        doi, checks = refined(problem)
        work = self._tiled(problem, unit, checks.n_points)
        out = np.zeros((batch, count), problem.dtype)
        problem = problem.with_doi(doi)
        sizes = work.examples, work.points
        for examples, parts in tiles(problem, activations, sizes, self.progress):
            out[examples] = 0
            for at in parts:
                found = plan.sweep(at)
                scatter(out[examples], list(found))
        influences = out if problem.examples is not None else out[0]
        return Attribution(
            problem.space,
            influences,
            make_audit(problem, influences, checks),
            problem.metadata(doi, self),
        )

    def _check(self, needed: int, what: str, problem: Problem) -> None:
        count, batch = problem.space.count, problem.examples or 1
        if needed > self.memory:
            raise TooManyPathsError(
                f"There are {count_text(count)} paths from source to target"
                + (f" in each of {batch:,} examples" if batch > 1 else "")
                + f", and {what} take {count_text(needed)} bytes, over the budget of "
                f"{self.memory:,}. Raise Enumerate(memory=...), pass fewer examples at a time, "
                "choose a later source or a coarser node set (pathflow.tagged('c*', 'h*')), or "
                "shorten the input.",
                count,
            )


def _held(problem: Problem) -> int:
    """The bytes of all influences."""
    return problem.space.count * (problem.examples or 1) * problem.dtype.itemsize


@kept
def planned(
    traced: TracedGraph, sources: tuple[Node, ...], target: Node
) -> tuple[Plan, Activations]:
    """The plan of an enumeration, which depends on the graph alone."""
    space = traced.paths(sources, target)
    plan = Plan(traced, space)
    return plan, activations_to(traced, sources, target, plan.partials)


def unit_bytes(problem: Problem) -> int:
    """What one example takes at one point: values, partials, tangents and cotangents."""
    plan, activations = planned(problem.traced, problem.space.sources, problem.space.target)
    vectors = plan.vector_entries(batched=problem.examples is not None)
    return (activations.entries + vectors) * problem.dtype.itemsize
