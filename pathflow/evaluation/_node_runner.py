"""The values of single nodes, in an order of the caller's."""

from collections.abc import Iterable, Mapping
from typing import Any

from pathflow.evaluation._activations import check_decision, check_finite, evaluate_node
from pathflow.evaluation._kernel import finite_at
from pathflow.graph import Node
from pathflow.tracing import TracedGraph, Value


class NodeRunner:
    """Evaluates nodes one at a time from values that the caller has.

    Arguments:
        graph: the graph.
        context: the value of each context variable.
    """

    def __init__(self, graph: TracedGraph, context: Mapping[Any, Value]) -> None:
        self._graph, self._context = graph, context
        self._finite: list[tuple[Node, Value]] = []

    def value(self, node: Node, values: Mapping[Node, Value]) -> Value:
        """What the node holds, given the values of its predecessors."""
        # Copies of a node along paths read other values of the same predecessors: no sum is kept.
        found, ok, _ = evaluate_node(self._graph.functions[node], values, self._context, {})
        self._finite.append((node, ok))
        return found

    def given(self, node: Node, value: Value) -> Value:
        """A value that is not the node's own, to be checked with the others."""
        self._finite.append((node, finite_at(value)))
        return value

    def check(self) -> None:
        """Refuses values since the last check that are not finite.

        Raises:
            NonFiniteError: one is not.
        """
        flags, self._finite = self._finite, []
        check_finite(flags)

    def check_decisions(self, values: Mapping[Node, Value], among: Iterable[Any]) -> None:
        """Refuses values with which one of some decisions of the graph falls otherwise.

        Raises:
            DecisionChangedError: it does.
        """
        for guard in among:
            check_decision(guard, values, self._context)
