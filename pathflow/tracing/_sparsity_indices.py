"""Gathers and scatters: exact where the places are known, and along the other axes where not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from pathflow.tracing._dependence import Operation, sparsity_rule
from pathflow.tracing._entry_sets import EMPTY, EntrySets, Ids

# Updates of one entry beyond this many are not told apart.
_MAX_ROUNDS = 256


def _places(
    shape: tuple[int, ...],
    batch_axes: Sequence[int],
    starts: dict[int, Any],
    windows: dict[int, int],
    batching: dict[int, int],
    operand_rank: int,
) -> list[np.ndarray]:
    """For each axis of an operand where the entries of a slice array of a shape come from.

    Arguments:
        shape: of the slices, as they are laid out in a gather's result or a scatter's updates.
        batch_axes: of the slices, those that number the slices.
        starts: by axis of the operand where each slice begins, over the batch axes.
        windows: by axis of the operand the axis of the slices that goes along it.
        batching: by axis of the operand the axis of the slices that it is numbered by.
        operand_rank: the number of its axes.
    """
    grid = np.ogrid[tuple(slice(n) for n in shape)] if shape else []
    found = []
    for axis in range(operand_rank):
        place = np.zeros((1,) * len(shape), np.int64)
        if axis in windows:
            place = place + grid[windows[axis]]
        if axis in batching:
            place = place + grid[batching[axis]]
        if axis in starts:
            wide = [1] * len(shape)
            for a in batch_axes:
                wide[a] = shape[a]
            place = place + np.reshape(starts[axis], wide)
        found.append(np.broadcast_to(place, shape))
    return found


def _with_plain(numbers: Any) -> Any:
    """Dimension numbers of Python's integers: `jax.vmap` leaves some of NumPy's among them."""
    return numbers._make(tuple(map(int, axes)) for axes in numbers)


def _clamped(mode: Any, start: np.ndarray, size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where slices begin, moved inside, and whether they count at all."""
    inside = np.asarray((start >= 0) & (start <= length - size))
    dropped = lax.GatherScatterMode.from_any(mode) == lax.GatherScatterMode.FILL_OR_DROP
    return np.asarray(
        np.clip(start, 0, max(0, length - size))
    ), inside if dropped else np.ones_like(inside)


@sparsity_rule("gather")
def _gather(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    value, chosen = values
    d, sizes = _with_plain(op.params["dimension_numbers"]), op.params["slice_sizes"]
    shape = op.out.shape
    batch_axes = [a for a in range(len(shape)) if a not in d.offset_dims]
    kept = [
        a
        for a in range(value.ndim)
        if a not in d.collapsed_slice_dims and a not in d.operand_batching_dims
    ]
    pairs = zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True)
    batching = {a: batch_axes[i] for a, i in pairs}
    starts, counts = {}, np.ones((), bool)
    indices = op.known[1]
    if indices is None:
        value = sets.spread(value, [a for a in d.start_index_map if sizes[a] != value.shape[a]])
    else:
        for k, axis in enumerate(d.start_index_map):
            start = np.asarray(indices[..., k], np.int64)
            starts[axis], inside = _clamped(
                op.params["mode"], start, sizes[axis], value.shape[axis]
            )
            counts = np.asarray(counts & inside)
    windows = dict(zip(kept, d.offset_dims, strict=True))
    if not value.size:
        return [sets.nothing(shape)]
    places = _places(shape, batch_axes, starts, windows, batching, value.ndim)
    wide = [1] * len(shape)
    for a in batch_axes:
        wide[a] = shape[a]
    counted = np.reshape(counts, wide) if np.ndim(counts) else counts
    out = np.where(counted, value[tuple(places)], EMPTY)
    by_index = sets.reduce(chosen, (-1,)) if chosen.ndim else chosen
    return [sets.union(out, by_index.reshape(wide))]


