"""Files that are there whole or not at all, and texts that a file can hold."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pathflow._errors import ArgumentError

PathLike = str | os.PathLike[str]


@contextlib.contextmanager
def new_file(path: PathLike) -> Iterator[Path]:
    """Where to write what becomes the file, once all of it is there; nothing is left on failure.

    The folder is made where it is missing, and a file of that name replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def encodable(text: str) -> str:
    """A text as UTF-8 can hold it: half of a pair of surrogates becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def check_rows(rows: int) -> int:
    """Refuses what is no number of rows at a time.

    Raises:
        ArgumentError: it is less than 1.
    """
    if rows < 1:
        raise ArgumentError(f"rows={rows} takes a number of rows of at least 1.")
    return rows
