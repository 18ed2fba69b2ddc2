"""The figure: how much the carry path carries, and what becomes of a GRU with its gates held."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from examples.figures import BLUE, GREEN, ORANGE, bars, chance_line, plain


def draw(
    shares: Mapping[int, tuple[float, float]],
    kept: Sequence[float],
    answered: Mapping[str, float],
    chance: float,
    file: Path,
) -> None:
    """Writes the figure.

    Arguments:
        shares: for each delay those of the carry path and of the largest other path.
        kept: for the longest delay, the share that goes from each state to the next directly.
        answered: the accuracy with gates held.
        chance: the accuracy of guessing.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(6, 4))
    for number, (name, color) in enumerate(
        (("the carry path", BLUE), ("the largest other path", ORANGE))
    ):
        above.plot(
            list(shares), [both[number] for both in shares.values()], "o-", color=color, label=name
        )
    above.plot(
        range(1, len(kept) + 1),
        kept,
        "--",
        color=GREEN,
        label=f"from one state to the next directly, delay {len(kept)}",
    )
    above.set_ylim(0, 1)
    above.set_xticks(range(0, max(shares) + 1, 2))
    above.set_xlabel("delay, or step after the marked value")
    above.set_ylabel("share of all influence")
    above.set_title(
        "One of up to 3 x 4^19 paths: into the state once, then kept to the end", loc="left"
    )
    above.legend(frameon=False)
    plain(above)
    bars(below, answered, values="%.2f")
    chance_line(below, chance)
    below.set_title("Gates held after the marked value was read", loc="left")
    figure.savefig(file, dpi=130)
