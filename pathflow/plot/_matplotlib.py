"""The optional dependency: matplotlib is imported when the first figure is drawn."""

import importlib
from types import ModuleType

from pathflow._errors import MissingDependencyError


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
