"""One sweep of an enumeration: prefixes from the sources, suffixes to the target, products where
they meet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow.graph import Node, PathSpace
from pathflow.influence._activations import Edge, edge_partials
from pathflow.influence._cut import choose_cut
from pathflow.influence._kernel import Applied, crosser, mover
from pathflow.tracing import TracedGraph, Value


@dataclass(frozen=True)
class Block:
    """Influences of the paths through a crossing, not yet in their places.

    Arguments:
        influences: `(examples, prefixes, suffixes)`, on the device.
        starts: the rank of the first path of each prefix; the suffixes' ranks follow it.
        columns: which suffixes of the block belong to these starts.
    """

    influences: Any
    starts: np.ndarray
    columns: slice


class Plan:
    """How all paths of a space are enumerated: sides of the cut, crossings, and the order of the
    work.

    Arguments:
        traced: the graph with its functions.
        space: the paths.
    """

    def __init__(self, traced: TracedGraph, space: PathSpace) -> None:
        self.space = space
        edges = [(u, v) for u in space.nodes for v in space.successors(u)]
        self.partials = edge_partials(traced, edges)
        cost = {edge: partial.cost for edge, partial in self.partials.items()}
        left = choose_cut(space, cost)
        sources = set(space.sources)
        self.left = [n for n in space.nodes if n in left and n not in sources]
        self.right = [n for n in reversed(space.nodes) if n not in left and n != space.target]
        self._group_crossings(edges, left)
        self.size_of = {n: prod(n.shape) for n in space.nodes}

    def _group_crossings(self, edges: Sequence[Edge], left: frozenset[Node]) -> None:
        # A crossing edge is taken on the side that has fewer vectors to move.
        self.pushed: dict[Node, list[Node]] = {}
        self.pulled: dict[Node, list[Node]] = {}
        for u, v in edges:
            if u in left and v not in left:
                if self.space.prefix_count(u) <= self.space.suffix_count(v):
                    self.pushed.setdefault(v, []).append(u)
                else:
                    self.pulled.setdefault(u, []).append(v)
        self.kept = {u for us in self.pushed.values() for u in us} | set(self.pulled)

    @property
    def vector_entries(self) -> int:
        """Entries of all tangents, cotangents and moved crossing vectors, for one example at one
        point.
        """
        count, size = self.space, self.size_of
        held = sum(count.prefix_count(n) * size[n] for n in self.left)
        held += sum(count.suffix_count(n) * size[n] for n in self.right)
        moved = [sum(map(count.prefix_count, us)) * size[v] for v, us in self.pushed.items()]
        moved += [sum(map(count.suffix_count, vs)) * size[u] for u, vs in self.pulled.items()]
        residuals = sum(size[u] + size[v] for u, v in self.partials)
        return held + sum(moved) + residuals

    def sweep(
        self,
        applied: Mapping[Edge, Applied],
        direction: Mapping[Node, Value],
        weights: Any,
        examples: int | None,
    ) -> Iterator[Block]:
        """All path influences at some points, weights folded in.

        Arguments:
            applied: each edge's partial at these points.
            direction: the direction of each source, without a point axis.
            weights: `([examples,] points)`.
            examples: how many examples there are, or None where arrays have no axis of them.
        """
        return _Sweep(self, applied, examples, weights.shape[-1]).run(direction, weights)


class _Sweep:
    def __init__(
        self, plan: Plan, applied: Mapping[Edge, Applied], examples: int | None, points: int
    ) -> None:
        self.plan, self.applied, self.examples, self.points = plan, applied, examples, points
        self.full = (examples is not None, True)

    def _move(
        self, step: Callable, edges: Sequence[Edge], pull: bool, vectors: Sequence[Any], *other: Any
    ) -> Any:
        """Moves vectors across edges; `vectors` are pairs of an array and its flags."""
        applied = [self.applied[e] for e in edges]
        run = step(
            tuple(a.key for a in applied),
            pull,
            tuple(f for _, f in vectors),
            self.examples,
            self.points,
        )
        return run(tuple(a.arrays for a in applied), tuple(x for x, _ in vectors), *other)

    def run(self, direction: Mapping[Node, Value], weights: Any) -> Iterator[Block]:
        prefixes = self._prefixes(direction)
        suffixes = self._suffixes(weights)
        space = self.plan.space
        for v, us in self.plan.pushed.items():
            vectors = [prefixes[u] for u in us]
            block = self._move(crosser, [(u, v) for u in us], False, vectors, suffixes[v][0])
            starts = [space.prefix_ranks(u) + space.edge_offset(u, v) for u in us]
            yield Block(block, np.concatenate(starts), slice(0, space.suffix_count(v)))
        for u, vs in self.plan.pulled.items():
            vectors = [suffixes[v] for v in vs]
            block = self._move(crosser, [(u, v) for v in vs], True, vectors, prefixes[u][0])
            ranks, begin = space.prefix_ranks(u), 0
            for v in vs:
                end = begin + space.suffix_count(v)
                yield Block(block, ranks + space.edge_offset(u, v), slice(begin, end))
                begin = end

    def _prefixes(self, direction: Mapping[Node, Value]) -> dict[Node, Any]:
        space = self.plan.space
        vectors = {
            s: (direction[s].array[None], (direction[s].batched, False)) for s in space.sources
        }
        waiting = {
            u: sum(v in set(self.plan.left) for v in space.successors(u))
            for u in vectors | dict.fromkeys(self.plan.left)
        }
        for v in self.plan.left:
            us = space.predecessors(v)
            moved = self._move(mover, [(u, v) for u in us], False, [vectors[u] for u in us])
            vectors[v] = (moved, self.full)
            self._release(vectors, waiting, us)
        return vectors

    def _release(
        self, vectors: dict[Node, Any], waiting: dict[Node, int], used: Sequence[Node]
    ) -> None:
        """Drops prefixes that nothing on the left waits for and that no crossing needs."""
        for u in used:
            waiting[u] -= 1
            if not waiting[u] and u not in self.plan.kept:
                del vectors[u]

    def _suffixes(self, weights: Any) -> dict[Node, Any]:
        space = self.plan.space
        shape = (1, *(() if self.examples is None else (self.examples,)), self.points)
        vectors = {
            space.target: (jnp.broadcast_to(weights, shape).astype(space.target.dtype), self.full)
        }
        for u in self.plan.right:
            vs = space.successors(u)
            moved = self._move(mover, [(u, v) for v in vs], True, [vectors[v] for v in vs])
            vectors[u] = (moved, self.full)
        return vectors


def scatter(out: np.ndarray, blocks: Sequence[Block]) -> None:
    """Adds blocks to `(examples, paths)` influences in rank order."""
    for block in blocks:
        part = np.asarray(block.influences)[:, :, block.columns]
        width = part.shape[2]
        if width >= 256 or len(block.starts) <= 4:
            for row, start in enumerate(block.starts):
                out[:, start : start + width] += part[:, row]
        else:
            ranks = (block.starts[:, None] + np.arange(width)).ravel()
            out[:, ranks] += part.reshape(len(part), -1)
