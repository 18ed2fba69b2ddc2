"""What a method found: influences with their paths."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks._gates import Labels


@dataclass(frozen=True)
class Found:
    """Influences of paths.

    Arguments:
        influences: `(paths,)`, in the method's own order.
        path: the labels of the path with a number, source first.
        whole: whether all paths are there, so that the sum means something.
    """

    influences: np.ndarray
    path: Callable[[int], Labels]
    whole: bool = True
