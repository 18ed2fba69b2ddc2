"""The time x layer graph: the influence through each edge, and chosen paths (paper, Figure 2)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from pathflow._errors import ArgumentError
from pathflow.drawing import FONT_SIZE, INK, PATH_COLOURS, Layout, arrange, index_text, time_layers
from pathflow.graph import Edge, Graph, Node, Path, PathLike, PathSpace
from pathflow.results import Attribution, Conductances, edge_influences
from pathflow.tracing import TracedGraph

from ._arguments import check_names, check_texts, finite_numbers, number_drawn
from ._matplotlib import axes, draw_scale, figure_of, scale_limit, sign_scale, write_title
from ._network import LEGEND_COLUMNS, Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = Attribution | Conductances
FLOW = "influence through an edge"


def layered_graph(
    drawn: Result | Sequence[Result] | PathSpace | Graph | TracedGraph | Any,
    *,
    paths: Mapping[str, PathLike] | Sequence[PathLike] = (),
    rows: Sequence[str] | None = None,
    row_labels: Mapping[str, str] | None = None,
    column_labels: Sequence[str] | None = None,
    offsets: Mapping[str, float] | None = None,
    most_edges: int = 1500,
    largest: float | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws a graph with time from left to right and layers from bottom to top.

    An edge is as wide as the size of the influence that passes it (`pathflow.edge_influences`), and
    its colour shows the sign. An edge that carries next to nothing is a thin grey line. A graph
    without loops or of one iteration, or with too many names for rows, is laid out in layers of
    longest paths instead, from left to right, with labels at the nodes as far as there is room.

    Arguments:
        drawn: what to draw: a result, `Attribution` or `Conductances` with edges (the mean over its
            examples), several results on one graph (the sum of their means), or a graph, traced or
            not, or path space alone, without influences.
        paths: paths to draw over the graph; a mapping's keys are their names in the legend.
        rows: names of the nodes, bottom up; by default the order of first appearance.
        row_labels: what to write at a row instead of the name.
        column_labels: what to write under the columns instead of the loop index: one per column, a
            last column for nodes behind the loop included.
        offsets: sideways shift of a name inside its column, in columns. This, as the three before
            it, asks for rows by name, whatever the graph.
        most_edges: the edges of least influence beyond this number are left out, and the figure
            says so.
        largest: the influence of the widest edge, to draw several figures on one scale; by default
            the largest there is.
        title: written above.
        ax: axes to draw into; by default a figure of its own, sized to the graph.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or does not fit the graph; there are more
            paths than colours.
        GraphError: a path takes an edge that the graph does not have.
        NonFiniteError: an influence is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.

    Example:
        ```python
        primary = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 h1@1 qoi"
        figure = layered_graph(result, paths={"primary": primary})
        figure.savefig("paths.svg")
        ```
    """
    nodes, flow = contents(drawn)
    named = named_paths(paths, nodes, flow)
    by_name = any(asked is not None for asked in (rows, row_labels, column_labels, offsets))
    layout = _by_name(nodes, flow, rows, offsets) if by_name else arrange(nodes, flow)
    found = max((abs(f) for f in flow.values() if f is not None), default=0.0)
    scale = scale_limit(found, largest)
    shown, note = pruned(flow, most_edges)
    columns = _column_labels(layout, column_labels)
    row_names = _row_labels(layout, row_labels)
    network = Network(layout, shown, named, scale, columns, row_names)
    ax = axes(ax, network.size)
    network.draw(ax)
    if scale:
        draw_scale(ax, sign_scale(scale, lines=True), FLOW)
    if note:
        ax.set_xlabel(note, fontsize=FONT_SIZE - 1, color=INK, loc="left")
    # The legend sits between the axes and the title.
    write_title(ax, title, 8 + 16 * math.ceil(len(named) / LEGEND_COLUMNS))
    return figure_of(ax)


def _by_name(
    nodes: Sequence[Node],
    flow: Mapping[Edge, float | None],
    rows: Sequence[str] | None,
    offsets: Mapping[str, float] | None,
) -> Layout[Node]:
    return time_layers(
        nodes,
        flow,
        rows=None if rows is None else check_texts("rows", rows),
        offsets=None if offsets is None else finite_numbers("offsets", offsets),
    )


