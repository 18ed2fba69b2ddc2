"""Warnings that name the line of the user's that they are about."""

import contextlib
import os
import sys
import warnings
from pathlib import Path
from types import FrameType

# Libraries that stand between what a user calls and what warns; jaxtyping where types are checked.
_BETWEEN = ("pathflow", "jax", "flax", "jaxtyping")
_CHECKED = "<@beartype"


def warn_user(message: str, category: type[Warning]) -> None:
    """Warns at the nearest line outside of pathflow and of the libraries that it traces by."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _BETWEEN)
    folders = (str(Path(f).parent) + os.sep for f in files if f)
    skipped = (*folders, contextlib.__file__, _CHECKED)
    frame: FrameType = sys._getframe()  # noqa: SLF001  (what `warnings` itself goes by)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(skipped):
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__", "<unknown>"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )
