"""Follows a selection whose place is only known at run time, such as the logit of a word.

`(h @ W)[word]` is `h @ W[:, word]`: the selection moves through the matrix product to the weights,
where it is context. Without this, one logit of a vocabulary of 50,000 would cost the other 49,999
too, forward and backward, at every point.
"""

from collections.abc import Sequence

import numpy as np
from jax import lax

from pathflow.tracing._builder import Builder
from pathflow.tracing._ir import Atom, Const, Equation, Var
from pathflow.tracing._select import ELEMENTWISE


def select_dynamic(builder: Builder, operand: Atom, axis: int, start: Atom, size: int) -> Atom:
    """`size` entries of `operand` from `start` on along one axis; the other axes whole."""
    if operand.shape[axis] == size:
        return operand
    equation = operand.equation if isinstance(operand, Var) and operand.depends else None
    if equation is not None:
        name = equation.primitive.name
        if name in ELEMENTWISE:
            return _through_elementwise(builder, equation, axis, start, size)
        if name == "dot_general":
            return _through_product(builder, equation, axis, start, size)
    return _slice(builder, operand, axis, start, size)


def _slice(builder: Builder, operand: Atom, axis: int, start: Atom, size: int) -> Atom:
    shape = tuple(size if a == axis else n for a, n in enumerate(operand.shape))
    zero = Const(np.zeros((), start.dtype))
    places = [start if a == axis else zero for a in range(len(shape))]
    params = {"slice_sizes": shape}
    return builder.emit(lax.dynamic_slice_p, params, [operand, *places], [(shape, operand.dtype)])[
        0
    ]


def _through_elementwise(builder: Builder, e: Equation, axis: int, start: Atom, size: int) -> Atom:
    out = e.outputs[0]
    parts = [
        select_dynamic(builder, a, axis, start, size)
        if len(a.shape) == len(out.shape) and a.shape[axis] == out.shape[axis]
        else a
        for a in e.inputs
    ]
    return _again(builder, e, parts, axis, size)


def _through_product(builder: Builder, e: Equation, axis: int, start: Atom, size: int) -> Atom:
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = e.params["dimension_numbers"]
    lhs, rhs = e.inputs
    lhs_free = [a for a in range(len(lhs.shape)) if a not in lhs_contract and a not in lhs_batch]
    rhs_free = [a for a in range(len(rhs.shape)) if a not in rhs_contract and a not in rhs_batch]
    n_batch = len(lhs_batch)
    if axis < n_batch:
        parts = [
            select_dynamic(builder, lhs, lhs_batch[axis], start, size),
            select_dynamic(builder, rhs, rhs_batch[axis], start, size),
        ]
    elif axis < n_batch + len(lhs_free):
        parts = [select_dynamic(builder, lhs, lhs_free[axis - n_batch], start, size), rhs]
    else:
        at = rhs_free[axis - n_batch - len(lhs_free)]
        parts = [lhs, select_dynamic(builder, rhs, at, start, size)]
    return _again(builder, e, parts, axis, size)


def _again(builder: Builder, e: Equation, parts: Sequence[Atom], axis: int, size: int) -> Atom:
    out = e.outputs[0]
    shape = tuple(size if a == axis else n for a, n in enumerate(out.shape))
    return builder.emit(e.primitive, e.params, parts, [(shape, out.dtype)])[0]
