"""`pathflow agreement`: the study, which is in the repository and not in the package."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

from pathflow._errors import MissingDependencyError

_STUDY = "examples.lstm_agreement"


def run(arguments: Sequence[str]) -> int:
    """Runs the study, or a part of it that the first argument names.

    Arguments:
        arguments: the study's own.

    Returns:
        Its exit code.

    Raises:
        MissingDependencyError: the study is not there, or a package that it needs.
    """
    folder = os.getcwd()  # noqa: PTH109  (an entry of sys.path is a text)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if not _is_there(_STUDY):
        raise MissingDependencyError(
            "the study of number agreement is in the repository of pathflow and not in the package;"
            " run this in a clone of it, with `pip install -e '.[study]'`."
        )
    part, rest = _STUDY, list(arguments)
    if rest and rest[0].isidentifier() and _is_there(f"{_STUDY}.{rest[0]}"):
        part = f"{_STUDY}.{rest.pop(0)}"
    # A part is a module, or a folder with a module that is run.
    run_as = f"{part}.__main__"
    try:
        command = importlib.import_module(run_as if _is_there(run_as) else part)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the study needs {error.name}, which is not installed; `pip install -e '.[study]'`."
        ) from error
    if not hasattr(command, "main"):
        raise MissingDependencyError(f"{part} is a part of the study that is no command.")
    return int(command.main(rest))


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
