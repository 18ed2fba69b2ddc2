"""Exact path counts by dynamic programming, in O(nodes + edges).

Nodes are positions in a topological order. Counts are Python integers: at a hundred steps of a
two-layer LSTM there are 1e70 paths.
"""

from collections.abc import Sequence

Neighbours = Sequence[Sequence[int]]


def suffix_counts(successors: Neighbours, sources: frozenset[int], target: int) -> list[int]:
    """For every node, the number of paths from it to the target that pass no source after it."""
    counts = [0] * len(successors)
    counts[target] = 1
    for u in range(target - 1, -1, -1):
        counts[u] = sum(counts[v] for v in successors[u] if v not in sources)
    return counts


def prefix_counts(successors: Neighbours, sources: frozenset[int], target: int) -> list[int]:
    """For every node, the number of paths to it from the sources, edges into sources being cut."""
    counts = [0] * len(successors)
    for s in sources:
        counts[s] = 1
    for u in range(target):
        # Most of a large graph may lie before or beside the sources.
        if counts[u]:
            for v in successors[u]:
                if v not in sources:
                    counts[v] += counts[u]
    return counts
