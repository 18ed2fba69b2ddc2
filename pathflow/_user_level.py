"""Which line of a user's a warning is about."""

import contextlib
import sys
from pathlib import Path
from types import FrameType

# Libraries that stand between what a user calls and what warns.
_BETWEEN = ("pathflow", "jax", "flax")


def user_level() -> int:
    """The `stacklevel` of `warnings.warn`, called where this is, that names the nearest line
    outside of pathflow and of the libraries that it traces by.
    """
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _BETWEEN)
    skipped = (*(str(Path(f).parent / "") + "/" for f in files if f), contextlib.__file__)
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (what `warnings` itself goes by)
    level = 1
    while frame is not None and frame.f_code.co_filename.startswith(skipped):
        frame, level = frame.f_back, level + 1
    return level
