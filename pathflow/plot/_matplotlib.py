"""The optional dependency: matplotlib is imported when the first figure is drawn."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, cast

from pathflow._errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """The axes to draw into: those given, or the only ones of a new figure (size in inches)."""
    if ax is not None:
        return ax
    return matplotlib("figure").Figure(figsize=size, layout="constrained").add_subplot()


def figure_of(ax: "Axes") -> "Figure":
    """The figure that the axes stand in; axes without one are drawn into by nobody."""
    return cast("Figure", ax.get_figure(root=True))


def matplotlib(submodule: str) -> ModuleType:
    """A submodule of matplotlib, as in `matplotlib("figure")`.

    Raises:
        MissingDependencyError: matplotlib is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(f"matplotlib.{submodule}")
    except ImportError as error:
        raise MissingDependencyError(
            "figures need matplotlib, which is not installed; install it with "
            "`pip install 'pathflow[plot]'`."
        ) from error
