"""Units (or names) by time: how much influence flows through each in every iteration."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError
from pathflow.drawing import BAND, FONT_SIZE, INK, index_text, short_integer, shortened
from pathflow.graph import Node
from pathflow.results import (
    Attribution,
    Conductances,
    Refinement,
    check_finite,
    node_influences,
)

from ._arguments import check_texts, number_drawn
from ._matplotlib import (
    POINTS_PER_INCH,
    axes,
    bare,
    draw_scale,
    figure_of,
    plain,
    scale_limit,
    sign_scale,
    write_title,
)
from ._ranked import audit_texts, colour_below
from ._ticks import label_columns, label_rows, widest, write_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 24

# A cell: the name of a divided node, the unit and the iteration; or a whole node, without a unit.
_Cells = dict[tuple[str, str | None, tuple[int, ...]], float]


def unit_heatmap(
    result: Refinement | Conductances | Attribution | Any,
    name: str | None = None,
    *,
    k: int | None = None,
    column_labels: Sequence[str] | None = None,
    largest: float | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws the influence through every unit of a node, by loop iteration.

    A column sums to the influence that flows through the node in that iteration. The scale is the
    same on both sides of 0.

    Arguments:
        result: a `Refinement` of one node's name in one or all iterations; or `Conductances` or an
            `Attribution` of a graph whose nodes were split. Of a graph that was not split, the
            rows are names and not units. Of a batch, the mean is drawn.
        name: the name of the node whose units are drawn; needed where there are several.
        k: draws only so many units, those of most influence in size, and the sum of the others as
            a last row.
        column_labels: what to write under the columns instead of the loop iteration.
        largest: the influence of the strongest colour, which larger ones have as well; by default
            the largest there is.
        title: written above.
        ax: axes to draw into; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind or does not fit the result.
        NonFiniteError: an influence is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.

    Example:
        ```python
        chain = pf.refine(result, "x@0 .* qoi", at="c1")
        pf.plot.unit_heatmap(chain, k=40).savefig("units.png")
        ```
    """
    cells = _cells(result)
    kind, chosen = _of_name(cells, name)
    rows, indices, values = _matrix(chosen)
    if k is not None:
        rows, values = _largest(rows, values, k)
    labels = _column_labels(indices, column_labels)
    finite = np.abs(values[np.isfinite(values)])
    limit = scale_limit(float(finite.max(initial=0.0)), largest)
    beside = widest([shortened(row, _LETTERS) for row in rows]) / POINTS_PER_INCH
    size = (2.4 + beside + 0.42 * max(4, len(labels)), 1.9 + 0.2 * max(6, min(len(rows), 45)))
    ax = axes(ax, size)
    scale = sign_scale(limit)
    ax.set_facecolor(BAND)
    ax.imshow(values, aspect="auto", interpolation="nearest", cmap=scale.cmap, norm=scale.norm)
    label_columns(ax, labels)
    label_rows(ax, rows, _LETTERS)
    bare(ax, "top", "right", "left", "bottom")
    ax.set_ylabel(plain(shortened(kind, 32)), fontsize=FONT_SIZE, color=INK)
    write_below(ax, ["iteration"], audit_texts(float(np.mean(result.total)), result.audit), 0.75)
    colour_below(ax, result.audit)
    cut = bool((finite > limit).any())
    draw_scale(ax, scale, "influence", extend="both" if cut else "neither")
    write_title(ax, title)
    return figure_of(ax)


def _cells(result: Any) -> _Cells:
    if isinstance(result, Refinement):
        check_finite("influences", result.influences)
        one = result if result.n_examples is None else result.mean()
        return {
            (node.name, part, node.index): value
            for node, names in zip(one.table.nodes, one.table.names, strict=True)
            for part, value in zip(names, one.by_part(node).tolist(), strict=True)
        }
    if not isinstance(result, Conductances | Attribution):
        raise ArgumentError(
            "result takes a Refinement, Conductances or an Attribution; "
            f"got {type(result).__name__}."
        )
    return {(*_split(node), node.index): value for node, value in node_influences(result).items()}


def _split(node: Node) -> tuple[str, str | None]:
    base, bracket, part = node.name.partition("[")
    return (base, part[:-1]) if bracket and part.endswith("]") else (node.name, None)


def _of_name(cells: _Cells, name: str | None) -> tuple[str, _Cells]:
    """What the rows are called, and the cells to draw, those of whole nodes by their names."""
    divided = list(dict.fromkeys(base for base, part, _ in cells if part is not None))
    if name is None and len(divided) > 1:
        raise ArgumentError(f"name is needed: units of {', '.join(divided)} are in the result.")
    if name is None and not divided:
        return "node", {("", base, index): value for (base, _, index), value in cells.items()}
    chosen = divided[0] if name is None else name
    if chosen not in divided:
        known = f"those of {', '.join(divided)} are" if divided else "none of its nodes are divided"
        raise ArgumentError(f"name={name!r}: the result has no units of that name; {known}.")
    return f"unit of {chosen}", {key: value for key, value in cells.items() if key[0] == chosen}


def _matrix(
    cells: _Cells,
) -> tuple[list[str], list[tuple[int, ...]], Float64[np.ndarray, "rows columns"]]:
    """Rows of units and columns of iterations; NaN where a unit has no such iteration."""
    rows = list(dict.fromkeys(str(part) for _, part, _ in cells))
    # Nodes outside loops stand behind the last iteration.
    indices = sorted({index for _, _, index in cells}, key=lambda index: (not index, index))
    row_of: Mapping[str, int] = {row: i for i, row in enumerate(rows)}
    column_of = {index: i for i, index in enumerate(indices)}
    values = np.full((len(rows), len(indices)), np.nan)
    for (_, part, index), value in cells.items():
        values[row_of[str(part)], column_of[index]] = value
    return rows, indices, values


def _largest(
    rows: Sequence[str], values: Float64[np.ndarray, "rows columns"], k: int
) -> tuple[list[str], Float64[np.ndarray, "some columns"]]:
    k = number_drawn("k", k)
    if k >= len(rows):
        return list(rows), values
    size = np.nansum(np.abs(values), axis=1)
    kept = np.sort(np.argsort(-size, kind="stable")[:k])
    others = np.nansum(np.delete(values, kept, axis=0), axis=0)
    labels = [*(rows[i] for i in kept), f"{short_integer(len(rows) - k)} others"]
    return labels, np.vstack([values[kept], others])


def _column_labels(indices: Sequence[tuple[int, ...]], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        return [index_text(index) for index in indices]
    labels = check_texts("column_labels", labels)
    if len(labels) != len(indices):
        raise ArgumentError(f"column_labels holds {len(labels)} labels for {len(indices)} columns.")
    return labels
