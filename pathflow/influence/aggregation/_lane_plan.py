"""How a sum over all paths is taken: the lanes of every node, and the order of work."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow.evaluation import added, joint_partial, pieces
from pathflow.graph import Automaton, Graph, Node, PathSpace, Trellis, make_trellis
from pathflow.influence.aggregation._lanes import gatherer, puller, pusher, scatterer, sum_puller
from pathflow.influence.question._tiles import Chunk, activations_to
from pathflow.tracing import TracedGraph, Value, kept, zero_slots

# An array `(lanes, [examples,] [points,] *shape)`, and whether it has the axes in brackets.
Lanes = tuple[Any, tuple[bool, bool]]


@lru_cache(64)
def trellis_of(space: PathSpace, automaton: Automaton) -> Trellis:
    """The trellis of all paths of a space."""
    return make_trellis(space, automaton)


@kept
def lane_plan(
    traced: TracedGraph, sources: tuple[Node, ...], target: Node, automaton: Automaton
) -> "LanePlan":
    """The plan of a sum, which depends on the graph and the automaton alone."""
    return LanePlan(traced, traced.paths(sources, target), automaton)


class LanePlan:
    """The lanes of every node, and the joint partials that join them.

    Edges whose partial is zero by construction are left out, and what they cut off.

    Arguments:
        traced: the graph with its functions.
        space: all paths.
        automaton: what tells paths apart; each of its states is followed from every node.

    Attributes:
        width: how many lanes every node has.
        states: the state of each lane of the target.
        order: the nodes that tangents are pushed into, sources left out.
        before: the predecessors of each of those, in the order of the slots of its partial.
        activations: what evaluates the graph and the partials.
    """

    def __init__(self, traced: TracedGraph, space: PathSpace, automaton: Automaton) -> None:
        self.space = space
        states: dict[Node, list[int]] = {n: [] for n in space.nodes}
        for vertex in trellis_of(space, automaton).vertices:
            states[vertex.node].append(vertex.state)
        self.width = max(map(len, states.values()))
        self._lane = {n: {q: i for i, q in enumerate(qs)} for n, qs in states.items()}
        self._first = {s: self._lane[s][automaton.next(automaton.start, s)] for s in space.sources}
        self.states = states[space.target]
        self.before = _live_predecessors(traced, space)
        self.order = tuple(self.before)
        routes = {
            v: tuple(tuple(self._lanes_after(automaton, u, v)) for u in us)
            for v, us in self.before.items()
        }
        self._following = {v: np.asarray(lanes, np.int32) for v, lanes in routes.items()}
        # Nodes of the same sum, in the same lanes, need its tangents only once.
        self._sum = {
            v: (us, routes[v]) for v, us in self.before.items() if traced.functions[v].summed
        }
        self._last_reader = {found: v for v, found in self._sum.items()}
        partials = {(us, v): joint_partial(traced, (us, v)) for v, us in self.before.items()}
        self.activations = activations_to(traced, space.sources, space.target, partials)
        self._size = {n: prod(n.shape) for n in space.nodes}

    def _lanes_after(self, automaton: Automaton, u: Node, v: Node) -> list[int]:
        row, lane = automaton.table[automaton.letter(v)], self._lane[v]
        after = [lane[row[state]] for state in self._lane[u]]
        return after + [self.width] * (self.width - len(after))

    def entries(self, *, keep: bool) -> int:
        """Entries of all that is held at one time, for one example at one point.

        Arguments:
            keep: whether tangents are kept, to be met by cotangents.
        """
        held = most = sum(self._size[s] for s in self.space.sources)
        waiting = self._readers()
        for v, us in self.before.items():
            held += self._size[v]
            # What is sent along the edges is held beside what is there.
            most = max(most, held + sum(self._size[u] for u in us))
            for u in us:
                waiting[u] -= 1
                held -= 0 if keep or waiting[u] else self._size[u]
        return self.activations.entries + self.width * (2 * most if keep else most)

    def _readers(self) -> dict[Node, int]:
        waiting = dict.fromkeys((*self.space.sources, *self.order), 0)
        for us in self.before.values():
            for u in us:
                waiting[u] += 1
        return waiting

    def push(self, at: Chunk, *, keep: bool = False) -> dict[Node, Lanes]:
        """The tangents of the target's lanes, and of the nodes before it; of all nodes if kept."""
        tangents = {s: self._start(s, at.direction[s]) for s in self.space.sources}
        waiting, flags = self._readers(), (at.examples is not None, True)
        sums: dict[Any, Any] = {}
        for v, us in self.before.items():
            applied, sent = at.applied[us, v], [tangents[u] for u in us]
            following, points = self._following[v], at.weights.shape[-1]
            if (read := self._sum.get(v)) is not None:
                if read not in sums:
                    sums[read] = _gathered(sent, following, at.examples, points)
                sent, following = [(sums[read], flags)], None
                if self._last_reader[read] == v:
                    del sums[read]
            run = pusher(applied.key, _flags(sent), at.examples, points)
            found = run(applied.arrays, tuple(x for x, _ in sent), following)
            for u in us:
                waiting[u] -= 1
                if not waiting[u] and not keep and v != self.space.target:
                    del tangents[u]
            tangents[v] = (found, flags)
        return tangents

    def _start(self, source: Node, direction: Value) -> Lanes:
        array = jnp.zeros((self.width, *direction.array.shape), direction.array.dtype)
        return array.at[self._first[source]].set(direction.array), (direction.batched, False)

    def pull(
        self,
        at: Chunk,
        v: Node,
        cotangents: Any,
        tangents: Mapping[Node, Lanes],
        sums: Sequence[Any],
    ) -> tuple[list[Any], Any, Any]:
        """What flows along the edges into a node, and the cotangents that go on.

        Returns:
            the cotangents of each predecessor, added to its entry of `sums` where that is not None;
            the flow along each edge, `(edges, [examples,] points)`, weighted as the cotangents are;
            the same flow with the absolute value of every entry.
        """
        us = self.before[v]
        applied, sent = at.applied[us, v], [tangents[u] for u in us]
        vectors, points = tuple(x for x, _ in sent), at.weights.shape[-1]
        if v in self._sum:
            pulled = sum_puller(applied.key, at.examples, points)(applied.arrays, cotangents)
            found = [
                scatterer(_flags(sent[piece]), at.examples is not None)(
                    pulled, vectors[piece], self._following[v][piece], tuple(sums[piece])
                )
                for piece in pieces(len(us))
            ]
            waiting, along, absolute = zip(*found, strict=True)
            return (
                [c for cs in waiting for c in cs],
                np.concatenate(along),
                np.concatenate(absolute),
            )
        run = puller(applied.key, _flags(sent), at.examples, points)
        return run(applied.arrays, cotangents, vectors, self._following[v], tuple(sums))

    def zeros(self, v: Node, at: Chunk) -> Any:
        """Zeros to add the cotangents of a node to."""
        batch = () if at.examples is None else (at.examples,)
        return jnp.zeros((self.width, *batch, at.weights.shape[-1], *v.shape), v.dtype)

    def finish(self, at: Chunk, wanted: Sequence[bool] | None = None) -> Any:
        """The cotangents of the target: the weights of the points on every lane that is wanted."""
        chosen = np.zeros(self.width, self.space.target.dtype)
        chosen[: len(self.states)] = 1 if wanted is None else wanted
        weights = jnp.asarray(at.weights, self.space.target.dtype)
        return jnp.asarray(chosen).reshape(-1, *[1] * weights.ndim) * weights[None]


