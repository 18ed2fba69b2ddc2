"""Which nodes a refinement divides, and into what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pathflow._described import described
from pathflow._errors import ArgumentError, UnknownNodeError
from pathflow.graph import AbstractParts, Division, Node, Step, as_parts, as_step

# A node's label, a step of a pattern, several of them, or one to each kind of parts.
At = str | Node | Step | Sequence[str | Node | Step] | Mapping[str | Node | Step, AbstractParts]


def divisions_of(nodes: Iterable[Node], at: At, parts: AbstractParts) -> dict[Node, Division]:
    """The division of every node that is to be divided, in the order of the nodes.

    Arguments:
        nodes: those on the paths.
        at: which of them: labels or steps, or a mapping from them to parts of their own.
        parts: what they are divided into where `at` does not say.

    Raises:
        UnknownNodeError: nothing on the paths matches one of them.
        ArgumentError: there is none, a node is to be divided in two ways, or the parts are none.
        PatternError: a text is no step.
        ShapeError: a node has no such parts.
    """
    table = tuple(nodes)
    chosen: dict[Node, AbstractParts] = {}
    for which, into in _choices(at, parts):
        for node in _matching(which, table):
            if chosen.setdefault(node, into) != into:
                raise ArgumentError(
                    f"at: {node} is matched twice, to be divided into {chosen[node]!r} and into "
                    f"{into!r}; name it once."
                )
    return {n: chosen[n].divide(n.shape) for n in table if n in chosen}


def _choices(at: At, parts: AbstractParts) -> list[tuple[Any, AbstractParts]]:
    if isinstance(at, Mapping):
        found = [(which, as_parts(into)) for which, into in at.items()]
    else:
        several = [at] if isinstance(at, str | Node | Step) else at
        if not isinstance(several, Iterable):
            raise ArgumentError(
                f"at={described(at)} names no nodes; give a node's label, a step such as 'c1@2:', "
                "several of them, or a mapping from them to parts."
            )
        found = [(which, as_parts(parts)) for which in several]
    if not found:
        raise ArgumentError("at is empty; name a node on the paths, or a step such as 'c1@2:'.")
    return found


def _matching(which: Any, nodes: Sequence[Node]) -> list[Node]:
    if isinstance(which, Node):
        found = [n for n in nodes if n == which]
    else:
        # A name may hold what a step reads as a glob, so a node's own label comes first.
        found = [n for n in nodes if str(n) == which] or list(filter(as_step(which).matches, nodes))
    if not found:
        shown = " ".join(map(str, nodes[:12])) + " ..." * (len(nodes) > 12)
        raise UnknownNodeError(f"at={str(which)!r} is no node of the paths, which pass {shown}.")
    return found
