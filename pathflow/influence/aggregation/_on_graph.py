"""Sums over all paths of an explicit graph, by dynamic programming over nodes and states."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow.graph import Automaton
from pathflow.influence.aggregation._execution import AbstractExecution, StateSums
from pathflow.influence.aggregation._lane_plan import LanePlan, Lanes, lane_plan
from pathflow.influence.question._devices import Devices, check_devices
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import Chunk, check_memory, fitting_work, tiles
from pathflow.influence.question._work import Work

SCALE = "the absolute sum of the entries that reach the target"


@final
@dataclass(frozen=True)
class OnGraph(AbstractExecution):
    """Dynamic programming over (node, state), node by node along the graph.

    Every node holds one tangent per state that the automaton may be in there: the sum of the
    tangents of all paths that lead to the node in that state,

        t[v, s'] = sum over u -> v and s with next(s, v) = s' of J[u -> v] t[u, s].

    One push into each node, for all its predecessors and states together, so the work grows with
    nodes times states whatever the number of paths, and the length of a loop costs no compilation.

    The structural residual is relative to the sum over states, points and entries of the absolute
    values of which the target's tangents are the sums: what rounding is measured against where
    influences are added before they can be told apart, as `jax.jvp` does too.

    Arguments:
        memory: bytes for the activations and tangents that are held at one time. Work is cut into
            tiles of examples and points that fit.
        progress: called with the fraction done after each tile.
        devices: over which the work is spread; by default the one that JAX takes. The budget is
            then for each device.
    """

    memory: int = 2**30
    progress: Any = field(default=None, compare=False)
    devices: Devices | None = None

    def __post_init__(self) -> None:
        check_memory(self.memory, "OnGraph(memory=...)")
        check_devices(self.devices, "OnGraph")

    def run(self, problem: Problem, automaton: Automaton) -> StateSums:
        """The sum for each state, at the points of `problem.doi`.

        Raises:
            ArgumentError: the budget does not hold one example at one point.
            NonFiniteError: an activation is NaN or infinite.
        """
        problem, space = problem.on(self.devices), problem.space
        plan = lane_plan(problem.traced, space.sources, space.target, automaton)
        n_points = points_of(problem, problem.doi, slice(0, 1)).count
        work = self.work(problem, automaton, n_points)
        batch = problem.examples or 1
        values, scale = np.zeros((batch, automaton.n_states)), np.zeros(batch)
        for examples, parts in tiles(
            problem, plan.activations, (work.examples, work.points), self.progress
        ):
            values[examples], scale[examples] = 0, 0
            for at in parts:
                tangents = plan.push(at)
                values[examples, plan.states] += state_sums(plan, at, tangents)
                scale[examples] += absolute_sum(plan, at, tangents)
        return StateSums(values, scale, SCALE)

    def work(self, problem: Problem, automaton: Automaton, n_points: int) -> Work:
        problem, space = problem.on(self.devices), problem.space
        plan = lane_plan(problem.traced, space.sources, space.target, automaton)
        entries, what = plan.entries(keep=False), "OnGraph(memory=...)"
        return fitting_work(problem, entries, plan.width, self.memory, n_points, what)


def state_sums(plan: LanePlan, at: Chunk, tangents: dict[Any, Lanes]) -> np.ndarray:
    """`(examples, states of the target)`: the influences that arrive in each of them."""
    if not plan.order:
        return np.zeros((at.examples or 1, len(plan.states)))
    arrived = np.asarray(tangents[plan.space.target][0], np.float64)[: len(plan.states)]
    weighted = arrived * np.asarray(at.weights, np.float64)
    return np.atleast_2d(weighted.sum(axis=-1).T)


def absolute_sum(plan: LanePlan, at: Chunk, tangents: dict[Any, Lanes]) -> np.ndarray:
    """`(examples,)`: the absolute sum of the entries that add up to the target's tangents."""
    if not plan.order:
        return np.zeros(at.examples or 1)
    target = plan.space.target
    nothing = [None] * len(plan.before[target])
    _, _, absolute = plan.pull(at, target, plan.finish(at), tangents, nothing)
    return over_points(absolute).sum(axis=0)


def over_points(flows: Any) -> np.ndarray:
    """`(edges, examples)` from `(edges, [examples,] points)`, in float64."""
    summed = np.asarray(flows, np.float64).sum(axis=-1)
    return summed[:, None] if summed.ndim == 1 else summed