def pruned(
    flow: Mapping[Edge, float | None], most: int
) -> tuple[dict[Edge, float | None], str | None]:
    """The edges of most influence, in their order, and a note on those left out.

    Raises:
        ArgumentError: `most` is no whole number over 0.
    """
    most = number_drawn("most_edges", most)
    if len(flow) <= most:
        return dict(flow), None
    sizes = {edge: abs(value or 0.0) for edge, value in flow.items()}
    by_size = sorted(flow, key=sizes.__getitem__, reverse=True)
    note = f"{len(flow) - most:,} more edges are not drawn"
    if not any(sizes.values()):
        # None matters more than another: some from everywhere.
        kept = frozenset(by_size[i * len(flow) // most] for i in range(most))
    else:
        kept = frozenset(by_size[:most])
        note += f", each with at most {sizes[by_size[most]]:.2g}"
    return {edge: value for edge, value in flow.items() if edge in kept}, note


def contents(drawn: Any) -> tuple[list[Node], dict[Edge, float | None]]:
    """The nodes in topological order, and the flow (or `None`) of every edge.

    Raises:
        ArgumentError: it is nothing that can be drawn, or results of graphs that do not fit.
    """
    if isinstance(drawn, Graph | TracedGraph):
        return list(drawn.nodes), dict.fromkeys(drawn.edges)
    if isinstance(drawn, PathSpace):
        return list(drawn.nodes), dict.fromkeys(drawn.edges)
    results = [drawn] if isinstance(drawn, Result) else drawn
    if not isinstance(results, Sequence) or not all(isinstance(r, Result) for r in results):
        raise ArgumentError(
            "drawn takes an Attribution, Conductances, several of them, a PathSpace or a Graph; "
            f"got {type(drawn).__name__}."
        )
    if not results:
        raise ArgumentError("drawn is empty; give at least one result.")
    flow: dict[Edge, float | None] = {}
    for result in results:
        for edge, value in edge_influences(result).items():
            flow[edge] = value + (flow.get(edge) or 0.0)
    seen = dict.fromkeys(n for r in results for n in _nodes(r))
    first_seen = {n: i for i, n in enumerate(seen)}
    try:
        ordered = nx.lexicographical_topological_sort(nx.DiGraph(list(flow)), key=first_seen.get)
        return list(ordered) or list(seen), flow
    except nx.NetworkXUnfeasible:
        raise ArgumentError(
            "drawn holds results of different graphs, which together form a cycle; draw them apart."
        ) from None


def _nodes(result: Result) -> Sequence[Node]:
    return result.space.nodes if isinstance(result, Attribution) else result.nodes


def named_paths(
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
    check_names("paths", paths)
    # A graph of exactly what is drawn checks the labels and the edges, with the errors of any other
    # path.
    graph = Graph(nodes, flow)
    return {name: _checked(path, graph) for name, path in paths.items()}


def _checked(path: PathLike, graph: Graph) -> Path:
    steps = Path.parse(path) if isinstance(path, str) else Path(path)
    if len(steps) < 2:
        raise ArgumentError(f"paths holds {str(steps)!r}, which has no edge to draw.")
    space = graph.paths(steps[0], steps[-1])
    return space.unrank(space.rank(steps))


def _column_labels(layout: Layout[Node], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        return ["" if c is None else index_text(c) for c in layout.columns]
    labels = check_texts("column_labels", labels)
    if len(labels) != len(layout.columns):
        raise ArgumentError(
            f"column_labels holds {len(labels)} labels for {len(layout.columns)} columns "
            f"({_column_labels(layout, None)})."
        )
    return labels


def _row_labels(layout: Layout[Node], labels: Mapping[str, str] | None) -> list[str]:
    if labels is None:
        return list(layout.rows)
    check_names("row_labels", labels)
    unknown = [name for name in labels if name not in layout.rows]
    if unknown:
        raise ArgumentError(
            f"row_labels names {', '.join(unknown)}, which is no row; the rows are "
            f"{', '.join(layout.rows)}."
        )
    check_texts("row_labels", list(labels.values()))
    return [labels.get(name, name) for name in layout.rows]
