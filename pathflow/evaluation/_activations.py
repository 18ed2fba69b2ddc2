"""Activations of every node that matters, at all points of interest, each with its local
partials.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from typing import Any

import jax
import numpy as np

from pathflow._errors import DecisionChangedError, NonFiniteError, NotDifferentiableError
from pathflow.evaluation._kernel import (
    Applied,
    Partial,
    added,
    evaluator,
    finite_at,
    flags_of,
    together,
)
from pathflow.graph import Node
from pathflow.tracing import (
    QOI_NAME,
    DerivativeMode,
    GuardFunction,
    JointPartial,
    LocalPartial,
    NodeFunction,
    TracedGraph,
    Value,
    derivative_mode,
)

Edge = tuple[Node, Node]
# All edges into a node from some of its predecessors, together.
JointEdge = tuple[tuple[Node, ...], Node]


def value_ancestors(
    traced: TracedGraph, wanted: Iterable[NodeFunction], stop: Iterable[Node]
) -> set[Node]:
    """The nodes whose values the wanted functions need, through edges with or without a
    derivative.
    """
    ends = frozenset(stop)
    found: set[Node] = set()
    pending = [p for f in wanted for p in f.predecessors]
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            if node not in ends:
                pending.extend(traced.functions[node].predecessors)
    return found


@lru_cache(4096)
def local_partial(computes: Any, slot: int) -> LocalPartial:
    return LocalPartial(computes, slot)


@lru_cache(4096)
def _joint_partial(computes: Any, slots: tuple[int, ...]) -> JointPartial:
    return JointPartial(computes, slots)


def edge_partials(traced: TracedGraph, edges: Iterable[Edge]) -> dict[Edge, LocalPartial]:
    """The local partial of each edge; edges of one class share it."""
    found = {}
    for u, v in edges:
        function = traced.functions[v]
        slot = function.slot(u)
        with _differentiated(function, (u,), (slot,)):
            found[u, v] = local_partial(function.computes, slot)
    return found


def joint_partial(traced: TracedGraph, edge: JointEdge) -> JointPartial:
    """The local partial of a node with respect to several predecessors, which nodes of its class
    share.
    """
    before, node = edge
    function = traced.functions[node]
    slots = tuple(dict.fromkeys(map(function.slot, before)))
    with _differentiated(function, before, slots):
        return _joint_partial(function.computes, slots)


@contextmanager
def _differentiated(
    function: NodeFunction, predecessors: tuple[Node, ...], slots: tuple[int, ...]
) -> Iterator[None]:
    """Says what JAX's refusals to differentiate a node mean here.

    Raises:
        NotDifferentiableError: it refuses both directions, or what it gives is no linear map.
    """
    node, computes = str(function.node), function.computes
    before = ", ".join(repr(str(u)) for u in predecessors)
    try:
        yield
    except (NotImplementedError, TypeError, ValueError) as error:
        found = None if computes is None else derivative_mode(computes, slots, ask=True)
        if found is not None and found.mode is DerivativeMode.NONE:
            held = ", ".join(found.primitives) or "something in it"
            raise NotDifferentiableError(
                f"node {node!r} computes something from {before} that JAX differentiates neither "
                f"forward nor in reverse ({held}): {found.why.rstrip('.')}; give it a rule with "
                "jax.custom_jvp, tag a value between several such things, or keep it off the "
                "paths with jax.lax.stop_gradient."
            ) from error
        if isinstance(error, NotImplementedError):
            raise NotDifferentiableError(
                f"node {node!r} computes something from {before} that has no linear derivative: "
                f"{error}"
            ) from error
        raise


class Activations:
    """Evaluates nodes in order.

    Arguments:
        traced: the graph.
        nodes: the nodes to evaluate, closed under predecessors up to the sources.
        sources: their values are given.
        partials: the edges whose partials are wanted, one by one or jointly.
        guards: whether to check the graph's decisions; `nodes` must then hold what they need.
    """

    def __init__(
        self,
        traced: TracedGraph,
        nodes: Iterable[Node],
        sources: Sequence[Node],
        partials: Mapping[Any, Partial],
        *,
        guards: bool = True,
    ) -> None:
        wanted = set(nodes)
        self._order = [n for n in traced.nodes if n in wanted]
        self._functions = traced.functions
        self._guards = traced.guards if guards else ()
        self._sources = frozenset(sources)
        self._partials: dict[Node, list[tuple[Any, Partial]]] = {}
        for edge, partial in partials.items():
            self._partials.setdefault(edge[1], []).append((edge, partial))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are evaluated, in order."""
        return tuple(self._order)

    @property
    def entries(self) -> int:
        """Entries of the values and residuals that each point has of its own, for one example."""
        moved: set[Node] = set(self._sources)
        for node in self._order:
            if moved.intersection(self._functions[node].predecessors):
                moved.add(node)
        values = sum(prod(n.shape) for n in self._order if n in moved)
        # The edges from the terms of a sum have one partial, whose residuals are held once.
        each = ({p for _, p in self._partials.get(node, ())} for node in moved)
        return values + sum(p.residual_entries for partials in each for p in partials)

    def __call__(
        self,
        context: Mapping[Any, Value],
        source_values: Mapping[Node, Value],
        first: tuple[int, int] = (0, 0),
    ) -> tuple[dict[Node, Value], dict[Any, Applied]]:
        """The value of each node and the applied partial of each edge.

        Arguments:
            context: the value of each context variable.
            source_values: the value of each source.
            first: the numbers of the first example and of the first point, for messages.

        Raises:
            NonFiniteError: an activation is NaN or infinite; it names the first such node, with the
                example and the point.
            DecisionChangedError: a branch or loop would go another way than the graph has it.
        """
        values: dict[Node, Value] = {}
        applied: dict[Any, Applied] = {}
        finite: list[tuple[Node, Value]] = []
        # Nodes that read the same sum (the heads of a layer) have it formed once.
        sums: dict[tuple[Node, ...], Value] = {}
        for node in self._order:
            if node in self._sources:
                values[node] = source_values[node]
                finite.append((node, finite_at(source_values[node])))
                continue
            values[node], ok, parts = evaluate_node(
                self._functions[node], values, context, sums, self._partials.get(node, ())
            )
            applied.update(parts)
            finite.append((node, ok))
        check_finite(finite, first)
        for guard in self._guards:
            check_decision(guard, values, context)
        return values, applied


