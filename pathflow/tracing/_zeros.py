"""Partials that are zero whatever the inputs: a forget gate times a state that starts at zero.

Nothing is evaluated: a value is a known zero when the program makes it so, and a partial is zero
when every way through its linear map is multiplied by a known zero.
"""

from collections.abc import Collection
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow.tracing._contract import NodeFunction
from pathflow.tracing._ir import Atom, Const
from pathflow.tracing._joint import JointPartial
from pathflow.tracing._partial import LocalPartial

# Zero when one factor is; and when all operands are.
_PRODUCTS = frozenset({"mul", "dot_general"})
_SUMS = frozenset(
    {
        "add",
        "add_any",
        "broadcast_in_dim",
        "concatenate",
        "convert_element_type",
        "copy",
        "neg",
        "reduce_sum",
        "reshape",
        "slice",
        "squeeze",
        "sub",
        "transpose",
    }
)
_MOVES = _SUMS - {"add", "add_any", "neg", "reduce_sum", "sub"}


def zero_partial(function: NodeFunction, partial: LocalPartial) -> bool:
    """Whether `partial`, of the class of `function`'s node, is zero at that node."""
    zeros = _zero_context(function)
    return bool(zeros) and all(_known_zeros(partial.linear, zeros))


def zero_slots(function: NodeFunction, partial: JointPartial) -> frozenset[int]:
    """The slots of `partial`, of the class of `function`'s node, whose part of it is zero at that
    node.
    """
    zeros = _zero_context(function)
    if not zeros:
        return frozenset()
    if partial.transposed:
        # A pull has one cotangent for each slot; a push has one tangent, to which all add.
        known = _known_zeros(partial.linear, zeros)
        return frozenset(s for s, zero in zip(partial.slots, known, strict=True) if zero)
    tangents = frozenset(range(len(partial.slots)))
    return frozenset(
        slot
        for i, slot in enumerate(partial.slots)
        if all(_known_zeros(partial.linear, zeros, tangents - {i}))
    )


def _zero_context(function: NodeFunction) -> set[int]:
    """The inputs of the function, predecessors first, that are known zeros."""
    n = 0 if function.computes is None else function.computes.n_predecessors
    return {n + i for i, atom in enumerate(function.context) if _is_zero(atom)}


def _is_zero(atom: Atom) -> bool:
    if isinstance(atom, Const):
        if not jnp.issubdtype(atom.dtype, jnp.number):
            return False
        value = np.asarray(atom.value)
        return not value.any()
    equation = atom.equation
    if equation is None or equation.primitive.name not in _MOVES:
        return False
    return all(map(_is_zero, equation.inputs))


def _known_zeros(
    linear: tuple[Any, list[int | None]], zeros: Collection[int], still: Collection[int] = ()
) -> list[bool]:
    """Which outputs of a linear map are zero, with known zeros among the inputs of the function
    and, in `still`, among its own.
    """
    jaxpr, places = linear
    known: set[Any] = {
        var for var, place in zip(jaxpr.constvars, places, strict=True) if place in zeros
    }
    known.update(jaxpr.invars[j] for j in still)

    def is_known(atom: Any) -> bool:
        return not np.any(atom.val) if hasattr(atom, "val") else atom in known

    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        hit = any if name in _PRODUCTS else all if name in _SUMS else None
        if hit is not None and hit(map(is_known, eqn.invars)):
            known.update(eqn.outvars)
    return list(map(is_known, jaxpr.outvars))
