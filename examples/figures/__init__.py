"""What the figures of the small examples have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

# From Okabe and Ito's palette (2008).
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"


def bars(
    ax: Any,
    *series: Mapping[str, float],
    labels: Sequence[str] = (),
    values: str | None = None,
) -> None:
    """Lying bars under the names of the first series, its first name on top.

    Arguments:
        ax: the axes.
        series: values by name; all have the names of the first.
        labels: what the legend calls each of them.
        values: the format in which numbers are written beside the bars, if they are.
    """
    height = 0.76 / len(series)
    names = list(series[0])
    for number, one in enumerate(series):
        offset = (number - (len(series) - 1) / 2) * height
        drawn = ax.barh(
            [place + offset for place in range(len(names))],
            [one[name] for name in names],
            0.94 * height,
            color=(BLUE, ORANGE, GREEN)[number],
            label=labels[number] if labels else None,
        )
        if values is not None:
            ax.bar_label(drawn, fmt=values, padding=4)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.axvline(0, color="black", linewidth=0.8)
    if labels:
        ax.legend(frameon=False)
    plain(ax)


def plain(ax: Any) -> None:
    """No frame on top and at the right."""
    ax.spines[["top", "right"]].set_visible(False)
