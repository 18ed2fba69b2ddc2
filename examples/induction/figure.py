"""The figure: what the largest paths carry, and what each head is worth."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from examples.figures import bars, chance_line


def draw(
    trained: Mapping[str, float],
    untrained: Mapping[str, float],
    accuracies: Mapping[str, float],
    chance: float,
    file: Path,
) -> None:
    """Writes the figure.

    Arguments:
        trained: mean influences by path, the largest first.
        untrained: those of the same paths in an untrained model.
        accuracies: with all heads, and without each.
        chance: the accuracy of guessing.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 6.2), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(len(trained) + 1, len(accuracies)))
    both = [{_readable(path): value for path, value in of.items()} for of in (trained, untrained)]
    bars(above, *both, labels=("trained", "untrained"))
    above.set_xlabel("mean influence on the answer's logit, above another word's")
    above.set_title("The six paths that carry most from the repeated word", loc="left")
    bars(below, accuracies, values="%.2f")
    chance_line(below, chance)
    below.set_title("What each head is worth", loc="left")
    figure.savefig(file, dpi=130)


def _readable(path: str) -> str:
    return path.removeprefix("embed[first] ").removesuffix(" logits qoi")
