"""Whole run directories: made in one step, and read with every check."""

import errno
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from pathflow._errors import ArgumentError, RunExistsError, TooManyPathsError
from pathflow.storage._blocks import BlockedArray
from pathflow.storage._files import draft_of, named_refusals, sync_folder
from pathflow.storage._manifest import Manifest


def whole(name: str, array: np.ndarray) -> BlockedArray:
    """An array in one block."""
    block = tuple(max(1, n) for n in array.shape)
    return BlockedArray(name, array.dtype.name, array.shape, block)


def write_folder(path: Path, manifest: Manifest, arrays: Mapping[str, np.ndarray]) -> None:
    """Makes a run directory: a reader sees all of it or nothing.

    Raises:
        ArgumentError: the path is the current folder, or one that it lies in.
        RunExistsError: there is something at the path.
        RunWriteError, DiskFullError: the system refuses.
    """
    with named_refusals(path):
        check_new_folder(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_of(path)
        manifest = replace(manifest, arrays={name: whole(name, a) for name, a in arrays.items()})
        # Only what this call makes is removed by it.
        draft.mkdir()
        try:
            for name, array in arrays.items():
                for number in range(manifest.arrays[name].count):
                    manifest.arrays[name].write(draft, manifest.key, number, array)
            manifest.write(draft)
            _rename(draft, path)
        finally:
            with suppress(OSError):
                shutil.rmtree(draft)
        sync_folder(path.parent)


def check_new_folder(path: Path) -> None:
    """Refuses a folder that is there already, before there is anything to write.

    Raises:
        ArgumentError: the path is the current folder, or one that it lies in.
        RunExistsError: there is something at the path that is no empty folder.
    """
    if path.is_symlink():
        raise RunExistsError(
            f"{path} is a link, and a result is not saved through one; give the folder itself."
        )
    # `exists` would hide that a name is too long on some versions of Python, and not on others.
    try:
        path.stat()
    except FileNotFoundError:
        return
    if path.resolve() == Path.cwd():
        # It would be renamed over, and this process left in a folder that is gone.
        raise ArgumentError(
            f"path={str(path)!r} is the current folder; give the name of a new folder in it."
        )
    if not path.is_dir() or any(path.iterdir()):
        raise _taken(path)


def _rename(draft: Path, path: Path) -> None:
    try:
        draft.rename(path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            # Somebody else was faster.
            raise _taken(path) from error
        raise


def _taken(path: Path) -> RunExistsError:
    return RunExistsError(
        f"{path} is there already, and results are not written over others; give another "
        "folder, or delete it first."
    )


def read_array(
    folder: Path, manifest: Manifest, name: str, *, partial: bool, memory: int
) -> np.ndarray:
    """A whole array, verified.

    Arguments:
        folder: the run directory.
        manifest: its manifest.
        name: of the array.
        partial: blocks that are missing are NaN, instead of an error.
        memory: bytes that several blocks may be joined in.

    Raises:
        KeyError: there is no such array.
        MissingBlockError: a block is missing.
        DamagedRunError: a block is not what was written.
        TooManyPathsError: the blocks are more than may be joined.
    """
    array, key = manifest.arrays[name], manifest.key
    if array.count == 1 and not partial:
        return array.read(folder, key, 0)
    if array.nbytes > memory:
        raise TooManyPathsError(
            f"array {name!r} of {folder} takes {array.nbytes:,} bytes in {array.count} blocks, "
            f"over the budget of {memory:,}. Raise load(memory=...), or go through the blocks by "
            "pathflow.open_run.",
            array.count,
        )
    dtype = np.dtype(array.dtype)
    # Only numbers that can be NaN can be missing.
    floating = dtype.kind not in "biu"
    out = np.full(array.shape, np.nan if floating else 0, dtype)
    numbers = array.written(folder) if partial and floating else range(array.count)
    for number in numbers:
        out[array.place(number)] = array.read(folder, key, number)
    return out
