"""The figure of the clauses: by what the outer number enters the step of the inner verb."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.lstm_agreement.clauses.across import ALL, Way
from examples.lstm_agreement.clauses.crossing import ENTRIES

# From Okabe and Ito's palette (2008).
_INFLUENCE, _EXCHANGE = "#0072b2", "#e69f00"
_COLUMNS = 3


def draw(ways: Sequence[Way], titles: dict[str, str], file: Path) -> None:
    """Writes the figure: a panel per task, a pair of bars per way in.

    Arguments:
        ways: across the inner verb.
        titles: what to write above the panel of each task.
        file: where to write.
    """
    tasks = [task for task in titles if any(w.task == task for w in ways)]
    n_rows = -(-len(tasks) // _COLUMNS)
    figure = Figure(figsize=(4.3 * _COLUMNS, 0.7 + 3.2 * n_rows), layout="constrained")
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False)
    for axes, task in zip(grid.flat, tasks, strict=False):
        _panel(axes, [w for w in ways if w.task == task and w.kind == "entry"])
        axes.set_title(titles[task], loc="left", fontsize=9)
    for axes in grid.flat[len(tasks) :]:
        axes.set_axis_off()
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=9)
    figure.savefig(file, dpi=160)


def _panel(axes: Axes, ways: Sequence[Way]) -> None:
    names = [str(entry) for entry in ENTRIES]
    conditions = list(dict.fromkeys(w.condition for w in ways if w.condition != ALL))
    found = {(w.name, w.condition): w for w in ways}
    # The first way in stands on top.
    places = -np.arange(len(names), dtype=float)
    for shift, colour, label, value in (
        (0.2, _INFLUENCE, "influence of these paths, twice", _twice_influence),
        (-0.2, _EXCHANGE, "these alone exchanged: what the score loses", _lost),
    ):
        bars = [value(found[name, ALL]) for name in names]
        axes.barh(places + shift, bars, 0.38, color=colour, label=label)
        points = [value(found[name, c]) for name in names for c in conditions]
        axes.plot(
            points,
            np.repeat(places + shift, len(conditions)),
            "o",
            markersize=2.5,
            color="black",
            alpha=0.7,
            label="single conditions" if shift > 0 else None,
        )
    axes.axvline(0, color="#555555", linewidth=0.8)
    axes.set_yticks(places, [n.replace(" > ", " \u2192 ") for n in names], fontsize=8)
    axes.set_xlabel("logits", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _twice_influence(way: Way) -> float:
    # From the neutral form to this one is half of the way from the other form.
    return 2 * way.influence.mean


def _lost(way: Way) -> float:
    return way.exchanged.mean
