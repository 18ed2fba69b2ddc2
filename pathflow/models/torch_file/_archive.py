"""The layout since PyTorch 1.6: a zip archive without compression.

It has one folder of any name with `data.pkl`, the object, `byteorder`, and the numbers of every
storage in `data/KEY`.

Source: `_save` in `torch/serialization.py` of PyTorch 2.
"""

import io
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pathflow._errors import CheckpointError
from pathflow.models.torch_file._bytes import Source
from pathflow.models.torch_file._machine import MOST_BYTES, read_pickle
from pathflow.models.torch_file._objects import Storage, shown
from pathflow.models.torch_file._opened import Numbers, Opened, by_key

ARCHIVE_START = b"PK\x03\x04"

_MOST_ENTRIES = 100_000
_BYTE_ORDERS = (b"little", b"big")


class _Directory(io.BufferedReader):
    """A file of which no more than a pickle's size is read at once, until `limit` is lifted.

    The standard library reads the directory of an archive in one piece, and makes an object of
    every entry that it names.
    """

    limit = MOST_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.limit:
            raise zipfile.BadZipFile(f"its directory is said to have {size} bytes")
        return super().read(size)


@contextmanager
def open_archive(raw: io.FileIO, path: Path) -> Iterator[Opened]:
    """Reads the directory of an archive and its pickle.

    Raises:
        CheckpointError: it is cut short or damaged, holds something else than `torch.save` writes,
            or is compressed.
    """
    try:
        with _Directory(raw) as file, zipfile.ZipFile(file) as archive:
            file.limit = os.fstat(raw.fileno()).st_size
            yield _Archive(path, archive, file.limit).opened()
    except (
        EOFError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(
            f"{path} is no complete zip archive ({error}); it is damaged or was cut short. Fetch "
            "or write it again."
        ) from error


class _Archive:
    def __init__(self, path: Path, archive: zipfile.ZipFile, size: int):
        self.path = path
        self.archive = archive
        entries = archive.infolist()
        self.entries = {entry.filename: entry for entry in entries}
        if any(entry.partition("/")[2] == "constants.pkl" for entry in self.entries):
            raise CheckpointError(
                f"{path} is a program of TorchScript; save the state_dict() of the model instead."
            )
        self._check(entries, size)
        folders = [
            folder
            for folder, _, name in (entry.partition("/") for entry in self.entries)
            if name == "data.pkl"
        ]
        if len(folders) != 1:
            raise CheckpointError(
                f"{path} is a zip archive with {len(folders)} files FOLDER/data.pkl, and "
                "torch.save writes one; name a file that torch.save wrote."
            )
        self.folder = folders[0]

    def _check(self, entries: list[zipfile.ZipInfo], size: int) -> None:
        if len(entries) > _MOST_ENTRIES or len(self.entries) != len(entries):
            raise CheckpointError(
                f"{self.path} has {len(entries)} entries with {len(self.entries)} different names; "
                f"torch.save gives each its own, and no model needs {_MOST_ENTRIES}."
            )
        for entry in entries:
            parts = entry.filename.split("/")
            if ".." in parts or not parts[0] or "\\" in entry.filename or ":" in parts[0]:
                raise CheckpointError(
                    f"{self.path} has the entry {shown(entry.filename)}, which leads out of the "
                    "archive; torch.save writes none such."
                )
            # A compressed entry can be a thousand times the size that it has in the file.
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise CheckpointError(
                    f"{self.path}: the entry {shown(entry.filename)} is compressed, which "
                    "torch.save does not do; unpack the archive and pack it without compression."
                )
        # Entries that share their bytes would add up to more.
        if sum(entry.file_size for entry in entries) > size:
            raise CheckpointError(
                f"{self.path}: the entries are larger together than the file; it is damaged."
            )

    def opened(self) -> Opened:
        """The object, and how its storages are read."""
        swapped = self._byte_order() == b"big"
        name = f"{self.folder}/data.pkl"
        content = self._read(name, MOST_BYTES)
        source = Source(io.BytesIO(content), len(content), f"{self.path}, {name}")
        described = read_pickle(source, "the object")
        storages = by_key(str(self.path), described.storages)
        return Opened(
            described.root, lambda keys: {k: self._numbers(storages[k], swapped) for k in keys}
        )

    def _byte_order(self) -> bytes:
        name = f"{self.folder}/byteorder"
        if name not in self.entries:
            # PyTorch before 2.1 did not write it.
            return b"little"
        content = self._read(name, max(map(len, _BYTE_ORDERS)))
        if content not in _BYTE_ORDERS:
            raise CheckpointError(f"{self.path}: {name} says {content!r}, not little or big.")
        return content

    def _read(self, name: str, most: int) -> bytes:
        found = self.entries[name].file_size
        if found > most:
            raise CheckpointError(
                f"{self.path}: {name} has {found} bytes, and torch.save writes no more than {most}."
            )
        return self.archive.read(name)

    def _numbers(self, storage: Storage, swapped: bool) -> Numbers:
        name = f"{self.folder}/data/{storage.key}"
        if name not in self.entries:
            raise CheckpointError(
                f"{self.path}: the storage {shown(storage.key)} is used, and not in the file."
            )
        found, needed = self.entries[name].file_size, storage.total * storage.dtype.itemsize
        if found != needed:
            raise CheckpointError(
                f"{self.path}: {name} has {found} bytes, and the {storage.total} numbers of type "
                f"{storage.dtype} that the object says take {needed}."
            )
        content = self.archive.read(name)
        if swapped:
            # NumPy has no swapped bfloat16, so the bytes turn and the type stays.
            content = np.frombuffer(content, f"u{storage.dtype.itemsize}").byteswap()
        return np.frombuffer(content, storage.dtype)
