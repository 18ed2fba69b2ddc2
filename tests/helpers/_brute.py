"""All path influences of a program, as products of dense Jacobians."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from tests.helpers._oracle import OUTPUT, Cell, Run, dependences, node_values
from tests.helpers._programs import Program

Labels = tuple[str, ...]
Edge = tuple[str, str]

# A Jacobian entry above this is a dependence and not rounding.
_NONZERO = 1e-9


@dataclass(frozen=True)
class Points:
    """A distribution of interest, written out: `values[label]` is (N, *shape), `weights` (N,),
    `direction` (*shape).
    """

    values: Mapping[str, np.ndarray]
    weights: np.ndarray
    direction: Mapping[str, np.ndarray]

    def at(self, k: int) -> dict[str, np.ndarray]:
        """What replaces the sources at the k-th point."""
        return {label: value[k] for label, value in self.values.items()}


def line(
    start: np.ndarray,
    end: np.ndarray,
    alphas: Sequence[float],
    weights: Sequence[float],
    label: str = "x",
) -> Points:
    """Points on the straight line from `start` to `end`; the direction is the whole line."""
    start, end = np.asarray(start), np.asarray(end)
    a = np.asarray(alphas).reshape(-1, *[1] * end.ndim)
    return Points({label: start + a * (end - start)}, np.asarray(weights), {label: end - start})


@dataclass(frozen=True)
class BruteForce:
    """What brute force finds.

    Attributes:
        influences: every path of the structural graph, as labels, and its influence.
        graph: which nodes are computed from which (moved values followed entry by entry, all else
            taken as dense).
        effective: the edges on which some partial is not zero at some point.
        total: the derivative of the output along the direction, averaged over the points, by
            `jax.jvp` of the run with the sources replaced.
    """

    influences: dict[Labels, float]
    graph: nx.DiGraph
    effective: frozenset[tuple[str, str]]
    total: float

    @property
    def scale(self) -> float:
        """The sum of the influences' sizes, which rounding errors are measured against."""
        return sum(map(abs, self.influences.values()))


class OtherDecisionError(Exception):
    """At some point a branch or a loop around a tag went another way."""


def count_paths(graph: nx.DiGraph, sources: Sequence[str], target: str) -> int:
    """How many paths lead from the sources to the target, with no edge into a source."""
    counts = dict.fromkeys(graph.nodes, 0) | dict.fromkeys(sources, 1)
    for node in nx.topological_sort(graph):
        if node not in sources:
            counts[node] = sum(counts[u] for u in graph.predecessors(node))
    return counts[target]


def structure(program: Program, args: Sequence[Any]) -> nx.DiGraph:
    """The structural graph of a program at the given arguments."""
    run = Run()
    run.program(program, args)
    return dependences(run.nodes)


def brute_force(
    program: Program, args: Sequence[Any], points: Points, target: str = OUTPUT
) -> BruteForce:
    """Every path from the sources, the keys of `points.values`, to the target.

    Raises:
        OtherDecisionError: the graph is not the same at all points.
    """
    plain = Run()
    plain.program(program, args)
    runs = []
    for k in range(len(points.weights)):
        runs.append(Run(points.at(k)))
        runs[-1].program(program, args)
        if runs[-1].decisions != plain.decisions:
            raise OtherDecisionError(
                f"at point {k}: {runs[-1].decisions} against {plain.decisions}"
            )
    # The decisions are the same, so all points share one map from values to values.
    nodes = runs[0].nodes
    values = [{label: cell.value for label, cell in run.nodes.items()} for run in runs]
    blocks = partials(nodes, values)
    graph = dependences(nodes)
    sources = list(points.values)
    return BruteForce(
        influences={
            path: _influence(path, blocks, points) for path in _all_paths(graph, sources, target)
        },
        graph=graph,
        effective=frozenset(
            e for b in blocks for e, jac in b.items() if np.abs(jac).max(initial=0.0) > _NONZERO
        ),
        total=_total(nodes, values, points, target),
    )


def partials(nodes: dict[str, Cell], values: list[dict[str, Any]]) -> list[dict[Edge, np.ndarray]]:
    """At each point, the dense Jacobian of every computed node with respect to every node, as
    (output size, input size) blocks.
    """
    jacobian = jax.jit(jax.jacfwd(lambda v: node_values(nodes, v)))
    return [
        {
            (u, v): np.asarray(block).reshape(at[v].size, at[u].size)
            for v, row in jacobian(at).items()
            for u, block in row.items()
        }
        for at in values
    ]


def _all_paths(graph: nx.DiGraph, sources: Sequence[str], target: str) -> list[Labels]:
    """All simple paths, for each source with the other sources taken as given."""
    found = []
    for source in sources:
        open_graph = graph.subgraph(set(graph) - (set(sources) - {source}))
        found += [tuple(path) for path in nx.all_simple_paths(open_graph, source, target)]
    return found


def _influence(path: Labels, blocks: list[dict], points: Points) -> float:
    total = 0.0
    for weight, jacobians in zip(points.weights, blocks, strict=True):
        tangent = np.asarray(points.direction[path[0]]).ravel()
        for edge in pairwise(path):
            tangent = jacobians[edge] @ tangent
        total += weight * float(tangent.sum())
    return total


def _total(
    nodes: dict[str, Cell], values: list[dict[str, Any]], points: Points, target: str
) -> float:
    """The derivative of the target along the direction, every node recomputed from the sources."""

    def whole(given: dict[str, Any]) -> Any:
        known = {label: cell.value for label, cell in nodes.items() if not cell.inputs} | given
        for label, cell in nodes.items():
            if cell.inputs:
                known |= node_values({label: cell}, known)
        return known[target]

    tangents = {label: jnp.asarray(d) for label, d in points.direction.items()}
    derivative = jax.jit(lambda given: jax.jvp(whole, (given,), (tangents,))[1])
    given = [{label: at[label] for label in points.values} for at in values]
    return float(sum(w * derivative(g) for w, g in zip(points.weights, given, strict=True)))
