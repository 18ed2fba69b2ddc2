"""JSON of bounded size and depth."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pathflow._errors import DamagedRunError, StorageError
from pathflow.storage._files import opened

# A graph of a hundred thousand nodes takes some twenty MiB.
_MOST_BYTES, _MOST_DEPTH = 2**26, 64


def canonical(content: Any) -> str:
    """The JSON text that equal contents share."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def digest_of(content: Any) -> str:
    """A SHA-256 hex digest, equal for equal contents."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def text_of(content: Any, what: str) -> bytes:
    """The content as a file holds it.

    Raises:
        StorageError: it is more than `read_text` would read.
    """
    raw = json.dumps(content, sort_keys=True, indent=1).encode()
    if len(raw) > _MOST_BYTES:
        raise StorageError(
            f"{what} takes {len(raw):,} bytes as text, more than the {_MOST_BYTES:,} that are "
            "read again; keep long lists out of the metadata, or save a smaller result."
        )
    return raw


def read_text(folder: Path, name: str) -> Any:
    """The content of a JSON file.

    Raises:
        MissingBlockError: there is no such file.
        DamagedRunError: it is no JSON, too large or too deep, or no plain file.
    """
    with opened(folder, name) as (handle, size):
        if size > _MOST_BYTES:
            raise DamagedRunError(
                f"{folder / name} takes {size:,} bytes, and no more than {_MOST_BYTES:,} are read; "
                "it is damaged, or was not written by pathflow."
            )
        raw = _read(handle, size)
    if _depth(raw) > _MOST_DEPTH:
        raise DamagedRunError(
            f"{folder / name} nests lists more than {_MOST_DEPTH} deep; it is damaged, or was not "
            "written by pathflow."
        )
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DamagedRunError(f"{folder / name} is no JSON ({error}); it is damaged.") from error


def _read(handle: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(handle, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _depth(raw: bytes) -> int:
    """How deep lists and objects nest; a bracket in a string is none."""
    # Pairs of backslashes go first, so that one that is left does escape the quote after it.
    plain = np.frombuffer(raw.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    outside = (np.cumsum(plain == ord('"'), dtype=np.int32) & 1) == 0
    step = np.isin(plain, list(b"[{")).astype(np.int8) - np.isin(plain, list(b"]}"))
    return int(np.cumsum(step * outside, dtype=np.int32).max(initial=0))