@sparsity_rule(
    "scatter",
    "scatter-add",
    "scatter_add",
    "scatter-sub",
    "scatter_sub",
    "scatter_mul",
    "scatter-mul",
    "scatter_min",
    "scatter-min",
    "scatter_max",
    "scatter-max",
)
def _scatter(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    value, chosen, updates = values
    d, shape = _with_plain(op.params["dimension_numbers"]), updates.shape
    by_index = sets.uniform(sets.mix(chosen), value.shape)
    if not updates.size or not value.size:
        return [sets.union(value, by_index)]
    indices = op.known[1]
    batch_axes = [a for a in range(len(shape)) if a not in d.update_window_dims]
    kept = [
        a
        for a in range(value.ndim)
        if a not in d.inserted_window_dims and a not in d.operand_batching_dims
    ]
    windows = dict(zip(kept, d.update_window_dims, strict=True))
    pairs = zip(d.operand_batching_dims, d.scatter_indices_batching_dims, strict=True)
    batching = {a: batch_axes[i] for a, i in pairs}
    sizes = [shape[windows[a]] if a in windows else 1 for a in range(value.ndim)]
    starts, counts = {}, np.ones((), bool)
    if indices is None:
        moving = [a for a in d.scatter_dims_to_operand_dims if sizes[a] != value.shape[a]]
        reached = _anywhere(value, updates, {**windows, **batching}, moving, sets)
        return [sets.union(value, by_index, reached)]
    for k, axis in enumerate(d.scatter_dims_to_operand_dims):
        start = np.asarray(indices[..., k], np.int64)
        starts[axis], inside = _clamped(op.params["mode"], start, sizes[axis], value.shape[axis])
        counts = np.asarray(counts & inside)
    places = _places(shape, batch_axes, starts, windows, batching, value.ndim)
    wide = [1] * len(shape)
    for a in batch_axes:
        wide[a] = shape[a]
    counted = np.broadcast_to(np.reshape(counts, wide) if np.ndim(counts) else counts, shape)
    flat = np.ravel_multi_index(tuple(places), value.shape)[counted]
    replaces = op.name == "scatter"
    return [sets.union(_added(value, updates[counted], flat, sets, replaces), by_index)]


def _added(value: Ids, updates: Ids, flat: np.ndarray, sets: EntrySets, replaces: bool) -> Ids:
    """A value with updates at some of its places; several at one place are all taken to count."""
    out = value.ravel().copy()
    if replaces:
        out[flat] = EMPTY
    order = np.argsort(flat, kind="stable")
    flat, updates = flat[order], updates[order]
    turn = np.arange(len(flat)) - np.searchsorted(flat, flat)
    rounds = int(turn.max(initial=-1)) + 1
    if rounds > _MAX_ROUNDS:
        out[flat] = sets.mix(out[flat], updates)
        return out.reshape(value.shape)
    for r in range(rounds):
        now = turn == r
        out[flat[now]] = sets.union(out[flat[now]], updates[now])
    return out.reshape(value.shape)


def _anywhere(
    value: Ids,
    updates: Ids,
    along: dict[int, int],
    moving: Sequence[int],
    sets: EntrySets,
) -> Ids:
    """What updates at unknown places bring to each entry: all of them along the axes along which
    they may be anywhere.
    """
    kept = [a for a in range(value.ndim) if a in along and a not in moving]
    axes = [along[a] for a in kept]
    mixed = sets.reduce(updates, [a for a in range(updates.ndim) if a not in axes])
    # The remaining axes in the order of the operand's.
    mixed = mixed.transpose(np.argsort(np.argsort(axes))) if axes else mixed
    wide = [1] * value.ndim
    for a, n in zip(kept, mixed.shape, strict=True):
        wide[a] = n
    whole = all(wide[a] == value.shape[a] for a in kept)
    if not whole:
        return sets.uniform(sets.mix(updates), value.shape)
    return np.broadcast_to(mixed.reshape(wide), value.shape)
