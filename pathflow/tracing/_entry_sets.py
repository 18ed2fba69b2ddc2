"""Sets of entries, with one number for each set that occurs.

What a value may depend on is an array of its own shape that holds, for every entry, the number of
the set of input entries that it may depend on. Moving a value moves the numbers; few sets occur
although a value has many entries (one where all mix, one for each row where rows do), so that
arrays stay as large as the values.
"""

from collections.abc import Callable, Iterable
from typing import SupportsIndex, final

import numpy as np
from jaxtyping import Int64

# One set's number for each entry of a value; any number of axes.
Ids = Int64[np.ndarray, "..."]

EMPTY = 0


@final
class EntrySets:
    """Sets of the entries of some inputs, which are numbered from 0 to `size - 1`.

    The empty set is number 0 and the set of entry `k` alone is number `k + 1`; others get numbers
    as they occur. Sets that would take more memory than there is become the set of all entries, so
    that dependences are never missed.

    Arguments:
        size: the number of entries.
        memory: bytes for the members of all sets.
    """

    def __init__(self, size: int, memory: int = 2**26) -> None:
        self.size = size
        self._bytes = (size + 7) // 8
        self._most = max(1, memory // max(1, self._bytes))
        # Members of the sets after the single entries, as the bits of an integer.
        self._masks: list[int] = []
        self._numbers: dict[int, int] = {}
        self._joined: dict[tuple[int, int], int] = {}

    @property
    def every(self) -> int:
        """The number of the set of all entries."""
        return self._number((1 << self.size) - 1)

    def nothing(self, shape: tuple[int, ...]) -> Ids:
        """No dependence, for every entry of a value of this shape."""
        return self.uniform(EMPTY, shape)

    def uniform(self, number: int, shape: tuple[int, ...]) -> Ids:
        """The same set for every entry of a value of this shape; takes no memory."""
        return np.broadcast_to(np.int64(number), shape)

    def single(self, first: int, shape: tuple[int, ...]) -> Ids:
        """Every entry of a value is an input entry of its own, from `first` on."""
        count = int(np.prod(shape, dtype=np.int64))
        return np.arange(first + 1, first + 1 + count, dtype=np.int64).reshape(shape)

    def members(self, number: int) -> Int64[np.ndarray, " n"]:
        """The entries in a set, in order."""
        if number <= self.size:
            return np.arange(number - 1, number, dtype=np.int64)[: int(number > 0)]
        raw = self._masks[number - self.size - 1].to_bytes(self._bytes, "little")
        return np.flatnonzero(np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little"))

    def mask(self, number: int) -> int:
        """The entries in a set, as the bits of an integer."""
        if number <= self.size:
            return 1 << number - 1 if number else 0
        return self._masks[number - self.size - 1]

    def union(self, *values: Ids) -> Ids:
        """Entry by entry the union of the sets of several values, which are broadcast."""
        out = values[0]
        for value in values[1:]:
            out = self._pair(out, value)
        return out

    def _pair(self, a: Ids, b: Ids) -> Ids:
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
        if is_uniform(a) and is_uniform(b):
            return self.uniform(self._join(int(a.flat[0]), int(b.flat[0])) if a.size else 0, shape)
        out = np.where(a == EMPTY, b, a)
        differ = (a != b) & (a != EMPTY) & (b != EMPTY)
        if differ.any():
            pairs = np.stack([a[differ], b[differ]])
            unique, places = np.unique(pairs, axis=1, return_inverse=True)
            joined = [self._join(x, y) for x, y in unique.T.tolist()]
            out[differ] = np.array(joined, np.int64)[places.ravel()]
        return out

    def reduce(self, value: Ids, axes: Iterable[SupportsIndex], *, keepdims: bool = False) -> Ids:
        """The union along some axes.

        Arguments:
            value: the sets of a value.
            axes: along which.
            keepdims: whether they have length 1 in the result, and are not left out.
        """
        axes = tuple(sorted({int(a) % value.ndim for a in axes})) if value.ndim else ()
        if not axes:
            return value
        rest = [a for a in range(value.ndim) if a not in axes]
        kept = tuple(value.shape[a] for a in rest)
        long = tuple(1 if a in axes else n for a, n in enumerate(value.shape))
        shape = long if keepdims else kept
        if not value.size:
            return self.nothing(shape)
        if is_uniform(value):
            return self.uniform(int(value.flat[0]), shape)
        width = int(np.prod([value.shape[a] for a in axes], dtype=np.int64))
        rows = np.ascontiguousarray(value.transpose(*rest, *axes)).reshape(-1, width)
        known: dict[bytes, int] = {}
        out = np.empty(len(rows), np.int64)
        for i, row in enumerate(rows):
            key = row.tobytes()
            if key not in known:
                known[key] = self._join_all(np.unique(row))
            out[i] = known[key]
        return out.reshape(shape)

    def accumulate(self, value: Ids, axis: SupportsIndex, *, reverse: bool = False) -> Ids:
        """The union of everything up to each place along an axis; from the end with `reverse`."""
        if is_uniform(value) or not value.size:
            return value
        moved = np.moveaxis(value, int(axis), 0)
        out = np.empty(moved.shape, np.int64)
        order = range(len(moved))[::-1] if reverse else range(len(moved))
        seen = self.nothing(moved.shape[1:])
        for i in order:
            seen = out[i] = self._pair(seen, np.asarray(moved[i]))
        return np.moveaxis(out, 0, int(axis))

    def spread(self, value: Ids, axes: Iterable[SupportsIndex]) -> Ids:
        """The union along some axes, at every place along them."""
        return np.broadcast_to(self.reduce(value, axes, keepdims=True), value.shape)

    def mix(self, *values: Ids) -> int:
        """The number of the union of all sets of all values."""
        return self._join_all(np.unique(np.concatenate([_distinct(v) for v in values])))

    def _join(self, a: int, b: int) -> int:
        if a == b or not a or not b:
            return a or b
        key = (a, b) if a < b else (b, a)
        if key not in self._joined:
            self._joined[key] = self._within(lambda: self.mask(a) | self.mask(b))
        return self._joined[key]

    def _join_all(self, numbers: Int64[np.ndarray, " n"]) -> int:
        numbers = numbers[numbers != EMPTY]
        if len(numbers) < 2:
            return int(numbers[0]) if len(numbers) else EMPTY

        def mask() -> int:
            bits = np.zeros(self._bytes * 8, bool)
            bits[numbers[numbers <= self.size] - 1] = True
            found = int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
            for number in numbers[numbers > self.size].tolist():
                found |= self.mask(number)
            return found

        return self._within(mask)

    def _within(self, mask: Callable[[], int]) -> int:
        """The number of a set; of all entries where there is no memory for one more."""
        return self._number(mask()) if len(self._masks) < self._most else self.every

    def _number(self, mask: int) -> int:
        if not mask & (mask - 1):
            return mask.bit_length()
        if mask not in self._numbers:
            self._masks.append(mask)
            self._numbers[mask] = self.size + len(self._masks)
        return self._numbers[mask]


def is_uniform(value: Ids) -> bool:
    """Whether all entries are seen at once to have the same set."""
    return value.size == 1 or not any(value.strides)


def _distinct(value: Ids) -> Int64[np.ndarray, " n"]:
    return value.ravel()[:1] if is_uniform(value) else np.unique(value)
