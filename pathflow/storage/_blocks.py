"""Arrays as blocks: `.npy` files of one shape, each followed by a digest of itself.

A block is a NumPy file of format 1.0, and after it the SHA-256 of the run's key, the block's name
and all the bytes before. So a block and its checksum are written by one rename, and a block of
another run, or of another place in this one, is told from the right one. NumPy reads the file as it
is.
"""

import hashlib
import mmap
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np

from pathflow._errors import DamagedRunError, StorageError
from pathflow.storage._files import opened, write_atomic

_MAGIC, _ALIGN, _DIGEST = b"\x93NUMPY\x01\x00", 64, 32
# What files are made of, by the names of dtypes. NumPy's files know no bfloat16, so its bits are
# kept as integers.
_TYPES = {
    "bool": "|b1", "int8": "|i1", "uint8": "|u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4",
    "uint32": "<u4", "int64": "<i8", "uint64": "<u8", "float16": "<f2", "float32": "<f4",
    "float64": "<f8", "bfloat16": "<u2",
}  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,60}")
_READ, _SMALL = 2**20, 2**16
_LARGEST, _DIGITS = 2**62, 20


@dataclass(frozen=True)
class BlockedArray:
    """An array that is kept in blocks.

    Arguments:
        name: of its files.
        dtype: by name.
        shape: the array's.
        block: the shape of each block, with as many axes; the last ones may reach beyond the array.

    Raises:
        StorageError: the name is no file's, the dtype is none that is kept, or the shapes do not
            fit.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    block: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise StorageError(f"{self.name!r} can be no name of an array in a run directory.")
        if self.dtype not in _TYPES:
            raise StorageError(
                f"array {self.name!r} has dtype {self.dtype!r}; a run directory keeps "
                f"{', '.join(_TYPES)}."
            )
        sizes = (*self.shape, *self.block)
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in sizes)
        fits = whole and len(self.shape) == len(self.block)
        if not fits or 0 in self.block or max(prod(self.shape), prod(self.block)) > _LARGEST:
            raise StorageError(
                f"array {self.name!r} of shape {self.shape} has no blocks of {self.block}."
            )

    @property
    def grid(self) -> tuple[int, ...]:
        """How many blocks there are along each axis."""
        return tuple(ceil(n / b) for n, b in zip(self.shape, self.block, strict=True))

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return prod(self.grid)

    @property
    def nbytes(self) -> int:
        """The bytes of the whole array."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    def file(self, number: int) -> str:
        """The name of a block's file."""
        return f"{self.name}-{number:06d}.npy"

    def written(self, folder: Path) -> list[int]:
        """Which blocks there are, verified or not."""
        names = {p.name for p in folder.iterdir() if p.name.startswith(f"{self.name}-")}
        texts = (name[len(self.name) + 1 : -len(".npy")] for name in names)
        found = {int(t) for t in texts if t.isascii() and t.isdigit() and len(t) < _DIGITS}
        # A number that is written otherwise, such as 1 for 000001, is no block's.
        return sorted(n for n in found if n < self.count and self.file(n) in names)

    def place(self, number: int) -> tuple[slice, ...]:
        """Which part of the array a block holds, blocks along the last axis first."""
        at = np.unravel_index(number, self.grid) if self.shape else ()
        return tuple(
            slice(int(i) * b, min(n, (int(i) + 1) * b))
            for i, b, n in zip(at, self.block, self.shape, strict=True)
        )

    @property
    def _head(self) -> bytes:
        # Written and compared byte by byte, so that nothing in a file is ever interpreted.
        text = (
            f"{{'descr': '{_TYPES[self.dtype]}', 'fortran_order': False, 'shape': {self.block}, }}"
        )
        room = -(len(_MAGIC) + 2 + len(text) + 1) % _ALIGN
        return (
            _MAGIC + struct.pack("<H", len(text) + room + 1) + text.encode() + b" " * room + b"\n"
        )

    def _digest(self, key: str, number: int) -> Any:
        return hashlib.sha256(f"{key} {self.file(number)} ".encode())

    def write(self, folder: Path, key: str, number: int, values: np.ndarray) -> None:
        """Writes one block, filled up to its shape, and syncs it to the disk.

        Arguments:
            folder: the run directory.
            key: what tells the run from others.
            number: which block.
            values: what belongs at `place(number)`.
        """
        dtype = np.dtype(self.dtype)
        part = tuple(slice(0, s.stop - s.start) for s in self.place(number))
        if values.shape == self.block:
            filled = np.ascontiguousarray(values, dtype)
        else:
            empty = np.nan if dtype.kind not in "biu" else 0
            filled = np.full(self.block, empty, dtype)
            filled[part] = values
        data = filled.reshape(-1).view(np.dtype(_TYPES[self.dtype]).newbyteorder("="))
        body = data.astype(_TYPES[self.dtype], copy=False).view(np.uint8).data
        digest = self._digest(key, number)
        digest.update(self._head)
        digest.update(body)
        write_atomic(folder / self.file(number), self._head, body, digest.digest())

    def read(self, folder: Path, key: str, number: int) -> np.ndarray:
        """A block's values, verified; without what it was filled up with. Large ones are mapped,
        not held.

        Raises:
            MissingBlockError: there is no such block.
            DamagedRunError: it is not what was written.
        """
        head = self._head
        size = len(head) + prod(self.block) * np.dtype(self.dtype).itemsize + _DIGEST
        path = folder / self.file(number)
        with opened(folder, self.file(number)) as (handle, found):
            if found != size:
                raise DamagedRunError(
                    f"{path} takes {found:,} bytes, and this block takes {size:,}; it was cut "
                    f"short or is damaged. {_REMEDY}"
                )
            digest, rest = self._digest(key, number), b""
            left = size - _DIGEST
            first = True
            for part in _parts(handle, left):
                if first and not part.startswith(head[: len(part)]):
                    raise DamagedRunError(
                        f"{path} is no array of {self.dtype} of shape {self.block}; it is damaged. "
                        f"{_REMEDY}"
                    )
                first = False
                digest.update(part)
            rest = os.read(handle, _DIGEST)
            if rest != digest.digest():
                raise DamagedRunError(
                    f"{path} holds other bytes than were written for this run (their digest "
                    f"differs). {_REMEDY}"
                )
            raw = _content(handle, len(head), size)
        stored = np.frombuffer(raw, _TYPES[self.dtype], prod(self.block), offset=len(head))
        values = stored.astype(np.dtype(_TYPES[self.dtype]).newbyteorder("="), copy=False)
        values = values.view(np.dtype(self.dtype)).reshape(self.block)
        # With the dots, an array without axes stays one.
        return values[(..., *(slice(0, s.stop - s.start) for s in self.place(number)))]


_REMEDY = "Fetch it again, or delete it and run the same call again: only it is computed anew."


def _parts(handle: int, size: int) -> Iterator[bytes]:
    while size > 0 and (part := os.read(handle, min(size, _READ))):
        yield part
        size -= len(part)


def _content(handle: int, head: int, size: int) -> Any:
    """The bytes of a file: mapped where they are many."""
    if size - head > _SMALL:
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    os.lseek(handle, 0, os.SEEK_SET)
    return b"".join(_parts(handle, size))
