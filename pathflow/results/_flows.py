"""What flows through the nodes and along the edges of a result's graph."""

import functools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pathflow._errors import ArgumentError
from pathflow.graph import Edge, Node, edge_sums

from ._amount import finite_means
from ._attribution import Attribution
from ._conductances import Conductances
from ._ranked import Ranked
from ._run import Run


@dataclass(frozen=True, eq=False)
class Flows:
    """The influence through every node and along every edge; over a batch, the mean.

    Arguments:
        nodes: by node, in topological order.
        edges: by edge, in the order of its ends.
        sources: where paths begin.
        target: where they end.
        paths: which paths count, in words.
        n_paths: how many; None where the result does not know.
    """

    nodes: Mapping[Node, float]
    edges: Mapping[Edge, float]
    sources: frozenset[Node]
    target: Node
    paths: str
    n_paths: int | None


def edge_influences(result: Attribution | Conductances | Ranked | Any) -> dict[Edge, float]:
    """Sums the influences of all the paths through each edge.

        flow(u -> v) = sum of chi_p over the paths p that take the edge u -> v

    The flows into a node sum to the flows out of it, and those into the target to the total.

    Arguments:
        result: influences of all paths; conductances, which are such sums already; or a list that a
            search found, of which the listed paths alone count. With a leading example axis, their
            mean over the examples is used.

    Returns:
        The flow of every edge on some path, in the order of the nodes.

    Raises:
        ArgumentError: it is another kind of result, or conductances without edges.
        NonFiniteError: an influence is NaN or infinite.

    Example:
        ```python
        flow = pf.edge_influences(result)
        flow[result.space.node("c1@2"), result.space.node("c1@3")]
        ```
    """
    return dict(flows_of(result).edges)


def node_influences(result: Attribution | Conductances | Ranked | Any) -> dict[Node, float]:
    """Sums the influences of all the paths through each node; see `edge_influences`.

    Arguments:
        result: as for `edge_influences`; of conductances, edges are not needed.

    Returns:
        The flow through every node, in their order.

    Raises:
        ArgumentError: it is another kind of result.
        NonFiniteError: an influence is NaN or infinite.

    Example:
        ```python
        through = pf.node_influences(result)
        through[result.space.target]
        ```
    """
    # Conductances may know nodes and no edges.
    return _through(result) if isinstance(result, Conductances) else dict(flows_of(result).nodes)


@functools.singledispatch
def flows_of(result: object) -> Flows:
    """What flows where; another kind of result is registered with `flows_of.register`.

    Raises:
        ArgumentError: it is no result, or one that does not know edges.
        NonFiniteError: an influence is NaN or infinite, which no sum survives.
    """
    raise ArgumentError(
        f"result is a {type(result).__name__}, which does not know what flows along edges; give a "
        "result of Enumerate, Conductance, TopK or Above."
    )


@flows_of.register
def _(result: Run) -> Flows:
    raise ArgumentError(
        f"result is a Run in {result.folder}, of which a block is in memory at a time, and what "
        "flows along edges is a sum over all; give run.load(), or run.load(memory=...) with the "
        "bytes that it may take."
    )


@flows_of.register
def _(result: Attribution) -> Flows:
    space = result.space
    sums = edge_sums(space, finite_means("influences", result.influences))
    edges = dict(zip(space.edges, sums.tolist(), strict=True))
    through = dict.fromkeys(space.nodes, 0.0)
    # Each path leaves each of its nodes once, but for the target, where it ends.
    for (u, v), value in edges.items():
        through[u] += value
        if v == space.target:
            through[v] += value
    return Flows(through, edges, frozenset(space.sources), space.target, "all", space.count)


@flows_of.register
def _(result: Ranked) -> Flows:
    mean = finite_means("influences", result.influences)
    paths = [result.space.unrank(rank) for rank in result.ranks]
    nodes: dict[Node, float] = defaultdict(float)
    edges: dict[Edge, float] = defaultdict(float)
    for path, value in zip(paths, mean.tolist(), strict=True):
        for n in path:
            nodes[n] += value
        for edge in pairwise(path):
            edges[edge] += value
    at = {n: i for i, n in enumerate(result.space.nodes)}
    return Flows(
        {n: nodes[n] for n in sorted(nodes, key=at.__getitem__)},
        {e: edges[e] for e in sorted(edges, key=lambda e: (at[e[0]], at[e[1]]))},
        frozenset(path[0] for path in paths),
        result.space.target,
        f"the {len(paths)} listed",
        len(paths),
    )


@flows_of.register
def _(result: Conductances) -> Flows:
    if result.edges is None or result.edge_influences is None:
        raise ArgumentError(
            "result holds no edges: only the influences through nodes were computed; ask with "
            "pf.Conductance(), or pf.conductance(..., edges=True)."
        )
    if joint := [str(n) for n in result.nodes if n.name.endswith(":")]:
        raise ArgumentError(
            f"result has edges from {joint[0]}, which stands for all iterations of a loop, so that "
            "they are those of no graph; trace the function and ask with pf.Conductance(). The "
            "result's own top_edges() needs no graph."
        )
    along = finite_means("influences along edges", result.edge_influences)
    edges = dict(zip(result.edges, along.tolist(), strict=True))
    reached, left = {v for _, v in edges}, {u for u, _ in edges}
    # A node that nothing flows through has no edges there, and is no end.
    ends = [n for n in result.nodes if n in reached - left]
    if len(ends) != 1:
        raise ArgumentError(
            f"result has {len(ends)} nodes that no edge leaves; a graph of influences ends in one."
        )
    sources = frozenset(left - reached)
    pattern = result.metadata.get("pattern", ".*")
    what = f"those of the pattern {pattern}"
    return Flows(_through(result), edges, sources, ends[0], what, None)


def _through(result: Conductances) -> dict[Node, float]:
    through = finite_means("influences through nodes", result.node_influences)
    return dict(zip(result.nodes, through.tolist(), strict=True))
