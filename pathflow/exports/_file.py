"""Texts that a file can hold, and how much of one is written at a time."""

import os

from pathflow._errors import ArgumentError

PathLike = str | os.PathLike[str]


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
