"""Hops: the stretches of a trellis between one choice and the next.

A path through a gate has no choice there: the gate leads to its cell and nowhere else. What is
searched are the vertices where paths part, the *junctions*; a hop is the chain of edges from one
junction to the next, and is pushed through as a whole.
"""

from dataclasses import dataclass
from itertools import pairwise

from pathflow.evaluation import Edge
from pathflow.graph import (
    PathSpace,
    PatternLike,
    Patterns,
    Step,
    Trellis,
    automaton_of,
    make_trellis,
)


@dataclass(frozen=True)
class Hop:
    """A chain of edges without a choice.

    Arguments:
        start, end: positions of two junctions among the trellis's vertices.
        vertices: the positions of the vertices after the start, up to the end.
        edges: the edges of the graph that it takes.
    """

    start: int
    end: int
    vertices: tuple[int, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, eq=False)
class Hops:
    """All hops of a trellis.

    Arguments:
        trellis: the paths.
        junctions: the vertices where paths start, part or end, in topological order.
        after: the hops that leave each junction, in the order of their first vertices.
    """

    trellis: Trellis
    junctions: tuple[int, ...]
    after: dict[int, tuple[Hop, ...]]


def hops_of(trellis: Trellis) -> Hops:
    """Cuts a trellis at its junctions."""
    successors, ends = trellis.successors, frozenset(trellis.ends)
    sources = frozenset(trellis.sources)
    junctions = [
        i
        for i, following in enumerate(successors)
        if i in ends or i in sources or len(following) > 1
    ]
    stops = frozenset(junctions)
    after = {u: tuple(_hop(trellis, u, first, stops) for first in successors[u]) for u in junctions}
    return Hops(trellis, tuple(junctions), after)


def _hop(trellis: Trellis, start: int, first: int, stops: frozenset[int]) -> Hop:
    vertices = [first]
    while vertices[-1] not in stops:
        vertices.append(trellis.successors[vertices[-1]][0])
    nodes = [trellis.vertices[i].node for i in (start, *vertices)]
    return Hop(start, vertices[-1], tuple(vertices), tuple(pairwise(nodes)))


def searched(space: PathSpace, pattern: PatternLike | None) -> Trellis:
    """The paths of a space that match a pattern, or all of them."""
    partition = Patterns({"searched": Step().repeat(0) if pattern is None else pattern})
    return make_trellis(space, automaton_of(partition, space.nodes), wanted=bool)
