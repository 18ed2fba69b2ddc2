"""A path, or the paths of a pattern, taken apart at some of their nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, NoReturn, final

import jax
import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError, NonFiniteError, TooManyPathsError
from pathflow.drawing import count_text
from pathflow.evaluation import MATMUL_PRECISION, Activations, LivePaths, live_paths
from pathflow.graph import AbstractParts, Components, Division, Node, Trellis
from pathflow.influence._search import AbstractSizedSearch
from pathflow.influence.question._audit import Checks, audit_of_sums, refined
from pathflow.influence.question._blame import traced_to_partial
from pathflow.influence.question._origin import Origin
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import (
    activations_to,
    check_memory,
    chunks,
    example_tiles,
    tile_sizes,
)
from pathflow.influence.question._work import Work
from pathflow.influence.refinement._chosen_paths import ChosenPaths, PathsLike, choose_paths
from pathflow.influence.refinement._divisions import At, divisions_of
from pathflow.influence.refinement._parts_plan import PartsPlan
from pathflow.influence.refinement._parts_sweep import PRODUCTS, PartsSweep
from pathflow.influence.refinement._strands import TooManyHistoriesError, chain_count
from pathflow.interest import AbstractDoI, Line
from pathflow.results import PartTable, Refinement
from pathflow.tracing import sparsity_of

# Bytes that a row takes beside its influences: its history, its parts, its place at a crossing.
_ROW_BYTES = 64


@final
@dataclass(frozen=True)
class Refine(AbstractSizedSearch[Refinement]):
    """What each part of some nodes carries of the influence of a path, or of the paths of a
    pattern.

    At every divided node the identity is put in as a sum of projections on its parts,

        chi_p = sum_{i, j, ...} sum_k w_k < 1, J ... P_j J ... P_i J ... d >,

    so the parts add up to the influence of the undivided paths, which the audit checks. Dividing
    one node costs nothing: its parts are the elementwise product of what comes from the source and
    what comes from the target. Elementwise partials keep parts apart, so that a chain of cell
    states along a path, divided into units, has one part per unit and costs nothing either. Beyond
    that, each combination of parts of all divided nodes but one is a vector that is moved.

    Arguments:
        paths: a path, by its labels, its rank or its row in a result, or a pattern.
        at: the nodes to divide: a label, a step such as `"c1"` or `"c1@2:"` for every node on the
            paths that it matches, several of them, or a mapping from them to parts of their own.
        parts: what they are divided into, where `at` does not say.
        memory: bytes for the rows and for the vectors that are held at one time. Work is cut into
            tiles of examples and points that fit; more rows than fit are refused before any work.

    Example:
        ```python
        primary = "x@1 g0@1 c0@1 h0@1 g1@1 c1@1 c1@2 h1@2 qoi"
        units = pf.attribute(graph, args, source="x@1", doi=doi, search=pf.Refine(primary, at="c1"))
        units.top(5)
        ```

    Source: section 3.2, "Path Refinement", of "Influence Paths for Characterizing Subject-Verb
    Number Agreement in LSTM Language Models".
    """

    paths: PathsLike
    at: At
    parts: AbstractParts = Components()  # noqa: RUF009  (immutable)
    memory: int = 2**30

    def __post_init__(self) -> None:
        check_memory(self.memory, "Refine(memory=...)")

    def work(self, problem: Problem, n_points: int) -> Work:
        chosen, _, divisions = self._divided(problem)
        plan = self._live_plan(problem, chosen, divisions)
        if plan is None:
            return Work(0, 1, n_points, held=0, checked=False)
        return self._work(problem, plan, n_points)

    def _divided(self, problem: Problem) -> tuple[ChosenPaths, Trellis, dict[Node, Division]]:
        """The paths, all of them, and how the nodes on them are divided."""
        chosen = choose_paths(self.paths, problem.space)
        full = chosen.trellis(chosen.space)
        nodes = dict.fromkeys(v.node for v in full.vertices)
        return chosen, full, divisions_of(nodes, self.at, self.parts)

    def _limit(self, problem: Problem) -> int:
        # A result, and what it is added up from, are held for every row and example.
        return max(1, self.memory // (_ROW_BYTES + 16 * (problem.examples or 1)))

    def _live_plan(
        self, problem: Problem, chosen: ChosenPaths, divisions: Mapping[Node, Division]
    ) -> PartsPlan | None:
        """None where every way is zero whatever the inputs."""
        live = live_paths(problem.traced, chosen.space)
        alive = None if live.space is None else chosen.trellis(live.space)
        if alive is None or not alive.count:
            return None
        return self._plan(alive, live, divisions, self._limit(problem))

    def _activations(self, problem: Problem, plan: PartsPlan) -> Activations:
        space = problem.space
        return activations_to(problem.traced, space.sources, space.target, plan.partials)

    def _work(self, problem: Problem, plan: PartsPlan, n_points: int) -> Work:
        batch, n_rows = problem.examples or 1, len(plan.chosen)
        entries = self._activations(problem, plan).entries + plan.vector_entries
        unit = entries * problem.dtype.itemsize
        # Products, and the float64 that they are added up in, at one crossing at a time.
        products = 2 * 8 * min(plan.product_entries, PRODUCTS)
        held = n_rows * (_ROW_BYTES + 16 * batch) + products * batch
        if held + unit > self.memory:
            what = f"{n_rows:,} combinations of parts, with {unit:,} bytes of vectors,"
            self._refuse(what, n_rows)
        examples, points = tile_sizes(self.memory - held, unit, n_points, batch)
        # The parts are checked against the paths that they are parts of.
        return Work(unit, examples, points, held, checked=False)

    def run(self, problem: Problem) -> Refinement:
        chosen, full, divisions = self._divided(problem)
        batch, limit = problem.examples or 1, self._limit(problem)
        plan = self._live_plan(problem, chosen, divisions)
        doi = problem.doi
        if isinstance(doi, Line) and doi.tol is not None:
            doi, _ = refined(problem)
        if plan is None:
            # Every way is zero whatever the inputs.
            rows, parts = np.zeros((0, len(divisions)), np.int64), np.zeros((batch, 0))
            parent = np.zeros(batch)
        else:
            rows = plan.chosen
            parts, parent = self._influences(problem, doi, plan)
        table = PartTable(tuple(divisions), [d.names for d in divisions.values()], rows)
        n_zeros = self._count_combinations(full, divisions, limit) - len(rows)
        return _result(problem, doi, self, _Found(chosen.text, table, parts, parent, n_zeros))

    def _plan(
        self,
        trellis: Trellis,
        live: LivePaths,
        divisions: Mapping[Node, Division],
        limit: int,
    ) -> PartsPlan:
        if trellis.count == 1:
            nodes = [v.node for v in trellis.vertices]
            kinds = [sparsity_of(live.partials[e]) for e in pairwise(nodes)]
            count = chain_count(nodes, divisions, kinds)
            if count > limit:
                self._refuse(f"{count_text(count)} combinations of parts", count)
        try:
            return PartsPlan(trellis, live.partials, divisions, limit)
        except TooManyHistoriesError:
            self._refuse(f"more than {limit:,} combinations of parts", limit + 1)

    def _refuse(self, what: str, count: int) -> NoReturn:
        raise TooManyPathsError(
            f"There are {what} of {str(self.paths)!r}, over the budget of {self.memory:,} bytes. "
            "Divide fewer nodes, or into Groups(...) instead of Components(), or raise "
            "Refine(memory=...).",
            count,
        )

    def _count_combinations(
        self, trellis: Trellis, divisions: Mapping[Node, Division], limit: int
    ) -> int:
        """How many combinations of parts of the divided nodes along each of the paths there are."""
        places = {node: i for i, node in enumerate(divisions)}
        passed: list[frozenset[int]] = []
        for v, before in enumerate(trellis.predecessors):
            ways = frozenset({0}) if v in trellis.sources else frozenset[int]()
            ways = ways.union(*(passed[u] for u in before))
            place = places.get(trellis.vertices[v].node)
            passed.append(ways if place is None else frozenset(w | 1 << place for w in ways))
            if len(ways) > limit:
                self._refuse(f"more than {limit:,} ways through the divided nodes", limit + 1)
        sizes = [len(d.names) for d in divisions.values()]
        every = frozenset[int]().union(*(passed[e] for e in trellis.ends))
        return sum(prod(n for i, n in enumerate(sizes) if way >> i & 1) for way in every)

    def _influences(
        self, problem: Problem, doi: AbstractDoI, plan: PartsPlan
    ) -> tuple[Float64[np.ndarray, "B rows"], Float64[np.ndarray, " B"]]:
        """The influence of every row, and of all paths together."""
        batch, n_rows = problem.examples or 1, len(plan.chosen)
        activations = self._activations(problem, plan)
        work = self._work(problem, plan, points_of(problem, doi, slice(0, 1)).count)
        parts, parent = np.zeros((batch, n_rows)), np.zeros(batch)
        for examples in example_tiles(batch, work.examples):
            points = points_of(problem, doi, examples)
            found = [
                (sweep.parts(), sweep.whole())
                for at in chunks(problem, activations, points, examples, work.points)
                for sweep in (PartsSweep(plan, at),)
            ]
            parts[examples], parent[examples] = map(sum, zip(*found, strict=True))
        return parts, parent


@dataclass(frozen=True, eq=False)
class _Found:
    """What a refinement comes to, whether of one example or of several."""

    paths: str
    table: PartTable
    parts: Float64[np.ndarray, "B rows"]
    parent: Float64[np.ndarray, " B"]
    n_zeros: int


def _result(problem: Problem, doi: AbstractDoI, search: Refine, found: _Found) -> Refinement:
    parts, parent = found.parts, found.parent
    bad = np.flatnonzero(~np.isfinite(parts).all(axis=0))
    if bad.size or not np.isfinite(parent).all():
        which = found.table.label(int(bad[0])) if bad.size else "all parts"
        raise NonFiniteError(
            f"The influence through {which} of {found.paths!r} is NaN or infinite although all "
            "activations are finite: a partial along it is (as that of a square root at zero); "
            "choose points where the model is differentiable."
        )
    checks = Checks(parent, None, points_of(problem, doi, slice(0, 1)).count)
    sums, scale = parts.sum(axis=1), np.abs(parts).sum(axis=1)
    single = problem.examples is None
    influences = parts.astype(problem.dtype)
    return Refinement(
        paths=found.paths,
        table=found.table,
        influences=influences[0] if single else influences,
        parent=float(parent[0]) if single else parent,
        n_zeros=found.n_zeros,
        audit=audit_of_sums(problem, sums, scale, checks, "the parts' absolute sum"),
        metadata=problem.metadata(doi, search),
    )


def refine(
    result: Any,
    paths: PathsLike,
    at: At,
    parts: AbstractParts = Components(),  # noqa: B008  (immutable)
    *,
    memory: int = 2**30,
) -> Refinement:
    """Takes a path of a result apart at some of its nodes: the same question, asked of `Refine`.

    Arguments:
        result: the `Attribution` or `Ranked` that `pathflow.attribute` returned; for what other
            searches return, ask `pathflow.attribute(..., search=pathflow.Refine(...))`.
        paths: a path, by its labels, its rank or its row in a result, or a pattern.
        at: the nodes to divide, as in `pathflow.Refine`.
        parts: what they are divided into: `Components()`, `Groups(...)` or `Axis(...)`.
        memory: bytes for the rows and for the vectors that are held at one time.

    Returns:
        What every part carries, of one example or of a batch as the result is.

    Raises:
        ArgumentError: the result does not know its question: it is of another kind, or comes from
            a file, from `example`, `mean` or any transformation of pytrees.
        UnknownNodeError: a label names no node, or `at` none on the paths.
        GraphError: the path is none of the result's.
        NoPathError: the pattern matches no path.
        ShapeError: a node has no such parts.
        TooManyPathsError: there are more combinations of parts than fit; raised before any work.

    Example:
        ```python
        best = result.top(1)[0].path
        pf.refine(result, best, at="c1@2").top(5)
        ```
    """
    question = getattr(result, "question", None)
    if not isinstance(question, Origin):
        if hasattr(result, "question"):
            why = "(it was loaded, taken out of a batch, or changed as a pytree)"
        else:
            why = "(of the results, only an Attribution and a Ranked hold theirs)"
        raise ArgumentError(
            f"refine(result=...): this {type(result).__name__} does not hold its question {why}; "
            "refine one that attribute returned, or call attribute(..., "
            "search=pathflow.Refine(...))."
        )
    with jax.default_matmul_precision(MATMUL_PRECISION), traced_to_partial(question.problem):
        return Refine(paths, at, parts, memory).run(question.problem)
