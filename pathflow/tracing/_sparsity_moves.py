"""What moves entries: every output entry is one entry of an operand, or a constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pathflow.tracing._dependence import Operation, sparsity_rule
from pathflow.tracing._entry_sets import EMPTY, EntrySets, Ids
from pathflow.tracing._select import clamp_starts


@sparsity_rule("reshape")
def _reshape(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    value = values[0]
    if op.params.get("dimensions") is not None:
        value = value.transpose(op.params["dimensions"])
    return [value.reshape(op.out.shape)]


@sparsity_rule("squeeze", "expand_dims")
def _in_order(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [values[0].reshape(op.out.shape)]


@sparsity_rule("transpose")
def _transpose(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [values[0].transpose(op.params["permutation"])]


@sparsity_rule("rev")
def _rev(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [np.flip(values[0], op.params["dimensions"])]


@sparsity_rule("broadcast_in_dim")
def _broadcast_in_dim(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    shape = [1] * len(op.out.shape)
    for axis, n in zip(op.params["broadcast_dimensions"], values[0].shape, strict=True):
        shape[axis] = n
    return [np.broadcast_to(values[0].reshape(shape), op.out.shape)]


@sparsity_rule("tile")
def _tile(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [np.tile(values[0], op.params["reps"])]


@sparsity_rule("slice")
def _slice(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    p = op.params
    strides = p["strides"] or (1,) * len(p["start_indices"])
    box = zip(p["start_indices"], p["limit_indices"], strides, strict=True)
    return [values[0][tuple(slice(*b) for b in box)]]


@sparsity_rule("split")
def _split(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return np.split(values[0], np.cumsum(op.params["sizes"])[:-1], axis=op.params["axis"])


@sparsity_rule("concatenate")
def _concatenate(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [np.concatenate(values, axis=op.params["dimension"])]


@sparsity_rule("stack")
def _stack(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [np.stack(values, axis=op.params["axis"])]


@sparsity_rule("unstack")
def _unstack(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return list(np.moveaxis(values[0], op.params["axis"], 0))


@sparsity_rule("pad")
def _pad(op: Operation, values: Sequence[Ids], _: EntrySets) -> Sequence[Ids]:
    return [padded(values[0], op.params["padding_config"], int(values[1]))]


def padded(value: Ids, config: Sequence[tuple[Any, Any, Any]], filling: int = EMPTY) -> Ids:
    """A value with entries before, after and between its own along each axis, as `lax.pad` has
    them: `(low, high, interior)`, where low and high may be negative.
    """
    steps = [int(interior) + 1 for _, _, interior in config]
    inner = [max(0, (n - 1) * s + 1) for n, s in zip(value.shape, steps, strict=True)]
    lows = [int(low) for low, _, _ in config]
    highs = [int(high) for _, high, _ in config]
    wide = [n + max(low, 0) + max(high, 0) for n, low, high in zip(inner, lows, highs, strict=True)]
    out = np.full(wide, filling, np.int64)
    begins = [max(low, 0) for low in lows]
    out[tuple(slice(b, b + n, s) for b, n, s in zip(begins, inner, steps, strict=True))] = value
    cut = zip(wide, lows, highs, strict=True)
    return out[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, low, high in cut)]


@sparsity_rule("dynamic_slice")
def _dynamic_slice(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    value, *indices = values
    sizes, shape = op.params["slice_sizes"], value.shape
    known = [None if k is None else int(k) for k in op.known[1:]]
    # Along an axis where the place is not known, any entry may be taken.
    free = [a for a, k in enumerate(known) if k is None and sizes[a] != shape[a]]
    starts = clamp_starts([k or 0 for k in known], sizes, shape)
    taken = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
    part = np.asarray((sets.spread(value, free) if free else value)[taken])
    return [sets.union(part, *indices)]


@sparsity_rule("dynamic_update_slice")
def _dynamic_update_slice(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    value, update, *indices = values
    known = [None if k is None else int(k) for k in op.known[2:]]
    free = [a for a, k in enumerate(known) if k is None and update.shape[a] != value.shape[a]]
    starts = clamp_starts([k or 0 for k in known], update.shape, value.shape)
    if not update.size:
        return [value]
    places = [
        slice(None) if a in free else slice(start, start + n)
        for a, (start, n) in enumerate(zip(starts, update.shape, strict=True))
    ]
    out = value.copy()
    if free:
        spread = sets.reduce(update, free, keepdims=True)
        out[tuple(places)] = sets.union(out[tuple(places)], spread)
    else:
        out[tuple(places)] = update
    return [sets.union(out, *indices)]
