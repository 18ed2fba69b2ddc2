"""The time x layer graph: the influence through each edge, and chosen paths (paper, Figure 2)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from pathflow._errors import ArgumentError
from pathflow.drawing import Layout, time_layers
from pathflow.graph import Edge, Graph, Node, Path, PathLike, PathSpace, edges_of
from pathflow.results import Attribution

from ._flow import edge_influences
from ._matplotlib import axes, figure_of, matplotlib
from ._style import (
    BAND,
    EDGE_WIDTHS,
    FAINT,
    FONT_SIZE,
    INK,
    PATH_COLOURS,
    PATH_WIDTH,
    SIGN_COLOURS,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# An edge under this fraction of the largest flow is drawn as carrying nothing.
_VISIBLE = 0.02
# Half the width of the middle of the colour map, 1 being all of it, that is too pale for lines.
_PALE = 0.13
_POINTS_PER_INCH = 72
_LEGEND_COLUMNS = 2


def layered_graph(
    drawn: Attribution | Sequence[Attribution] | PathSpace | Graph | Any,
    *,
    paths: Mapping[str, PathLike] | Sequence[PathLike] = (),
    rows: Sequence[str] | None = None,
    row_labels: Mapping[str, str] | None = None,
    column_labels: Sequence[str] | None = None,
    offsets: Mapping[str, float] | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws a graph with time from left to right and layers from bottom to top.

    An edge is as wide as the size of the influence that passes it (`edge_influences`), and its
    colour shows the sign. An edge that carries next to nothing is a thin grey line.

    Arguments:
        drawn: what to draw: a result (the mean over its examples), several results on one graph
            (the sum of their means), or a graph or path space alone, without influences.
        paths: paths to draw over the graph; a mapping's keys are their names in the legend.
        rows: names of the nodes, bottom up; by default the order of first appearance.
        row_labels: what to write at a row instead of the name.
        column_labels: what to write under the columns instead of the loop index: one per column, a
            last column for nodes behind the loop included.
        offsets: sideways shift of a name inside its column, in columns.
        title: written above.
        ax: axes to draw into; by default a figure of its own, sized to the graph.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or does not fit the graph; there are more
            paths than colours.
        GraphError: a path takes an edge that the graph does not have.
        MissingDependencyError: matplotlib is not installed.

    Example:
        ```python
        primary = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 h1@1 qoi"
        figure = layered_graph(result, paths={"primary": primary})
        figure.savefig("paths.svg")
        ```
    """
    nodes, flow = _contents(drawn)
    named = _named_paths(paths, nodes, flow)
    layout = time_layers(nodes, flow, rows=rows, offsets=offsets)
    labels = _column_labels(layout, column_labels)
    ax = axes(ax, (1.4 + 1.75 * len(layout.columns), 1.5 + 0.4 * len(layout.rows)))
    _draw_frame(ax, layout, labels, row_labels or {})
    _draw_edges(ax, layout, flow)
    _draw_nodes(ax, layout, named.values())
    _draw_paths(ax, layout, named)
    if title is not None:
        # The legend sits between the axes and the title.
        pad = 8 + 16 * math.ceil(len(named) / _LEGEND_COLUMNS)
        ax.set_title(title, fontsize=FONT_SIZE + 2, pad=pad, loc="left", color=INK)
    return figure_of(ax)


def _contents(drawn: Any) -> tuple[list[Node], dict[Edge, float | None]]:
    """The nodes in topological order, and the flow (or `None`) of every edge."""
    if isinstance(drawn, Graph):
        return list(drawn.nodes), dict.fromkeys(drawn.edges)
    if isinstance(drawn, PathSpace):
        return list(drawn.nodes), dict.fromkeys(edges_of(drawn))
    results = [drawn] if isinstance(drawn, Attribution) else drawn
    if not isinstance(results, Sequence) or not all(isinstance(r, Attribution) for r in results):
        raise ArgumentError(
            "drawn takes an Attribution, several of them, a PathSpace or a Graph (of a traced "
            f"function, its `.graph`); got {type(drawn).__name__}."
        )
    if not results:
        raise ArgumentError("drawn is empty; give at least one result.")
    flow: dict[Edge, float | None] = {}
    for result in results:
        for edge, value in edge_influences(result).items():
            flow[edge] = value + (flow.get(edge) or 0.0)
    first_seen = {
        n: i for i, n in enumerate(dict.fromkeys(n for r in results for n in r.space.nodes))
    }
    try:
        ordered = nx.lexicographical_topological_sort(nx.DiGraph(list(flow)), key=first_seen.get)
        return list(ordered), flow
    except nx.NetworkXUnfeasible:
        raise ArgumentError(
            "drawn holds results of different graphs, which together form a cycle; draw them apart."
        ) from None


def _named_paths(
    paths: Mapping[str, PathLike] | Sequence[PathLike],
    nodes: Iterable[Node],
    flow: Mapping[Edge, float | None],
) -> dict[str, Path]:
    if isinstance(paths, str | Path):
        raise ArgumentError(
            f"paths takes a list or mapping of paths, got one path; write [{paths!r}]."
        )
    if not isinstance(paths, Mapping):
        paths = {f"path {i}": path for i, path in enumerate(paths, 1)}
    if len(paths) > len(PATH_COLOURS):
        raise ArgumentError(
            f"paths holds {len(paths)} paths; at most {len(PATH_COLOURS)} can be told apart by "
            "colour."
        )
    # A graph of exactly what is drawn checks the labels and the edges, with the errors of any other
    # path.
    graph = Graph(nodes, flow)
    return {str(name): _checked(path, graph) for name, path in paths.items()}


