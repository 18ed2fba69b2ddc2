"""How much of a local partial's Jacobian can be other than zero, read off its linear map.

The answers form a lattice: *zero*, below *diagonal* (entry k of the node depends on entry k of the
predecessor alone, in the order of the flattened arrays), below *dense*. They hold for all nodes of
a class at all inputs, and err on the dense side: a primitive without a rule mixes everything.
"""

import enum
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from pathflow._compat import called_jaxpr, open_jaxpr
from pathflow.tracing._partial import LocalPartial
from pathflow.tracing._select import ELEMENTWISE


class Sparsity(enum.IntEnum):
    """What a value of a linear map may depend on; a larger one allows more."""

    ZERO = 0
    DIAGONAL = 1
    DENSE = 2


# From an equation and what its inputs are to what its outputs are.
Rule = Callable[[Any, Sequence[Sparsity]], Sequence[Sparsity]]
_RULES: dict[str, Rule] = {}


def sparsity_rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for primitives, by their names.

    A rule takes a jaxpr equation and the sparsity of each input, and returns that of each output.
    It is asked only about equations of which some input is not zero.
    """

    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


@lru_cache(4096)
def sparsity_of(partial: LocalPartial) -> Sparsity:
    """The sparsity of a local partial's Jacobian, the same for all nodes of its class.

    Arguments:
        partial: the linear map. What is zero at a node only because its context is zero is not
            seen here, but by `zero_partial`.
    """
    jaxpr, _ = partial.linear
    (found,) = _through(jaxpr, [Sparsity.DIAGONAL])
    single = all(prod(v.aval.shape) == 1 for v in (*jaxpr.invars, *jaxpr.outvars))
    return min(found, Sparsity.DIAGONAL) if single else found


def _through(jaxpr: Any, inputs: Sequence[Sparsity]) -> list[Sparsity]:
    known: dict[Any, Sparsity] = dict(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Sparsity:
        # Literals, and the map's constants, do not depend on what it is applied to.
        return Sparsity.ZERO if hasattr(atom, "val") else known.get(atom, Sparsity.ZERO)

    for eqn in jaxpr.eqns:
        values = [read(a) for a in eqn.invars]
        if any(values):
            rule = _RULES.get(eqn.primitive.name, _dense)
            known.update(zip(eqn.outvars, rule(eqn, values), strict=True))
    return [read(v) for v in jaxpr.outvars]


def _dense(eqn: Any, _: Sequence[Sparsity]) -> Sequence[Sparsity]:
    return [Sparsity.DENSE] * len(eqn.outvars)


@sparsity_rule(*ELEMENTWISE)
def _elementwise(eqn: Any, values: Sequence[Sparsity]) -> Sequence[Sparsity]:
    if eqn.primitive.name == "mul" and any(map(_is_zero, eqn.invars)):
        return [Sparsity.ZERO]
    (out,) = eqn.outvars
    # An operand that is repeated along an axis sends one entry to many.
    repeated = any(
        value and prod(atom.aval.shape) != prod(out.aval.shape)
        for atom, value in zip(eqn.invars, values, strict=True)
    )
    return [Sparsity.DENSE if repeated else max(values)]


def _is_zero(atom: Any) -> bool:
    return hasattr(atom, "val") and not np.any(atom.val)


@sparsity_rule("reshape", "squeeze", "expand_dims", "broadcast_in_dim", "reduce_sum", "slice")
def _in_order(eqn: Any, values: Sequence[Sparsity]) -> Sequence[Sparsity]:
    """What keeps the entries in their order, unless it drops, adds or repeats some.

    An axis that is summed or broadcast has length 1 where the size stays the same.
    """
    (out,) = eqn.outvars
    moved = eqn.params.get("dimensions") is not None and eqn.primitive.name == "reshape"
    same = prod(eqn.invars[0].aval.shape) == prod(out.aval.shape) and not moved
    return [values[0] if same else Sparsity.DENSE]


@sparsity_rule("transpose")
def _transpose(eqn: Any, values: Sequence[Sparsity]) -> Sequence[Sparsity]:
    shape = eqn.invars[0].aval.shape
    long = [axis for axis in eqn.params["permutation"] if shape[axis] != 1]
    return [values[0] if long == sorted(long) else Sparsity.DENSE]


@sparsity_rule("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
def _call(eqn: Any, values: Sequence[Sparsity]) -> Sequence[Sparsity]:
    return _through(open_jaxpr(called_jaxpr(eqn.params))[0], values)
