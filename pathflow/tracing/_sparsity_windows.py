"""What slides a window over an array: convolutions and pooling."""

from collections.abc import Sequence

import numpy as np

from pathflow.tracing._dependence import Operation, sparsity_rule
from pathflow.tracing._entry_sets import EntrySets, Ids
from pathflow.tracing._sparsity_moves import padded


def _slid(
    sets: EntrySets,
    value: Ids,
    axis: int,
    *,
    window: int,
    stride: int,
    padding: tuple[int, int],
    dilations: tuple[int, int],
) -> Ids:
    """The union over a window along one axis.

    Arguments:
        sets: the sets.
        value: what is slid over.
        axis: along which.
        window: its length.
        stride: between the places of the window.
        padding: before and after the value.
        dilations: the distance between neighbours in the value, and in the window.
    """
    base, within = dilations
    config = [(0, 0, 0)] * value.ndim
    config[axis] = (*padding, base - 1)
    moved = np.moveaxis(padded(value, config), axis, 0)
    count = max(0, (len(moved) - ((window - 1) * within + 1)) // stride + 1)
    out = sets.nothing((count, *moved.shape[1:]))
    for i in range(window if count else 0):
        start = i * within
        out = sets.union(out, moved[start : start + (count - 1) * stride + 1 : stride])
    return np.moveaxis(out, 0, axis)


def _windows(op: Operation, value: Ids, sets: EntrySets) -> Ids:
    p = op.params
    ones = (1,) * value.ndim
    base = p.get("base_dilation", ones)
    within = p.get("window_dilation", ones)
    # A window is a box, so that its union is one along each axis after the other.
    for axis, window in enumerate(p["window_dimensions"]):
        value = _slid(
            sets,
            value,
            axis,
            window=window,
            stride=p["window_strides"][axis],
            padding=p["padding"][axis],
            dilations=(base[axis], within[axis]),
        )
    return value


@sparsity_rule(
    "reduce_window",
    "reduce_window_sum",
    "reduce_window_max",
    "reduce_window_min",
    "select_and_gather_add",
)
def _reduce_window(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    arrays = [v for v in values if v.ndim == len(op.params["window_dimensions"])]
    value = sets.union(*arrays)
    # What a window starts with reaches all of them.
    starts = [v for v in values if not v.ndim and len(arrays) < len(values)]
    found = sets.union(_windows(op, value, sets), *starts)
    return [np.broadcast_to(found, o.shape) for o in op.outs]


@sparsity_rule("select_and_scatter_add")
def _select_and_scatter_add(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    source, operand = values
    p = op.params
    slid = [
        a
        for a, (n, s) in enumerate(zip(p["window_dimensions"], p["window_strides"], strict=True))
        if (n, s) != (1, 1) or tuple(p["padding"][a]) != (0, 0)
    ]
    # An entry may be chosen by any window, as the entries around it may.
    reached = np.broadcast_to(sets.reduce(source, slid, keepdims=True), op.out.shape)
    return [sets.union(reached, sets.spread(operand, slid))]


@sparsity_rule("conv_general_dilated")
def _conv(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    p = op.params
    numbers = p["dimension_numbers"]
    left = values[0].transpose(numbers.lhs_spec)
    right = values[1].transpose(numbers.rhs_spec)
    groups, batches = p["feature_group_count"], p["batch_group_count"]
    n, channels, *space = left.shape
    left = sets.reduce(left.reshape(n, groups, channels // groups, *space), (2,))
    for i, window in enumerate(right.shape[2:]):
        left = _slid(
            sets,
            left,
            2 + i,
            window=window,
            stride=p["window_strides"][i],
            padding=p["padding"][i],
            dilations=(p["lhs_dilation"][i], p["rhs_dilation"][i]),
        )
    if batches > 1:
        # Each group of examples is seen by a group of output features of its own.
        left = np.moveaxis(left.reshape(batches, n // batches, *left.shape[2:]), 0, 1)
    features = right.shape[0]
    left = np.repeat(left, features // left.shape[1], axis=1)
    kernels = sets.reduce(right, range(1, right.ndim)).reshape(1, features, *(1 for _ in space))
    out = sets.union(left, kernels)
    return [out.transpose(np.argsort(numbers.out_spec))]
