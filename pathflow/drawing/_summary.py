"""Large graphs made small enough to look at, and what was left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from ._labelled import Key, Labelled, index_text

Weights = Mapping[tuple[Any, Any], float | None]
# How many nodes without iterations are drawn of too many.
_NEAREST = 60
_PART = re.compile(r"(.*)\[[^\[\]]*\]", re.DOTALL)


@dataclass(frozen=True)
class Summary:
    """A graph to draw.

    Arguments:
        nodes: in topological order.
        weights: of every edge; None where it has none.
        notes: what was merged or left out, a sentence each; none where nothing was.
        members: how many nodes each drawn node stands for.
    """

    nodes: tuple[Key, ...]
    weights: Mapping[tuple[Key, Key], float | None]
    notes: tuple[str, ...]
    members: Mapping[Key, int]


def summarised(
    nodes: Sequence[Labelled], weights: Weights, most_nodes: int = 150, most_edges: int = 500
) -> Summary:
    """A graph of at most so many nodes and edges that shows what a larger one is like.

    First the parts of split nodes (`c1[0]`, `c1[1]`, ...) become one node, their edges one edge
    with the sum of the weights; then iterations in the middle of loops are left out; then all nodes
    but those nearest to the last one; then edges of least weight.

    Arguments:
        nodes: in topological order.
        weights: of every edge, or None where edges have none.
        most_nodes: how many nodes stay, at most.
        most_edges: how many edges stay, at most.
    """
    keys = [Key(n.name, n.index) for n in nodes]
    # Not by name and index again: the nodes given may be anything that has both.
    key_of = dict(zip(nodes, keys, strict=True))
    named = {(key_of[u], key_of[v]): weight for (u, v), weight in weights.items()}
    found = Summary(tuple(keys), named, (), dict.fromkeys(keys, 1))
    if len(keys) > most_nodes or len(named) > most_edges:
        found = _merged(found)
    if len(found.nodes) > most_nodes or len(found.weights) > most_edges:
        found = _windowed(found, most_nodes, most_edges)
    if len(found.nodes) > most_nodes:
        found = _nearest(found)
    return _pruned(found, most_edges)


def _merged(whole: Summary) -> Summary:
    """The parts of split nodes as one, where that leaves no cycle."""
    parts: dict[str, set[str]] = {}
    for n in whole.nodes:
        match = _PART.fullmatch(n.name)
        if match is not None:
            parts.setdefault(match[1], set()).add(n.name)
    several = {base: names for base, names in parts.items() if len(names) > 1}
    if not several:
        return whole
    name_of = {
        name: f"{base}\N{MULTIPLICATION SIGN}{len(names)}"
        for base, names in several.items()
        for name in names
    }
    into = {n: Key(name_of.get(n.name, n.name), n.index) for n in whole.nodes}
    weights: dict[tuple[Key, Key], float | None] = {}
    for (u, v), weight in whole.weights.items():
        edge = into[u], into[v]
        before = weights.get(edge)
        weights[edge] = weight if before is None else before + (weight or 0.0)
    members: dict[Key, int] = {}
    for n in whole.nodes:
        members[into[n]] = members.get(into[n], 0) + 1
    place = {n: i for i, n in enumerate(members)}
    graph = nx.DiGraph(list(weights))
    graph.add_nodes_from(members)
    if not nx.is_directed_acyclic_graph(graph):
        return whole
    order = nx.lexicographical_topological_sort(graph, key=place.__getitem__)
    note = "; ".join(f"{len(names):,} parts of {base}" for base, names in several.items())
    return Summary(tuple(order), weights, (f"Drawn as one node each: {note}.",), members)


def _windowed(whole: Summary, most_nodes: int, most_edges: int) -> Summary:
    """The first and the last iterations, as many as there is room for."""
    indices = sorted({n.index for n in whole.nodes if n.index})
    if len(indices) < 4:
        return whole
    # By the mean number of nodes and edges in an iteration; three from either end at least are
    # two of the beginning and one of the end.
    share = min(most_nodes / len(whole.nodes), most_edges / max(1, len(whole.weights)))
    n_kept = min(max(3, int(share * len(indices))), len(indices))
    if n_kept == len(indices):
        return whole
    first = n_kept - n_kept // 3
    dropped = indices[first : len(indices) - (n_kept - first)]
    gone = frozenset(dropped)
    kept = [n for n in whole.nodes if n.index not in gone]
    ends = index_text(dropped[0]), index_text(dropped[-1])
    n_lost = sum(whole.members[n] for n in whole.nodes if n.index in gone)
    note = f"Iterations {ends[0]} to {ends[1]} are left out, with {n_lost:,} nodes."
    return _without(whole, kept, note)


def _nearest(whole: Summary) -> Summary:
    """The last node, those before it, those before them, and so on."""
    before: dict[Key, list[Key]] = {n: [] for n in whole.nodes}
    for u, v in whole.weights:
        before[v].append(u)
    found: dict[Key, None] = {}
    for last in reversed(whole.nodes):
        waiting = [last]
        # Breadth first; grows while it is read.
        for n in waiting:
            if len(found) < _NEAREST and n not in found:
                found[n] = None
                waiting += before[n]
        if len(found) == _NEAREST:
            break
    kept = [n for n in whole.nodes if n in found]
    note = f"The {len(kept)} nodes nearest to {whole.nodes[-1]} are drawn."
    return _without(whole, kept, note)


def _without(whole: Summary, kept: Sequence[Key], note: str) -> Summary:
    chosen = frozenset(kept)
    weights = {e: w for e, w in whole.weights.items() if e[0] in chosen and e[1] in chosen}
    return Summary(tuple(kept), weights, (*whole.notes, note), whole.members)


def _pruned(whole: Summary, most_edges: int) -> Summary:
    surplus = len(whole.weights) - most_edges
    if surplus <= 0:
        return whole
    size = {edge: abs(weight or 0.0) for edge, weight in whole.weights.items()}
    kept = frozenset(sorted(size, key=size.__getitem__, reverse=True)[:most_edges])
    weights = {edge: weight for edge, weight in whole.weights.items() if edge in kept}
    note = f"{surplus:,} more edges are not drawn."
    return Summary(whole.nodes, weights, (*whole.notes, note), whole.members)
