"""Nodes that read the sum of many others, as every layer on a residual stream does.

Such a node computes some function of the sum alone. Taken apart from what is done with it, the sum
is formed once for all nodes that read it, and layers that read different numbers of predecessors
compute the same: they share a class, and what is compiled for it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from pathflow.tracing._builder import Builder
from pathflow.tracing._ir import Atom, Const, Equation, Var

# With fewer terms there is little to share, and adding up is a step of its own.
_LEAST = 5


@dataclass(frozen=True, eq=False)
class ReadSum:
    """What a node computes from a sum of its predecessors.

    Arguments:
        total: stands for the sum.
        equations: what is computed from it.
    """

    total: Var
    equations: list[Equation]


@dataclass(frozen=True, eq=False)
class _Partial:
    """A sum of some of the terms and of context.

    Arguments:
        n_terms: how many of the terms.
        context: the context in it.
        equations: the additions.
    """

    n_terms: int
    context: tuple[Atom, ...] = ()
    equations: tuple[Equation, ...] = ()


def read_sum(
    equations: Sequence[Equation], reads: Sequence[Var], builder: Builder
) -> ReadSum | None:
    """The equations without the sum that they begin with, or None where they begin with no sum of
    everything that is read.

    Context that is added on the way becomes one value, added last.

    Arguments:
        equations: a node's.
        reads: the values of nodes that they read.
        builder: of the program; adds up the context.
    """
    if len(reads) < _LEAST or len({(v.shape, v.dtype) for v in reads}) > 1:
        return None
    uses = Counter(a for e in equations for a in e.inputs if isinstance(a, Var))
    sums = {v: _Partial(1) for v in reads}
    for e in equations:
        joined = _joined(e, sums, uses)
        if joined is None:
            continue
        sums[e.outputs[0]] = joined
        if joined.n_terms == len(reads):
            return _without(equations, e, joined, builder)
    return None


def _joined(e: Equation, sums: dict[Var, _Partial], uses: Counter[Var]) -> _Partial | None:
    """The sum that an equation makes of sums that are read nowhere else."""
    if e.primitive.name not in ("add", "add_any"):
        return None
    parts = []
    for atom in e.inputs:
        if isinstance(atom, Const) and atom.literal and not atom.shape:
            # Python's `sum` begins with a zero.
            parts.append(_Partial(0, (atom,) if np.any(atom.value) else ()))
            continue
        if atom.shape != e.outputs[0].shape or atom.dtype != e.outputs[0].dtype:
            return None
        if isinstance(atom, Var) and atom in sums:
            if uses[atom] > 1:
                return None
            parts.append(sums[atom])
        elif atom.depends:
            return None
        else:
            parts.append(_Partial(0, (atom,)))
    n_terms = sum(p.n_terms for p in parts)
    if not n_terms:
        return None
    return _Partial(
        n_terms,
        tuple(a for p in parts for a in p.context),
        (*(e for p in parts for e in p.equations), e),
    )


def _without(
    equations: Sequence[Equation], last: Equation, joined: _Partial, builder: Builder
) -> ReadSum | None:
    left_out = {e.position for e in joined.equations}
    rest = [e for e in equations if e.position not in left_out]
    (out,) = last.outputs
    if not joined.context:
        # A node that is the sum and no more has no equations left.
        return ReadSum(out, rest) if rest else None
    aval = [(out.shape, out.dtype)]

    def add(a: Atom, b: Atom) -> Atom:
        return builder.emit(last.primitive, last.params, [a, b], aval)[0]

    numbers = [a for a in joined.context if not a.shape and out.shape]
    arrays = [a for a in joined.context if a.shape == out.shape]
    added = [*([reduce(add, arrays)] if arrays else []), *numbers]
    total = value = Var(out.shape, out.dtype, depends=True)
    first = []
    for i, atom in enumerate(added):
        after = out if i == len(added) - 1 else Var(out.shape, out.dtype, depends=True)
        first.append(Equation(last.primitive, last.params, (value, atom), (after,), last.position))
        value = after
    return ReadSum(total, [*first, *rest])
