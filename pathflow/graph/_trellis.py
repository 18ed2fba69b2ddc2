"""The product of a path space and an automaton."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

from pathflow.drawing import count_text

from ._automaton import Automaton, automaton_of
from ._node import Node
from ._partition import Patterns
from ._pattern import PatternLike
from ._space import PathSpace


class Vertex(NamedTuple):
    """A node, and the state of the automaton after reading it."""

    node: Node
    state: int


@final
@dataclass(frozen=True, eq=False)
class Trellis:
    """The paths of a space that end in wanted states, each once, over pairs of node and state.

    The automaton is deterministic: a path of the space takes exactly one way through the vertices.
    Only vertices on a wanted path are kept. Made by `make_trellis`.

    Attributes:
        space: the path space.
        automaton: the automaton.
        vertices: in topological order, by node and then by state.
        successors: for each vertex the positions of those after it, in ascending order.
        predecessors: for each vertex the positions of those before it, in ascending order.
        sources: the vertices where paths start, in the order of `space.sources`; a source without
            a wanted path has none.
        ends: the vertices at the target.
        prefix_count: for each vertex the number of beginnings of paths that end at it.
        suffix_count: for each vertex the number of endings of paths that start at it.
        count: the exact number of paths.
        counts: the exact number of paths in each class; under None, of those in no class.
    """

    space: PathSpace
    automaton: Automaton
    vertices: tuple[Vertex, ...]
    successors: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]
    sources: tuple[int, ...]
    ends: tuple[int, ...]
    prefix_count: tuple[int, ...]
    suffix_count: tuple[int, ...]
    count: int
    counts: dict[str | None, int]

    def __repr__(self) -> str:
        return f"Trellis({len(self.vertices)} vertices, {count_text(self.count)} paths)"


def make_trellis(
    space: PathSpace,
    automaton: Automaton,
    wanted: Callable[[frozenset[str]], bool] | None = None,
) -> Trellis:
    """The trellis of a space, in O(edges x states).

    Arguments:
        space: the paths.
        automaton: an automaton that knows the letters of all the space's nodes.
        wanted: which paths are kept, by the classes that they are in (none for the rest); all by
            default.

    Raises:
        PatternError: the automaton was not compiled for the letter of a node.
    """
    nodes = space.nodes
    place = {node: i for i, node in enumerate(nodes)}
    after = [[place[v] for v in space.successors(u)] for u in nodes]
    rows = [automaton.table[letter] for letter in automaton.letters_of(nodes)]
    starts = [place[s] for s in space.sources]
    reached: list[set[int]] = [set() for _ in nodes]
    for s in starts:
        reached[s].add(rows[s][automaton.start])
    for u, states in enumerate(reached):
        for v in after[u]:
            reached[v].update(rows[v][q] for q in states)
    last = place[space.target]
    if wanted is not None:
        reached[last] = {q for q in reached[last] if wanted(automaton.classes[q])}
    for u in range(last - 1, -1, -1):
        reached[u] = {q for q in reached[u] if any(rows[v][q] in reached[v] for v in after[u])}
    kept = ((u, q) for u, states in enumerate(reached) for q in sorted(states))
    where = {pair: i for i, pair in enumerate(kept)}
    successors = tuple(
        tuple(where[v, rows[v][q]] for v in after[u] if (v, rows[v][q]) in where) for u, q in where
    )
    first = ((s, rows[s][automaton.start]) for s in starts)
    sources = tuple(where[s] for s in first if s in where)
    ends = tuple(where[last, q] for q in sorted(reached[last]))
    prefix, suffix = _counts(successors, sources, ends)
    vertices = tuple(Vertex(nodes[u], q) for u, q in where)
    counts: dict[str | None, int] = dict.fromkeys((*automaton.names, None), 0)
    for e in ends:
        for name in automaton.classes[vertices[e].state] or (None,):
            counts[name] += prefix[e]
    return Trellis(
        space=space,
        automaton=automaton,
        vertices=vertices,
        successors=successors,
        predecessors=_reversed(successors),
        sources=sources,
        ends=ends,
        prefix_count=prefix,
        suffix_count=suffix,
        count=sum(suffix[s] for s in sources),
        counts=counts,
    )


def count_matching(space: PathSpace, pattern: PatternLike) -> int:
    """The exact number of paths that a pattern matches.

    Raises:
        PatternError: the text is no pattern, or it needs too many states.
    """
    automaton = automaton_of(Patterns({"pattern": pattern}), space.nodes)
    return make_trellis(space, automaton, bool).count


def _counts(
    successors: Sequence[Sequence[int]], sources: Sequence[int], ends: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    prefix, suffix = [0] * len(successors), [0] * len(successors)
    for s in sources:
        prefix[s] = 1
    for u, following in enumerate(successors):
        for v in following:
            prefix[v] += prefix[u]
    for e in ends:
        suffix[e] = 1
    for u in range(len(successors) - 1, -1, -1):
        suffix[u] += sum(suffix[v] for v in successors[u])
    return tuple(prefix), tuple(suffix)


def _reversed(successors: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    before: list[list[int]] = [[] for _ in successors]
    for u, following in enumerate(successors):
        for v in following:
            before[v].append(u)
    return tuple(map(tuple, before))
