"""Curves over how many paths or nodes: what they carry, and what is left of the model with them."""

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from pathflow._errors import ArgumentError
from pathflow.drawing import FAINT, FONT_SIZE, INK, PATH_COLOURS, shortened
from pathflow.metrics import Interval, PathSummary, bootstrap_interval, concentrations
from pathflow.results import AbstractOrder, Attribution, Faithfulness, Magnitude, check_finite

from ._arguments import check_names
from ._matplotlib import axes, bare, figure_of, matplotlib, plain, write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (6.4, 4.2)
# Colours alone come again after six.
_STYLES = ("-", "--", ":", "-.")
# Points of a curve over all numbers of paths, evenly on a logarithmic axis.
_POINTS = 120
# From this ratio of the largest to the smallest number on, the axis is logarithmic.
_WIDE = 30
_LETTERS = 40

Measure = Callable[[Faithfulness], Any]


def concentration_curve(
    results: Attribution | PathSummary | Mapping[str, Attribution | PathSummary] | Any,
    by: AbstractOrder | None = None,
    *,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws the fraction of all influence that the `k` largest paths carry, over `k`.

    Of a batch, the mean over its sentences, each with its own largest paths, and a band: the 95%
    bootstrap interval. A cross on each curve marks where half of the influence is reached.

    Arguments:
        results: influences of all paths, or a summary of statistics over sentences; several by
            their names.
        by: which influence, as in `pathflow.metrics.concentrations`; `Magnitude()` by default.
        title: written above.
        ax: axes to draw into; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or a summary does not hold that order.
        NonFiniteError: an influence, or a mean of a summary, is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.
    """
    order = Magnitude() if by is None else by
    curves = {
        name: _concentration(name, result, order)
        for name, result in _named(results, (Attribution, PathSummary)).items()
    }
    ax = axes(ax, _SIZE)
    lines = {}
    for style, (name, (x, curve)) in zip(_styles(), curves.items(), strict=False):
        middle = np.array([point.mean for point in curve])
        (lines[name],) = ax.plot(x, middle, linewidth=1.8, **style)
        low, high = [p.low for p in curve], [p.high for p in curve]
        ax.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)
        half = int(np.searchsorted(middle, 0.5))
        if half < len(x):
            ax.plot(x[half], middle[half], "x", color=style["color"], markersize=7)
    _finish(ax, lines, "number of paths", title)
    ax.set_ylabel(f"share {_WORDS.get(type(order).__name__, '')}", fontsize=FONT_SIZE, color=INK)
    ax.set_ylim(0, 1.03)
    ax.yaxis.set_major_formatter(matplotlib("ticker").PercentFormatter(1.0))
    return figure_of(ax)


_WORDS = {
    "Magnitude": "of all absolute influence",
    "Largest": "of all positive influence",
    "Smallest": "of all negative influence",
}


def _concentration(
    name: str, result: Attribution | PathSummary, by: AbstractOrder
) -> tuple[Float64[np.ndarray, " points"], list[Interval]]:
    if isinstance(result, PathSummary):
        held = result.concentration.get(by)
        if not held:
            orders = ", ".join(type(order).__name__ for order in result.concentration)
            raise ArgumentError(
                f"by={by!r}: the summary {name!r} holds no such curve, but those of {orders}; "
                "gather it with PathStatistics(counts=...)."
            )
        check_finite(f"means of {name}".strip(), [point.mean for point in held.values()])
        return np.array(list(held), np.float64), list(held.values())
    check_finite(f"influences of {name}" if name else "influences", result.influences)
    rows = np.atleast_2d(np.asarray(result.influences))
    n = rows.shape[1]
    counts = sorted({round(k) for k in np.geomspace(1, n, _POINTS)})
    found = concentrations(rows, counts, by)
    if len(rows) > 1:
        return np.array(counts, np.float64), [bootstrap_interval(column) for column in found.T]
    return np.array(counts, np.float64), [Interval(v, v, v) for v in found[0].tolist()]


def faithfulness_curve(
    results: Faithfulness | Mapping[str, Faithfulness] | Any,
    measure: Measure = Faithfulness.recovered,
    *,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draws how much of what the model does is left, over how many paths or nodes are kept.

    Arguments:
        results: what `pathflow.faithfulness` found; several by their names.
        measure: from a `Faithfulness` to one number per size: its methods `recovered` (the
            default), `accuracy` and `divergence`, or a function of your own.
        title: written above.
        ax: axes to draw into; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: an argument is of another kind, or the measure does not fit the result.
        NonFiniteError: a measured number is NaN or infinite.
        MissingDependencyError: matplotlib is not installed.

    Example:
        ```python
        found = pf.faithfulness(graph, (xs,), result.top(20), in_axes=0)
        pf.plot.faithfulness_curve({"largest paths": found}, pf.Faithfulness.accuracy)
        ```
    """
    curves = {
        name: (result.sizes.astype(np.float64), _measured(result, measure))
        for name, result in _named(results, (Faithfulness,)).items()
    }
    ax = axes(ax, _SIZE)
    lines = {}
    for style, (name, (x, y)) in zip(_styles(), curves.items(), strict=False):
        (lines[name],) = ax.plot(x, y, marker="o", markersize=4, linewidth=1.8, **style)
    _finish(ax, lines, "number kept", title)
    name = getattr(measure, "__name__", type(measure).__name__)
    ax.set_ylabel(plain(name.replace("_", " ")), fontsize=FONT_SIZE, color=INK)
    if measure is Faithfulness.recovered:
        ax.yaxis.set_major_formatter(matplotlib("ticker").PercentFormatter(1.0))
        for level in (0.0, 1.0):
            ax.axhline(level, color=FAINT, linewidth=0.8, zorder=0)
    return figure_of(ax)


def _measured(result: Faithfulness, measure: Measure) -> Float64[np.ndarray, " sizes"]:
    if not callable(measure):
        raise ArgumentError(
            f"measure takes a function of a Faithfulness, such as Faithfulness.accuracy; "
            f"got {measure!r}."
        )
    values = np.asarray(measure(result), np.float64)
    if values.shape != result.sizes.shape:
        raise ArgumentError(
            f"measure returned shape {values.shape} for {len(result.sizes)} sizes; it returns one "
            "number for each."
        )
    check_finite("measured numbers", values, "a curve has no place for them")
    return values


def _named(results: Any, kinds: tuple[type, ...]) -> Mapping[str, Any]:
    """Results by name; a single one has no name.

    Raises:
        ArgumentError: something is of another kind.
    """
    named = results if isinstance(results, Mapping) else {"": results}
    names = " or ".join(kind.__name__ for kind in kinds)
    check_names("results", named)
    if not named:
        raise ArgumentError(f"results is empty; give at least one {names}.")
    for name, result in named.items():
        if not isinstance(result, kinds):
            where = f"results[{name!r}]" if isinstance(results, Mapping) else "results"
            raise ArgumentError(
                f"{where} is {type(result).__name__}; give {names}, or a mapping of names to them."
            )
    return named


def _styles() -> Any:
    colours = [{"color": colour, "linestyle": line} for line in _STYLES for colour in PATH_COLOURS]
    return cycle(colours)


def _finish(ax: "Axes", lines: Mapping[str, Any], label: str, title: str | None) -> None:
    every = np.concatenate([line.get_xdata() for line in lines.values()])
    positive = every[every > 0]
    if positive.size and positive.max() >= _WIDE * positive.min():
        if (every == 0).any():
            ax.set_xscale("symlog", linthresh=1.0)
        else:
            ax.set_xscale("log")
        ax.xaxis.set_major_formatter(matplotlib("ticker").FuncFormatter(lambda n, _: f"{n:,.0f}"))
    else:
        ax.xaxis.set_major_locator(matplotlib("ticker").MaxNLocator(integer=True))
    bare(ax, "top", "right")
    ax.set_xlabel(label, fontsize=FONT_SIZE, color=INK)
    if any(lines):
        # By hand: matplotlib leaves names with a leading underscore out.
        names = [plain(shortened(name, _LETTERS)) for name in lines]
        style = {"frameon": False, "fontsize": FONT_SIZE, "labelcolor": INK}
        ax.legend(list(lines.values()), names, **style)
    write_title(ax, title)
