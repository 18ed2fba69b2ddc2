"""Ranks of many paths at once, as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from pathflow._errors import TooManyPathsError
from pathflow._typing import ExactRanks

# 16 GiB of int64: beyond it an array is no longer the way to hold the ranks.
_MAX_ENTRIES = 2**31
# Arrays up to this length are kept by a caller's cache; a few thousand nodes then hold a few tens
# of MiB.
CACHED_ENTRIES = 4096
# Intervals turned into a mask at a time: bounds the temporary arrays to some tens of MiB.
_CHUNK = 2**20


def refuse_too_many(entries: int, what: str) -> None:
    """Refuses an array with one entry per path when it would be too long.

    Raises:
        TooManyPathsError: always the named error rather than a failed allocation.
    """
    if entries > _MAX_ENTRIES:
        raise TooManyPathsError(
            f"{what} needs an array of {entries} entries, more than {_MAX_ENTRIES}; ask for a "
            "smaller set of paths (another source, or fewer nodes), or work with `rank` and "
            "`unrank`, which have no limit.",
            entries,
        )


def prefix_ranks(
    node: int,
    predecessors: Mapping[int, Sequence[int]],
    edge_offsets: Mapping[int, Mapping[int, int]],
    source_offsets: Mapping[int, int],
    largest: int,
    cache: dict[int, np.ndarray],
) -> ExactRanks:
    """What every beginning of a path up to `node` adds to the rank.

    See `PathSpace.prefix_ranks` for their order.

    Arguments:
        node: a position.
        predecessors: positions before each position, on paths.
        edge_offsets: of each edge `u -> v`, by `u` and then `v`.
        source_offsets: of each source.
        largest: the largest rank there is; decides the dtype.
        cache: short arrays found on the way are looked up and kept here.
    """
    dtype = np.int64 if largest <= np.iinfo(np.int64).max else object
    needed: dict[int, int] = {}
    stack = [node]
    while stack:
        v = stack.pop()
        if v in needed or v in cache:
            continue
        needed[v] = 0
        stack.extend(predecessors[v])
    for v in needed:
        for u in predecessors[v]:
            if u in needed:
                needed[u] += 1
    ranks: dict[int, np.ndarray] = {}
    for v in sorted(needed):
        parts = [np.array([source_offsets[v]], dtype)] if v in source_offsets else []
        for u in predecessors[v]:
            parts.append((ranks[u] if u in ranks else cache[u]) + edge_offsets[u][v])
            if u in needed:
                needed[u] -= 1
                # The last use: along a chain of nodes only one long array is alive at a time.
                if not needed[u]:
                    del ranks[u]
        ranks[v] = np.concatenate(parts)
        ranks[v].setflags(write=False)
        if len(ranks[v]) <= CACHED_ENTRIES:
            cache[v] = ranks[v]
    return ranks[node] if node in ranks else cache[node]


def through_mask(starts: ExactRanks, width: int, count: int) -> Bool[np.ndarray, " paths"]:
    """The union of the disjoint rank intervals `[start, start + width)`, as one boolean per rank.

    The paths through a node are such a union: one interval per beginning, as wide as the node has
    endings.
    """
    mask = np.zeros(count, bool)
    per_chunk = max(1, _CHUNK // width)
    for i in range(0, len(starts), per_chunk):
        chunk = starts[i : i + per_chunk]
        if len(chunk) == 1:
            mask[chunk[0] : chunk[0] + width] = True
        else:
            mask[chunk[:, None] + np.arange(width)] = True
    return mask
