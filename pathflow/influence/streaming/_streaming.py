"""Sums over all paths of a function as it is: no graph, no unrolling."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow.evaluation import Activations, value_ancestors
from pathflow.graph import Automaton
from pathflow.influence.aggregation._execution import AbstractExecution, StateSums
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.influence.question._tiles import check_memory, tiles
from pathflow.influence.question._work import Work
from pathflow.influence.streaming._mixing import make_mixing
from pathflow.influence.streaming._stream import stream, stream_work

SCALE = "the absolute sum of the influences over states and points"


@final
@dataclass(frozen=True)
class Streaming(AbstractExecution):
    """One derivative of the function as it is, whose tangent has a lane per state.

    At every tag the tangents move between the lanes as the automaton does between its states,

        t'[s'] = sum over s with next(s, node) = s' of t[s],

    so that each lane holds the sum over all paths that are in its state. Scans stay scans, so work
    and memory are those of as many `jax.jvp` as there are states, and compilation does not grow
    with the length of a loop.

    The structural residual is relative to the sum over states and points of the absolute
    influences. Paths in one state are added before anything can be known of them, so where they
    cancel to less than rounding, the residual may say FAILED in float32 for a total that is right:
    ask in float64, or for classes that cancel less.

    Arguments:
        memory: bytes that activations and tangents may take together, by an estimate. Examples and
            points are worked on in tiles that fit; a tile holds at least one point.
        progress: called with the fraction done after each tile.

    Example:
        ```python
        search = pf.Aggregate({"primary": "x@0 g0 c0 h0 g1 c1+ h1 qoi"}, pf.Streaming())
        ```

    Source: M. Mohri, "Semiring frameworks and algorithms for shortest-distance problems" (2002),
    with the linear maps of forward-mode differentiation as weights.
    """

    memory: int = 2**30
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_memory(self.memory, "Streaming(memory=...)")

    def run(self, problem: Problem | Question, automaton: Automaton) -> StateSums:
        """The sum for each state, at the points of `problem.doi`.

        Raises:
            NotDifferentiableError: JAX cannot differentiate the function.
            DecisionChangedError: at some point the graph's decisions are others, or a source or the
                target is never computed.
            NonFiniteError: an activation is NaN or infinite.
        """
        if isinstance(problem, Problem):
            _check_decisions(problem)
        mixing = make_mixing(automaton, problem.program, problem.sources, problem.target)
        n_points = points_of(problem, problem.doi, slice(0, 1)).count
        work = stream_work(problem, mixing, self.memory, n_points)
        found = stream(problem, mixing, work, self.progress)
        values = np.zeros((len(found.values), automaton.n_states))
        values[:, list(mixing.states)] = found.values
        return StateSums(values, found.scale, SCALE)

    def work(self, problem: Problem, automaton: Automaton, n_points: int) -> Work:
        mixing = make_mixing(automaton, problem.program, problem.sources, problem.target)
        return stream_work(problem, mixing, self.memory, n_points)


def _check_decisions(problem: Problem) -> None:
    """Whether the decisions that the graph rests on hold at all points: its paths are counted."""
    traced, sources = problem.traced, problem.space.sources
    if not traced.guards:
        return
    nodes = value_ancestors(traced, [g.function for g in traced.guards], sources)
    for _, parts in tiles(problem, Activations(traced, nodes, sources, {}), (1, 64), None):
        for _ in parts:
            pass
