"""A sheet as JSON: all of it, or the largest paths and what is left out, told in words."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import Edge, Graph, Node, PathSpace, edge_sums, edges_of

from ._contents import Classes, Flows, Numbers, Parts, PathTable, Sheet
from ._drawn import drawn_graph, drawn_space
from ._encode import numbers, numbers_size

# More edges than this are no picture, and slow to draw.
MAX_EDGES = 6000


@final
@dataclass(frozen=True)
class Level:
    """How much of the numbers of paths goes into a page.

    Attributes:
        examples: whether those of every example do, or their mean alone.
        double: whether they keep 64 bits.
        paths: the most paths of a sheet; None for all.
    """

    examples: bool
    double: bool
    paths: int | None = None

    def dtype(self, influences: Numbers) -> str:
        """The type of the embedded numbers."""
        wide = influences.dtype == np.float64 or (len(influences) > 1 and not self.examples)
        return "float64" if wide and self.double else "float32"

    def size(self, table: PathTable) -> int:
        """About how many characters a table takes."""
        rows, n = table.influences.shape
        n = n if self.paths is None else min(n, self.paths)
        listed = table.ranks is not None or n < table.influences.shape[1]
        digits = n * (len(str(table.space.count)) + 3) if listed else 0
        dtype = self.dtype(table.influences)
        return digits + numbers_size(n * (rows if self.examples else 1), dtype)


def embed(sheet: Sheet, name: str, level: Level, spaces: "Spaces") -> dict[str, Any]:
    """A sheet as JSON values.

    Arguments:
        sheet: the sheet.
        name: what it is called on the page.
        level: how much of its paths goes in.
        spaces: where its graph is put; graphs that are there already are shared.
    """
    notes: list[str] = []
    data: dict[str, Any] = {
        "name": name,
        "heading": sheet.heading,
        "trusted": sheet.trusted,
        "audit": list(sheet.audit),
        "totals": sheet.totals.tolist(),
        "batch": len(sheet.totals) if sheet.batched else None,
        "examples": list(sheet.examples),
        "columns": list(sheet.columns),
        "perExample": sheet.batched,
        "space": None,
        "paths": None,
        "flows": None,
        "classes": None,
        "parts": [_parts(p) for p in sheet.parts],
    }
    if sheet.paths is not None:
        rows = len(sheet.paths.influences)
        data["perExample"] = sheet.batched and (level.examples or rows == 1)
        if rows > 1 and not level.examples:
            notes.append(_mean_note(sheet.paths))
        data |= _paths(_averaged(sheet.paths, level), level, spaces, notes)
    elif sheet.flows is not None:
        data |= _flows(sheet.flows, spaces, notes)
    if sheet.classes is not None:
        data["classes"] = _classes(sheet.classes)
    _check_columns(sheet.columns, data["space"], spaces)
    return data | {"notes": notes}


class Spaces:
    """The graphs of a page, each once."""

    def __init__(self) -> None:
        self.drawn: list[dict[str, Any]] = []
        self._number: dict[object, int] = {}

    def of_space(self, space: PathSpace) -> int:
        """The number of a space's graph."""
        if space not in self._number:
            self._add(space, drawn_space(space))
        return self._number[space]

    def of_graph(self, nodes: tuple[Node, ...], edges: tuple[Edge, ...]) -> int:
        """The number of a graph that is only drawn."""
        if (nodes, edges) not in self._number:
            self._add((nodes, edges), drawn_graph(nodes, edges))
        return self._number[nodes, edges]

    def _add(self, key: object, drawn: dict[str, Any]) -> None:
        self._number[key] = len(self.drawn)
        self.drawn.append(drawn)


def _check_columns(labels: tuple[str, ...], space: int | None, spaces: Spaces) -> None:
    """Refuses labels for columns that are not there."""
    if not labels:
        return
    layout = None if space is None else spaces.drawn[space]["layout"]
    columns = [] if layout is None else layout["columns"]
    if len(labels) != len(columns):
        raise ArgumentError(
            f"column_labels holds {len(labels)} labels for {len(columns)} columns"
            + (f" ({columns})." if columns else ", since the graph has no loop to draw by.")
        )


def _averaged(table: PathTable, level: Level) -> PathTable:
    if level.examples or len(table.influences) == 1:
        return table
    influences = table.influences.mean(axis=0, keepdims=True, dtype=np.float64)
    unseen = table.unseen
    if unseen is not None:
        sums = unseen.sums.mean(keepdims=True, dtype=np.float64)
        unseen = type(unseen)(unseen.count, sums, unseen.bound, unseen.exact)
    return PathTable(table.space, influences, table.ranks, unseen)


def _mean_note(table: PathTable) -> str:
    rows, n = table.influences.shape
    size = numbers_size(rows * n, Level(examples=True, double=True).dtype(table.influences))
    return (
        f"Only the mean over the {rows} examples is here: {rows} × {n:,} influences would take "
        f"{size / 1e6:,.1f} MB. For one of them, save `result.example(i)`, or allow more by "
        "`max_bytes`."
    )


