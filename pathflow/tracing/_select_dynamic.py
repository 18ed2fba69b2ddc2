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

# A part of a value: the value, and the axis along which it is taken.
_Part = tuple[Atom, int]


def select_dynamic(builder: Builder, operand: Atom, axis: int, start: Atom, size: int) -> Atom:
    """`size` entries of `operand` from `start` on along one axis; the other axes whole."""
    # Each part is made once, though several values may read it, and without recursion: a residual
    # stream reads every value twice, and is as long as there are layers.
    made: dict[_Part, Atom] = {}
    pending: list[_Part] = [(operand, axis)]
    while pending:
        part = pending[-1]
        followed = None if part in made else _followed(*part, size)
        equation, reads = followed or (None, [])
        missing = [(a, along) for a, along in reads if along is not None and (a, along) not in made]
        if missing:
            pending.extend(missing)
            continue
        pending.pop()
        if part in made:
            continue
        atom, along = part
        if equation is not None:
            parts = [a if of is None else made[a, of] for a, of in reads]
            made[part] = _again(builder, equation, parts, along, size)
        else:
            whole = atom.shape[along] == size
            made[part] = atom if whole else _slice(builder, atom, along, start, size)
    return made[operand, axis]


def _followed(
    atom: Atom, axis: int, size: int
) -> tuple[Equation, list[tuple[Atom, int | None]]] | None:
    """The equation that makes a part of a value of parts of its inputs, and for each input the axis
    along which its part is taken, or None where it is read whole; None where the value itself is to
    be sliced.
    """
    equation = atom.equation if isinstance(atom, Var) and atom.depends else None
    if equation is None or atom.shape[axis] == size:
        return None
    if equation.primitive.name in ELEMENTWISE:
        axes = _axes_of_elementwise(equation, axis)
    elif equation.primitive.name == "dot_general":
        axes = _axes_of_product(equation, axis)
    else:
        return None
    return equation, list(zip(equation.inputs, axes, strict=True))


def _slice(builder: Builder, operand: Atom, axis: int, start: Atom, size: int) -> Atom:
    shape = tuple(size if a == axis else n for a, n in enumerate(operand.shape))
    zero = Const(np.zeros((), start.dtype))
    places = [start if a == axis else zero for a in range(len(shape))]
    params = {"slice_sizes": shape}
    return builder.emit(lax.dynamic_slice_p, params, [operand, *places], [(shape, operand.dtype)])[
        0
    ]


def _axes_of_elementwise(e: Equation, axis: int) -> list[int | None]:
    out = e.outputs[0]
    return [
        axis if len(a.shape) == len(out.shape) and a.shape[axis] == out.shape[axis] else None
        for a in e.inputs
    ]


def _axes_of_product(e: Equation, axis: int) -> list[int | None]:
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = e.params["dimension_numbers"]
    lhs, rhs = e.inputs
    lhs_free = [a for a in range(len(lhs.shape)) if a not in lhs_contract and a not in lhs_batch]
    rhs_free = [a for a in range(len(rhs.shape)) if a not in rhs_contract and a not in rhs_batch]
    n_batch = len(lhs_batch)
    if axis < n_batch:
        return [lhs_batch[axis], rhs_batch[axis]]
    if axis < n_batch + len(lhs_free):
        return [lhs_free[axis - n_batch], None]
    return [None, rhs_free[axis - n_batch - len(lhs_free)]]


def _again(builder: Builder, e: Equation, parts: Sequence[Atom], axis: int, size: int) -> Atom:
    out = e.outputs[0]
    shape = tuple(size if a == axis else n for a, n in enumerate(out.shape))
    return builder.emit(e.primitive, e.params, parts, [(shape, out.dtype)])[0]
