"""Positions of nodes, and the curves between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Generic

from ._labelled import K

Point = tuple[float, float]

# What counts as in the way of an edge, and how far the edge then bows, in columns.
_CLEARANCE = 0.03
_BOW = 0.2


@dataclass(frozen=True)
class Layout(Generic[K]):
    """Where the nodes of a graph go, in columns and rows.

    Arguments:
        positions: (x, y) of every node; x is a column's number plus an offset, y grows upwards.
        columns: the loop index of each column; `None` for a column of nodes outside the loop, and
            where columns are layers.
        rows: the name of each row, bottom up, a row being one unit of y; empty where rows mean
            nothing, and every node needs its own label.
        bends: the points that an edge passes between its ends, from left to right, where it goes
            around nodes.
    """

    positions: Mapping[K, Point]
    columns: tuple[tuple[int, ...] | None, ...]
    rows: tuple[str, ...]
    bends: Mapping[tuple[K, K], tuple[Point, ...]] = field(default_factory=dict)

    def curve(self, u: K, v: K) -> tuple[Point, ...]:
        """The smooth curve of an edge, as the points of joined cubic Bezier curves: a start, and
        for each piece two controls and an end.

        An edge leaves sideways between columns and upwards inside one.
        """
        (x0, y0), (x1, y1) = self.positions[u], self.positions[v]
        if round(x0) == round(x1):
            bend, aside = 0.4 * (y1 - y0), self._detour(u, v)
            return (x0, y0), (x0 + aside, y0 + bend), (x1 + aside, y1 - bend), (x1, y1)
        stops = ((x0, y0), *self.bends.get((u, v), ()), (x1, y1))
        curve: list[Point] = [stops[0]]
        for (a, b), (c, d) in pairwise(stops):
            middle = (a + c) / 2
            curve += [(middle, b), (middle, d), (c, d)]
        return tuple(curve)

    def _detour(self, u: K, v: K) -> float:
        """How far the edge must bow sideways to pass the nodes between its ends; 0 if none is."""
        (x0, y0), (x1, y1) = self.positions[u], self.positions[v]
        between = (
            abs(x - (x0 + (x1 - x0) * (y - y0) / (y1 - y0))) < _CLEARANCE
            for x, y in self._by_column[round(x0)]
            if y0 < y < y1
        )
        # Longer edges bow further, so that those around the same nodes stay apart.
        return _BOW * (1 + (y1 - y0) / max(1, len(self.rows))) if any(between) else 0.0

    @cached_property
    def _by_column(self) -> dict[int, list[Point]]:
        found: dict[int, list[Point]] = {}
        for x, y in self.positions.values():
            found.setdefault(round(x), []).append((x, y))
        return found
