"""JSON of bounded size and depth."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from pathflow._errors import DamagedRunError, StorageError, told
from pathflow.storage._files import opened

# A graph of a hundred thousand nodes takes some twenty MiB.
MOST_BYTES, _MOST_DEPTH = 2**26, 64
_SHOWN = 60


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
    if len(raw) > MOST_BYTES:
        raise StorageError(
            f"{what} takes {len(raw):,} bytes as text, more than the {MOST_BYTES:,} that are "
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
        if size > MOST_BYTES:
            raise DamagedRunError(
                f"{folder / name} takes {size:,} bytes, and no more than {MOST_BYTES:,} are read; "
                "it is damaged, or was not written by pathflow."
            )
        raw = _read(handle, size)
    try:
        return parsed(raw)
    except JSONTextError as error:
        raise DamagedRunError(
            f"{folder / name} {error}; it is damaged, or was not written by pathflow."
        ) from error


class JSONTextError(ValueError):
    """A text is no JSON, or none that is read; the message goes on where a file was named."""


def parsed(text: str | bytes) -> Any:
    """The content of a text in JSON, of bounded depth, and with no name twice in an object.

    Numbers that are not finite (`NaN`, `Infinity`) are read, since losses and residuals are kept
    that way.

    Raises:
        JSONTextError: it is none.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
        if _depth(raw) > _MOST_DEPTH:
            raise JSONTextError(f"nests lists more than {_MOST_DEPTH} deep")
        return json.loads(raw, object_pairs_hook=_named_once)
    except JSONTextError:
        raise
    except (ValueError, RecursionError) as error:
        raise JSONTextError(f"is no JSON ({told(error)})") from error


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Readers disagree on which one counts, so two could see two things in one file.
        twice = sorted(n for n, many in Counter(name for name, _ in pairs).items() if many > 1)
        raise JSONTextError(f"has {twice[0][:_SHOWN]!r} twice in one object")
    return found


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
