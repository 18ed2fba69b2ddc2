"""Arrays that move to disk when they are more than memory should hold."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Hashable
from pathlib import Path

import numpy as np


class Spill:
    """Arrays by key, each put in once; those beyond the budget wait in a temporary folder.

    Arguments:
        memory: bytes to hold at one time.
    """

    def __init__(self, memory: int) -> None:
        self._left = memory
        self._held: dict[Hashable, np.ndarray] = {}
        self._files: dict[Hashable, tuple[Path, np.dtype]] = {}
        self._folder: Path | None = None
        self._remove: Callable[[], object] = lambda: None

    def __setitem__(self, key: Hashable, array: np.ndarray) -> None:
        if array.nbytes <= self._left:
            self._left -= array.nbytes
            self._held[key] = array
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pathflow-"))
            # Where nobody closes this: when it is no longer used, or when Python ends.
            self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._files)}.npy"
        np.save(path, array, allow_pickle=False)
        self._files[key] = path, array.dtype

    def __getitem__(self, key: Hashable) -> np.ndarray:
        if key in self._held:
            return self._held[key]
        path, dtype = self._files[key]
        # Of a dtype that NumPy does not know itself, such as bfloat16, a file keeps the bytes only.
        return np.load(path, allow_pickle=False).view(dtype)

    def close(self) -> None:
        """Forgets the arrays and removes the folder."""
        self._held.clear()
        self._files.clear()
        self._remove()
