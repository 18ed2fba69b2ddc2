"""The figure: what the largest paths carry, and what each head is worth."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

# From Okabe and Ito's palette (2008).
_BLUE, _ORANGE = "#0072b2", "#e69f00"


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
    places = range(len(trained))
    above.barh([p - 0.19 for p in places], trained.values(), 0.36, color=_BLUE, label="trained")
    above.barh(
        [p + 0.19 for p in places], untrained.values(), 0.36, color=_ORANGE, label="untrained"
    )
    above.set_yticks(places, [_readable(path) for path in trained])
    above.set_xlabel("mean influence on the answer's logit, above another word's")
    above.legend(loc="lower right", frameon=False)
    above.set_title("The six paths that carry most from the repeated word", loc="left")
    places = range(len(accuracies))
    below.barh(places, accuracies.values(), 0.6, color=_BLUE)
    below.axvline(chance, color=_ORANGE, linestyle="--", label=f"chance ({chance:.2f})")
    for place, value in zip(places, accuracies.values(), strict=True):
        below.text(value + 0.008, place, f"{value:.2f}", va="center")
    below.set_yticks(places, list(accuracies))
    below.set_xlim(0, 1.08)
    below.set_xlabel("accuracy")
    below.legend(loc="lower right", frameon=False)
    below.set_title("What each head is worth", loc="left")
    for ax in (above, below):
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)


def _readable(path: str) -> str:
    return path.removeprefix("embed[first] ").removesuffix(" logits qoi")
