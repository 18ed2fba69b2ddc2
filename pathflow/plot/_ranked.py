"""The rows with the largest influences, and what is left for all others."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pathflow.drawing import ALARM, FAINT, FONT_SIZE, INK, NEGATIVE, POSITIVE, short_number
from pathflow.results import Audit

from ._matplotlib import axes, bare, figure_of, matplotlib, size_of, write_title
from ._ranking import Bar, Rankable, Ranking, ranking
from ._ticks import label_rows, write_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# How far the bars of the rest may reach, in lengths of the longest of the others: those of many
# paths would leave nothing to see of one.
_REACH = 1.7
# Where the two columns of numbers beside the bars end, in points.
_COLUMNS = (52, 108)
_LETTERS = 56
# How much room a tick with its number takes, in points.
_PER_TICK = 60
# Powers of ten from the first on, and below the second, are written out.
_POWERS = (-2, 4)
HEIGHT = 0.32


def ranked_paths(
    result: Rankable | Any, k: int = 10, *, title: str | None = None, ax: "Axes | None" = None
) -> "Figure":
    """Draws the `k` influences of largest size as bars, and the sums of all the others.

    Beside each bar stands its influence, and the share that it and all bars above have: of the sum
    of absolute influences where all are known, else of the total. The bars of the rest are hollow,
    and all bars together are the total. A bar of the rest that would be far longer than all others
    is cut, and marked. Below stand the total and the residuals of the audit.

    Arguments:
        result: an `Attribution`, whose rest is drawn by sign; a list that a search found (`Ranked`,
            in its order); an `Aggregation`, whose classes are drawn; or a `Refinement`, whose parts
            are. Of a batch, means are drawn with their 95% bootstrap intervals.
        k: how many rows; all of them where there are fewer.
        title: written above.
        ax: axes to draw into; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: `k` is no whole number over 0, or an argument is of another kind.
        NonFiniteError: an influence is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.

    Example:
        ```python
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=pf.TopK(20))
        pf.plot.ranked_paths(result, 20).savefig("paths.pdf")
        ```
    """
    found = ranking(result, k)
    ax = axes(ax, (8.5, 1.4 + HEIGHT * len(found.bars)))
    name = draw_bars(ax, found.bars)
    label_rows(ax, [bar.label for bar in found.bars], _LETTERS)
    _write_columns(ax, found)
    lines = [name, *([found.note] if found.note else [])]
    write_below(ax, lines, audit_texts(found.total, found.audit))
    colour_below(ax, found.audit)
    write_title(ax, title, 8 if found.shares is None else 26)
    return figure_of(ax)


def draw_bars(
    ax: "Axes",
    bars: Sequence[Bar],
    limits: tuple[float, float] | None = None,
) -> str:
    """Draws bars from top to bottom, and says what the axis is called.

    Arguments:
        ax: the axes.
        bars: a row each; a value of NaN has none.
        limits: of the axis; by default those of the bars.
    """
    for i, bar in enumerate(bars):
        colour = POSITIVE if bar.value >= 0 else NEGATIVE
        face = "none" if bar.rest else colour
        ax.barh(i, bar.value, height=0.66, facecolor=face, edgecolor=colour, linewidth=1.2)
        if bar.interval is not None:
            ends = [[bar.value - bar.interval.low], [bar.interval.high - bar.value]]
            style = {"ecolor": INK, "elinewidth": 0.9, "capsize": 2}
            ax.errorbar(bar.value, i, xerr=np.maximum(ends, 0), fmt="none", **style)
    ax.axvline(0, color=INK, linewidth=0.8)
    first_of_rest = next((i for i, bar in enumerate(bars) if bar.rest), None)
    if first_of_rest is not None:
        ax.axhline(first_of_rest - 0.5, color=FAINT, linewidth=0.8)
    ax.set_ylim(len(bars) - 0.5, -0.5)
    bare(ax, "top", "right", "left")
    n_ticks = min(max(int(size_of(ax)[0] / _PER_TICK), 2), 6)
    ax.xaxis.set_major_locator(matplotlib("ticker").MaxNLocator(n_ticks))
    ends = limits_of(bars) if limits is None else limits
    ax.set_xlim(ends)
    _mark_cuts(ax, bars)
    return _scaled(ax, max(map(abs, ends)))


def _scaled(ax: "Axes", largest: float) -> str:
    """Takes a common power of ten out of small and large numbers; what the axis is then called."""
    power = math.floor(math.log10(largest)) if largest else 0
    if _POWERS[0] <= power < _POWERS[1]:
        return "influence"

    def write(x: Any, _: object) -> str:
        return f"{x / 10.0**power:.3g}"

    ax.xaxis.set_major_formatter(matplotlib("ticker").FuncFormatter(write))
    return f"influence, in units of 1e{power}"


def limits_of(bars: Sequence[Bar]) -> tuple[float, float]:
    """Where an axis for bars begins and ends, if those of the rest may be cut."""
    longest = max((abs(end) for bar in bars if not bar.rest for end in _ends(bar)), default=0.0)
    reach = _REACH * longest or np.inf
    ends = [np.clip(e, -reach, reach) if bar.rest else e for bar in bars for e in _ends(bar)]
    low, high = min(0.0, 0.0, *ends), max(0.0, 0.0, *ends)
    margin = 0.04 * (high - low)
    limits = float(low - margin * (low < 0)), float(high + margin * (high > 0))
    return limits if margin else (-1.0, 1.0)


def _ends(bar: Bar) -> list[float]:
    ends = [bar.value, *(bar.interval or ())]
    return [end for end in ends if np.isfinite(end)]


def _mark_cuts(ax: "Axes", bars: Sequence[Bar]) -> None:
    """Two strokes across the end of a bar that is longer than the axis."""
    low, high = ax.get_xlim()
    for i, bar in enumerate(bars):
        if bar.rest and not low <= bar.value <= high:
            edge = 1.0 if bar.value > high else 0.0
            for shift in (-0.006, 0.006):
                ax.plot(
                    [edge + shift - 0.006, edge + shift + 0.006],
                    [i + 0.45, i - 0.45],
                    color=INK,
                    linewidth=0.9,
                    transform=ax.get_yaxis_transform(),
                    clip_on=False,
                    zorder=5,
                )


def _write_columns(ax: "Axes", found: Ranking) -> None:
    """Two columns of numbers beside the bars: influences, and cumulative shares."""

    def write(text: str, column: int, row: Any, size: float = FONT_SIZE - 0.5) -> None:
        ax.annotate(
            text,
            (1.0, row),
            xycoords=ax.get_yaxis_transform(),
            xytext=(_COLUMNS[column], 0),
            textcoords="offset points",
            ha="right",
            va="center" if row >= 0 else "bottom",
            fontsize=size,
            color=INK,
            annotation_clip=False,
        )

    for i, bar in enumerate(found.bars):
        write(short_number(bar.value), 0, i)
        if found.shares is not None:
            write(f"{found.shares[i]:.1%}", 1, i)
    if found.shares is not None:
        write(f"cumulative share\n{found.whole}", 1, -0.55, FONT_SIZE - 1.5)


def audit_texts(total: float, audit: Audit) -> list[str]:
    """The total and the residuals, a short text each."""
    worst = float(np.max(audit.structural))
    verdict = "ok" if audit.ok else "not checked" if np.isnan(worst) else "FAILED"
    found = "" if np.isnan(worst) else f"{worst:.1e}, "
    facts = [f"total {short_number(total)}", f"structural residual {found}{verdict}"]
    if audit.quadrature is not None:
        facts.append(f"quadrature residual {float(np.max(np.abs(audit.quadrature))):.1e}")
    return facts


def colour_below(ax: "Axes", audit: Audit) -> None:
    """Shows what is written under an axis in the colour of an alarm where the audit failed."""
    if not audit.ok and not np.isnan(np.max(audit.structural)):
        ax.xaxis.label.set_color(ALARM)
