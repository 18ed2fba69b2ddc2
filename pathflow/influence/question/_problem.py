"""What is asked of a search: a graph, its inputs, sources and a target, and a distribution of
interest; checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError, NoPathError, NotDifferentiableError
from pathflow.evaluation import (
    Activations,
    check_concrete,
    check_examples,
    flat_arguments,
    value_ancestors,
)
from pathflow.graph import Node, PathSpace
from pathflow.influence.question._asked import check_doi, ends_of, facts, spread
from pathflow.influence.question._devices import Devices
from pathflow.interest import AbstractDoI
from pathflow.tracing import Program, TracedGraph, Value, kept


@dataclass(frozen=True, eq=False)
class Problem:
    """A checked question about the paths of a graph.

    Arguments:
        traced: the graph with its functions.
        space: the paths from the sources to the target.
        args: the value of each flat argument of the traced function.
        examples: the number of examples, or None where the arguments have no example axis.
        doi: the distribution of interest.
        devices: over which the work is spread; None for the one that JAX takes.

    Nothing is computed until it is asked for, so that a search can refuse a question at no cost.
    """

    traced: TracedGraph
    space: PathSpace
    args: tuple[Value, ...]
    examples: int | None
    doi: AbstractDoI
    devices: Devices | None = None

    @cached_property
    def context(self) -> dict[Any, Value]:
        """The value of each context variable."""
        return self.traced.context(self.args)

    @cached_property
    def placed_context(self) -> dict[Any, Value]:
        """The context, what examples share on every device that works."""
        return self.context if self.devices is None else self.devices.replicated(self.context)

    @cached_property
    def source_values(self) -> tuple[Value, ...]:
        """The sources' values at the arguments."""
        found, _ = _source_activations(self.traced, self.space.sources)(self.context, {})
        return tuple(spread(found[s], self.examples) for s in self.space.sources)

    @property
    def program(self) -> Program:
        return self.traced.program

    @property
    def sources(self) -> tuple[Node, ...]:
        return self.space.sources

    @property
    def target(self) -> Node:
        return self.space.target

    def with_doi(self, doi: AbstractDoI) -> "Problem":
        """The same question at another distribution of interest."""
        # The same object keeps what is computed already.
        return self if doi is self.doi else replace(self, doi=doi)

    def on(self, devices: Devices | None) -> "Problem":
        """The same question, spread over devices.

        Raises:
            ArgumentError: there are fewer examples than devices for them.
        """
        if devices is None:
            return self
        devices.check_examples(self.examples)
        return replace(self, devices=devices)

    @property
    def dtype(self) -> Any:
        return np.dtype(self.space.target.dtype)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Notes on dependences that carry no derivative."""
        return tuple(f"{u} -> {v}" for u, v in self.traced.blocked)

    @property
    def dtypes(self) -> frozenset[str]:
        """The dtypes of the values on the paths."""
        return frozenset(n.dtype for n in self.space.nodes)

    def metadata(self, doi: AbstractDoI, search: Any) -> dict[str, Any]:
        """What a reader of the result must know of how it came about."""
        found = facts(self.program, self.sources, self.target, doi, type(search).__name__)
        return {**found, "graph": self.traced.graph.fingerprint()}


def make_problem(
    traced: TracedGraph,
    args: Sequence[Any],
    source: Any,
    target: Any,
    doi: AbstractDoI,
    qoi: Any,
    in_axes: Any,
    caller: str = "attribute",
) -> Problem:
    """Checks the arguments of `attribute`; see there for the errors, which name the `caller`."""
    if not isinstance(traced, TracedGraph):
        raise ArgumentError(
            f"{caller}(graph=...) takes what pathflow.trace returns, got {type(traced).__name__}."
        )
    check_doi(doi, caller)
    check_concrete(caller, args=args, qoi=qoi, doi=doi, graph=traced.qoi)
    space = _space(traced, source, target, caller)
    values, examples = flat_arguments(traced.program, args, qoi, in_axes, caller)
    check_examples(doi, [len(n.shape) for n in space.sources], examples, caller)
    return Problem(traced, space, values, examples, doi)


def _space(traced: TracedGraph, source: Any, target: Any, caller: str) -> PathSpace:
    sources, end = ends_of(traced.program, traced.node, source, target, caller)
    try:
        return traced.paths(sources, end)
    except NoPathError as error:
        for node in sources:
            _check_blocked(traced, node, end)
        raise error


def _check_blocked(traced: TracedGraph, source: Node, target: Node) -> None:
    """Says so if the source reaches the target only through something that stops derivatives."""
    if traced.count_paths(source, target):
        return
    reached = {source}
    for node in traced.nodes:
        if reached.intersection(traced.functions[node].predecessors):
            reached.add(node)
    if target in reached:
        stops = [f"{u} -> {v}" for u, v in traced.blocked if u in reached]
        raise NotDifferentiableError(
            f"source {str(source)!r} reaches target {str(target)!r} only through integers, "
            f"comparisons or stop_gradient ({', '.join(stops[:3])}), so its influence is zero "
            "everywhere; choose a source after them."
        )


@kept
def _source_activations(traced: TracedGraph, sources: tuple[Node, ...]) -> Activations:
    wanted = [traced.functions[s] for s in sources]
    return Activations(
        traced, value_ancestors(traced, wanted, ()) | set(sources), (), {}, guards=False
    )
