"""The figure: what the largest paths carry, and what heads and perceptrons are worth."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from examples.figures import bars, chance_line


def draw(paths: Mapping[str, float], accuracies: Mapping[str, float], file: Path) -> None:
    """Writes the figure.

    Arguments:
        paths: mean influences by path, the largest first.
        accuracies: with everything, and without each part.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(len(paths), len(accuracies)))
    bars(
        above,
        {
            path.removeprefix("embed[subject] ").removesuffix(" logits qoi"): value
            for path, value in paths.items()
        },
    )
    above.set_xlabel("mean influence of the subject on the right number's logit, above the other's")
    above.set_title("The paths that carry most from the subject", loc="left")
    bars(below, accuracies, values="%.2f")
    chance_line(below, 0.5)
    below.set_title("What each part is worth", loc="left")
    figure.savefig(file, dpi=130)
