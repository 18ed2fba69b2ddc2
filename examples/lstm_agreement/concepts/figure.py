"""The figure of the concepts: whether the model has them, and what the primary path carries."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.lstm_agreement.concepts.measure import Carried, Known
from pathflow.metrics import Interval

# From Okabe and Ito's palette (2008).
_ACCURACY, _MOVED, _PRIMARY, _LARGEST = "#0072b2", "#e69f00", "#009e73", "#999999"


def draw(known: Sequence[Known], carried: Sequence[Carried], file: Path) -> None:
    """Writes the figure: a line per concept, frame and condition.

    Arguments:
        known: what the model knows.
        carried: by which paths.
        file: where to write.
    """
    keys = [(k.concept, k.frame, k.condition) for k in known]
    places = -np.arange(len(keys), dtype=float)
    figure = Figure(figsize=(11.5, 1.4 + 0.21 * len(keys)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, colour, shift in (("accuracy", _ACCURACY, 0.12), ("moved", _MOVED, -0.12)):
        _points(left, [getattr(k, name) for k in known], places + shift, colour, name)
    left.set_xlim(-0.03, 1.03)
    left.axvline(0.5, color="#555555", linewidth=0.8, linestyle=":")
    found = {
        (c.concept, c.row.task, c.row.condition): c for c in carried if c.row.model == "trained"
    }
    measured = [
        (found[key], place) for key, place in zip(keys, places, strict=True) if key in found
    ]
    at = np.array([place for _, place in measured])
    rows = [c.row for c, _ in measured]
    _points(right, [r.share for r in rows], at + 0.12, _PRIMARY, "primary path")
    _points(right, [r.largest_share for r in rows], at - 0.12, _LARGEST, "path of rank 1")
    left.set_yticks(places, _labels(keys), fontsize=7)
    left.set_ylim(places[-1] - 0.7, 0.7)
    left.set_title(
        "Does the model have the concept? (dotted: chance)", loc="left", fontsize=9, pad=18
    )
    right.set_title("Share of the positive influence", loc="left", fontsize=9, pad=18)
    for axes in (left, right):
        axes.tick_params(labelsize=7)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        for i, key in enumerate(keys):
            if i and key[:1] != keys[i - 1][:1]:
                axes.axhline(places[i] + 0.5, color="#555555", linewidth=0.6)
    figure.savefig(file, dpi=160)


def _points(
    axes: Axes, values: Sequence[Interval], places: np.ndarray, colour: str, label: str
) -> None:
    for value, place in zip(values, places, strict=True):
        axes.plot([value.low, value.high], [place, place], color=colour, linewidth=1.2)
    axes.plot([v.mean for v in values], places, "o", color=colour, markersize=3.5, label=label)


def _labels(keys: Sequence[tuple[str, str, str]]) -> list[str]:
    """Concept and frame at their first line, the condition at every line."""
    labels = []
    for i, (concept, frame, condition) in enumerate(keys):
        before = keys[i - 1] if i else (None, None, None)
        parts = [concept + ":"] if concept != before[0] else []
        parts += [frame] if (concept, frame) != before[:2] else []
        labels.append(" ".join([*parts, condition]))
    return labels
