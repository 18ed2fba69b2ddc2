"""The influence through every node and along every edge, on the paths of a pattern."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow._errors import NonFiniteError, PatternWarning
from pathflow._user_warning import warn_user
from pathflow.graph import (
    Automaton,
    Node,
    Pattern,
    Patterns,
    as_pattern,
    automaton_of,
    explain_no_match,
)
from pathflow.influence._search import AbstractSizedSearch
from pathflow.influence.aggregation._lane_plan import LanePlan, Lanes, lane_plan, trellis_of
from pathflow.influence.aggregation._on_graph import absolute_sum, over_points, state_sums
from pathflow.influence.question._audit import audit_of_sums, refined
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import Chunk, check_memory, fitting_work, tiles
from pathflow.influence.question._work import Work
from pathflow.results import Conductances

SCALE = "the largest absolute sum of entries that flows into one node"
_WANTED = "paths"


@final
@dataclass(frozen=True)
class Conductance(AbstractSizedSearch[Conductances]):
    """The influence of a pattern's paths through every node and along every edge.

    One pass forward gives every node the tangents of all ways to it, apart by the state of the
    pattern's automaton; one pass backward gives it the cotangents of all ways on. What flows along
    an edge is their product,

        along(u -> v) = sum_k w_k sum_s < c_v[next(s, v)], J[u -> v](x_k) t_u[s] >,

    and what flows through a node the sum over the edges into it (out of it, for a source). Without
    a pattern this is the conductance of each node.

    The structural residual covers three things: that all paths, matched or not, add up to
    `jax.jvp`'s derivative, and that at every node as much flows in as out. It is relative to the
    largest absolute sum, over states, points and entries, that flows into one node.

    Arguments:
        pattern: the paths that count, as a pattern or its text; all by default.
        memory: bytes for the activations, tangents and cotangents that are held at one time. Work
            is cut into tiles of examples and points that fit.
        progress: called with the fraction done after each tile.

    Raises:
        PatternError: the text is no pattern.
        ArgumentError: `memory` is no positive number of bytes.

    Example:
        ```python
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=pf.Conductance())
        result.top_edges(10)
        ```

    Source: K. Dhamdhere, M. Sundararajan, Q. Yan, "How important is a neuron?" (2018); with a
    pattern, the same over the product of graph and automaton.
    """

    pattern: Pattern | str | None = None
    memory: int = 2**30
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.pattern is not None:
            object.__setattr__(self, "pattern", as_pattern(self.pattern))
        check_memory(self.memory, "Conductance(memory=...)")

    def run(self, problem: Problem) -> Conductances:
        """The influences through nodes and along edges.

        Raises:
            PatternError: the pattern needs too many states.
            ArgumentError: the budget does not hold one example at one point.
            NonFiniteError: an activation or an influence is NaN or infinite.
        """
        space = problem.space
        pattern = as_pattern(".*" if self.pattern is None else self.pattern)
        automaton = automaton_of(Patterns({_WANTED: pattern}), space.nodes)
        if not trellis_of(space, automaton).counts[_WANTED]:
            warn_user(explain_no_match(space, pattern), PatternWarning)
        doi, checks = refined(problem)
        flows = self._flows(problem.with_doi(doi), automaton)
        check_flows(flows)
        shaped = (lambda a: a) if problem.examples is not None else (lambda a: a[0])
        return Conductances(
            nodes=space.nodes,
            node_influences=shaped(flows.through),
            edges=flows.edges,
            edge_influences=shaped(flows.along),
            totals=np.asarray(shaped(flows.total)),
            audit=audit_of_sums(
                problem, flows.everything, flows.scale, checks, SCALE, flows.imbalance
            ),
            metadata={**problem.metadata(doi, self), "pattern": str(pattern)},
        )

    def work(self, problem: Problem, n_points: int) -> Work:
        space = problem.space
        pattern = as_pattern(".*" if self.pattern is None else self.pattern)
        automaton = automaton_of(Patterns({_WANTED: pattern}), space.nodes)
        plan = lane_plan(problem.traced, space.sources, space.target, automaton)
        return self._work(problem, plan, n_points)

    def _work(self, problem: Problem, plan: LanePlan, n_points: int) -> Work:
        entries, what = plan.entries(keep=True), "Conductance(memory=...)"
        return fitting_work(problem, entries, plan.width, self.memory, n_points, what)

    def _flows(self, problem: Problem, automaton: Automaton) -> "Flows":
        space = problem.space
        plan = lane_plan(problem.traced, space.sources, space.target, automaton)
        work = self._work(problem, plan, points_of(problem, problem.doi, slice(0, 1)).count)
        sizes = work.examples, work.points
        flows = Flows(plan, problem.examples or 1)
        wanted = [bool(automaton.classes[state]) for state in plan.states]
        for examples, parts in tiles(problem, plan.activations, sizes, self.progress):
            flows.clear(examples)
            for at in parts:
                flows.add(examples, at, wanted)
        return flows


class Flows:
    """What flows along the edges of a plan, for each example.

    Arguments:
        plan: the plan.
        batch: how many examples there are.

    Attributes:
        edges: the edges of the plan's space.
        along: `(examples, edges)`.
        total: the influence of the wanted paths, `(examples,)`.
        everything: the influence of all paths, `(examples,)`.
    """

    def __init__(self, plan: LanePlan, batch: int) -> None:
        self._plan, space = plan, plan.space
        self.edges = space.edges
        self._at = {edge: i for i, edge in enumerate(self.edges)}
        self._place = {node: i for i, node in enumerate(space.nodes)}
        self.along = np.zeros((batch, len(self.edges)))
        self.total, self.everything = np.zeros(batch), np.zeros(batch)
        # The absolute sums into each node; in the last column those of all paths into the target.
        self._absolute = np.zeros((batch, len(space.nodes) + 1))

    def clear(self, examples: slice) -> None:
        """Starts some examples anew."""
        for array in (self.along, self.total, self.everything, self._absolute):
            array[examples] = 0

    def add(self, examples: slice, at: Chunk, wanted: Sequence[bool]) -> None:
        """Adds what flows at some points, to the states of the target that are wanted."""
        plan = self._plan
        tangents = plan.push(at, keep=True)
        arrived = state_sums(plan, at, tangents)
        self.everything[examples] += arrived.sum(axis=1)
        self.total[examples] += arrived[:, wanted].sum(axis=1)
        self._absolute[examples, -1] += absolute_sum(plan, at, tangents)
        waiting = {plan.space.target: plan.finish(at, wanted)}
        for v in reversed(plan.order):
            self._pull(examples, at, v, tangents, waiting)

    def _pull(
        self,
        examples: slice,
        at: Chunk,
        v: Node,
        tangents: dict[Node, Lanes],
        waiting: dict[Node, Any],
    ) -> None:
        plan, us = self._plan, self._plan.before[v]
        # Nothing is pulled on from a source.
        sums = [
            None if u not in plan.before else waiting[u] if u in waiting else plan.zeros(u, at)
            for u in us
        ]
        added, along, absolute = plan.pull(at, v, waiting.pop(v), tangents, sums)
        waiting.update((u, c) for u, c in zip(us, added, strict=True) if c is not None)
        self.along[examples, [self._at[u, v] for u in us]] += over_points(along).T
        self._absolute[examples, self._place[v]] += over_points(absolute).sum(axis=0)

    def _ends(self, first: bool) -> np.ndarray:
        """`(examples, nodes)`: the sum over the edges out of each node, or into it."""
        found = np.zeros((len(self._place), len(self.along)))
        places = [self._place[u if first else v] for u, v in self.edges]
        np.add.at(found, places, self.along.T)
        return found.T

    @property
    def through(self) -> np.ndarray:
        """`(examples, nodes)`."""
        out, into = self._ends(first=True), self._ends(first=False)
        sources = [node in self._plan.space.sources for node in self._plan.space.nodes]
        return np.where(sources, out, into)

    @property
    def imbalance(self) -> np.ndarray:
        """The most by which what flows into a node differs from what flows out of it."""
        space = self._plan.space
        inner = [n not in (*space.sources, space.target) for n in space.nodes]
        gaps = np.abs(self._ends(first=True) - self._ends(first=False))[:, inner]
        return gaps.max(axis=1, initial=0.0)

    @property
    def scale(self) -> np.ndarray:
        """The largest absolute sum that flows into one node."""
        return self._absolute.max(axis=1)


def check_flows(flows: Flows) -> None:
    """Refuses flows that are no numbers.

    Raises:
        NonFiniteError: what flows along an edge, or all of it, is NaN or infinite.
    """
    bad = np.argwhere(~np.isfinite(flows.along))
    if bad.size or not np.all(np.isfinite(flows.everything)):
        where = ""
        if bad.size:
            u, v = flows.edges[bad[0, 1]]
            where = f" along {u} -> {v} (example {bad[0, 0]})"
        raise NonFiniteError(
            f"The influence{where} is NaN or infinite although all activations are finite: a "
            "partial is (as that of a square root at zero); choose points where the model is "
            "differentiable, such as a line that does not end there."
        )