def _checked(path: PathLike, graph: Graph) -> Path:
    steps = Path.parse(path) if isinstance(path, str) else Path(path)
    if len(steps) < 2:
        raise ArgumentError(f"paths holds {str(steps)!r}, which has no edge to draw.")
    space = graph.paths(steps[0], steps[-1])
    return space.unrank(space.rank(steps))


def _column_labels(layout: Layout[Node], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        return ["" if c is None else ".".join(map(str, c)) for c in layout.columns]
    if len(labels) != len(layout.columns):
        raise ArgumentError(
            f"column_labels holds {len(labels)} labels for {len(layout.columns)} columns "
            f"({_column_labels(layout, None)})."
        )
    return list(labels)


def _draw_frame(
    ax: "Axes", layout: Layout[Node], labels: Sequence[str], row_labels: Mapping[str, str]
) -> None:
    for column in range(0, len(labels), 2):
        ax.axvspan(column - 0.5, column + 0.5, color=BAND, zorder=0, linewidth=0)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    ax.set_ylim(-0.7, len(layout.rows) - 0.3)
    ax.set_xticks(range(len(labels)), labels, fontsize=FONT_SIZE + 1)
    names = [row_labels.get(name, name) for name in layout.rows]
    ax.set_yticks(range(len(names)), names, fontsize=FONT_SIZE)
    ax.tick_params(length=0, colors=INK)
    for side in ax.spines.values():
        side.set_visible(False)


def _draw_edges(ax: "Axes", layout: Layout[Node], flow: Mapping[Edge, float | None]) -> None:
    patches, colours = matplotlib("patches"), matplotlib("colors")
    largest = max((abs(f) for f in flow.values() if f is not None), default=0.0)
    scale = matplotlib("cm").ScalarMappable(
        colours.CenteredNorm(halfrange=largest or 1.0), _sign_colours()
    )
    thin, wide = EDGE_WIDTHS
    for rank, (edge, value) in enumerate(sorted(flow.items(), key=lambda e: abs(e[1] or 0.0))):
        weight = abs(value) / largest if value and largest else 0.0
        ax.add_patch(
            patches.PathPatch(
                _curve(layout, *edge),
                fill=False,
                linewidth=thin + (wide - thin) * weight,
                edgecolor=scale.to_rgba(value) if weight > _VISIBLE else FAINT,
                capstyle="round",
                zorder=1 + rank / (1 + len(flow)),
            )
        )
    if largest:
        bar = figure_of(ax).colorbar(scale, ax=ax, shrink=0.5, aspect=25, pad=0.02)
        bar.set_label("influence through an edge", fontsize=FONT_SIZE, color=INK)
        bar.ax.tick_params(labelsize=FONT_SIZE - 1, colors=INK, length=2)
        bar.outline.set_visible(False)


def _sign_colours() -> Any:
    """The diverging map without its pale middle, in which thin lines would vanish."""
    full = matplotlib("cm").ScalarMappable(cmap=SIGN_COLOURS).get_cmap()
    kept = np.concatenate([np.linspace(0.0, 0.5 - _PALE, 128), np.linspace(0.5 + _PALE, 1.0, 128)])
    return matplotlib("colors").ListedColormap(full(kept))


def _draw_nodes(ax: "Axes", layout: Layout[Node], paths: Iterable[Path]) -> None:
    covered = {n for path in paths for n in path}
    positions = [at for n, at in layout.positions.items() if n not in covered]
    if not positions:
        return
    x, y = zip(*positions, strict=True)
    ax.scatter(x, y, s=20, facecolor="white", edgecolor=INK, linewidth=0.7, zorder=3)


def _draw_paths(ax: "Axes", layout: Layout[Node], paths: Mapping[str, Path]) -> None:
    if not paths:
        return
    patches, lines, effects = matplotlib("patches"), matplotlib("lines"), matplotlib("patheffects")
    transforms = matplotlib("transforms")
    # Beside each other where they share an edge, so that each stays visible.
    edges = [edge for path in paths.values() for edge in pairwise(path)]
    gap = (PATH_WIDTH + 0.6) / _POINTS_PER_INCH if len(set(edges)) < len(edges) else 0.0
    handles = []
    for i, (name, path) in enumerate(paths.items()):
        colour = PATH_COLOURS[i]
        aside = (i - (len(paths) - 1) / 2) * gap
        moved = ax.transData + transforms.ScaledTranslation(
            aside, -aside, figure_of(ax).dpi_scale_trans
        )
        x, y = zip(*(layout.positions[n] for n in path), strict=True)
        for u, v in pairwise(path):
            ax.add_patch(
                patches.PathPatch(
                    _curve(layout, u, v),
                    fill=False,
                    linewidth=PATH_WIDTH,
                    edgecolor=colour,
                    capstyle="round",
                    transform=moved,
                    zorder=4,
                    path_effects=[
                        effects.Stroke(linewidth=PATH_WIDTH + 1.6, foreground="white"),
                        effects.Normal(),
                    ],
                )
            )
        ax.scatter(
            x, y, s=30, color=colour, edgecolor="white", linewidth=0.8, transform=moved, zorder=5
        )
        handles.append(
            lines.Line2D([], [], color=colour, linewidth=PATH_WIDTH, marker="o", label=name)
        )
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(_LEGEND_COLUMNS, len(handles)),
        frameon=False,
        fontsize=FONT_SIZE,
        borderaxespad=0.2,
        labelcolor=INK,
    )


def _curve(layout: Layout[Node], u: Node, v: Node) -> Any:
    path = matplotlib("path").Path
    points = layout.curve(u, v)
    return path(points, [path.MOVETO] + [path.CURVE4] * (len(points) - 1))
