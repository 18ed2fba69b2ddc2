"""What computes entries from others: entry by entry, along axes, or by products of matrices."""

from collections.abc import Sequence

import numpy as np

from pathflow.tracing._dependence import Operation, sparsity_rule
from pathflow.tracing._entry_sets import EMPTY, EntrySets, Ids
from pathflow.tracing._select import ELEMENTWISE

# fmt: off
_MORE = (
    "bessel_i0e", "bessel_i1e", "clz", "complex", "copysign", "erf_inv", "igamma", "igamma_grad_a",
    "igammac", "nextafter", "polygamma", "population_count", "random_gamma_grad",
    "regularized_incomplete_beta", "shift_left", "shift_right_arithmetic", "shift_right_logical",
    "zeta",
)
# fmt: on


@sparsity_rule(*ELEMENTWISE, *_MORE)
def _elementwise(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    # A scalar, or an axis of length 1, is used at every entry.
    return [np.broadcast_to(sets.union(*values), op.out.shape)]


@sparsity_rule("mul")
def _mul(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    (out,) = _elementwise(op, values, sets)
    for factor in op.known:
        if factor is not None:
            out = np.where(factor == 0, EMPTY, out)
    return [out]


@sparsity_rule("select_n")
def _select_n(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    which, *cases = values
    chosen = op.known[0]
    if chosen is None:
        return [np.broadcast_to(sets.union(which, *cases), op.out.shape)]
    number = np.broadcast_to(chosen.astype(int), op.out.shape)
    out = sets.nothing(op.out.shape)
    for i, case in enumerate(cases):
        out = np.where(number == i, case, out)
    return [out]


@sparsity_rule("optimization_barrier", "device_put", "name", "sharding_constraint", "pvary")
def _unchanged(_: Operation, values: Sequence[Ids], __: EntrySets) -> Sequence[Ids]:
    return values


@sparsity_rule(
    "reduce_sum",
    "reduce_max",
    "reduce_min",
    "reduce_prod",
    "reduce_and",
    "reduce_or",
    "reduce_xor",
    "argmax",
    "argmin",
)
def _reduction(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    return [sets.reduce(values[0], op.params["axes"])]


@sparsity_rule("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def _cumulative(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    return [sets.accumulate(values[0], op.params["axis"], reverse=op.params["reverse"])]


@sparsity_rule("sort")
def _sort(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    axis = op.params["dimension"]
    keys = sets.union(*values[: op.params["num_keys"]])
    return [sets.spread(sets.union(keys, v), (axis,)) for v in values]


@sparsity_rule("top_k")
def _top_k(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    axis = op.params.get("axis", -1)
    along = sets.reduce(values[0], (axis,), keepdims=True)
    return [np.broadcast_to(along, out.shape) for out in op.outs]


@sparsity_rule("dot_general")
def _dot_general(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    (contract, batch) = op.params["dimension_numbers"]
    n_batch, shape = len(batch[0]), op.out.shape
    found = []
    before = n_batch
    for value, over, along in zip(values, contract, batch, strict=True):
        free = [a for a in range(value.ndim) if a not in over and a not in along]
        # Out of the sum comes (batch, free), which the other factor's free axes repeat.
        ordered = value.transpose(*along, *free, *over)
        reduced = sets.reduce(ordered, range(n_batch + len(free), value.ndim))
        wide = [1] * len(shape)
        wide[:n_batch] = shape[:n_batch]
        wide[before : before + len(free)] = reduced.shape[n_batch:]
        found.append(reduced.reshape(wide))
        before += len(free)
    return [np.broadcast_to(sets.union(*found), shape)]


@sparsity_rule("fft")
def _fft(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    axes = range(-len(op.params["fft_lengths"]), 0)
    return [np.broadcast_to(sets.reduce(values[0], axes, keepdims=True), op.out.shape)]


@sparsity_rule("triangular_solve")
def _triangular_solve(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    matrix, right = values
    left = op.params["left_side"]
    # Solved from the one end or from the other.
    upper = op.params["lower"] == bool(op.params["transpose_a"])
    solved = sets.accumulate(right, -2 if left else -1, reverse=upper == left)
    return [sets.union(sets.reduce(matrix, (-2, -1), keepdims=True), solved)]


@sparsity_rule("cholesky", "lu", "eigh", "eig", "svd", "qr", "geqrf", "schur", "hessenberg")
def _factors(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    """Every matrix of a stack gives its own factors."""
    mixed = sets.reduce(values[0], (-2, -1))
    return [
        np.broadcast_to(mixed.reshape(*mixed.shape, *(1,) * (len(o.shape) - mixed.ndim)), o.shape)
        for o in op.outs
    ]
