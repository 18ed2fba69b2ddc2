"""Boxes: the parts of an array that one range per axis selects, as flat positions and back."""

from collections.abc import Sequence
from math import prod

import numpy as np

Ranges = tuple[range, ...]


def flat_ids(shape: Sequence[int], ranges: Sequence[range]) -> np.ndarray:
    """The flat positions, in an array of the given shape, of the selected entries."""
    strides = np.cumprod([1, *shape[:0:-1]], dtype=np.int64)[::-1] if shape else []
    ids = np.zeros(tuple(map(len, ranges)), np.int64)
    for axis, (r, stride) in enumerate(zip(ranges, strides, strict=True)):
        shape_of_axis = [-1 if a == axis else 1 for a in range(len(ranges))]
        ids = ids + np.reshape(np.asarray(r, np.int64) * stride, shape_of_axis)
    return ids


def as_box(ids: np.ndarray, shape: Sequence[int]) -> Ranges | None:
    """The ranges whose entries, in order, are the flat positions `ids`; None when there are
    none.
    """
    if not shape or not ids.size:
        return None
    flat = ids.ravel()
    ranges = []
    for coordinate in np.unravel_index(flat, tuple(shape)):
        distinct = np.unique(coordinate)
        step = int(distinct[1] - distinct[0]) if len(distinct) > 1 else 1
        ranges.append(range(int(distinct[0]), int(distinct[-1]) + 1, step))
    if prod(map(len, ranges)) != flat.size or not np.array_equal(
        flat_ids(shape, ranges).ravel(), flat
    ):
        return None
    return tuple(ranges)
