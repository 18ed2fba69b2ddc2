"""Files of a folder: written so that a reader sees the old one or the new one and never half of
one, and opened only where they are plain files in that folder.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pathflow._errors import DamagedRunError, DiskFullError, MissingBlockError, RunWriteError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Some systems have no such flags; there the checks after opening are all there is.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def write_atomic(path: Path, *parts: bytes | memoryview) -> None:
    """Writes the parts, one after the other, to a neighbour of `path`, syncs it to the disk, and
    renames it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
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
            f"{path} cannot be written ({error}); give a folder that you may write to."
        ) from error


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
    except OSError as error:
        raise DamagedRunError(
            f"{path} cannot be opened ({error.strerror}); a run directory holds plain files, and "
            "no links."
        ) from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or path.is_symlink():
            raise DamagedRunError(f"{path} is no plain file; a run directory holds no others.")
        yield handle, facts.st_size
    finally:
        os.close(handle)
