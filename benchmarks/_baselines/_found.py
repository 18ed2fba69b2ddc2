"""What a method found: influences with their paths, or sums through nodes."""

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class Through:
    """The sums of all paths through nodes.

    Arguments:
        influences: by label.
    """

    influences: Mapping[str, float]
