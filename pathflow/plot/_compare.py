"""Conditions beside each other on one scale, and what one differs from another by."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pathflow.drawing import FONT_SIZE, INK, arrange, index_text, shortened
from pathflow.graph import Edge, PathLike
from pathflow.results import Aggregation, Attribution, Conductances, Ranked, Refinement

from ._aligned import aligned, check_conditions, check_difference
from ._layered import FLOW, contents, named_paths, pruned
from ._matplotlib import draw_scale, figure_of, panels, plain, sign_scale
from ._network import Network
from ._ranked import HEIGHT, audit_texts, colour_below, draw_bars, limits_of
from ._ranking import Bar, Rankable
from ._ticks import label_rows, write_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = 2.3
# Between the names of two conditions whose difference is drawn.
_LESS = "\n\N{MINUS SIGN} "
_LETTERS = 24


def compare_paths(
    results: Mapping[str, Rankable],
    k: int = 10,
    *,
    difference: tuple[str, str] | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws the same rows of several conditions beside each other, on one scale.

    The rows are the `k` largest in any condition, by the size of their means, and the rest. Where a
    search did not list a path in a condition, its place has a dash.

    Arguments:
        results: results of one kind, by the name of their condition: `Attribution`, `Ranked`,
            `Refinement` or `Aggregation`, of one graph.
        k: how many rows.
        difference: two conditions, `(this, that)`: a last panel shows this less that. Of two
            conditions, by default the second less the first.
        title: written above.
        ax: axes in a grid, whose place the panels take; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or the results do not fit each other.
        NonFiniteError: an influence is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.
    """
    check_conditions(results, (Attribution, Ranked, Refinement, Aggregation))
    pair = check_difference(results, difference)
    columns = aligned(results, k)
    facts = {name: audit_texts(float(np.mean(r.total)), r.audit) for name, r in results.items()}
    if pair is not None:
        name = _LESS.join(pair)
        columns[name] = _difference(*(columns[c] for c in pair))
    rows = next(iter(columns.values()))
    size = (3.6 + _PANEL * len(columns), 1.7 + HEIGHT * len(rows))
    axes = panels(ax, len(columns), size)
    everything = [bar for bars in columns.values() for bar in bars]
    limits = limits_of(everything)
    for panel, (name, bars) in zip(axes, columns.items(), strict=True):
        axis_name = draw_bars(panel, bars, limits)
        _write_name(panel, name)
        write_below(panel, [axis_name], facts.get(name, []))
        if name in results:
            colour_below(panel, results[name].audit)
        for i, bar in enumerate(bars):
            if np.isnan(bar.value):
                panel.text(0, i, "\N{EN DASH}", ha="center", va="center", fontsize=FONT_SIZE)
    label_rows(axes[0], [bar.label for bar in rows], 48)
    _write_heading(axes[0], title)
    return figure_of(axes[0])


def _difference(these: Sequence[Bar], those: Sequence[Bar]) -> list[Bar]:
    return [Bar(a.label, a.value - b.value, rest=a.rest) for a, b in zip(these, those, strict=True)]


def compare_graphs(
    results: Mapping[str, Attribution | Conductances],
    *,
    difference: tuple[str, str] | None = None,
    paths: Mapping[str, PathLike] | Sequence[PathLike] = (),
    most_edges: int = 1500,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws the layered graph of several conditions beside each other, on one scale.

    Every node stands at the same place in each; see `layered_graph`.

    Arguments:
        results: results on one graph, by the name of their condition.
        difference: two conditions, `(this, that)`: a last panel shows the flow through every edge
            in this less that in that. Of two conditions, by default the second less the first.
        paths: paths to draw over every graph; a mapping's keys are their names in the legend.
        most_edges: how many edges a panel has at most, those of most influence.
        title: written above.
        ax: axes in a grid, whose place the panels take; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or the results do not fit each other.
        NonFiniteError: an influence is NaN or infinite.
        GraphError: a path takes an edge that the graph does not have.
        MissingDependencyError: matplotlib is not installed.
    """
    check_conditions(results, (Attribution, Conductances))
    pair = check_difference(results, difference)
    nodes, every_edge = contents(list(results.values()))
    flows: dict[str, Mapping[Edge, float | None]] = {
        name: contents(result)[1] for name, result in results.items()
    }
    if pair is not None:
        this, that = (flows[name] for name in pair)
        flows[_LESS.join(pair)] = {
            e: (this.get(e) or 0.0) - (that.get(e) or 0.0) for e in every_edge
        }
    layout = arrange(nodes, every_edge)
    largest = max((abs(f or 0.0) for flow in flows.values() for f in flow.values()), default=0.0)
    named = named_paths(paths, nodes, every_edge)
    labels = ["" if c is None else index_text(c) for c in layout.columns]
    width, height = Network(layout, {}, named, largest, labels, layout.rows).size
    axes = panels(ax, len(flows), (width * len(flows), height + 0.3))
    for i, (panel, (name, flow)) in enumerate(zip(axes, flows.items(), strict=True)):
        shown, note = pruned(flow, most_edges)
        Network(layout, shown, named, largest, labels, layout.rows).draw(panel, legend=not i)
        if note:
            panel.set_xlabel(note, fontsize=FONT_SIZE - 1, color=INK, loc="left")
        _write_name(panel, name, 8 + 16 * ((len(named) + 1) // 2))
    draw_scale(axes, sign_scale(largest, lines=True), FLOW)
    _write_heading(axes[0], title)
    return figure_of(axes[0])


def _write_name(ax: "Axes", name: str, pad: int = 8) -> None:
    text = "\n".join(shortened(line, _LETTERS) for line in name.split("\n"))
    ax.set_title(plain(text), fontsize=FONT_SIZE + 1, color=INK, pad=pad)


def _write_heading(ax: "Axes", title: str | None) -> None:
    if title is not None:
        figure_of(ax).suptitle(plain(title), fontsize=FONT_SIZE + 3, color=INK, x=0.01, ha="left")
