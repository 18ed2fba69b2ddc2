"""The structure of a Jacobian: which of its entries can be other than zero, and what follows.

The columns that share no row can be found by one product with the sum of their unit vectors: every
entry of the product then comes from one of them (A. Curtis, M. Powell and J. Reid, "On the
Estimation of Sparse Jacobian Matrices", 1974). A diagonal Jacobian takes one product whatever its
size, and one of blocks as many as the longest row of a block.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import final

import numpy as np
from jaxtyping import Bool, Int64

from pathflow.tracing._entry_sets import EMPTY, EntrySets, Ids

# Pairs of columns that are compared to color them, before whole blocks are taken to be full.
_MAX_PAIRS = 2**22


class Sparsity(enum.IntEnum):
    """What a Jacobian may look like, in the order of the flattened entries; a larger one allows
    more.

    Attributes:
        ZERO: no entry depends on any.
        DIAGONAL: entry k depends on entry k alone.
        SELECTION: every entry depends on one entry at most: a permutation, a slice, a repetition.
        BLOCKS: entries fall into several groups that have nothing to do with each other.
        DENSE: anything.
    """

    ZERO = 0
    DIAGONAL = 1
    SELECTION = 2
    BLOCKS = 3
    DENSE = 4


@final
@dataclass(frozen=True, eq=False)
class Structure:
    """Which entries of an output may depend on which entries of an input.

    Arguments:
        sets: of input entries.
        ids: for each output entry the number of the set that it may depend on.
        shapes: of the input and the output.
    """

    sets: EntrySets
    ids: Ids
    shapes: tuple[tuple[int, ...], tuple[int, ...]]

    def __post_init__(self) -> None:
        if self.ids.shape != (self.n_out,) or self.sets.size != self.n_in:
            raise ValueError(f"{self.ids.shape} sets of {self.sets.size} for {self.shapes}.")

    @property
    def n_in(self) -> int:
        """Entries of the input."""
        return prod(self.shapes[0])

    @property
    def n_out(self) -> int:
        """Entries of the output."""
        return prod(self.shapes[1])

    @cached_property
    def sparsity(self) -> Sparsity:
        """The kind of structure."""
        ids = self.ids
        if not ids.any():
            return Sparsity.ZERO
        if (ids <= self.n_in).all():
            some = np.flatnonzero(ids)
            if self.n_in == self.n_out and (ids[some] == some + 1).all():
                return Sparsity.DIAGONAL
            return Sparsity.SELECTION
        _, outs = self.blocks
        used = np.unique(outs[outs >= 0])
        return Sparsity.BLOCKS if len(used) > 1 else Sparsity.DENSE

    @cached_property
    def distinct(self) -> Int64[np.ndarray, " n"]:
        """The numbers of the sets that occur, the empty one left out."""
        found = np.unique(self.ids)
        return found[found != EMPTY]

    @cached_property
    def _rows(self) -> dict[int, np.ndarray]:
        """For each set that occurs the output entries with it."""
        order = np.argsort(self.ids, kind="stable")
        ends = np.searchsorted(self.ids[order], self.distinct, side="right")
        starts = np.searchsorted(self.ids[order], self.distinct)
        bounds = zip(self.distinct.tolist(), starts.tolist(), ends.tolist(), strict=True)
        return {number: order[a:b] for number, a, b in bounds}

    @property
    def groups(self) -> Iterator[tuple[Int64[np.ndarray, " i"], Int64[np.ndarray, " o"]]]:
        """The output entries that depend on the same input entries: those, then these. Output
        entries that depend on none are left out.
        """
        for number, rows in self._rows.items():
            yield self.sets.members(number), rows

    def mask(self) -> Bool[np.ndarray, "n_out n_in"]:
        """The Jacobian's entries that may be other than zero, written out."""
        out = np.zeros((self.n_out, self.n_in), bool)
        for number, rows in self._rows.items():
            out[np.ix_(rows, self.sets.members(number))] = True
        return out

    @cached_property
    def blocks(self) -> tuple[Int64[np.ndarray, " n_in"], Int64[np.ndarray, " n_out"]]:
        """For each entry of the input and of the output the block that it belongs to: entries of
        different blocks have nothing to do with each other. -1 for those that have to do with none.
        """
        owner = np.arange(self.n_in)
        for number in self.distinct.tolist():
            if number > self.n_in:
                members = self.sets.members(number)
                touched = np.unique(owner[members])
                owner[np.isin(owner, touched) if len(touched) > 1 else members] = touched[0]
        outs = np.full(self.n_out, -1)
        for number, rows in self._rows.items():
            outs[rows] = owner[self.sets.members(number)[0]]
        ins = np.where(np.isin(owner, outs), owner, -1)
        return ins, outs

    @cached_property
    def transposed(self) -> "Structure":
        """That of the transposed Jacobian."""
        sets = EntrySets(self.n_out)
        ids = np.zeros(self.n_in, np.int64)
        for number, rows in self._rows.items():
            members = self.sets.members(number)
            reached = sets.uniform(sets.mix(rows + 1), members.shape)
            ids[members] = sets.union(ids[members], reached)
        return Structure(sets, ids, (self.shapes[1], self.shapes[0]))

    def then(self, after: "Structure") -> "Structure":
        """That of the product with a Jacobian that is applied to this one's output."""
        numbers = {
            n: self.sets.mix(self.ids[after.sets.members(n)]) for n in after.distinct.tolist()
        }
        found = np.array([numbers[n] for n in after.distinct.tolist()], np.int64)
        ids = np.zeros(after.n_out, np.int64)
        some = after.ids != EMPTY
        if some.any():
            ids[some] = found[np.searchsorted(after.distinct, after.ids[some])]
        return Structure(self.sets, ids, (self.shapes[0], after.shapes[1]))

    @cached_property
    def colors(self) -> Int64[np.ndarray, " n_in"]:
        """A color for each column, such that columns of one color share no row; -1 for columns
        of zeros. Greedy, in the order of the columns.
        """
        sets = [self.sets.members(n) for n in self.distinct.tolist() if n > self.n_in]
        used = np.zeros(self.n_in, bool)
        used[self.distinct[self.distinct <= self.n_in] - 1] = True
        for members in sets:
            used[members] = True
        if sum(len(members) ** 2 for members in sets) > _MAX_PAIRS:
            return _numbered_within(self.blocks[0])
        return _greedy(sets, used)

    @property
    def n_colors(self) -> int:
        """How many products give the whole Jacobian."""
        return int(self.colors.max(initial=-1)) + 1

    @cached_property
    def owner(self) -> Int64[np.ndarray, "n_colors n_out"]:
        """For each color and each row the column of that color in that row, or `n_in`."""
        out = np.full((self.n_colors, self.n_out), self.n_in)
        for number, rows in self._rows.items():
            members = self.sets.members(number)
            out[np.ix_(self.colors[members], rows)] = members[:, None]
        return out

    def seeds(self) -> Bool[np.ndarray, "n_colors n_in"]:
        """For each color the sum of the unit vectors of its columns."""
        return self.colors == np.arange(self.n_colors)[:, None]


def _greedy(sets: Sequence[np.ndarray], used: np.ndarray) -> np.ndarray:
    within: list[list[int]] = [[] for _ in used]
    for i, members in enumerate(sets):
        for k in members.tolist():
            within[k].append(i)
    # Bit c of a row's number: color c is taken there.
    taken = [0] * len(sets)
    colors = np.where(used, 0, -1)
    for k, rows in enumerate(within):
        seen = 0
        for i in rows:
            seen |= taken[i]
        color = (~seen & (seen + 1)).bit_length() - 1
        for i in rows:
            taken[i] |= 1 << color
        if used[k]:
            colors[k] = color
    return colors


def _numbered_within(blocks: np.ndarray) -> np.ndarray:
    """The place of each entry in its block."""
    order = np.argsort(blocks, kind="stable")
    ordered = blocks[order]
    starts = np.searchsorted(ordered, ordered)
    out = np.empty(len(blocks), np.int64)
    out[order] = np.arange(len(blocks)) - starts
    return np.where(blocks < 0, -1, out)
