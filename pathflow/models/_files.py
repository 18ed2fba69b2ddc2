"""Writing a file so that a reader sees the old one or the new one, never half of one."""

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Writes `content` to a neighbour of `path`, syncs it to the disk, and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
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
