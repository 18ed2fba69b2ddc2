"""Every path's influence, by meeting in the middle."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError, TooManyPathsError
from pathflow.graph import Node
from pathflow.influence._activations import Activations, value_ancestors
from pathflow.influence._audit import make_audit, refined
from pathflow.influence._points import Points, points_of
from pathflow.influence._problem import Problem
from pathflow.influence._search import AbstractSearch
from pathflow.influence._sweep import Plan, scatter
from pathflow.results import Attribution
from pathflow.tracing import TracedGraph, Value

# Larger tiles leave the processor's caches without making the matrix products any faster.
_TILE_BYTES = 2**28


@final
@dataclass(frozen=True)
class Enumerate(AbstractSearch):
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

    Source: Definition 6 of "Influence Paths for Characterizing Subject-Verb Number Agreement in
    LSTM Language Models".
    """

    memory: int = 2**30
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.memory, int) or self.memory <= 0:
            raise ArgumentError(
                f"Enumerate(memory=...) takes a positive number of bytes, got {self.memory!r}."
            )

    def run(self, problem: Problem) -> Attribution:
        count, batch = problem.space.count, problem.examples or 1
        self._check(count * batch * problem.dtype.itemsize, "their influences", count, batch)
        plan, activations = _planned(problem.traced, problem.space.sources, problem.space.target)
        doi, checks = refined(problem)
        out = np.zeros((batch, count), problem.dtype)
        tile, chunk = self._tile_sizes(problem, plan, checks.n_points, out.nbytes)
        starts = range(0, batch, tile)
        for done, start in enumerate(starts):
            # The last tile overlaps the one before, so that all have one size and compile once.
            examples = slice(max(0, min(start, batch - tile)), min(start + tile, batch))
            out[examples] = self._tile(
                problem, plan, activations, points_of(problem, doi, examples), examples, chunk
            )
            if self.progress is not None:
                self.progress((done + 1) / len(starts))
        influences = out if problem.examples is not None else out[0]
        return Attribution(
            problem.space,
            influences,
            make_audit(problem, influences, checks),
            problem.metadata(doi, self),
        )

    def _check(self, needed: int, what: str, count: int, batch: int) -> None:
        if needed > self.memory:
            raise TooManyPathsError(
                f"There are {count:,} paths from source to target"
                + (f" in each of {batch:,} examples" if batch > 1 else "")
                + f", and {what} take {needed:,} bytes, over the budget of {self.memory:,}. Raise "
                "Enumerate(memory=...), pass fewer examples at a time, choose a later source or a "
                "coarser node set (pathflow.tagged('c*', 'h*')), or shorten the input.",
                count,
            )

    def _tile_sizes(self, problem: Problem, plan: Plan, points: int, held: int) -> tuple[int, int]:
        """How many examples, and how many points of each, are worked on together."""
        unit = max(1, plan.vector_entries * problem.dtype.itemsize)
        count, batch = problem.space.count, problem.examples or 1
        # A tile's own influences are held beside the result.
        left = self.memory - 2 * held
        self._check(2 * held + unit, "the tangents and cotangents of one point", count, batch)
        if left >= unit * points:
            tile = min(batch, max(1, min(left, _TILE_BYTES) // (unit * points)))
            return -(-batch // -(-batch // tile)), points
        chunk = max(1, left // unit)
        return 1, -(-points // -(-points // chunk))

    def _tile(
        self,
        problem: Problem,
        plan: Plan,
        activations: Activations,
        points: Points,
        examples: slice,
        chunk: int,
    ) -> np.ndarray:
        size = None if problem.examples is None else examples.stop - examples.start
        out = np.zeros((size or 1, problem.space.count), problem.dtype)
        context = {
            a: Value(v.array[examples], True) if v.batched else v
            for a, v in problem.context.items()
        }
        sources = problem.space.sources
        for start in range(0, points.count, chunk):
            part = points.slice(start, chunk)
            _, applied = activations(context, dict(zip(sources, part.values, strict=True)))
            direction = dict(zip(sources, part.direction, strict=True))
            scatter(out, list(plan.sweep(applied, direction, part.weights, size)))
        return out


@lru_cache(64)
def _planned(
    traced: TracedGraph, sources: tuple[Node, ...], target: Node
) -> tuple[Plan, Activations]:
    """The plan of an enumeration, which depends on the graph alone."""
    space = traced.paths(sources, target)
    plan = Plan(traced, space)
    wanted = [traced.functions[target], *(g.function for g in traced.guards)]
    nodes = value_ancestors(traced, wanted, sources) | {target}
    return plan, Activations(traced, nodes, sources, plan.partials)