def _paths(table: PathTable, level: Level, spaces: Spaces, notes: list[str]) -> dict[str, Any]:
    """The numbers of paths, and the exact flows where the page cannot add them up itself."""
    space, n = table.space, table.influences.shape[1]
    chosen = _chosen(table, level)
    every = table.ranks is None and len(chosen) == n
    dtype = level.dtype(table.influences)
    if dtype == "float32" and table.influences.dtype == np.float64:
        notes.append("To save room, influences of paths are rounded to 7 digits here.")
    ranks = None if every else [table.ranks[i] if table.ranks else i for i in chosen.tolist()]
    influences = table.influences[:, chosen]
    drawn = space
    if ranks is not None and len(edges_of(space)) > MAX_EDGES:
        drawn = _reduced(space, ranks)
        notes.append(_graph_note(space, drawn))
    data: dict[str, Any] = {
        "count": str(space.count),
        "listed": len(chosen),
        "influences": numbers(influences, dtype),
        "ranks": None if ranks is None else list(map(str, ranks)),
        "places": None,
        "unseen": None,
    }
    if drawn is not space and ranks is not None:
        data["places"] = [str(drawn.rank(space.unrank(r))) for r in ranks]
    found: dict[str, Any] = {"space": spaces.of_space(drawn), "paths": data}
    if not every:
        data["unseen"] = _unseen(table, chosen)
        notes.append(_unseen_note(table, chosen))
    if not every and table.ranks is None:
        sums = dict(zip(edges_of(space), edge_sums(space, table.influences).T, strict=True))
        kept = np.stack([sums[e] for e in edges_of(drawn)], axis=-1)
        found["flows"] = {"along": numbers(kept, "float64"), "through": None}
    return found


def _chosen(table: PathTable, level: Level) -> np.ndarray:
    """The positions of the paths that go in: all, in order, or the largest of the mean."""
    n = table.influences.shape[1]
    most = n if level.paths is None else min(n, level.paths)
    order = np.argsort(-np.abs(table.influences.mean(axis=0, dtype=np.float64)), kind="stable")
    too_many = len(edges_of(table.space)) > MAX_EDGES
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


def _edges(paths: list[Any]) -> set[Edge]:
    return {edge for p in paths for edge in pairwise(p)}


def _reduced(space: PathSpace, ranks: list[int]) -> PathSpace:
    """The space on the nodes and edges of some paths only."""
    paths = [space.unrank(r) for r in ranks]
    edges = _edges(paths)
    on_path = {n for edge in edges for n in edge}
    graph = Graph([n for n in space.nodes if n in on_path], list(edges))
    starts = {p[0] for p in paths}
    return graph.paths([s for s in space.sources if s in starts], space.target)


def _graph_note(space: PathSpace, drawn: PathSpace) -> str:
    return (
        f"The graph has {len(space.nodes):,} nodes and {len(edges_of(space)):,} edges; drawn are "
        f"the {len(drawn.nodes):,} nodes and {len(edges_of(drawn)):,} edges of the listed paths."
    )


def _unseen(table: PathTable, chosen: np.ndarray) -> dict[str, Any]:
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
        "count": str(count),
        "sums": sums.tolist(),
        "bound": bound if np.isfinite(bound) else None,
    }


def _unseen_note(table: PathTable, chosen: np.ndarray) -> str:
    unseen = _unseen(table, chosen)
    count, mean = int(unseen["count"]), float(np.mean(unseen["sums"]))
    if not count:
        return f"All {table.space.count:,} paths are listed."
    limit = "" if unseen["bound"] is None else f", each at most {unseen['bound']:.4g}"
    text = (
        f"{len(chosen):,} paths are listed. The other {_short(count)} are not in this page: "
        f"together {mean:+.6g}, exactly{limit}."
    )
    if table.unseen is not None and not table.unseen.exact:
        text += " It is not proven that no larger path is among them."
    return text


def _short(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"{float(count):.3e}" if count < 10**300 else "many"


def _flows(flows: Flows, spaces: Spaces, notes: list[str]) -> dict[str, Any]:
    nodes, edges, along = flows.nodes, flows.edges, flows.along
    order = {n: i for i, n in enumerate(_topological(nodes, edges))}
    if len(edges) > MAX_EDGES:
        size = np.abs(along.mean(axis=0, dtype=np.float64))
        kept = np.argsort(-size, kind="stable")[:MAX_EDGES]
        notes.append(
            f"The {len(edges) - MAX_EDGES:,} smallest of {len(edges):,} edges are left out; each "
            f"carries at most {np.delete(size, kept).max():.4g}."
        )
        edges, along = tuple(edges[i] for i in kept), along[:, kept]
    ends = sorted(range(len(edges)), key=lambda i: (order[edges[i][0]], order[edges[i][1]]))
    by_place = sorted(range(len(nodes)), key=lambda i: order[nodes[i]])
    drawn = spaces.of_graph(tuple(order), tuple(edges[i] for i in ends))
    return {
        "space": drawn,
        "flows": {
            "along": numbers(along[:, ends], "float64"),
            "through": numbers(flows.through[:, by_place], "float64"),
        },
    }


def _topological(nodes: tuple[Node, ...], edges: tuple[Edge, ...]) -> list[Node]:
    """The nodes in a topological order, close to the given one."""
    place = {n: i for i, n in enumerate(nodes)}
    waiting = dict.fromkeys(nodes, 0)
    after: dict[Node, list[Node]] = {n: [] for n in nodes}
    for u, v in edges:
        waiting[v] += 1
        after[u].append(v)
    ready = sorted((n for n in nodes if not waiting[n]), key=lambda n: -place[n])
    order = []
    while ready:
        u = ready.pop()
        order.append(u)
        for v in after[u]:
            waiting[v] -= 1
            if not waiting[v]:
                ready.append(v)
        ready.sort(key=lambda n: -place[n])
    return order


def _classes(classes: Classes) -> dict[str, Any]:
    return {
        "names": list(classes.names),
        "influences": numbers(classes.influences, "float64"),
        "counts": None if classes.counts is None else list(map(str, classes.counts)),
        "overlapping": classes.overlapping,
    }


def _parts(parts: Parts) -> dict[str, Any]:
    return {
        "node": str(parts.node),
        "paths": parts.paths,
        "names": list(parts.names),
        "influences": numbers(parts.influences, "float64"),
    }
