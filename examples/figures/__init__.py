"""What the figures of the small examples have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from examples.ablation import AgainstAll

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


def chance_line(ax: Any, chance: float) -> None:
    """Makes the axes those of accuracies, and marks that of guessing."""
    ax.axvline(chance, color=ORANGE, linestyle="--", label=f"chance ({chance:.2f})")
    # Beyond 1 there is room for the legend.
    ax.set_xlim(0, 1.45)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.set_xlabel("accuracy")
    ax.legend(frameon=False, loc="center right")


def against_sets(ax: Any, clean: float, found: Sequence[AgainstAll], chosen: str) -> None:
    """What is left without one node, without two, and so on: of the chosen ones and of all sets.

    Arguments:
        ax: the axes.
        clean: the value with every node.
        found: for one node, for two, and so on.
        chosen: what the legend calls those that are chosen.
    """
    sizes = range(len(found) + 1)
    of_sets = [one.of_all.mean(axis=1) for one in found]
    low, high = ([clean, *(float(end(means)) for means in of_sets)] for end in (min, max))
    mean = [clean, *(float(means.mean()) for means in of_sets)]
    ax.fill_between(sizes, low, high, color=ORANGE, alpha=0.25, linewidth=0, label="all sets")
    ax.plot(sizes, mean, "--", color=ORANGE, label="mean of all sets")
    ax.plot(sizes, [clean, *(one.left.mean() for one in found)], "o-", color=BLUE, label=chosen)
    ax.set_xticks(sizes)
    ax.legend(frameon=False)
    plain(ax)


def plain(ax: Any) -> None:
    """No frame on top and at the right."""
    ax.spines[["top", "right"]].set_visible(False)