def _flags(vectors: Sequence[Lanes]) -> tuple[tuple[bool, bool], ...]:
    return tuple(flags for _, flags in vectors)


def _gathered(
    sent: Sequence[Lanes], following: np.ndarray, examples: int | None, points: int
) -> Any:
    """The tangents of a sum, in the lanes of the node that reads it."""
    parts = []
    for piece in pieces(len(sent)):
        gather = gatherer(_flags(sent[piece]), examples, points)
        parts.append(gather(tuple(x for x, _ in sent[piece]), following[piece]))
    return added([Value(part) for part in parts]).array


def _live_predecessors(traced: TracedGraph, space: PathSpace) -> dict[Node, tuple[Node, ...]]:
    """The predecessors of each node but the sources, without the edges that carry nothing."""
    edges: list[tuple[Node, Node]] = []
    for v in space.nodes:
        if v in space.sources:
            continue
        us = _in_slots(traced, v, space.predecessors(v))
        function = traced.functions[v]
        zeros = zero_slots(function, joint_partial(traced, (us, v)))
        edges += [(u, v) for u in us if function.slot(u) not in zeros]
    graph = Graph(space.nodes, edges)
    sources = tuple(s for s in space.sources if graph.count_paths(s, space.target))
    if not sources:
        return {}
    live = graph.paths(sources, space.target)
    return {v: _in_slots(traced, v, live.predecessors(v)) for v in live.nodes if v not in sources}


def _in_slots(traced: TracedGraph, v: Node, us: Sequence[Node]) -> tuple[Node, ...]:
    return tuple(sorted(us, key=traced.functions[v].predecessors.index))
