"""Arrays that move to disk when they are more than memory should hold."""

import shutil
import tempfile
import weakref
from collections.abc import Hashable
from pathlib import Path

import numpy as np


class Spill:
    """Arrays by key; those put in beyond the budget wait in a temporary folder.

    Arguments:
        memory: bytes to hold at one time.
    """

    def __init__(self, memory: int) -> None:
        self._left = memory
        self._held: dict[Hashable, np.ndarray] = {}
        self._files: dict[Hashable, tuple[Path, np.dtype]] = {}
        self._folder: Path | None = None

    def __setitem__(self, key: Hashable, array: np.ndarray) -> None:
        if array.nbytes <= self._left:
            self._left -= array.nbytes
            self._held[key] = array
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pathflow-"))
            # Removed with this object, also where an exception ends the search.
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._files)}.npy"
        np.save(path, array)
        self._files[key] = path, array.dtype

    def __getitem__(self, key: Hashable) -> np.ndarray:
        if key in self._held:
            return self._held[key]
        path, dtype = self._files[key]
        # NumPy's files do not know bfloat16.
        return np.load(path).view(dtype)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held or key in self._files
