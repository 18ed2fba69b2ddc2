"""The influences of classes of paths, without any single path."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError, NonFiniteError, PatternWarning
from pathflow._user_warning import warn_user
from pathflow.graph import (
    Automaton,
    PathSpace,
    Patterns,
    as_partition,
    automaton_of,
    explain_no_match,
)
from pathflow.influence._search import AbstractSizedSearch
from pathflow.influence.aggregation._execution import AbstractExecution, StateSums, aggregation
from pathflow.influence.aggregation._lane_plan import trellis_of
from pathflow.influence.aggregation._on_graph import OnGraph
from pathflow.influence.question._audit import audit_of_sums, refined
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._work import Work
from pathflow.results import Aggregation, check_names


@final
@dataclass(frozen=True)
class Aggregate(AbstractSizedSearch[Aggregation]):
    """The exact influence of every class of paths and of the rest, whatever the number of paths.

    The partition becomes a deterministic automaton that reads a path node by node and ends in a
    state that tells the path's classes; so every path counts once, in one state. Classes may
    overlap (patterns): a path in two of them counts in both, and once in the total.

    Arguments:
        partition: patterns under names, as `{"primary": "x@2 g0 c0 h0 g1 c1+ h1 qoi"}`, or a
            partition such as `pathflow.CountSteps` or `pathflow.PathLength`.
        execution: how the sums are computed: `OnGraph()` goes along the graph's nodes,
            `Streaming()` through the function as it is, with its loops; each checks the other.

    Raises:
        PatternError: the partition is none, or is empty, or a text is no pattern.
        ArgumentError: a class is named "rest" or "total"; `execution` is none.

    Example:
        ```python
        search = pf.Aggregate({"primary": "x@0 g0 c0 h0 g1 c1+ h1 qoi"})
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=search)
        result["primary"] / result.total
        ```

    Source: sums of products over paths as a matrix product over a semiring, with the states of a
    finite automaton: M. Mohri, "Semiring frameworks and algorithms for shortest-distance problems"
    (2002).
    """

    partition: Any
    execution: AbstractExecution = field(default_factory=OnGraph)

    def __post_init__(self) -> None:
        object.__setattr__(self, "partition", as_partition(self.partition))
        check_names(tuple(self.partition.names))
        if not isinstance(self.execution, AbstractExecution):
            raise ArgumentError(
                "Aggregate(execution=...) takes an execution such as OnGraph(), got "
                f"{self.execution!r}."
            )

    def work(self, problem: Problem, n_points: int) -> Work:
        automaton = automaton_of(self.partition, problem.space.nodes)
        return self.execution.work(problem, automaton, n_points)

    def run(self, problem: Problem) -> Aggregation:
        """The sums over the classes.

        Raises:
            PatternError: the partition needs too many states.
            NonFiniteError: an activation, or the influence of a class, is NaN or infinite.
        """
        automaton = automaton_of(self.partition, problem.space.nodes)
        trellis = trellis_of(problem.space, automaton)
        if isinstance(self.partition, Patterns):
            warn_of_empty(problem.space, self.partition, trellis.counts)
        doi, checks = refined(problem)
        sums = self.execution.run(problem.with_doi(doi), automaton)
        counts = [0] * automaton.n_states
        for end in trellis.ends:
            counts[trellis.vertices[end].state] = trellis.prefix_count[end]
        check_sums(automaton, sums)
        total = sums.values.sum(axis=1)
        return aggregation(
            automaton,
            sums.values if problem.examples is not None else sums.values[0],
            counts,
            audit_of_sums(problem, total, sums.scale, checks, sums.what),
            {
                **problem.metadata(doi, self),
                "partition": repr(self.partition),
                "execution": type(self.execution).__name__,
            },
        )


def warn_of_empty(space: PathSpace, partition: Patterns, counts: dict[str | None, int]) -> None:
    """Warns of each pattern that matches no path, and says why."""
    for name, pattern in partition.patterns.items():
        if not counts[name]:
            warn_user(f"class {name!r}: {explain_no_match(space, pattern)}", PatternWarning)


def check_sums(automaton: Automaton, sums: StateSums) -> None:
    """Refuses sums that are no numbers.

    Raises:
        NonFiniteError: the influence of a class is NaN or infinite.
    """
    bad = np.argwhere(~np.isfinite(sums.values))
    if not bad.size:
        return
    example, state = bad[0]
    classes = ", ".join(map(repr, sorted(automaton.classes[state]))) or "the rest"
    raise NonFiniteError(
        f"The influence of the paths in {classes} is NaN or infinite (example {example}) although "
        "all activations are finite: a partial along one of them is (as that of a square root at "
        "zero); choose points where the model is differentiable, such as a line that does not end "
        "there."
    )
