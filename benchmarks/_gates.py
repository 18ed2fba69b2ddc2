"""The gate graph of an LSTM written down from its formulas, with its paths and the best cut.

Written without pathflow, so that the other methods neither gain from nor share a mistake of its
tracing. Labels are those of pathflow's nodes: `f0@3`, `c1@4`, `qoi`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import networkx as nx

Edge = tuple[str, str]
Labels = tuple[str, ...]
SOURCE, TARGET = "x@0", "qoi"

# An elementwise product runs at the rate of the memory: in the time that it takes per entry, a
# matrix product does about this many operations.
_ELEMENTWISE = 50


class Kind(Enum):
    """What carries a vector across an edge."""

    SHARED = "a matrix, the same tangent at all points"
    DENSE = "a matrix"
    SCALE = "an elementwise factor"
    READOUT = "one row"


@dataclass(frozen=True)
class Gates:
    """Nodes and edges on some path from the first word to the quantity of interest.

    Arguments:
        nodes: in topological order.
        kinds: of the edges.
        before: the predecessors of each node, in order.
        after: the successors of each node, in order.
        prefixes: number of paths from the source to each node.
        suffixes: number of paths from each node to the target.
    """

    nodes: Labels
    kinds: Mapping[Edge, Kind]
    before: Mapping[str, Labels]
    after: Mapping[str, Labels]
    prefixes: Mapping[str, int]
    suffixes: Mapping[str, int]

    @property
    def count(self) -> int:
        """Number of paths."""
        return self.prefixes[TARGET]

    def prefix(self, node: str, number: int) -> Labels:
        """One of the paths from the source to a node.

        They are numbered predecessor by predecessor.
        """
        path = [node]
        while node != SOURCE:
            node, number = located(self.before[node], self.prefixes, number)
            path.append(node)
        return tuple(reversed(path))

    def suffix(self, node: str, number: int) -> Labels:
        """One of the paths from a node to the target, numbered successor by successor."""
        path = [node]
        while node != TARGET:
            node, number = located(self.after[node], self.suffixes, number)
            path.append(node)
        return tuple(path)


def located(nodes: Sequence[str], counts: Mapping[str, int], number: int) -> tuple[str, int]:
    """Whose vector has a number among those of several nodes, and its number among that node's."""
    for node in nodes:
        if number < counts[node]:
            return node, number
        number -= counts[node]
    raise IndexError(number)


def gate_graph(steps: int, layers: int, *, live: bool) -> Gates:
    """The graph of `f, i, o, g = act(x W + h' U + b)`, `c = f c' + i g`, `h = o tanh(c)`.

    Arguments:
        steps: number of words.
        layers: number of layers.
        live: whether to leave out the edges that are zero by construction: the first forget gates
            scale a cell state of zeros.
    """
    kinds: dict[Edge, Kind] = {}
    for t in range(steps):
        for layer in range(layers):
            below = f"x@{t}" if layer == 0 else f"h{layer - 1}@{t}"
            cell, hidden = f"c{layer}@{t}", f"h{layer}@{t}"
            for gate in (f"{name}{layer}@{t}" for name in "fiog"):
                kinds[below, gate] = Kind.SHARED if below == SOURCE else Kind.DENSE
                if t:
                    kinds[f"h{layer}@{t - 1}", gate] = Kind.DENSE
                kinds[gate, hidden if gate[0] == "o" else cell] = Kind.SCALE
            if t:
                kinds[f"c{layer}@{t - 1}", cell] = Kind.SCALE
            elif live:
                del kinds[f"f{layer}@0", cell]
            kinds[cell, hidden] = Kind.SCALE
    kinds[f"h{layers - 1}@{steps - 1}", TARGET] = Kind.READOUT
    return _restricted(kinds)


def _restricted(kinds: Mapping[Edge, Kind]) -> Gates:
    graph = nx.DiGraph(list(kinds))
    on_paths = (nx.descendants(graph, SOURCE) | {SOURCE}) & (nx.ancestors(graph, TARGET) | {TARGET})
    graph = nx.DiGraph([e for e in kinds if on_paths.issuperset(e)])
    nodes = tuple(nx.topological_sort(graph))
    prefixes, suffixes = {SOURCE: 1}, {TARGET: 1}
    for node in nodes[1:]:
        prefixes[node] = sum(prefixes[u] for u in graph.predecessors(node))
    for node in nodes[-2::-1]:
        suffixes[node] = sum(suffixes[v] for v in graph.successors(node))
    return Gates(
        nodes,
        {e: kinds[e] for e in graph.edges},
        {n: tuple(graph.predecessors(n)) for n in nodes},
        {n: tuple(graph.successors(n)) for n in nodes},
        prefixes,
        suffixes,
    )


def unit_costs(units: int, points: int) -> dict[Kind, int]:
    """What moving one vector across an edge costs per entry and point, in operations."""
    return {
        Kind.SHARED: max(1, 2 * units // points),
        Kind.DENSE: 2 * units,
        Kind.SCALE: _ELEMENTWISE,
        Kind.READOUT: 2,
    }


def best_cut(gates: Gates, units: int, points: int) -> frozenset[str]:
    """The nodes that carry prefixes in the cheapest meeting in the middle.

    Each edge costs its unit times the prefixes pushed (both ends before the cut), the suffixes
    pulled (both after it), or the fewer of the two (across it). Nodes are labelled before or after
    with that cost at its least, which is a minimum cut in the graph below; the products at the
    crossings cost the same for every cut.
    """
    unit = unit_costs(units, points)
    network = nx.DiGraph()
    pays_before, pays_after = dict.fromkeys(gates.nodes, 0), dict.fromkeys(gates.nodes, 0)
    for (u, v), kind in gates.kinds.items():
        push, pull = (unit[kind] * n for n in (gates.prefixes[u], gates.suffixes[v]))
        pays_before[v] += push
        pays_after[u] += pull
        network.add_edge(u, v, capacity=min(push, pull))
        network.add_edge(v, u)  # unbounded: nothing before the cut follows something after it
    inner = gates.nodes[1:-1]
    network.add_edges_from((n, TARGET + "!", {"capacity": pays_before[n]}) for n in inner)
    network.add_edges_from((SOURCE + "!", n, {"capacity": pays_after[n]}) for n in inner)
    network.add_edges_from([(SOURCE + "!", SOURCE), (TARGET, TARGET + "!")])
    _, (before, _) = nx.minimum_cut(network, SOURCE + "!", TARGET + "!")
    return frozenset(before.intersection(gates.nodes))
