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
    n = len(function.predecessors)
    zeros = {n + i for i, atom in enumerate(function.context) if _is_zero(atom)}
    return bool(zeros) and _maps_to_zero(partial, zeros)


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


def _maps_to_zero(partial: LocalPartial, zeros: Collection[int]) -> bool:
    jaxpr, places = partial.linear
    known: set[Any] = {
        var for var, place in zip(jaxpr.constvars, places, strict=True) if place in zeros
    }

    def is_known(atom: Any) -> bool:
        return not np.any(atom.val) if hasattr(atom, "val") else atom in known

    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        hit = any if name in _PRODUCTS else all if name in _SUMS else None
        if hit is not None and hit(map(is_known, eqn.invars)):
            known.update(eqn.outvars)
    return all(map(is_known, jaxpr.outvars))
