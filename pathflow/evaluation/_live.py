"""The paths that can carry anything: those through no partial that is zero whatever the inputs."""

from dataclasses import dataclass

from pathflow.evaluation._activations import Edge, edge_partials
from pathflow.graph import Graph, PathSpace
from pathflow.tracing import (
    LocalPartial,
    NodeFunction,
    Sparsity,
    TracedGraph,
    kept,
    sparsity_of,
    zero_partial,
)


@dataclass(frozen=True, eq=False)
class LivePaths:
    """The live part of a path space.

    Arguments:
        full: all paths, whose ranks are the paths' numbers.
        space: the paths without a zero partial; None where there are none.
        partials: of every edge of `space`.
    """

    full: PathSpace
    space: PathSpace | None
    partials: dict[Edge, LocalPartial]


@kept
def live_paths(traced: TracedGraph, full: PathSpace) -> LivePaths:
    """Leaves out the edges with a partial of zero by construction, and what they cut off."""
    partials = edge_partials(traced, full.edges)
    live = [e for e in full.edges if not _is_zero(traced.functions[e[1]], partials[e])]
    graph = Graph(full.nodes, live)
    sources = [s for s in full.sources if graph.count_paths(s, full.target)]
    if not sources:
        return LivePaths(full, None, {})
    space = graph.paths(sources, full.target)
    return LivePaths(full, space, {e: partials[e] for e in space.edges})


def _is_zero(function: NodeFunction, partial: LocalPartial) -> bool:
    return zero_partial(function, partial) or sparsity_of(partial, function) == Sparsity.ZERO
