"""One run at a time in a folder."""

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from examples.lstm_agreement.errors import StudyError

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows)
    fcntl = None

LOCK = ".lock"
# The folders that this process holds, since a process may take its own lock twice.
_held: set[Path] = set()


@contextmanager
def only_run(folder: Path, command: str) -> Iterator[None]:
    """Holds a folder, so that two runs do not write into it at a time.

    The system gives the lock back when the process ends, however it ends: the file alone, as a
    killed run leaves it, locks nothing, and the next run says so and goes on. A command that
    another one of this process calls shares its lock.

    Arguments:
        folder: the folder, which exists.
        command: what to tell others who want it.

    Raises:
        StudyError: another run holds the folder; the message says which.
    """
    folder = folder.resolve()
    if folder in _held:
        yield
        return
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        _take(file, folder)
        file.seek(0)
        if before := _holder(file.read()):
            print(f"{folder} was left by {before}, which has ended; going on", file=sys.stderr)
        who = {"process": os.getpid(), "machine": platform.node(), "command": command}
        file.truncate(0)
        file.write(json.dumps(who | {"since": time.strftime("%Y-%m-%d %H:%M:%S")}))
        file.flush()
        _held.add(folder)
        try:
            yield
        finally:
            _held.discard(folder)
            # The file stays: somebody may have opened it, who would then lock one that is gone.
            file.truncate(0)


def _take(file: IO[str], folder: Path) -> None:
    if fcntl is None:  # pragma: no cover  (Windows)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = _holder(file.read()) or "another run"
        raise StudyError(
            f"{folder} is being written by {holder}; wait for it, stop it, or give another folder "
            "with --out."
        ) from None


def _holder(text: str) -> str:
    """Who wrote a lock file; nothing where it is empty or cannot be read."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return "{command}, process {process} on {machine} since {since}".format(**json.loads(text))
    return ""
