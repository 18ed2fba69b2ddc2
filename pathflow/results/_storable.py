"""Saving and loading results."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pathflow._described import described
from pathflow._errors import (
    ArgumentError,
    DamagedRunError,
    PathflowError,
    StorageError,
    TooManyPathsError,
    UnfinishedRunError,
)
from pathflow._whole_number import whole_number
from pathflow.storage import Manifest, damaged, path_of, read_array, write_folder

from ._audit import Audit
from ._packing import kind_of, packed, unpacked

_MEMORY = 2**30
# What a manifest that somebody made up may end in.
_WRONG = (PathflowError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Storable:
    """A result that can be saved."""

    def save(self, path: Path | str) -> None:
        """Writes the result as a run directory, which `pathflow.load` reads.

        It is made beside its place and then renamed, so that nobody sees a part of it.

        Arguments:
            path: the folder; it is made, and folders on the way are.

        Raises:
            ArgumentError: no folder can have such a name, or it is the current folder.
            RunExistsError: there is something already.
            RunWriteError: the system refuses, as in a read-only folder (`DiskFullError` where there
                is no room).
            StorageError: the result holds something that cannot be kept exactly.
        """
        save(self, path_of(path, "path"))


def save(result: Any, path: Path) -> None:
    kind = kind_of(type(result))
    if kind is None:
        raise StorageError(
            f"save: a {type(result).__name__} cannot be saved; results of pathflow can."
        )
    out = packed(result)
    identity = getattr(getattr(result, "question", None), "identity", dict)()
    write_folder(path, Manifest(kind, out.value, {}, out.graphs, identity), out.arrays)


def load(path: Path | str, *, partial: bool = False, memory: int = _MEMORY) -> Any:
    """Reads a result from a run directory, and verifies every byte of it.

    Nothing in the folder is run, links are not followed, and files are read only as far as the
    manifest says. Large arrays of one block are mapped: they are read-only, and take no memory.

    Arguments:
        path: the folder that a result's `save`, or `pathflow.EnumerateTo`, wrote.
        partial: what is not written, or is missing, is NaN, and then so are the residuals of the
            audit; otherwise it is an error.
        memory: bytes that an array of several blocks may take.

    Returns:
        The result, equal to the one that was saved to the last bit. It has no `question`, so that
        `pathflow.refine` cannot ask on.

    Raises:
        ArgumentError: no folder can have such a name, or `memory` is no number of bytes.
        StorageError: the folder is no run directory.
        SchemaVersionError: another version of pathflow wrote it in another layout.
        MissingBlockError: a file is missing.
        DamagedRunError: a file is not what was written.
        UnfinishedRunError: the run was stopped; resume it, or ask for a part.
        TooManyPathsError: an array takes more than `memory`.

    Example:
        ```python
        result.save("agreement/primary")
        result = pf.load("agreement/primary")
        ```
    """
    number = whole_number(memory)
    if number is None or number <= 0:
        raise ArgumentError(f"load(memory={described(memory)}) takes a positive number of bytes.")
    folder = path_of(path, "path")
    manifest = Manifest.read(folder)
    if not partial:
        check_whole(folder, manifest)

    def array(name: str) -> Any:
        return read_array(folder, manifest, name, partial=partial, memory=memory)

    result = rebuilt(folder, manifest, array)
    whole = all(len(a.written(folder)) == a.count for a in manifest.arrays.values())
    return result if whole else _unchecked(result)


def check_whole(folder: Path, manifest: Manifest) -> None:
    """Refuses a run that is not all there.

    Raises:
        UnfinishedRunError: it was stopped, or is a shard.
    """
    if manifest.shard is not None:
        raise UnfinishedRunError(
            f"{folder} holds {manifest.shard} of a run. Join the shards by pathflow.merge, or read "
            "what there is by load(..., partial=True)."
        )
    if not manifest.complete:
        raise UnfinishedRunError(
            f"{folder} holds a run that was stopped. Run the same call again, and it goes on where "
            "it was; or read what there is by load(..., partial=True)."
        )


def _unchecked(result: Any) -> Any:
    """A result with holes: what its audit found was of the whole one, and is no longer true."""
    changed = {}
    for name in ("audit", "head"):
        part = getattr(result, name, None)
        if isinstance(part, Audit):
            changed[name] = replace(
                part, structural=_unknown(part.structural), quadrature=_unknown(part.quadrature)
            )
        elif part is not None:
            changed[name] = _unchecked(part)
    return replace(result, **changed)


def _unknown(numbers: Any) -> Any:
    return None if numbers is None else np.full(np.shape(numbers), np.nan)[()]


def rebuilt(folder: Path, manifest: Manifest, array: Callable[[str], Any]) -> Any:
    """The result that a manifest describes.

    Arguments:
        folder: the run directory, for the errors.
        manifest: its manifest.
        array: finds an array by its name.

    Raises:
        DamagedRunError: the manifest describes no result; or what `array` raises.
    """
    try:
        result = unpacked(manifest.value, array, manifest.graphs)
    except (DamagedRunError, TooManyPathsError):
        raise
    except _WRONG as error:
        raise damaged(folder, error) from error
    if kind_of(type(result)) != manifest.kind:
        raise DamagedRunError(f"{folder} holds a {manifest.kind!r} that is none; it is damaged.")
    return result
