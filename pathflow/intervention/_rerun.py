"""A graph evaluated again with some of its nodes replaced."""

from collections.abc import Iterable, Mapping

from pathflow.graph import Node
from pathflow.intervention._clean import Clean
from pathflow.intervention._intervention import AbstractIntervention
from pathflow.tracing import GuardFunction, TracedGraph, Value


def rerun(
    clean: Clean,
    chosen: Mapping[Node, AbstractIntervention],
    wanted: Iterable[Node],
) -> dict[Node, Value]:
    """The values of nodes under interventions.

    Arguments:
        clean: the values without them, and of which graph.
        chosen: the intervention of each intervened node.
        wanted: the nodes asked about.

    Returns:
        The value of every node that was needed for them.

    Raises:
        NonFiniteError: a value is NaN or infinite.
        DecisionChangedError: a decision falls otherwise than the graph has it.
    """
    graph, wanted = clean.graph, set(wanted)
    guards = _guards_after(graph, chosen)
    # The others fall as they do without the interventions, which is looked at once.
    after = set(guards)
    clean.check_decisions(g for g in graph.guards if g not in after)
    needed = _needed(graph, chosen, wanted | {p for g in guards for p in g.function.predecessors})
    values: dict[Node, Value] = {}
    for node in graph.nodes:
        if node in needed:
            values[node] = _value(node, values, clean, chosen)
    clean.runner.check()
    clean.runner.check_decisions(values, guards)
    return values


def _value(
    node: Node,
    values: Mapping[Node, Value],
    clean: Clean,
    chosen: Mapping[Node, AbstractIntervention],
) -> Value:
    by, runner = chosen.get(node), clean.runner
    if by is None:
        return runner.value(node, values)
    own = runner.value(node, values) if by.needs_value else None
    # One for each example even where all are equal: what reads it is then compiled as without the
    # intervention, and not again for every set of intervened nodes.
    return runner.given(node, clean.for_each(by.replace(node, own, clean)))


def _needed(
    graph: TracedGraph, chosen: Mapping[Node, AbstractIntervention], wanted: Iterable[Node]
) -> set[Node]:
    """The nodes that must be evaluated: what is behind a replaced node need not be."""
    needed: set[Node] = set()
    pending = list(wanted)
    while pending:
        node = pending.pop()
        if node in needed:
            continue
        needed.add(node)
        by = chosen.get(node)
        if by is None or by.needs_value:
            pending.extend(graph.functions[node].predecessors)
    return needed


def _guards_after(graph: TracedGraph, chosen: Iterable[Node]) -> list[GuardFunction]:
    """The decisions that an intervention can change."""
    changed = set(chosen)
    for node in graph.nodes:
        if changed.intersection(graph.functions[node].predecessors):
            changed.add(node)
    return [g for g in graph.guards if changed.intersection(g.function.predecessors)]
