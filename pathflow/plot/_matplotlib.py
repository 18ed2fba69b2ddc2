"""The optional dependency: matplotlib is imported when the first figure is drawn."""

import math
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pathflow._errors import ArgumentError
from pathflow._optional import optional_module
from pathflow.drawing import FONT_SIZE, INK, sign_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches; larger pictures than these fit neither a page nor a screen.
_LARGEST = (16.0, 14.0)
POINTS_PER_INCH = 72


def matplotlib(submodule: str) -> ModuleType:
    """A submodule of matplotlib, as in `matplotlib("figure")`.

    Raises:
        MissingDependencyError: matplotlib is not installed; the message names the extra.
    """
    return optional_module(f"matplotlib.{submodule}", "a figure", "plot")


def axes(ax: Any, size: tuple[float, float]) -> "Axes":
    """The axes to draw into: those given, or the only ones of a new figure.

    Arguments:
        ax: axes, or None.
        size: of the new figure, in inches; as much of it as fits a page.

    Raises:
        ArgumentError: `ax` is something else.
        MissingDependencyError: matplotlib is not installed.
    """
    if ax is None:
        return _figure(size).add_subplot()
    if not isinstance(ax, matplotlib("axes").Axes):
        raise ArgumentError(
            f"ax takes matplotlib axes, such as figure.add_subplot() makes; got {ax!r}."
        )
    return cast("Axes", ax)


def panels(ax: Any, n: int, size: tuple[float, float]) -> "list[Axes]":
    """Axes side by side on one scale, in a new figure or in the place of axes given.

    Arguments:
        ax: axes that stand in a grid, which are hidden; or None.
        n: how many.
        size: of the new figure, in inches.

    Raises:
        ArgumentError: `ax` is something else, or stands in no grid.
        MissingDependencyError: matplotlib is not installed.
    """
    if ax is None:
        figure = _figure(size)
        grid = figure.add_gridspec(1, n)
    else:
        place = axes(ax, size).get_subplotspec()
        if place is None:
            raise ArgumentError(
                "ax stands in no grid, so that it cannot be divided into panels; give axes that "
                "figure.add_subplot() or figure.subplots() made."
            )
        ax.set_axis_off()
        figure, grid = figure_of(ax), place.subgridspec(1, n)
    first = figure.add_subplot(grid[0, 0])
    others = [figure.add_subplot(grid[0, i], sharex=first, sharey=first) for i in range(1, n)]
    for other in others:
        other.tick_params(labelleft=False)
    return [first, *others]


def _figure(size: tuple[float, float]) -> "Figure":
    width, height = (min(*pair) for pair in zip(size, _LARGEST, strict=True))
    return matplotlib("figure").Figure(figsize=(width, height), layout="constrained")


def figure_of(ax: "Axes") -> "Figure":
    """The figure that the axes stand in; axes without one are drawn into by nobody."""
    return cast("Figure", ax.get_figure(root=True))


def size_of(ax: "Axes") -> tuple[float, float]:
    """The width and height of axes in points, as they stand now."""
    box = ax.get_window_extent()
    scale = POINTS_PER_INCH / figure_of(ax).dpi
    return box.width * scale, box.height * scale


def write_title(ax: "Axes", title: str | None, pad: int = 8) -> None:
    """A title at the upper left."""
    if title is not None:
        ax.set_title(plain(title), fontsize=FONT_SIZE + 2, pad=pad, loc="left", color=INK)


def bare(ax: "Axes", *sides: str) -> None:
    """Takes the marks off the ticks, and the frame off some sides."""
    ax.tick_params(length=0, colors=INK, labelsize=FONT_SIZE)
    for side in sides:
        ax.spines[side].set_visible(False)


def few_digits(axis: Any) -> None:
    """Writes small and large numbers along an axis with a common power of ten."""
    formatter = matplotlib("ticker").ScalarFormatter()
    formatter.set_powerlimits((-2, 4))
    axis.set_major_formatter(formatter)
    axis.offsetText.set(fontsize=FONT_SIZE - 1, color=INK)


def plain(text: str) -> str:
    """A text that matplotlib writes as it is: without this, `$` starts a formula."""
    return text.replace("$", r"\$")


def sign_scale(largest: float, *, lines: bool = False) -> Any:
    """Colours for numbers from -largest to largest, the same on both sides of 0.

    Arguments:
        largest: over 0, or 0 where there is nothing to tell apart.
        lines: without the pale middle.
    """
    colours = matplotlib("colors")
    return matplotlib("cm").ScalarMappable(
        colours.Normalize(-(largest or 1.0), largest or 1.0),
        colours.ListedColormap(sign_colours(256, lines=lines)),
    )


def scale_limit(found: float, asked: float | None) -> float:
    """The influence of the widest edge or strongest colour: the one asked for, or the largest.

    Raises:
        ArgumentError: the one asked for is none to scale by.
    """
    if asked is None:
        return found
    if not isinstance(asked, int | float | np.number) or not 0 < asked < math.inf:
        raise ArgumentError(f"largest={asked} is no influence to scale by; give one over 0.")
    return float(asked)


def draw_scale(ax: Any, scale: Any, label: str, extend: str = "neither") -> None:
    """A colour bar beside axes, or beside a list of axes."""
    first = ax[0] if isinstance(ax, list) else ax
    bar = figure_of(first).colorbar(scale, ax=ax, shrink=0.6, aspect=25, pad=0.02, extend=extend)
    few_digits(bar.ax.yaxis)
    bar.set_label(label, fontsize=FONT_SIZE, color=INK)
    bar.ax.tick_params(labelsize=FONT_SIZE - 1, colors=INK, length=2)
    bar.outline.set_visible(False)
