"""Arrays that move to disk when they are more than memory should hold."""

import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np


class Spill:
    """Arrays by key; those put in beyond the budget wait in a temporary folder.

    Arguments:
        memory: bytes to hold at one time.
    """

    def __init__(self, memory: int) -> None:
        self._left = memory
        self._held: dict[Hashable, np.ndarray] = {}
        self._files: dict[Hashable, Path] = {}
        self._folder: Any = None

    def __setitem__(self, key: Hashable, array: np.ndarray) -> None:
        if array.nbytes <= self._left:
            self._left -= array.nbytes
            self._held[key] = array
            return
        if self._folder is None:
            # Removed with this object, also where an exception ends the search.
            self._folder = tempfile.TemporaryDirectory(
                prefix="pathflow-", ignore_cleanup_errors=True
            )
        path = Path(self._folder.name) / f"{len(self._files)}.npy"
        np.save(path, array)
        self._files[key] = path

    def __getitem__(self, key: Hashable) -> np.ndarray:
        return self._held[key] if key in self._held else np.load(self._files[key])

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held or key in self._files
