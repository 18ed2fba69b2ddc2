"""The figure: what paths through blocks carry, and what swapping channels does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from examples.ablation import AgainstAll
from examples.figures import against_sets, bars


def draw(
    trained: Mapping[str, float],
    untrained: Mapping[str, float],
    clean: float,
    swaps: Sequence[AgainstAll],
    file: Path,
) -> None:
    """Writes the figure.

    Arguments:
        trained: shares of the total by path.
        untrained: those of the same paths in an untrained model.
        clean: the mean margin with nothing swapped.
        swaps: with one channel swapped, with two, and so on.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(4, 6))
    bars(above, trained, untrained, labels=("trained", "untrained"), values="%.2f")
    above.set_xlim(0, 1)
    above.set_xlabel("share of what tells the two digits apart")
    above.set_title("Through the residual blocks or beside them", loc="left")
    against_sets(below, clean, swaps, "channels of the largest influence")
    below.axhline(0, color="black", linewidth=0.8)
    below.set_xlabel("swapped channels of pool0")
    below.set_ylabel("mean margin of the right digit")
    below.set_title("Channels swapped for what they hold at the other digit's mean", loc="left")
    figure.savefig(file, dpi=130)
