"""Files of a folder: written so that a reader sees the old one or the new one and never half of
one, and opened only where they are plain files in that folder.
"""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pathflow._errors import (
    ArgumentError,
    DamagedRunError,
    DiskFullError,
    MissingBlockError,
    RunWriteError,
    StorageError,
)

PathLike = str | os.PathLike[str]

# What opening a link, or the end of a pipe or socket, ends in.
_NO_FILE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Some systems have no such flags; there the checks after opening are all there is.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# A draft's name holds the file's, cut where it would be too long itself.
_LONG, _KEPT = 200, 40
_DRAFT = re.compile(r"\.(.*)\.[0-9a-f]{16}\.tmp", re.DOTALL)
# What helps, by what the system says.
_WRITABLE = "give a folder that you may write to"
_REMEDIES = {
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOTDIR: "a file stands where a folder must be, so give another place",
    errno.EEXIST: "a file stands where a folder must be, so give another place",
    errno.ELOOP: "it is a link, so give what it points to",
}


def path_of(given: Any, argument: str) -> Path:
    """A path that a user gave.

    Raises:
        ArgumentError: no file can have such a name.
    """
    with suppress(TypeError, ValueError):
        path = Path(given)
        if given != "" and b"\0" not in os.fsencode(path):
            return path
    raise ArgumentError(
        f"{argument}={given!r} can be no path; give a text or a pathlib.Path that is not empty "
        "and holds neither NUL nor half of a surrogate pair."
    )


def draft_of(path: Path) -> Path:
    """A name beside a path for what is not whole yet; no two calls give the same."""
    return path.with_name(f".{_cut(path.name)}.{secrets.token_hex(8)}.tmp")


def is_draft_of(draft: str, name: str) -> bool:
    """Whether a name is one that `draft_of` gives for a file's."""
    match = _DRAFT.fullmatch(draft)
    return match is not None and match[1] == _cut(name)


def _cut(name: str) -> str:
    return name if len(os.fsencode(name)) <= _LONG else name[:_KEPT]


def write_atomic(path: Path, *parts: bytes | memoryview) -> None:
    """Writes the parts, one after the other, to a file in a folder that is there.

    Raises:
        OSError: the system refuses.
    """
    with _replacing(path) as draft, draft.open("xb") as file:
        for part in parts:
            file.write(part)


def write_file(path: PathLike, *parts: bytes | memoryview) -> None:
    """Writes the parts to a file, as `new_file`."""
    with new_file(path) as draft, draft.open("xb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def new_file(path: PathLike) -> Iterator[Path]:
    """Where to write what becomes the file, once all of it is there and on the disk; nothing is
    left on failure.

    The folder is made where it is missing, and a file of that name replaced.

    Raises:
        ArgumentError: no file can have such a name.
        DiskFullError: there is no room.
        RunWriteError: the system refuses otherwise.
    """
    path = path_of(path, "path")
    with named_refusals(path):
        if path.is_dir():
            raise RunWriteError(f"{path} is a folder; give the name of a file, such as one in it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as draft:
            yield draft


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A neighbour of a file, which is synced to the disk and takes its place in the end."""
    draft = draft_of(path)
    try:
        yield draft
        # What cannot be written to cannot be synced on some systems.
        handle = os.open(draft, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder last."""
    # The rename itself lives in the folder; some systems cannot open one (Windows), and there the
    # rename is durable only once the system writes it.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def named_refusals(path: Path) -> Iterator[None]:
    """Turns what the system says of a write that fails into errors that name the folder.

    Raises:
        DiskFullError: there is no room.
        RunWriteError: anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"{path}: there is no room left to write ({error.strerror}); what was written "
                "before is kept. Make room, and run the same call again."
            ) from error
        raise RunWriteError(
            f"{path} cannot be written ({error}); {_REMEDIES.get(error.errno or 0, _WRITABLE)}."
        ) from error


def plain_bytes(path: Path, most: int) -> bytes:
    """What a file holds; links are followed, as where a cache of downloads has them.

    Arguments:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be opened, or is a pipe, a device or a folder, which may never end.
        ValueError: it is larger.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        # What grows while it is read, or does not tell its size, is refused as well.
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it takes more than the {most:,} bytes that are read")
    return content


def check_room(folder: Path, needed: int) -> None:
    """Refuses what the disk has no room for, before any work.

    Raises:
        DiskFullError: so many bytes are not free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFullError(
            f"{folder}: what is still to be written takes {needed:,} bytes, and {free:,} are free. "
            "Make room, or give a folder on another disk."
        )


@contextmanager
def opened(folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """The handle of a plain file in a folder, and its size in bytes.

    Raises:
        MissingBlockError: there is no such file.
        StorageError: the folder is a file.
        DamagedRunError: it is a link, a pipe, or anything else but a file.
    """
    path = folder / name
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
        handle = os.open(path, os.O_RDONLY | _CAREFUL)
    except FileNotFoundError:
        raise MissingBlockError(
            f"{path} is missing. Fetch the folder again, resume the run that writes it, or read "
            "what there is by pathflow.load(..., partial=True)."
        ) from None
    except NotADirectoryError:
        raise StorageError(
            f"{folder} is a file, and no folder; give the folder that it is in, {folder.parent}."
        ) from None
    except OSError as error:
        plain = "; a run directory holds plain files, and no links" * (error.errno in _NO_FILE)
        raise DamagedRunError(f"{path} cannot be opened ({error.strerror}){plain}.") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or path.is_symlink():
            raise DamagedRunError(f"{path} is no plain file; a run directory holds no others.")
        yield handle, facts.st_size
    finally:
        os.close(handle)
