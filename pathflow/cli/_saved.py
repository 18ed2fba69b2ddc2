"""Saved results, whole or, where they are too large for the memory, block by block."""

from pathlib import Path
from typing import Any

import pathflow as pf


def opened(folder: Path, example: int | None = None, *, blocks: bool = True) -> Any:
    """A saved result; a run that is too large for the memory as its blocks, one by one.

    Arguments:
        folder: that it was saved in.
        example: one of a batch; None for all.
        blocks: whether what is asked can be done block by block.

    Raises:
        ArgumentError: it is too large, and this cannot be done block by block; or there is no such
            example.
        StorageError: as `pathflow.load`.
    """
    try:
        result = pf.load(folder)
    except pf.TooManyPathsError as error:
        if blocks and example is None:
            return pf.open_run(folder)
        what = "one example of it" if blocks else "that"
        raise pf.ArgumentError(
            f"{folder} is larger than the memory, and {what} needs all of it at once. List its "
            "first paths by `pathflow top` or write its rows by `pathflow convert` (.parquet, "
            ".csv, .json), or search again by `pathflow attribute --top K --out FOLDER`."
        ) from error
    return result if example is None else _example(folder, result, example)


def _example(folder: Path, result: Any, example: int) -> Any:
    if not hasattr(result, "example"):
        raise pf.ArgumentError(
            f"--example {example}: {folder} holds a {type(result).__name__}, which has no "
            "examples; leave it out."
        )
    return result.example(example)