def evaluate_node(
    function: NodeFunction,
    values: Mapping[Node, Value],
    context: Mapping[Any, Value],
    sums: dict[tuple[Node, ...], Value],
    partials: Sequence[tuple[Any, Partial]] = (),
) -> tuple[Value, Value, dict[Any, Applied]]:
    """What a node holds, whether that is finite at each example and point, and the applied partials
    of its edges.

    Arguments:
        function: the node's.
        values: of its predecessors.
        context: the values that depend on no node.
        sums: of the predecessors of nodes that read only their sum; what is missing is added.
        partials: the edges whose partials are wanted.
    """
    given = [values[p] for p in function.predecessors]
    if function.summed:
        if function.predecessors not in sums:
            sums[function.predecessors] = added(given)
        given = [sums[function.predecessors]]
    inputs = [*given, *(context[a] for a in function.context)]
    if function.computes is None:
        (value,) = inputs
        return value, finite_at(value), {}
    flags = flags_of(inputs)
    # The edges from the terms of a sum have one partial.
    distinct = tuple(dict.fromkeys(p for _, p in partials))
    run = evaluator(function.computes, distinct, flags)
    with together(f"node {str(function.node)!r}"):
        array, finite, residuals = run(*(v.array for v in inputs))
    spread = {"batched": any(b for b, _ in flags), "pointed": any(p for _, p in flags)}
    known = {
        partial: Applied(
            partial, [Value(r, **spread) for r in rs], [inputs[i] for i in partial.shared]
        )
        for partial, rs in zip(distinct, residuals, strict=True)
    }
    return Value(array, **spread), Value(finite, **spread), {edge: known[p] for edge, p in partials}


def check_finite(flags: Sequence[tuple[Node, Value]], first: tuple[int, int] = (0, 0)) -> None:
    """Refuses values that are not finite.

    Arguments:
        flags: for each node, in order, whether its value is finite at each example and point.
        first: the numbers of the first example and of the first point.

    Raises:
        NonFiniteError: it names the first such node, with the example and the point.
    """
    # One transfer for all nodes: the flags are still being computed when this is called.
    fetched = jax.device_get([flag.array for _, flag in flags])
    bad = [(n, f, ok) for (n, f), ok in zip(flags, fetched, strict=True) if not np.all(ok)]
    if not bad:
        return
    node, flag, ok = bad[0]
    at = iter(np.argwhere(~np.asarray(ok))[0].tolist())
    example = first[0] + next(at) if flag.batched else None
    point = first[1] + next(at) if flag.pointed else None
    raise NonFiniteError(
        f"The activation of node {str(node)!r} is NaN or infinite {place(example, point)}"
        + (f" (and {len(bad) - 1} more, after it)" if len(bad) > 1 else "")
        + "; look at what it computes there, or choose another baseline."
        + (" Is an index of the quantity of interest outside the output?" * _is_qoi(node)),
        node=str(node),
        example=example,
        point=point,
    )


def place(example: int | None, point: int | None) -> str:
    """Where a value is, in words: a number of each that is known."""
    if example is None and point is None:
        return "at these inputs"
    of_example = "" if example is None else f"in example {example}"
    of_point = "" if point is None else f"at point {point} of the distribution of interest"
    return " ".join(filter(None, (of_point, of_example)))


def _is_qoi(node: Node) -> bool:
    return str(node) == QOI_NAME


def check_decision(
    guard: GuardFunction, values: Mapping[Node, Value], context: Mapping[Any, Value]
) -> None:
    """Refuses values with which a decision falls otherwise than the graph has it.

    Raises:
        DecisionChangedError: it does.
    """
    value, _, _ = evaluate_node(guard.function, values, context, {})
    found = np.asarray(value.array).astype(int)
    if np.any(found != guard.expected):
        other = int(found[found != guard.expected].flat[0]) if found.ndim else int(found)
        raise DecisionChangedError(
            f"The graph was traced with the {guard.where} deciding {guard.expected}, but for some "
            f"of these values it decides {other}, so the model is another graph there: "
            "graph.retrace(*args) traces it for arguments that decide so; or choose a narrower "
            "distribution of interest, or arguments that decide as the graph does."
        )
