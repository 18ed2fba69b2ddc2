"""The figure: what the largest paths carry, and what heads and perceptrons are worth."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

# From Okabe and Ito's palette (2008).
_BLUE, _ORANGE = "#0072b2", "#e69f00"


def draw(paths: Mapping[str, float], accuracies: Mapping[str, float], file: Path) -> None:
    """Writes the figure.

    Arguments:
        paths: mean influences by path, the largest first.
        accuracies: with everything, and without each part.
        file: where to write.
    """
    figure = Figure(figsize=(9.5, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(len(paths), len(accuracies)))
    above.barh(range(len(paths)), paths.values(), 0.6, color=_BLUE)
    names = [p.removeprefix("embed[subject] ").removesuffix(" logits qoi") for p in paths]
    above.set_yticks(range(len(paths)), names)
    above.set_xlabel("mean influence of the subject on the right number's logit, above the other's")
    above.set_title("The paths that carry most from the subject", loc="left")
    places = range(len(accuracies))
    below.barh(places, accuracies.values(), 0.6, color=_BLUE)
    below.axvline(0.5, color=_ORANGE, linestyle="--", label="chance (0.50)")
    for place, value in zip(places, accuracies.values(), strict=True):
        below.text(value + 0.008, place, f"{value:.2f}", va="center")
    below.set_yticks(places, list(accuracies))
    below.set_xlim(0, 1.45)
    below.set_xticks([0, 0.25, 0.5, 0.75, 1])
    below.set_xlabel("accuracy")
    below.legend(loc="center right", frameon=False)
    below.set_title("What each part is worth", loc="left")
    for ax in (above, below):
        ax.invert_yaxis()
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)
