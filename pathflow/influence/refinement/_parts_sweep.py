"""The influences of parts, and of all of them together, at some points of interest."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from pathflow._compat import compiled
from pathflow.evaluation import mover
from pathflow.influence.question._tiles import Chunk
from pathflow.influence.refinement._parts_plan import Crossing, PartsPlan
from pathflow.influence.refinement._strands import Edge, Move

# Products that are formed at a time, so that a crossing of many strands stays small.
PRODUCTS = 2**24

PerExample = Float64[np.ndarray, "examples ..."]


class PartsSweep:
    """Moves the strands of a plan at the points of a chunk.

    Arguments:
        plan: the strands and where they meet.
        chunk: the model at some points.
    """

    def __init__(self, plan: PartsPlan, chunk: Chunk) -> None:
        self._plan, self._chunk = plan, chunk
        self._vertices = plan.trellis.vertices
        self._points = int(chunk.weights.shape[-1])
        self._axes = ((chunk.examples,) if chunk.examples is not None else ()) + (self._points,)

    def parts(self) -> Float64[np.ndarray, "examples rows"]:
        """The influence of every row of parts, weights folded in."""
        plan = self._plan
        out = np.zeros((self._chunk.examples or 1, len(plan.chosen) + 1))
        ahead, behind = self._from_sources(), self._from_target()
        for at in plan.crossings:
            one, two = self._meeting(at, ahead, behind)
            self._add_products(out, at.rows, one, two)
        return out[:, :-1]

    def whole(self) -> Float64[np.ndarray, " examples"]:
        """The influence of all paths together, by tangents alone: neither divided nor cut."""
        trellis = self._plan.trellis
        found: dict[int, Any] = {s: self._direction(s) for s in trellis.sources}
        for v, before in enumerate(trellis.predecessors):
            sent = [self._moved((u, v), found[u], pull=False) for u in before if u in found]
            if sent:
                found[v] = sum(sent[1:], sent[0])
        weights = np.asarray(self._chunk.weights, np.float64)
        out = np.zeros(self._axes)
        for e in trellis.ends:
            if e in found:
                out += np.asarray(found[e][0], np.float64) * weights
        return out.sum(axis=-1).reshape(-1)

    def _direction(self, source: int) -> Any:
        node = self._vertices[source].node
        given = self._chunk.direction[node]
        array = given.array if given.batched or self._chunk.examples is None else given.array[None]
        spread = jnp.expand_dims(array, len(self._axes) - 1)
        return jnp.broadcast_to(spread, (1, *self._axes, *node.shape))

    def _from_sources(self) -> dict[int, Any]:
        plan = self._plan
        found: dict[int, Any] = {}
        for v in range(plan.cut):
            start = [self._direction(v)] if v in plan.trellis.sources else []
            edges = [(u, v) for u in plan.trellis.predecessors[v]]
            found[v] = self._gathered(v, start, edges, found, pull=False)
        return found

    def _from_target(self) -> dict[int, Any]:
        plan, weights = self._plan, self._chunk.weights
        found: dict[int, Any] = {}
        for u in reversed(range(plan.cut, len(self._vertices))):
            start = []
            if u in plan.trellis.ends:
                dtype = self._vertices[u].node.dtype
                start = [jnp.broadcast_to(weights, (1, *self._axes)).astype(dtype)]
            edges = [(u, v) for v in plan.trellis.successors[u]]
            found[u] = self._gathered(u, start, edges, found, pull=True)
        return found

    def _gathered(
        self, vertex: int, parts: list, edges: Sequence[Edge], found: dict[int, Any], *, pull: bool
    ) -> Any:
        """The vectors of a vertex: what reaches it, added up by strand; None where nothing does."""
        side = self._plan.backward if pull else self._plan.forward
        strands = side.strands(vertex)
        targets = [np.zeros(1, np.int64) for _ in parts]
        for edge in edges:
            if side.rows(edge):
                vectors = found[edge[1 if pull else 0]]
                parts = [*parts, self._crossed(side.moves[edge], vectors, edge, pull=pull)]
                targets.append(side.targets[edge])
        if not parts:
            return None
        if all(len(t) == strands and np.array_equal(t, np.arange(strands)) for t in targets):
            return sum(parts[1:], parts[0])
        return _added(parts, np.concatenate(targets), strands)

    def _crossed(self, move: Move, vectors: Any, edge: Edge, *, pull: bool) -> Any:
        """The vectors of a vertex, taken apart as the move says, across an edge."""
        if move.kept is not None:
            start = edge[1 if pull else 0]
            side = self._plan.backward if pull else self._plan.forward
            kept = side.labels[start][move.strands] == move.kept[:, None]
            shape = (move.rows, *(1 for _ in self._axes), *self._vertices[start].node.shape)
            vectors = _taken(vectors, move.strands, kept.reshape(shape))
        return self._moved(edge, vectors, pull=pull)

    def _moved(self, edge: Edge, vectors: Any, *, pull: bool) -> Any:
        u, v = edge
        applied = self._chunk.applied[self._vertices[u].node, self._vertices[v].node]
        flags = ((self._chunk.examples is not None, True),)
        run = mover((applied.key,), pull, flags, self._chunk.examples, self._points)
        return run((applied.arrays,), (vectors,))

    def _meeting(
        self, at: Crossing, ahead: dict[int, Any], behind: dict[int, Any]
    ) -> tuple[Any, Any]:
        """The vectors from the sources and from the target that meet at a crossing."""
        if at.edge is None:
            return self._direction(at.vertex), behind[at.vertex]
        u, v = at.edge
        if at.pull:
            move = self._plan.backward.moves[at.edge]
            return ahead[u], self._crossed(move, behind[v], at.edge, pull=True)
        move = self._plan.forward.moves[at.edge]
        return self._crossed(move, ahead[u], at.edge, pull=False), behind[v]

    def _add_products(self, out: np.ndarray, rows: np.ndarray, one: Any, two: Any) -> None:
        """Adds the products of all pairs of vectors to their rows; -1 is the column at the end."""
        run = _summed_products if rows.shape[-1] == 1 else _products
        shape = (len(out), self._points)
        per_vector = max(1, prod(rows.shape[1:]) * len(out))
        step = max(1, PRODUCTS // per_vector)
        for begin in range(0, len(rows), step):
            products = run(one[begin : begin + step], two, shape)
            number = rows[begin : begin + step].reshape(-1)
            for example, values in enumerate(np.asarray(products, np.float64)):
                out[example] += np.bincount(number % out.shape[1], values.ravel(), out.shape[1])


@compiled
def _taken(vectors: Any, strands: Any, kept: Any) -> Any:
    return jnp.where(kept, vectors[strands], jnp.zeros((), vectors.dtype))


@partial(compiled, static_argnums=2)
def _added(parts: Sequence[Any], targets: Any, size: int) -> Any:
    out = jnp.zeros((size, *parts[0].shape[1:]), parts[0].dtype)
    return out.at[targets].add(jnp.concatenate(parts))


def _product(equation: str) -> Callable[[Any, Any, tuple[int, int]], Any]:
    """The products of all pairs of vectors, summed over points: per example."""

    def run(one: Any, two: Any, shape: tuple[int, int]) -> Any:
        return jnp.einsum(equation, *(x.reshape(len(x), *shape, -1) for x in (one, two)))

    return compiled(run, static_argnums=2)


_products, _summed_products = _product("rbke,sbke->brse"), _product("rbke,sbke->brs")
