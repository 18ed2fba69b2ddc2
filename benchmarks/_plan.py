"""Who pushes and who pulls in a meeting in the middle, and the matrix products that this takes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks._gates import SOURCE, TARGET, Gates, Kind, best_cut

# Rows, inner length, columns.
Product = tuple[int, int, int]


@dataclass(frozen=True)
class Plan:
    """The order of work.

    Arguments:
        gates: the graph.
        left: nodes that carry prefixes, the source aside, in order.
        right: nodes that carry suffixes, the target aside, from the target on.
        pushed: for nodes after the cut, the predecessors before it that push to them.
        pulled: for nodes before the cut, the successors after it that they pull from.
    """

    gates: Gates
    left: tuple[str, ...]
    right: tuple[str, ...]
    pushed: dict[str, list[str]]
    pulled: dict[str, list[str]]

    @property
    def vectors(self) -> int:
        """Prefixes and suffixes that are held, crossing ones included."""
        prefixes, suffixes = self.gates.prefixes, self.gates.suffixes
        held = sum(prefixes[n] for n in self.left) + sum(suffixes[n] for n in self.right)
        moved = sum(prefixes[u] for us in self.pushed.values() for u in us)
        return held + moved + sum(suffixes[v] for vs in self.pulled.values() for v in vs)

    def products(self, units: int, embedding: int, points: int) -> Counter[Product]:
        """All matrix products, by their sizes."""
        return Counter(self._products(units, embedding, points))

    def _products(self, units: int, embedding: int, points: int) -> Iterator[Product]:
        prefixes, suffixes = self.gates.prefixes, self.gates.suffixes
        crossing = [(u, v) for v, us in self.pushed.items() for u in us]
        pushes = [(u, v) for v in self.left for u in self.gates.before[v]] + crossing
        crossing = [(u, v) for u, vs in self.pulled.items() for v in vs]
        pulls = [(u, v) for u in self.right for v in self.gates.after[u]] + crossing
        for edges, counts, end in ((pushes, prefixes, 0), (pulls, suffixes, 1)):
            for edge in edges:
                kind = self.gates.kinds[edge]
                if kind is Kind.SHARED:
                    yield 1, embedding, units
                elif kind is Kind.DENSE:
                    yield counts[edge[end]] * points, units, units
        for v, us in self.pushed.items():
            width = 1 if v == TARGET else units
            yield sum(prefixes[u] for u in us), points * width, suffixes[v]
        for u, vs in self.pulled.items():
            width = embedding if u == SOURCE else units
            yield prefixes[u], points * width, sum(suffixes[v] for v in vs)


def make_plan(gates: Gates, units: int, points: int) -> Plan:
    """The plan with the cheapest cut."""
    before = best_cut(gates, units, points)
    pushed: dict[str, list[str]] = {}
    pulled: dict[str, list[str]] = {}
    for u, v in gates.kinds:
        if u in before and v not in before:
            if gates.prefixes[u] <= gates.suffixes[v]:
                pushed.setdefault(v, []).append(u)
            else:
                pulled.setdefault(u, []).append(v)
    return Plan(
        gates,
        tuple(n for n in gates.nodes[1:] if n in before),
        tuple(n for n in gates.nodes[-2::-1] if n not in before),
        pushed,
        pulled,
    )


def flops(products: Counter[Product]) -> int:
    """Multiplications and additions."""
    return sum(2 * m * k * n * times for (m, k, n), times in products.items())
