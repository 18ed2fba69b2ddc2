"""Interventions that only some paths see: path patching.

Unfold the graph into a tree: the root is the target, and each node has a copy for every way on from
it to the root. A leaf holds its replacement where its path is one of those asked for. Copies whose
ways on let the same beginnings through hold the same value, and an automaton says when they do: to
a way on belongs the set of states from which it ends in a wanted class. So a copy is a node with a
set of states, there are few of them, and any number of paths is patched exactly.

Integers and decisions are on no path of a graph, so they stay what they were.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pathflow._errors import ArgumentError, NoPathError
from pathflow.evaluation import NodeRunner
from pathflow.graph import (
    AbstractPartition,
    Automaton,
    Listed,
    Node,
    Path,
    PathLike,
    PathSpace,
    Pattern,
    Patterns,
    as_path,
    automaton_of,
    explain_no_match,
    make_trellis,
)
from pathflow.intervention._clean import Clean
from pathflow.intervention._intervention import AbstractIntervention
from pathflow.results import PathInfluence, path_of
from pathflow.tracing import TracedGraph, Value

PathsLike = (
    AbstractPartition | Pattern | str | Path | PathInfluence | Iterable[PathLike | PathInfluence]
)

# A node with the states, after reading it, from which the way on leads to a wanted class.
Copy = tuple[Node, frozenset[int]]


@dataclass(frozen=True)
class Along:
    """The paths that see an intervention.

    Arguments:
        paths: paths, a pattern, or a partition.
        keeps: whether these are the ones that do not see it, and all others do.
    """

    paths: PathsLike
    keeps: bool

    @property
    def argument(self) -> str:
        """The argument of `do` that it came as."""
        return "sparing" if self.keeps else "along"

    def partition(self, graph: TracedGraph) -> AbstractPartition:
        """The paths as classes.

        Raises:
            ArgumentError: they are of no kind that is known.
            PatternError: a text is no pattern.
            UnknownNodeError: a path holds a node that the graph has not.
        """
        given = path_of(self.paths)
        if isinstance(given, AbstractPartition):
            return given
        if isinstance(given, Path):
            return Listed([_known(given, graph)])
        if isinstance(given, str | Pattern):
            return Patterns({self.argument: given})
        if isinstance(given, Iterable):
            return Listed(_known(path_of(p), graph) for p in given)
        raise ArgumentError(
            f"do({self.argument}={given!r}) takes a path, a pattern, several paths, or a partition."
        )


def along_paths(
    clean: Clean,
    chosen: Mapping[Node, AbstractIntervention],
    target: Node,
    along: Along,
) -> Value:
    """The target's value when only some paths see the interventions; see `pathflow.do`.

    Raises:
        NoPathError: no path from the intervened nodes to the target is among them.
        NonFiniteError: a value is NaN or infinite.
        DecisionChangedError: a decision falls otherwise than the graph has it.
    """
    if not chosen:
        raise ArgumentError(
            f"do({along.argument}=...): no node is intervened on, so no path carries anything else "
            "than before."
        )
    space = clean.graph.paths(list(chosen), target)
    partition = along.partition(clean.graph)
    automaton = automaton_of(partition, space.nodes)
    wanted = _is_in_none if along.keeps else bool
    named = make_trellis(space, automaton, bool)
    if not named.count:
        raise NoPathError(f"do({along.argument}=...): {_why_none(along, space)}")
    ways = _Ways(space, automaton, wanted)
    return _Tree(clean, chosen, ways).value(ways.root)


class _Ways:
    """Which copies of nodes there are.

    Arguments:
        space: the paths from the intervened nodes to the target.
        automaton: reads them.
        wanted: which paths see the interventions, by their classes.
    """

    def __init__(
        self,
        space: PathSpace,
        automaton: Automaton,
        wanted: Callable[[frozenset[str]], bool],
    ) -> None:
        self._automaton, self._sources = automaton, frozenset(space.sources)
        self._edges = frozenset(space.edges)
        self._reached: dict[Node, set[int]] = {}
        for node, state in make_trellis(space, automaton, wanted).vertices:
            self._reached.setdefault(node, set()).add(state)
        self.root = self._copy(
            space.target, (q for q, c in enumerate(automaton.classes) if wanted(c))
        )

    def _copy(self, node: Node, states: Iterable[int]) -> Copy:
        # States that no wanted path has there make no difference.
        return node, frozenset(states) & frozenset(self._reached.get(node, ()))

    def before(self, copy: Copy, node: Node) -> Copy:
        """The copy of a predecessor that a copy reads; with no state it is the node itself."""
        after, states = copy
        if (node, after) not in self._edges:
            return node, frozenset()
        row = self._automaton.table[self._automaton.letter(after)]
        return self._copy(node, (q for q, next_ in enumerate(row) if next_ in states))

    def begins(self, copy: Copy) -> bool:
        """Whether a path that sees the intervention begins with this copy."""
        node, states = copy
        if node not in self._sources:
            return False
        return self._automaton.next(self._automaton.start, node) in states


class _Tree:
    """Evaluates copies, each once."""

    def __init__(
        self, clean: Clean, chosen: Mapping[Node, AbstractIntervention], ways: _Ways
    ) -> None:
        self._clean, self._chosen, self._ways = clean, chosen, ways
        self._values: dict[Copy, Value] = {}
        self._runner: NodeRunner = clean.runner

    def value(self, root: Copy) -> Value:
        """The value of a copy."""
        pending = [root]
        while pending:
            copy = pending[-1]
            missing = [] if copy in self._values else self._missing(copy)
            if missing:
                pending.extend(missing)
                continue
            if copy not in self._values:
                self._values[copy] = self._evaluated(copy)
            pending.pop()
        self._runner.check()
        return self._values[root]

    def _missing(self, copy: Copy) -> list[Copy]:
        if not copy[1] or self._ways.begins(copy):
            return []
        return [b for b in self._read(copy).values() if b not in self._values]

    def _read(self, copy: Copy) -> dict[Node, Copy]:
        before = self._clean.graph.functions[copy[0]].predecessors
        return {node: self._ways.before(copy, node) for node in before}

    def _evaluated(self, copy: Copy) -> Value:
        node, states = copy
        if self._ways.begins(copy):
            by, own = self._chosen[node], self._clean.value(node)
            return self._runner.given(
                node, self._clean.for_each(by.replace(node, own, self._clean))
            )
        if not states:
            return self._clean.value(node)
        return self._runner.value(node, {n: self._values[b] for n, b in self._read(copy).items()})


def _is_in_none(classes: frozenset[str]) -> bool:
    return not classes


def _known(path: PathLike, graph: TracedGraph) -> Path:
    """The path over nodes of the graph.

    Raises:
        UnknownNodeError: the graph has not one of them.
    """
    return Path(map(graph.node, as_path(path)))


def _why_none(along: Along, space: PathSpace) -> str:
    if isinstance(along.paths, str | Pattern):
        return explain_no_match(space, along.paths)
    starts = ", ".join(repr(str(s)) for s in space.sources)
    return (
        f"none of these paths leads from {starts} to {str(space.target)!r}; give paths that begin "
        "at a node that is intervened on and end at the target."
    )
