"""Which nodes are intervened on, and how."""

import abc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

from pathflow._described import described
from pathflow._errors import ArgumentError
from pathflow._near import close_matches
from pathflow.graph import Node, Step, as_step
from pathflow.intervention._intervention import AbstractIntervention, Mean, as_intervention
from pathflow.tracing import TracedGraph

_MEAN = Mean()

# Nodes that a message has room for.
_FEW = 20

StepsLike = Step | str | Node | Iterable[Step | str | Node]


class AbstractChoice(abc.ABC):
    """Chooses nodes of a graph, with an intervention for each."""

    @abc.abstractmethod
    def interventions(
        self, graph: TracedGraph, target: Node | None
    ) -> dict[Node, AbstractIntervention]:
        """The nodes and their interventions.

        Arguments:
            graph: the graph.
            target: the node asked about; None where several are.

        Raises:
            ArgumentError: a step matches no node, or two match one.
        """


@final
@dataclass(frozen=True)
class Ablate(AbstractChoice):
    """Replaces the nodes of some steps.

    Arguments:
        steps: a step, or several, as in `"c1@2:"` or `["f0", "f1"]`.
        instead: what they hold instead.
    """

    steps: StepsLike
    instead: AbstractIntervention = _MEAN

    def interventions(
        self, graph: TracedGraph, target: Node | None
    ) -> dict[Node, AbstractIntervention]:
        del target
        chosen = matching(graph, self.steps, "Ablate(steps)")
        return dict.fromkeys(chosen, as_intervention(self.instead))


@final
@dataclass(frozen=True)
class Keep(AbstractChoice):
    """Replaces all nodes but those of some steps, which are computed from what is left (compression
    of the graph to them).

    Arguments:
        steps: what is kept: a step, or several; an empty list keeps nothing.
        among: what is kept or replaced; nodes outside stay as they are, and the target is never
            replaced. By default all nodes that are computed from others.
        instead: what the others hold instead.

    Source: Lu et al. 2020, section 4.4 (compression of the graph to a path).
    """

    steps: StepsLike
    among: StepsLike | None = None
    instead: AbstractIntervention = _MEAN

    def interventions(
        self, graph: TracedGraph, target: Node | None
    ) -> dict[Node, AbstractIntervention]:
        kept = set(matching(graph, self.steps, "Keep(steps)"))
        if self.among is None:
            among = [n for n in graph.nodes if graph.functions[n].predecessors]
        else:
            among = matching(graph, self.among, "Keep(among)")
        left = [n for n in among if n not in kept and n != target]
        return dict.fromkeys(left, as_intervention(self.instead))


@final
@dataclass(frozen=True)
class _Each(AbstractChoice):
    """An intervention for each of several steps."""

    given: Mapping[Any, Any]
    caller: str

    def interventions(
        self, graph: TracedGraph, target: Node | None
    ) -> dict[Node, AbstractIntervention]:
        del target
        found: dict[Node, AbstractIntervention] = {}
        for steps, what in self.given.items():
            # One object for all nodes of a step, so that they share its draw.
            by = as_intervention(what, self.caller)
            for node in matching(graph, steps, f"{self.caller}(interventions)"):
                if node in found:
                    raise ArgumentError(
                        f"{self.caller}(interventions=...): node {str(node)!r} is matched by "
                        f"several steps, {str(steps)!r} among them; let one match it."
                    )
                found[node] = by
        return found


Interventions = AbstractChoice | Mapping[Any, Any]


def as_choice(given: Interventions, caller: str) -> AbstractChoice:
    """A choice from one, or from interventions under steps; errors name the `caller`.

    Raises:
        ArgumentError: it is neither.
    """
    if isinstance(given, AbstractChoice):
        return given
    if isinstance(given, Mapping):
        return _Each(given, caller)
    raise ArgumentError(
        f"{caller}(interventions={described(given)}) takes interventions under steps, as {{'c1@2': "
        "pathflow.Zero()}, or a choice such as pathflow.Keep('c1')."
    )


def _there_are(graph: TracedGraph, step: Step) -> str:
    """The nodes that a step may have meant: any of few, those near to it of many."""
    labels = [str(n) for n in graph.nodes]
    if len(labels) <= _FEW:
        return f"there are {' '.join(labels)}"
    some = close_matches(str(step), labels) or f"there are {' '.join(labels[:_FEW])} ..."
    return f"{some}; `graph.nodes` has all"


def matching(graph: TracedGraph, steps: StepsLike, what: str) -> list[Node]:
    """The nodes of some steps, in the graph's order.

    Raises:
        ArgumentError: it is neither a step nor several, or one of them matches no node.
        UnknownNodeError: a node is none of the graph.
        PatternError: a text is no step.
    """
    if isinstance(steps, Step | str | Node):
        steps = [steps]
    if not isinstance(steps, Iterable):
        raise ArgumentError(
            f"{what}={steps!r} takes a step, as in 'c1@2:', a node, or several of them."
        )
    found: set[Node] = set()
    for one in steps:
        if isinstance(one, Node):
            # A step without an index matches every iteration; a node is one of them.
            found.add(graph.node(one))
            continue
        step = as_step(one)
        matched = [n for n in graph.nodes if step.matches(n)]
        if not matched:
            raise ArgumentError(
                f"{what}: {str(step)!r} matches no node; {_there_are(graph, step)}."
            )
        found.update(matched)
    return [n for n in graph.nodes if n in found]
