"""Nodes, edges and paths of a graph, drawn into axes at given places."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pathflow.drawing import (
    BAND,
    EDGE_WIDTHS,
    FAINT,
    FONT_SIZE,
    INK,
    PATH_COLOURS,
    PATH_WIDTH,
    VISIBLE,
    Layout,
    shortened,
)
from pathflow.graph import Edge, Node, Path

from ._matplotlib import POINTS_PER_INCH, figure_of, matplotlib, plain, sign_scale, size_of
from ._ticks import ROW_LETTERS, label_columns, label_rows, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEGEND_COLUMNS = 2
# Of the distance between two columns or rows: the widest edge, and the size of a node.
_WIDEST, _NODE = 0.07, 0.3
_NODE_SIZES = (1.0, 4.6)
# How many labels of single nodes are tried; most would not find room among so many.
_MOST_LABELS = 300
_LABEL_LETTERS = 24
_LEGEND_LETTERS = 40


@dataclass(frozen=True)
class Network:
    """What a picture of a graph shows.

    Arguments:
        layout: the places.
        flow: the influence through each edge that is drawn, or None.
        paths: drawn over the edges, by name.
        largest: the influence of the widest edge and the strongest colour.
        columns: what to write under the columns.
        rows: what to write beside the rows; none where rows mean nothing.
    """

    layout: Layout[Node]
    flow: Mapping[Edge, float | None]
    paths: Mapping[str, Path]
    largest: float
    columns: Sequence[str]
    rows: Sequence[str]

    @property
    def size(self) -> tuple[float, float]:
        """What a figure of its own measures, in inches."""
        columns = len(self.layout.columns)
        if not self.layout.rows:
            return 1.4 + 1.15 * max(4, columns), 2.0 + 0.45 * self.layout.height
        beside = widest([shortened(row, ROW_LETTERS) for row in self.rows]) / POINTS_PER_INCH
        return 1.2 + beside + 1.75 * max(2, columns), 1.5 + 0.4 * len(self.layout.rows)

    def draw(self, ax: "Axes", *, legend: bool = True) -> None:
        """Draws everything but the title and the colours' scale."""
        self._frame(ax)
        if self.layout.rows:
            label_columns(ax, self.columns)
            label_rows(ax, self.rows)
        else:
            ax.set_xticks([])
            ax.set_yticks([])
        # The distances in points between columns and between rows say how thick things may be.
        width, height = size_of(ax)
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        pitch = width / (right - left), height / (high - low)
        self._edges(ax, pitch[0])
        self._nodes(ax, min(pitch[0] / 2, pitch[1]))
        if self.paths:
            self._paths(ax, pitch[0])
            if legend:
                _write_legend(ax, list(self.paths))
        if not self.layout.rows:
            self._node_labels(ax)

    def _frame(self, ax: "Axes") -> None:
        n = len(self.layout.columns)
        for column in range(0, n, 2) if self.layout.rows else ():
            ax.axvspan(column - 0.5, column + 0.5, color=BAND, zorder=0, linewidth=0)
        ax.set_xlim(-0.5, n - 0.5)
        ax.set_ylim(-0.7, self.layout.height + 0.7)
        ax.tick_params(length=0, colors=INK, labelsize=FONT_SIZE)
        for side in ax.spines.values():
            side.set_visible(False)

    def _edges(self, ax: "Axes", pitch: float) -> None:
        patches = matplotlib("patches")
        scale = sign_scale(self.largest, lines=True)
        thin, wide = EDGE_WIDTHS
        wide = min(wide, max(_WIDEST * pitch, 3 * thin))
        by_size = sorted(self.flow.items(), key=lambda e: abs(e[1] or 0.0))
        for rank, (edge, value) in enumerate(by_size):
            weight = min(abs(value) / self.largest, 1.0) if value and self.largest else 0.0
            ax.add_patch(
                patches.PathPatch(
                    _curve(self.layout, *edge),
                    fill=False,
                    linewidth=thin + (wide - thin) * weight,
                    edgecolor=scale.to_rgba(value) if weight > VISIBLE else FAINT,
                    capstyle="round",
                    zorder=1 + rank / (1 + len(by_size)),
                )
            )

    def _nodes(self, ax: "Axes", pitch: float) -> None:
        covered = {n for path in self.paths.values() for n in path}
        positions = [at for n, at in self.layout.positions.items() if n not in covered]
        if not positions:
            return
        x, y = zip(*positions, strict=True)
        size = min(max(_NODE * pitch, _NODE_SIZES[0]), _NODE_SIZES[1])
        ax.scatter(
            x, y, s=size**2, facecolor="white", edgecolor=INK, linewidth=0.15 * size, zorder=3
        )

    def _paths(self, ax: "Axes", pitch: float) -> None:
        patches, effects = matplotlib("patches"), matplotlib("patheffects")
        wide = min(PATH_WIDTH, max(_WIDEST * pitch, 1.2))
        # Beside each other where they share an edge, so that each stays visible.
        edges = [edge for path in self.paths.values() for edge in pairwise(path)]
        gap = (wide + 0.6) / POINTS_PER_INCH if len(set(edges)) < len(edges) else 0.0
        for i, path in enumerate(self.paths.values()):
            aside = (i - (len(self.paths) - 1) / 2) * gap
            moved = ax.transData + matplotlib("transforms").ScaledTranslation(
                aside, -aside, figure_of(ax).dpi_scale_trans
            )
            for u, v in pairwise(path):
                ax.add_patch(
                    patches.PathPatch(
                        _curve(self.layout, u, v),
                        fill=False,
                        linewidth=wide,
                        edgecolor=PATH_COLOURS[i],
                        capstyle="round",
                        transform=moved,
                        zorder=4,
                        path_effects=[
                            effects.Stroke(linewidth=1.6 * wide, foreground="white"),
                            effects.Normal(),
                        ],
                    )
                )
            x, y = zip(*(self.layout.positions[n] for n in path), strict=True)
            style = {"color": PATH_COLOURS[i], "zorder": 5, "transform": moved}
            ax.scatter(x, y, s=(2.1 * wide) ** 2, edgecolor="white", linewidth=0.3 * wide, **style)

    def _node_labels(self, ax: "Axes") -> None:
        """Labels at the nodes, the most important first; those without room are left out."""
        weight = dict.fromkeys(self.layout.positions, 0.0)
        for edge, value in self.flow.items():
            for node in edge:
                weight[node] += abs(value or 0.0) if self.largest else 1.0
        weight |= {n: math.inf for path in self.paths.values() for n in path}
        first = sorted(weight, key=weight.__getitem__, reverse=True)[:_MOST_LABELS]
        texts = [_label(ax, node, self.layout.positions[node]) for node in first]
        # The layout of the figure says how large the axes are, and so which labels overlap.
        figure_of(ax).draw_without_rendering()
        kept: list[Any] = []
        for text in texts:
            box = text.get_window_extent()
            if any(box.overlaps(other) for other in kept):
                text.remove()
            else:
                kept.append(box)


def _label(ax: "Axes", node: Node, at: tuple[float, float]) -> Any:
    return ax.annotate(
        plain(shortened(str(node), _LABEL_LETTERS)),
        at,
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=FONT_SIZE - 1,
        color=INK,
        zorder=6,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
    )


def _write_legend(ax: "Axes", names: Sequence[str]) -> None:
    line = matplotlib("lines").Line2D
    style = {"linewidth": PATH_WIDTH, "marker": "o"}
    handles = [line([], [], color=PATH_COLOURS[i], **style) for i in range(len(names))]
    ax.legend(
        handles,
        [plain(shortened(name, _LEGEND_LETTERS)) for name in names],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(LEGEND_COLUMNS, len(handles)),
        frameon=False,
        fontsize=FONT_SIZE,
        borderaxespad=0.2,
        labelcolor=INK,
    )


def _curve(layout: Layout[Node], u: Node, v: Node) -> Any:
    path = matplotlib("path").Path
    points = layout.curve(u, v)
    return path(points, [path.MOVETO] + [path.CURVE4] * (len(points) - 1))
