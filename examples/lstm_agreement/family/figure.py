"""The figure: share, t and rank of the primary path, one point per training."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.lstm_agreement.family.summary import Measured, conditions, groups
from examples.lstm_agreement.tables.measure import Role

# From Okabe and Ito's palette (2008); a size or an architecture each.
_COLOURS = ("#56b4e9", "#0072b2", "#000000", "#d55e00", "#009e73", "#cc79a7")
_PANELS = (
    ("share", "share, of its sign", (-0.03, 1.03)),
    ("magnitude", "share, of absolute values\n(hollow: before training)", (-0.03, 1.03)),
    ("t", "t: probability to\nexceed another path", (-0.03, 1.03)),
    ("rank", "rank by mean influence", None),
)
_Key = tuple[str, str, str]


def draw(family: Sequence[Measured], file: Path) -> None:
    """Writes the figure.

    Arguments:
        family: the models.
        file: where to write.
    """
    found = conditions(family)
    roles = [[k for k in found if k[0] == role.value] for role in Role]
    figure = Figure(figsize=(13, 11), layout="constrained")
    grid = figure.subplots(
        len(_PANELS),
        len(roles),
        sharey="row",
        width_ratios=[max(len(keys), 1) for keys in roles],
        squeeze=False,
    )
    for axes, role in zip(grid[0], Role, strict=True):
        axes.set_title(f"from the {role.value}", loc="left", fontsize=11)
    for row, (name, label, limits) in zip(grid, _PANELS, strict=True):
        for axes, keys in zip(row, roles, strict=True):
            _panel(axes, family, keys, name)
        # What is shared by a row is said once.
        row[0].set_ylabel(label)
        if limits is None:
            row[0].set_yscale("log")
            row[0].invert_yaxis()
        else:
            row[0].set_ylim(*limits)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle("The primary path in every training", x=0.01, ha="left")
    figure.savefig(file, dpi=140)


def _panel(axes: Axes, family: Sequence[Measured], keys: Sequence[_Key], name: str) -> None:
    by_group = groups(family)
    width = 0.86 / len(by_group)
    for place, (group, colour) in enumerate(zip(by_group, _COLOURS, strict=False)):
        models = by_group[group]
        left = (place + 0.5) * width - 0.43
        shown = {"trained": colour} | ({"untrained": "none"} if name == "magnitude" else {})
        for model, inside in shown.items():
            points = [
                (k + left + _beside(seed, len(models)) * width, float(line[name]))
                for k, key in enumerate(keys)
                for seed, one in enumerate(models)
                for line in one.rows(model)
                if (line["role"], line["task"], line["condition"]) == key
            ]
            axes.plot(
                [x for x, _ in points],
                [y for _, y in points],
                "o",
                color=colour,
                markerfacecolor=inside,
                markersize=3.6,
                markeredgewidth=0.8,
                label=group if model == "trained" else None,
                clip_on=False,
            )
    for k in range(1, len(keys)):
        same = keys[k][1] == keys[k - 1][1]
        axes.axvline(k - 0.5, color="#e6e6e6" if same else "#888888", linewidth=0.8)
    axes.set_xlim(-0.5, len(keys) - 0.5)
    axes.set_xticks(range(len(keys)), [condition for _, _, condition in keys], fontsize=9)
    for task in dict.fromkeys(task for _, task, _ in keys):
        places = [k for k, key in enumerate(keys) if key[1] == task]
        axes.text(
            sum(places) / len(places),
            -0.16,
            task,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=9,
        )
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)


def _beside(place: int, n: int) -> float:
    """Where a seed's point stands within its group: equal numbers do not hide each other."""
    return 0.6 * ((place + 0.5) / n - 0.5)
