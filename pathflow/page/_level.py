"""How much of the numbers of paths goes into a page."""

from dataclasses import dataclass
from typing import final

import numpy as np

from ._contents import Numbers, PathTable
from ._encode import numbers_size


@final
@dataclass(frozen=True)
class Level:
    """How much of the numbers of paths goes into a page.

    Attributes:
        examples: whether those of every example do, or their mean alone.
        double: whether they keep 64 bits.
        paths: the most paths of a sheet; None for all.
    """

    examples: bool
    double: bool
    paths: int | None = None

    def dtype(self, influences: Numbers) -> str:
        """The type of the embedded numbers."""
        wide = influences.dtype == np.float64 or (len(influences) > 1 and not self.examples)
        return "float64" if wide and self.double else "float32"

    def size(self, table: PathTable) -> int:
        """How many characters a table takes at least."""
        rows, n = table.influences.shape
        n = n if self.paths is None else min(n, self.paths)
        listed = table.ranks is not None or n < table.influences.shape[1]
        digits = 4 * n if listed else 0
        dtype = self.dtype(table.influences)
        return digits + numbers_size(n * (rows if self.examples else 1), dtype)
