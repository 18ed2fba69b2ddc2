"""Executions: how the sums over the states of an automaton are computed.

An aggregation is a question (which paths) and an execution (how their influences are summed). Every
execution gives the same sums, so that each is a check of the others.
"""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from pathflow.graph import Automaton
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._work import Work
from pathflow.results import Aggregation, Audit


@dataclass(frozen=True, eq=False)
class StateSums:
    """The influence of the paths that end in each state of an automaton.

    Arguments:
        values: `(examples, states)`, one row where the problem has no axis of examples.
        scale: for each example the size that rounding errors are measured against.
        what: what the scale is, in words.
    """

    values: Float64[np.ndarray, "B states"]
    scale: Float64[np.ndarray, " B"]
    what: str


class AbstractExecution(abc.ABC):
    """A way to sum influences over all paths, apart by the state that an automaton ends in."""

    @abc.abstractmethod
    def run(self, problem: Problem, automaton: Automaton) -> StateSums:
        """The sum for each state, at the points of `problem.doi`."""

    @abc.abstractmethod
    def work(self, problem: Problem, automaton: Automaton, n_points: int) -> Work:
        """How the work is cut into tiles, and the bytes that they take.

        Arguments:
            problem: what is asked.
            automaton: the states.
            n_points: how many points of interest there are.

        Raises:
            ArgumentError: the budget does not hold one example at one point.
        """


def aggregation(
    automaton: Automaton,
    values: Float64[np.ndarray, "*B states"],
    counts: Sequence[int] | None,
    audit: Audit,
    metadata: Mapping[str, Any],
) -> Aggregation:
    """The sums of states, put together by the classes of the states.

    Arguments:
        automaton: the automaton.
        values: the sum for each state.
        counts: the number of paths that end in each state; None where it is unknown.
        audit: the residuals.
        metadata: how the result came about.
    """
    states: dict[frozenset[str], list[int]] = {}
    for state, classes in enumerate(automaton.classes):
        if counts is None or counts[state]:
            states.setdefault(classes, []).append(state)
    amounts = np.stack([values[..., chosen].sum(axis=-1) for chosen in states.values()], axis=-1)
    numbers = None
    if counts is not None:
        numbers = tuple(sum(counts[q] for q in chosen) for chosen in states.values())
    return Aggregation(automaton.names, tuple(states), amounts, numbers, audit, metadata)
