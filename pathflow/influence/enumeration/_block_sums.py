"""What the blocks of a run add up to."""

from collections.abc import Mapping

import numpy as np

from pathflow.storage import BlockedArray

SCALE = "the paths' absolute sum"
# Of each example in a block: the sum of its influences, and of their absolute values.
BlockSums = tuple[np.ndarray, np.ndarray]


def place_of(layout: BlockedArray, number: int) -> tuple[slice, slice]:
    """The examples and the ranks of a block."""
    *examples, ranks = layout.place(number)
    return (examples[0] if examples else slice(0, 1)), ranks


def sums_of(block: np.ndarray) -> BlockSums:
    """What the influences of a block add up to."""
    rows = np.atleast_2d(block)
    return rows.sum(axis=1, dtype=np.float64), np.abs(rows).sum(axis=1, dtype=np.float64)


def added_sums(layout: BlockedArray, found: Mapping[int, BlockSums]) -> BlockSums:
    """What all influences of each example add up to."""
    examples = layout.shape[0] if len(layout.shape) == 2 else 1
    sums, scale = np.zeros((2, examples))
    # In the order of the blocks, whoever wrote them, and whenever.
    for number in range(layout.count):
        part, _ = place_of(layout, number)
        sums[part] += found[number][0]
        scale[part] += found[number][1]
    return sums, scale
