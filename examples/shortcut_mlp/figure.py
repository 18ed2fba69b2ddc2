"""The figure: by which units which source goes, and what is right with units fixed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from examples.ablation import AgainstAll
from examples.figures import GREEN, against_sets, bars


def draw(
    shortcut: Mapping[str, float],
    rings: Mapping[str, float],
    wrong: float,
    fixed: Sequence[AgainstAll],
    without_feature: float,
    file: Path,
) -> None:
    """Writes the figure.

    Arguments:
        shortcut: the influence of the shortcut through units of the first layer.
        rings: that of the coordinates through the same units.
        wrong: the part of the points with a broken shortcut that is answered wrong.
        fixed: what is wrong with one unit fixed, with two, and so on.
        without_feature: what is wrong where the shortcut itself says nothing.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 7.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(6, 5))
    bars(above, shortcut, rings, labels=("from the shortcut", "from the coordinates"))
    above.set_xlabel("mean influence on the label's logit, above the other's")
    above.set_title("Through the units of the first hidden layer", loc="left")
    below.axhline(
        without_feature, color=GREEN, linestyle=":", label="the shortcut itself says nothing"
    )
    against_sets(below, wrong, fixed, "units of the largest influence of the shortcut")
    below.set_ylim(0, 0.5)
    below.legend(frameon=False, loc="upper left", ncols=2)
    below.set_xlabel("units of the first layer fixed at their mean")
    below.set_ylabel("answered wrong")
    below.set_title("Points whose shortcut is broken", loc="left")
    figure.savefig(file, dpi=130)
