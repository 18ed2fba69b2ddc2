"""Optional dependencies, imported when they are first needed."""

import importlib
from typing import Any

from ._errors import MissingDependencyError


def optional_module(name: str, user: str, extra: str) -> Any:
    """A module that an installation of pathflow may be without.

    Arguments:
        name: of the module.
        user: what needs it, to begin the message with.
        extra: of pathflow, that installs it.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingDependencyError(
            f"{user} needs {package}, which is not installed; `pip install 'pathflow[{extra}]'`."
        ) from error
