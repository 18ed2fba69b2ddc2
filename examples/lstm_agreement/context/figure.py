"""The figure of the context study: what is left of the primary path, and how much cancels."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pathflow.metrics import Interval

# From Okabe and Ito's palette (2008): the subject's number is the colour, the others' the line.
_COLOURS = {"S": "#0072b2", "P": "#d55e00"}
_SAME, _OTHER = "-", "--"

Point = tuple[str, int, Interval, float, float]


def draw(points: Sequence[Point], file: Path) -> None:
    """Writes the figure.

    Arguments:
        points: condition, words between, share of the primary path, total influence, and sum of
            absolute influences.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    # Without a noun between there is no other number: the point belongs to both lines.
    for condition in ("SS", "SP", "PS", "PP"):
        mine = [p for p in points if p[0] in (condition, condition[0])]
        if not mine:
            continue
        words = [p[1] for p in mine]
        colour = _COLOURS[condition[0]]
        style = _SAME if condition[0] == condition[1] else _OTHER
        shares = [p[2] for p in mine]
        left.plot(words, [s.mean for s in shares], style, color=colour, label=condition, marker="o")
        left.fill_between(
            words, [s.low for s in shares], [s.high for s in shares], color=colour, alpha=0.15
        )
        part = [abs(total) / absolute if absolute else 0.0 for *_, total, absolute in mine]
        right.plot(words, part, style, color=colour, marker="o")
    # A share of zero has no place on this axis.
    left.set_yscale("log")
    left.set_title(
        "Primary path: share of positive influence (zero is left out)", loc="left", fontsize=10
    )
    right.set_yscale("log")
    right.set_title("|total| / sum of absolute influences of all paths", loc="left", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("words between subject and verb")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    left.legend(title="subject, others", frameon=False)
    figure.savefig(file, dpi=160)
