"""What is left out of a page, and how that is told."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pathflow.drawing import digits, short_integer
from pathflow.graph import Edge, Graph, Path, PathSpace

from ._contents import Numbers, PathTable
from ._encode import numbers_size
from ._level import Level

# More edges than this are no picture, and slow to draw.
MAX_EDGES = 6000


def too_large(space: PathSpace) -> bool:
    """Whether a graph has too many edges to be drawn."""
    return len(space.edges) > MAX_EDGES


def largest_edges(along: Numbers) -> np.ndarray:
    """The positions of the edges that are drawn, largest first; all, if they fit."""
    size = np.abs(along.mean(axis=0, dtype=np.float64))
    return np.asarray(np.argsort(-size, kind="stable")[:MAX_EDGES])


def edges_note(along: Numbers, kept: np.ndarray) -> str:
    """Which edges are left out."""
    size = np.abs(along.mean(axis=0, dtype=np.float64))
    return (
        f"The {len(size) - len(kept):,} smallest of {len(size):,} edges are left out; each carries "
        f"at most {np.delete(size, kept).max():.4g}."
    )


def chosen_paths(table: PathTable, level: Level) -> np.ndarray:
    """The positions of the paths that go in: all, in order, or the largest of the mean."""
    n = table.influences.shape[1]
    most = n if level.paths is None else min(n, level.paths)
    order = np.argsort(-np.abs(table.influences.mean(axis=0, dtype=np.float64)), kind="stable")
    too_many = too_large(table.space)
    # A graph that is too large to draw is cut down to the edges of the paths that are there.
    while too_many and most > 1:
        ranks = order[:most].tolist()
        paths = [table.space.unrank(table.ranks[i] if table.ranks else i) for i in ranks]
        if len(_edges(paths)) <= MAX_EDGES:
            break
        most //= 2
    if most == n:
        return np.arange(n)
    return np.asarray(order[:most])


def _edges(paths: Iterable[Path]) -> set[Edge]:
    return {edge for p in paths for edge in pairwise(p)}


def reduced_space(space: PathSpace, ranks: Sequence[int]) -> PathSpace:
    """The space on the nodes and edges of some paths only."""
    paths = [space.unrank(r) for r in ranks]
    edges = _edges(paths)
    on_path = {n for edge in edges for n in edge}
    graph = Graph([n for n in space.nodes if n in on_path], list(edges))
    starts = {p[0] for p in paths}
    return graph.paths([s for s in space.sources if s in starts], space.target)


def graph_note(space: PathSpace, drawn: PathSpace) -> str:
    """How much of a graph is drawn."""
    return (
        f"The graph has {len(space.nodes):,} nodes and {len(space.edges):,} edges; drawn are "
        f"the {len(drawn.nodes):,} nodes and {len(drawn.edges):,} edges of the listed paths."
    )


def unseen_paths(table: PathTable, chosen: np.ndarray) -> dict[str, Any]:
    """Count, exact sums and bound of all paths that the page does not hold."""
    outside = np.ones(table.influences.shape[1], bool)
    outside[chosen] = False
    left = table.influences[:, outside]
    sums = left.sum(axis=1, dtype=np.float64)
    bound = float(np.abs(left.mean(axis=0, dtype=np.float64)).max(initial=0.0))
    count = int(outside.sum())
    if table.unseen is not None:
        count += table.unseen.count
        sums = sums + table.unseen.sums
        bound = max(bound, table.unseen.bound) if table.unseen.count else bound
    # JSON has no infinity.
    return {
        "count": digits(count),
        "sums": sums.tolist(),
        "bound": bound if np.isfinite(bound) else None,
    }


def unseen_note(table: PathTable, chosen: np.ndarray) -> str:
    """How many paths the page does not hold, and what is known of them."""
    unseen = unseen_paths(table, chosen)
    count, mean = int(unseen["count"]), float(np.mean(unseen["sums"]))
    if not count:
        return f"All {table.space.count:,} paths are listed."
    limit = "" if unseen["bound"] is None else f", each at most {unseen['bound']:.4g}"
    text = (
        f"{len(chosen):,} paths are listed. The other {short_integer(count)} are not in this page: "
        f"together {mean:+.6g}, exactly{limit}."
    )
    if table.unseen is not None and not table.unseen.exact:
        text += " It is not proven that no larger path is among them."
    return text


def mean_note(table: PathTable) -> str:
    """That single examples are left out, and how large they are."""
    rows, n = table.influences.shape
    size = numbers_size(rows * n, Level(examples=True, double=True).dtype(table.influences))
    return (
        f"Only the mean over the {rows} examples is here: {rows} times {n:,} influences would take "
        f"{size / 1e6:,.1f} MB. For one of them, save `result.example(i)`, or allow more by "
        "`max_bytes`."
    )
