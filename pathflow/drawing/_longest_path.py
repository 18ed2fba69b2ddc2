"""A layered layout for graphs whose loops make no columns, or too many rows."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Generic

import numpy as np

from ._labelled import K
from ._layout import Layout, Point

# How much room a node takes in its layer, and an edge that passes through the layer.
_NODE, _EDGE = 1.0, 0.5
_SWEEPS = 8
# With more of them, edges go straight from end to end.
_MAX_BENDS = 20_000
_SMALL = 64


def longest_path_layers(nodes: Sequence[K], edges: Iterable[tuple[K, K]]) -> Layout[K]:
    """Lays a graph out in layers from left to right, with few crossings.

    A node's layer is the length of the longest path that leads to it; one without predecessors
    stands just before its first successor. Inside a layer, nodes are sorted by the mean place of
    their neighbours, back and forth, and the best of the orders is kept; then each is put as near
    to that mean as the others leave room for. An edge over several layers takes a place in each.

    Arguments:
        nodes: the nodes, in topological order.
        edges: pairs of them.

    Returns:
        The layout; its rows mean nothing.

    Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical
        System Structures" (1981); for the places, the least squares under an order of R. Barlow
        et al., "Statistical Inference under Order Restrictions" (1972).
    """
    pairs = list(edges)
    layer_of = _layers(nodes, pairs)
    web = _Web(nodes, pairs, layer_of)
    web.sort()
    y = web.heights()
    positions = {n: (float(layer_of[n]), float(y[i])) for i, n in enumerate(nodes)}
    bends: dict[tuple[K, K], tuple[Point, ...]] = {
        edge: tuple((float(web.layer[i]), float(y[i])) for i in points)
        for edge, points in web.bends.items()
    }
    n_columns = 1 + max(layer_of.values(), default=-1)
    return Layout(positions, (None,) * n_columns, (), bends)


def _layers(nodes: Sequence[K], edges: Sequence[tuple[K, K]]) -> dict[K, int]:
    before: dict[K, list[K]] = {n: [] for n in nodes}
    after: dict[K, list[K]] = {n: [] for n in nodes}
    for u, v in edges:
        before[v].append(u)
        after[u].append(v)
    layer: dict[K, int] = {}
    for n in nodes:
        layer[n] = 1 + max((layer[u] for u in before[n]), default=-1)
    for n in nodes:
        if not before[n] and after[n]:
            layer[n] = min(layer[v] for v in after[n]) - 1
    return layer


class _Web(Generic[K]):
    """Nodes and the bends of edges, by number, with their order in every layer."""

    def __init__(
        self, nodes: Sequence[K], edges: Sequence[tuple[K, K]], layer_of: Mapping[K, int]
    ) -> None:
        number = {n: i for i, n in enumerate(nodes)}
        layer = [layer_of[n] for n in nodes]
        self.bends: dict[tuple[K, K], list[int]] = {}
        spans = sum(layer_of[v] - layer_of[u] - 1 for u, v in edges)
        links: list[tuple[int, int]] = []
        for u, v in edges:
            chain = [number[u]]
            if spans <= _MAX_BENDS:
                for between in range(layer_of[u] + 1, layer_of[v]):
                    chain.append(len(layer))
                    layer.append(between)
            chain.append(number[v])
            if len(chain) > 2:
                self.bends[u, v] = chain[1:-1]
            links += pairwise(chain)
        self.layer = np.array(layer, np.int64)
        self.width = np.full(len(layer), _EDGE)
        self.width[: len(nodes)] = _NODE
        self.links = np.array(links, np.int64).reshape(-1, 2)
        n_layers = 1 + int(self.layer.max(initial=-1))
        self.orders = [np.flatnonzero(self.layer == i) for i in range(n_layers)]
        self._into = [self.links[self.layer[self.links[:, 1]] == i] for i in range(n_layers)]
        self._from = [self.links[self.layer[self.links[:, 0]] == i] for i in range(n_layers)]
        self._local = np.zeros(len(layer), np.int64)

    def sort(self) -> None:
        """Finds an order with few crossings in every layer."""
        place = self._stacked()
        best, fewest = list(self.orders), self._crossings(place)
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            for i in self._sweep(sweep):
                order = self.orders[i]
                wanted = self._wanted(place, i, sweep)
                self.orders[i] = order[np.argsort(wanted, kind="stable")]
                place[self.orders[i]] = self._offsets(i)
            crossings = self._crossings(place)
            if crossings < fewest:
                best, fewest = list(self.orders), crossings
        self.orders = best

    def heights(self) -> np.ndarray:
        """The place of every node and bend, those of a layer at least their widths apart."""
        place = self._stacked()
        for sweep in range(_SWEEPS):
            for i in self._sweep(sweep):
                offsets = self._offsets(i)
                slack = _increasing(self._wanted(place, i, sweep) - offsets)
                place[self.orders[i]] = slack + offsets
        return place - place.min(initial=0.0)

    def _sweep(self, sweep: int) -> Iterable[int]:
        n = len(self.orders)
        return range(n) if sweep % 2 == 0 else range(n - 1, -1, -1)

    def _offsets(self, i: int) -> np.ndarray:
        """Places in a layer, without gaps and around 0."""
        width = self.width[self.orders[i]]
        return np.cumsum(width) - width / 2 - width.sum() / 2

    def _stacked(self) -> np.ndarray:
        place = np.zeros(len(self.layer))
        for i, order in enumerate(self.orders):
            place[order] = self._offsets(i)
        return place

    def _wanted(self, place: np.ndarray, i: int, sweep: int) -> np.ndarray:
        """The mean place of the neighbours on one side, or its own where there are none."""
        order = self.orders[i]
        forward = sweep % 2 == 0
        links = self._into[i] if forward else self._from[i]
        own, other = (links[:, 1], links[:, 0]) if forward else (links[:, 0], links[:, 1])
        self._local[order] = np.arange(len(order))
        at = self._local[own]
        number = np.bincount(at, minlength=len(order))
        total = np.bincount(at, place[other], minlength=len(order))
        return np.where(number > 0, total / np.maximum(number, 1), place[order])

    def _crossings(self, place: np.ndarray) -> int:
        found = 0
        for links in self._into:
            u, v = place[links].T
            found += _inversions(v[np.lexsort((v, u))])
        return found


def _inversions(values: np.ndarray) -> int:
    """How many pairs stand in the wrong order."""
    if len(values) <= _SMALL:
        return int(np.triu(values[:, None] > values[None], 1).sum())
    half = len(values) // 2
    left, right = values[:half], values[half:]
    across = half - np.searchsorted(np.sort(left), right, side="right")
    return _inversions(left) + _inversions(right) + int(across.sum())


def _increasing(values: np.ndarray) -> np.ndarray:
    """The nearest sequence, in least squares, that never falls: neighbours that do are pooled."""
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        total, size = value, 1
        while blocks and blocks[-1][0] * size > total * blocks[-1][1]:
            before, n = blocks.pop()
            total, size = total + before, size + n
        blocks.append((total, size))
    means = [total / size for total, size in blocks]
    return np.repeat(means, [size for _, size in blocks])
