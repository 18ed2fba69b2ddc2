"""What flows through the nodes and along the edges of a result's graph."""

import functools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import Node, edge_sums, edges_of
from pathflow.results import Attribution, Conductances, Ranked, Run


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
    edges: Mapping[tuple[Node, Node], float]
    sources: frozenset[Node]
    target: Node
    paths: str
    n_paths: int | None


@functools.singledispatch
def flows_of(result: object) -> Flows:
    """What flows where; another kind of result is registered with `flows_of.register`.

    Raises:
        ArgumentError: it is no result, or one that does not know edges.
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
    space, sources = result.space, frozenset(result.space.sources)
    mean = np.atleast_2d(result.influences).mean(axis=0, dtype=np.float64)
    edges = dict(zip(edges_of(space), edge_sums(space, mean).tolist(), strict=True))
    through = dict.fromkeys(space.nodes, 0.0)
    for (u, v), value in edges.items():
        through[v] += value
        # What begins at a source flows into none of them.
        if u in sources:
            through[u] += value
    return Flows(through, edges, sources, space.target, "all", space.count)


@flows_of.register
def _(result: Ranked) -> Flows:
    mean = np.atleast_2d(np.asarray(result.influences, np.float64)).mean(axis=0)
    paths = [result.space.unrank(rank) for rank in result.ranks]
    nodes: dict[Node, float] = defaultdict(float)
    edges: dict[tuple[Node, Node], float] = defaultdict(float)
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
    if result.edges is None:
        raise ArgumentError(
            "result holds no edges: only the influences through nodes were computed; ask for edges."
        )
    one = result if result.n_examples is None else result.mean()
    nodes = zip(result.nodes, np.asarray(one.node_influences, np.float64).tolist(), strict=True)
    edges = zip(result.edges, np.asarray(one.edge_influences, np.float64).tolist(), strict=True)
    reached, left = {v for _, v in result.edges}, {u for u, _ in result.edges}
    ends = [n for n in result.nodes if n not in left]
    if len(ends) != 1:
        raise ArgumentError(
            f"result has {len(ends)} nodes that no edge leaves; a graph of influences ends in one."
        )
    sources = frozenset(n for n in result.nodes if n not in reached)
    pattern = result.metadata.get("pattern", ".*")
    what = f"those of the pattern {pattern}"
    return Flows(dict(nodes), dict(edges), sources, ends[0], what, None)
