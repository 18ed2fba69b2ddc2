"""The figure: share and t of the primary path, one point per training."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.lstm_agreement.family.summary import Measured, conditions, groups
from examples.lstm_agreement.tables.measure import Role

# From Okabe and Ito's palette (2008); a size or an architecture each.
_COLOURS = ("#56b4e9", "#0072b2", "#000000", "#d55e00", "#009e73", "#cc79a7")
_PANELS = (
    ("share", "share of the influence of its sign", (-0.03, 1.03)),
    ("t", "t: probability to exceed another path", (-0.03, 1.03)),
    ("rank", "rank by mean influence", None),
)


def draw(family: Sequence[Measured], file: Path) -> None:
    """Writes the figure.

    Arguments:
        family: the models.
        file: where to write.
    """
    found = conditions(family)
    roles = [[k for k in found if k[0] == role.value] for role in Role]
    figure = Figure(figsize=(12, 9), layout="constrained")
    grid = figure.subplots(
        len(_PANELS),
        len(roles),
        sharey="row",
        width_ratios=[max(len(keys), 1) for keys in roles],
        squeeze=False,
    )
    for row, (name, label, limits) in zip(grid, _PANELS, strict=True):
        for axes, role, keys in zip(row, Role, roles, strict=True):
            _panel(axes, family, keys, name)
            if limits is None:
                axes.set_yscale("log")
                axes.invert_yaxis()
            else:
                axes.set_ylim(*limits)
            if axes is row[0]:
                axes.set_ylabel(label)
            if name == _PANELS[0][0]:
                axes.set_title(f"from the {role.value}", loc="left", fontsize=11)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle("The primary path in every training", x=0.01, ha="left")
    figure.savefig(file, dpi=150)


def _panel(
    axes: Axes, family: Sequence[Measured], keys: Sequence[tuple[str, str, str]], name: str
) -> None:
    by_group = groups(family)
    width = 0.8 / len(by_group)
    for place, (group, colour) in enumerate(zip(by_group, _COLOURS, strict=False)):
        points = [
            (k + (place + 0.5) * width - 0.4, float(line[name]))
            for k, key in enumerate(keys)
            for one in by_group[group]
            for line in one.rows()
            if (line["role"], line["task"], line["condition"]) == key
        ]
        x, y = zip(*points, strict=True) if points else ((), ())
        axes.plot(x, y, "o", color=colour, markersize=4.5, alpha=0.8, label=group)
    for k in range(1, len(keys)):
        axes.axvline(k - 0.5, color="#dddddd", linewidth=0.8)
    axes.set_xlim(-0.5, len(keys) - 0.5)
    axes.set_xticks(range(len(keys)), [f"{task}\n{c}" for _, task, c in keys], fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
