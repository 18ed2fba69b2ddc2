"""The paths with the largest influences, and what is left for all others."""

from typing import TYPE_CHECKING

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.drawing import compact
from pathflow.results import Attribution

from ._matplotlib import axes, figure_of, matplotlib
from ._style import FAINT, FONT_SIZE, INK, SIGN_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Where on the diverging colour map the bars of either sign are.
_NEGATIVE, _POSITIVE = 0.15, 0.85


def ranked_paths(
    result: Attribution, k: int = 10, *, title: str | None = None, ax: "Axes | None" = None
) -> "Figure":
    """Draws the `k` influences of largest size as bars, and the sums of all the others.

    Beside each bar stands the share that it and all bars above have of the sum of absolute
    influences. The last two bars are hollow: the sums of the positive and of the negative
    influences that are not shown.

    Arguments:
        result: influences of all paths; with a leading example axis, their mean over the examples
            is drawn.
        k: how many paths; all of them where there are fewer.
        title: written above.
        ax: axes to draw into; by default a figure of its own.

    Returns:
        The figure.

    Raises:
        ArgumentError: `k` is not positive.
        MissingDependencyError: matplotlib is not installed.
    """
    if k < 1:
        raise ArgumentError(f"k must be at least 1, got {k}.")
    influences = np.asarray(result.influences, np.float64)
    mean = influences.mean(axis=0) if influences.ndim == 2 else influences
    top = result.top(k)
    rest = np.delete(mean, [p.rank for p in top])
    labels = [compact(p.path) for p in top]
    labels += [f"{int(np.sum(sign * rest > 0)):,} other {name} paths" for sign, name in _SIGNS]
    values = np.array(
        [*(p.influence for p in top), *(rest[sign * rest > 0].sum() for sign, _ in _SIGNS)]
    )
    ax = axes(ax, (8.0, 1.0 + 0.32 * len(labels)))
    _draw_bars(ax, values, n_paths=len(top))
    _write_shares(ax, values, np.abs(mean).sum(), len(top))
    ax.set_yticks(range(len(labels)), labels, fontsize=FONT_SIZE)
    ax.set_xlabel("influence", fontsize=FONT_SIZE, color=INK)
    if title is not None:
        ax.set_title(title, fontsize=FONT_SIZE + 2, loc="left", color=INK)
    return figure_of(ax)


_SIGNS = ((1, "positive"), (-1, "negative"))


def _draw_bars(ax: "Axes", values: np.ndarray, n_paths: int) -> None:
    colours = matplotlib("cm").ScalarMappable(cmap=SIGN_COLOURS).get_cmap()
    for i, value in enumerate(values):
        colour = colours(_POSITIVE if value >= 0 else _NEGATIVE)
        face = colour if i < n_paths else "none"
        ax.barh(i, value, height=0.66, facecolor=face, edgecolor=colour, linewidth=1.2)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.axhline(n_paths - 0.5, color=FAINT, linewidth=0.8)
    ax.invert_yaxis()
    # Room for the shares, which stand at the outer end of the bars.
    ax.margins(x=0.12)
    ax.tick_params(length=0, colors=INK)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _write_shares(ax: "Axes", values: np.ndarray, everything: float, n_paths: int) -> None:
    if not everything:
        return
    cumulative = np.cumsum(np.abs(values)) / everything
    for i, (value, share) in enumerate(zip(values, cumulative, strict=True)):
        if i < n_paths:
            side = 1 if value >= 0 else -1
            ax.annotate(
                f"{share:.0%}",
                (value, i),
                xytext=(4 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=FONT_SIZE - 1,
                color=INK,
            )
