"""A graph as a static SVG picture."""

from collections.abc import Mapping
from typing import Any

from ._html import escaped
from ._labelled import index_text
from ._layout import Layout, Point
from ._style import BAND, FAINT, INK, edge_colour
from ._text import shortened

# Pixels: the distance of columns where there is room, what all of them may take, of rows, and of
# the picture from its frame.
_COLUMN, _WIDTH, _ROW, _MARGIN = 120.0, 880.0, 28.0, 16.0
_NARROWEST = 26.0
# Letters of the font, which the reader's machine chooses: wider than the usual ones.
_FONT, _LETTER, _LINE = 11, 6.6, 14.0
_ROW_LETTERS, _NODE_LETTERS, _COLUMN_LETTERS = 28, 18, 12
_RADIUS = 3.2
_THIN, _WIDE = 0.8, 5.0
# Edges without an influence.
_PLAIN = "#9a9a9a"


def svg(
    layout: Layout[Any],
    weights: Mapping[tuple[Any, Any], float | None],
    tips: Mapping[Any, str] | None = None,
    title: str = "graph",
) -> str:
    """Draws a graph.

    Arguments:
        layout: the places.
        weights: of every edge that is drawn, an influence; or None, for a thin grey line.
        tips: what a browser shows at a node under the pointer.
        title: what the picture is called for those who cannot see it.

    Returns:
        An `<svg>` element without scripts, links and classes; every text in it is escaped.
    """
    sheet = _Sheet(layout)
    largest = max((abs(w) for w in weights.values() if w is not None), default=0.0)
    by_size = sorted(weights.items(), key=lambda item: abs(item[1] or 0.0))
    parts = [sheet.frame(), sheet.bands()]
    parts += [sheet.edge(edge, weight, largest) for edge, weight in by_size]
    parts += [sheet.node(n, (tips or {}).get(n, str(n))) for n in layout.positions]
    parts += [sheet.column_labels(), sheet.row_labels(), sheet.node_labels(weights)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:.0f}" '
        f'height="{sheet.height:.0f}" viewBox="0 0 {sheet.width:.0f} {sheet.height:.0f}" '
        f'role="img" aria-label="{escaped(title)}" font-size="{_FONT}" '
        f'font-family="system-ui, sans-serif" style="max-width:100%;height:auto;">'
        f"{''.join(parts)}</svg>"
    )


class _Sheet:
    """From the layout's places to pixels."""

    def __init__(self, layout: Layout[Any]) -> None:
        self._layout = layout
        n = max(1, len(layout.columns))
        self._pitch = min(_COLUMN, max(_NARROWEST, _WIDTH / n))
        rows = [shortened(row, _ROW_LETTERS) for row in layout.rows]
        self._left = _MARGIN + max((_LETTER * len(row) for row in rows), default=0.0)
        self._top = _MARGIN + (0.0 if rows else _LINE)
        self._bottom = self._top + _ROW * (layout.height + 1)
        self.width = self._left + self._pitch * n + _MARGIN
        self.height = self._bottom + (_LINE if rows else 0.0) + _MARGIN

    def _at(self, point: Point) -> Point:
        x, y = point
        across = self._left + self._pitch * (x + 0.5)
        return across, self._bottom - _ROW * (y + 0.5)

    def frame(self) -> str:
        """White paper: labels must be legible on a dark page as well."""
        return f'<rect width="{self.width:.0f}" height="{self.height:.0f}" rx="4" fill="#ffffff"/>'

    def bands(self) -> str:
        if not self._layout.rows:
            return ""
        bands = "".join(
            f'<rect x="{self._left + i * self._pitch:.1f}" y="{self._top:.1f}" '
            f'width="{self._pitch:.1f}" height="{self._bottom - self._top:.1f}" fill="{BAND}"/>'
            for i in range(0, len(self._layout.columns), 2)
        )
        return bands + "".join(map(self._gap, range(1, len(self._layout.columns))))

    def _gap(self, column: int) -> str:
        """A dashed line before a column where iterations are left out."""
        pair = [c for c in self._layout.columns[column - 1 : column + 1] if c and len(c) == 1]
        if len(pair) < 2 or pair[1][0] - pair[0][0] == 1:
            return ""
        x = self._left + column * self._pitch
        return (
            f'<path d="M{x:.1f} {self._top:.1f}V{self._bottom:.1f}" stroke="{FAINT}" '
            'stroke-width="2" stroke-dasharray="3 5"/>'
        )

    def edge(self, edge: tuple[Any, Any], weight: float | None, largest: float) -> str:
        start, *others = map(self._at, self._layout.curve(*edge))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in others)
        relative = weight / largest if weight and largest else 0.0
        wide = _THIN + (_WIDE - _THIN) * abs(relative)
        colour = _PLAIN if weight is None else edge_colour(relative)
        return (
            f'<path d="M{start[0]:.1f},{start[1]:.1f}C{points}" fill="none" stroke="{colour}" '
            f'stroke-width="{wide:.2f}" stroke-linecap="round"/>'
        )

    def node(self, node: Any, tip: str) -> str:
        x, y = self._at(self._layout.positions[node])
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="#ffffff" stroke="{INK}">'
            f"<title>{escaped(tip)}</title></circle>"
        )

    def column_labels(self) -> str:
        if not self._layout.rows:
            return ""
        texts = [
            "" if c is None else shortened(index_text(c), _COLUMN_LETTERS)
            for c in self._layout.columns
        ]
        widest = _LETTER * (1 + max(map(len, texts), default=0))
        step = max(1, -int(-widest // self._pitch))
        return "".join(
            _text((self._at((float(i), 0.0))[0], self._bottom + _LINE), text, "middle")
            for i, text in enumerate(texts)
            if text and i % step == 0
        )

    def row_labels(self) -> str:
        across = self._left - 6
        places = [(across, self._at((0.0, float(i)))[1] + 4) for i in range(len(self._layout.rows))]
        texts = [shortened(row, _ROW_LETTERS) for row in self._layout.rows]
        return "".join(_text(at, text, "end") for at, text in zip(places, texts, strict=True))

    def node_labels(self, weights: Mapping[tuple[Any, Any], float | None]) -> str:
        """Labels over nodes that have no row, the most important first, where there is room."""
        if self._layout.rows:
            return ""
        importance = dict.fromkeys(self._layout.positions, 0.0)
        for edge, weight in weights.items():
            for node in edge:
                importance[node] += 1.0 if weight is None else abs(weight)
        taken: list[tuple[float, float, float]] = []
        found = []
        for node in sorted(importance, key=importance.__getitem__, reverse=True):
            text = shortened(str(node), _NODE_LETTERS)
            half = _LETTER * len(text) / 2
            x, y = self._at(self._layout.positions[node])
            x = min(max(x, half + 2), self.width - half - 2)
            if all(abs(x - a) >= half + b or abs(y - c) >= _LINE for a, b, c in taken):
                taken.append((x, half, y))
                found.append(_text((x, y - _RADIUS - 4), text, "middle"))
        return "".join(found)


def _text(at: Point, text: str, anchor: str) -> str:
    # A white outline keeps letters legible over edges.
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" fill="{INK}" '
        f'stroke="#ffffff" stroke-width="2.5" paint-order="stroke">{escaped(text)}</text>'
    )
