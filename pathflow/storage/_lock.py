"""One writer at a time."""

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pathflow._errors import RunLockedError, StorageError
from pathflow.storage._files import named_refusals
from pathflow.storage._text import parsed

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None

LOCK = "lock"
_LONGEST = 1000
_TAKEN = (errno.EACCES, errno.EAGAIN)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder.

    The system gives the lock back when the process that holds it ends, however it ends, so that a
    file `lock` which is left behind locks nothing.

    Raises:
        RunLockedError: another process, or another call in this one, holds it.
        StorageError: the system has no such locks.
        RunWriteError: the folder cannot be written.
    """
    if fcntl is None:  # pragma: no cover
        raise StorageError(
            "writing a run directory block by block needs locks of files, which this system does "
            "not have; use Enumerate() and save its result."
        )
    with named_refusals(folder):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(folder / LOCK, flags, 0o666)
    try:
        with named_refusals(folder):
            _take(handle, folder)
            holder = {"pid": os.getpid(), "host": platform.node()}
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(handle)


def is_lock(path: Path) -> bool:
    """Whether a file is such a lock, by what it holds: nothing yet, or who held it."""
    with path.open("rb") as file:
        raw = file.read(_LONGEST)
    try:
        return not raw or set(parsed(raw)) == {"pid", "host"}
    except (TypeError, ValueError):
        return False


def _take(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # pyright: ignore[reportOptionalMemberAccess]
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        holder = os.pread(handle, 200, 0).decode(errors="replace")
        raise RunLockedError(
            f"{folder} is being written by another run ({holder}). Wait for it, or give another "
            "folder; nothing is locked once that process has ended."
        ) from None
