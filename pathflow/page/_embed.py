"""A sheet as JSON: all of it, or the largest paths and what is left out, told in words."""

from typing import Any

import networkx as nx
import numpy as np

from pathflow._errors import ArgumentError
from pathflow.drawing import digits
from pathflow.graph import Edge, Node, PathSpace, edge_sums

from ._contents import Classes, FlowTable, Parts, PathTable, Sheet
from ._drawn import drawn_graph, drawn_space
from ._encode import numbers
from ._level import Level
from ._pruned import (
    chosen_paths,
    edges_note,
    graph_note,
    largest_edges,
    mean_note,
    reduced_space,
    too_large,
    unseen_note,
    unseen_paths,
)


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
            notes.append(mean_note(sheet.paths))
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


def _paths(table: PathTable, level: Level, spaces: Spaces, notes: list[str]) -> dict[str, Any]:
    """The numbers of paths, and the exact flows where the page cannot add them up itself."""
    space, n = table.space, table.influences.shape[1]
    chosen = chosen_paths(table, level)
    every = table.ranks is None and len(chosen) == n
    dtype = level.dtype(table.influences)
    if dtype == "float32" and table.influences.dtype == np.float64:
        notes.append("To save room, influences of paths are rounded to 7 digits here.")
    ranks = None if every else [table.ranks[i] if table.ranks else i for i in chosen.tolist()]
    influences = table.influences[:, chosen]
    drawn = space
    if ranks is not None and too_large(space):
        drawn = reduced_space(space, ranks)
        notes.append(graph_note(space, drawn))
    data: dict[str, Any] = {
        "count": digits(space.count),
        "listed": len(chosen),
        "influences": numbers(influences, dtype),
        "ranks": None if ranks is None else list(map(digits, ranks)),
        "places": None,
        "unseen": None,
    }
    if drawn is not space and ranks is not None:
        data["places"] = [digits(drawn.rank(space.unrank(r))) for r in ranks]
    found: dict[str, Any] = {"space": spaces.of_space(drawn), "paths": data}
    if not every:
        data["unseen"] = unseen_paths(table, chosen)
        notes.append(unseen_note(table, chosen))
    if not every and table.ranks is None:
        sums = dict(zip(space.edges, edge_sums(space, table.influences).T, strict=True))
        kept = np.stack([sums[e] for e in drawn.edges], axis=-1)
        found["flows"] = {"along": numbers(kept, "float64"), "through": None}
    return found


def _flows(flows: FlowTable, spaces: Spaces, notes: list[str]) -> dict[str, Any]:
    nodes, edges, along = flows.nodes, flows.edges, flows.along
    place = {n: i for i, n in enumerate(nodes)}
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    order = {
        n: i
        for i, n in enumerate(nx.lexicographical_topological_sort(graph, key=place.__getitem__))
    }
    kept = largest_edges(along)
    if len(kept) < len(edges):
        notes.append(edges_note(along, kept))
    ends = sorted(kept.tolist(), key=lambda i: (order[edges[i][0]], order[edges[i][1]]))
    drawn = spaces.of_graph(tuple(order), tuple(edges[i] for i in ends))
    return {
        "space": drawn,
        "flows": {
            "along": numbers(along[:, ends], "float64"),
            "through": numbers(flows.through[:, [place[n] for n in order]], "float64"),
        },
    }


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
