"""The values of nodes as the function computes them, without an intervention."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._errors import ArgumentError
from pathflow.evaluation import NodeRunner, flat_arguments
from pathflow.graph import Node
from pathflow.tracing import GuardFunction, TracedGraph, Value


class Clean:
    """The values of all nodes at some arguments, each computed when it is first asked for.

    Arguments:
        graph: the graph.
        args: the function's arguments.
        qoi: a quantity of interest in place of the graph's, or None.
        in_axes: which axis of each argument holds examples.
        caller: who asks, for the errors.
    """

    def __init__(
        self, graph: TracedGraph, args: Sequence[Any], qoi: Any, in_axes: Any, caller: str
    ) -> None:
        flat, self.examples = flat_arguments(graph.program, args, qoi, in_axes, caller)
        self.runner = NodeRunner(graph, graph.context(flat))
        self.graph, self._qoi = graph, qoi
        self._values: dict[Node, Value] = {}
        self._others: dict[Any, tuple[Any, Clean]] = {}
        self._unasked: Node | None = None
        self._decided: set[GuardFunction] = set()

    def value(self, node: Node) -> Value:
        """The value of a node, `([examples,] *shape)`.

        Raises:
            ArgumentError: it is the quantity of interest, at other arguments than those that each
                have one of their own.
            DecisionChangedError: a decision falls otherwise than the graph has it.
        """
        if node == self._unasked:
            raise ArgumentError(
                f"node {str(node)!r} is the quantity of interest, of which every example has its "
                "own; it has no value at other arguments, so give one by Fix(value)."
            )
        self.check_decisions(self.graph.guards)
        return self._value(node)

    def check_decisions(self, guards: Iterable[GuardFunction]) -> None:
        """Refuses arguments at which one of some decisions of the graph falls otherwise; each is
        looked at once.

        Raises:
            DecisionChangedError: it does.
        """
        if len(self._decided) == len(self.graph.guards):
            # Asked with every value: a long loop has a decision for every iteration.
            return
        left = [g for g in guards if g not in self._decided]
        for guard in left:
            for node in guard.function.predecessors:
                self._value(node)
        if left:
            # An activation that is no number may be why a decision falls otherwise: it comes first.
            self.runner.check()
        self.runner.check_decisions(self._values, left)
        self._decided.update(left)

    def _value(self, node: Node) -> Value:
        pending = [node]
        while pending:
            last = pending[-1]
            before = self.graph.functions[last].predecessors
            missing = [n for n in before if n not in self._values]
            if last not in self._values and missing:
                pending.extend(missing)
                continue
            if last not in self._values:
                self._values[last] = self.runner.value(last, self._values)
            pending.pop()
        return self._values[node]

    def spread(self, node: Node) -> Value:
        """The value of a node with an axis of examples, `(examples, *shape)`."""
        return self.for_each(self.value(node))

    def for_each(self, value: Value) -> Value:
        """A value with an axis of examples, where the arguments hold several."""
        if self.examples is None or value.batched:
            return value
        shape = (self.examples, *value.array.shape)
        return Value(jnp.broadcast_to(value.array, shape), batched=True)

    def at(self, args: Sequence[Any], in_axes: Any, caller: str) -> "Clean":
        """The same at other arguments; of the same arguments the same object."""
        key = (id(args), repr(in_axes))
        if key not in self._others:
            # A quantity for each example asked about is none of the other arguments.
            own = self._has_quantity_per_example()
            found = Clean(self.graph, args, None if own else self._qoi, in_axes, caller)
            found._unasked = self.graph.default_target if own else None
            # The arguments are kept beside it, so that no others take their identity.
            self._others[key] = (args, found)
        return self._others[key][1]

    def _has_quantity_per_example(self) -> bool:
        pairs = zip(
            jax.tree.leaves(self._qoi), jax.tree.leaves(self.graph.program.qoi), strict=False
        )
        return any(jnp.ndim(given) > jnp.ndim(traced) for given, traced in pairs)
