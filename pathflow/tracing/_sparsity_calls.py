"""What holds other jaxprs: calls, branches, loops, and functions with derivative rules."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._compat import called_jaxpr, scan_counts, sub_jaxprs
from pathflow.tracing._dependence import Operation, is_empty, sparsity_rule, through
from pathflow.tracing._entry_sets import EntrySets, Ids, is_uniform
from pathflow.tracing._keys import custom_jvp_jaxpr, custom_vjp_jaxpr
from pathflow.tracing._structure import Structure

# A loop's steps are followed one by one up to this many equations, and together beyond.
_MAX_EQUATIONS = 1024
# Turns after which the values that a loop carries are not told apart any more.
_MAX_TURNS = 64

# Entries of functions with a rule for reverse mode alone, whose derivative is followed entry by
# entry.
_MAX_ENTRIES = 2**14


@sparsity_rule("jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
def _call(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    jaxpr = called_jaxpr(op.params)
    return through(jaxpr, values, sets, derivative=op.derivative, known=op.known)


@sparsity_rule("cond")
def _cond(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    which, *inputs = values
    found = [
        through(branch, inputs, sets, derivative=op.derivative, known=op.known[1:])
        for branch in op.params["branches"]
    ]
    return [sets.union(which, *outs) for outs in zip(*found, strict=True)]


@sparsity_rule("scan")
def _scan(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    p = op.params
    n_consts, n_carry = scan_counts(p)
    consts, known = values[:n_consts], op.known[:n_consts]
    carry, xs = list(values[n_consts : n_consts + n_carry]), values[n_consts + n_carry :]

    def body(carried: Sequence[Ids], x: Sequence[Ids]) -> list[Ids]:
        given = [*consts, *carried, *x]
        return through(p["jaxpr"], given, sets, derivative=op.derivative, known=known)

    length = p["length"]
    shapes = [o.shape for o in op.outs[n_carry:]]
    if not length:
        return [*carry, *map(sets.nothing, shapes)]
    if all(map(is_uniform, values)) or length * _n_equations(p["jaxpr"]) > _MAX_EQUATIONS:
        every = [sets.reduce(x, (0,)) for x in xs]
        carry, outs = _settled(lambda c: body(c, every), carry, sets)
        ys = [np.broadcast_to(y, s) for y, s in zip(outs[n_carry:], shapes, strict=True)]
        return [*carry, *ys]
    ys = [np.zeros(s, np.int64) for s in shapes]
    for i in range(length)[::-1] if p["reverse"] else range(length):
        outs = body(carry, [np.asarray(x[i]) for x in xs])
        carry = outs[:n_carry]
        for y, out in zip(ys, outs[n_carry:], strict=True):
            y[i] = out
    return [*carry, *ys]


@sparsity_rule("while")
def _while(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    p = op.params
    n_cond, n_body = p["cond_nconsts"], p["body_nconsts"]
    asked, consts = values[:n_cond], values[n_cond : n_cond + n_body]
    known = op.known[n_cond : n_cond + n_body]

    def body(carried: Sequence[Ids]) -> list[Ids]:
        given = [*consts, *carried]
        return through(p["body_jaxpr"], given, sets, derivative=op.derivative, known=known)

    def decision(carried: Sequence[Ids]) -> Ids:
        return through(p["cond_jaxpr"], [*asked, *carried], sets, derivative=op.derivative)[0]

    carry, _ = _settled(body, list(values[n_cond + n_body :]), sets)
    return [sets.union(c, decision(carry)) for c in carry]


def _settled(
    body: Callable[[Sequence[Ids]], list[Ids]], carry: list[Ids], sets: EntrySets
) -> tuple[list[Ids], list[Ids]]:
    """What a loop carries after any number of turns, and what its body then makes of it."""
    for turn in count():
        outs = body(carry)
        after = [sets.union(c, o) for c, o in zip(carry, outs, strict=False)]
        if turn >= _MAX_TURNS:
            number = sets.mix(*after)
            after = [a if is_empty(a) else sets.uniform(number, a.shape) for a in after]
        if all(np.array_equal(a, c) for a, c in zip(after, carry, strict=True)):
            return after, outs
        carry = after
    raise AssertionError  # pragma: no cover


def _n_equations(jaxpr: Any) -> int:
    equations = jaxpr.eqns
    return len(equations) + sum(_n_equations(j) for e in equations for j in sub_jaxprs(e.params))


@sparsity_rule("custom_jvp_call")
def _custom_jvp(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    if not op.derivative:
        return through(called_jaxpr(op.params), values, sets, derivative=False)
    rule = custom_jvp_jaxpr(op.primitive, op.params, op.ins)
    primals = [sets.nothing(v.shape) for v in values]
    outs = through(rule, [*primals, *values], sets, derivative=True)
    return outs[len(op.outs) :]


@sparsity_rule("custom_vjp_call", "custom_vjp_call_jaxpr")
def _custom_vjp(op: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    if not op.derivative:
        return through(_body(op), values, sets, derivative=False)
    flat = np.concatenate([v.ravel() for v in values])
    n_out = sum(int(np.prod(o.shape)) for o in op.outs)
    smooth = all(jnp.issubdtype(a.dtype, jnp.inexact) for a in (*op.ins, *op.outs))
    if not smooth or all(map(is_uniform, values)) or max(flat.size, n_out) > _MAX_ENTRIES:
        number = sets.mix(*values)
        return [sets.uniform(number, o.shape) for o in op.outs]
    rule = custom_vjp_jaxpr(op.primitive, op.params, op.ins, op.outs)
    back = EntrySets(n_out)
    ends = np.cumsum([int(np.prod(o.shape)) for o in op.outs])
    cotangents = [
        back.single(int(end) - int(np.prod(o.shape)), o.shape)
        for end, o in zip(ends, op.outs, strict=True)
    ]
    primals = [back.nothing(v.shape) for v in values]
    pulled = through(rule, [*primals, *cotangents], back, derivative=True)
    reverse = Structure(back, np.concatenate([x.ravel() for x in pulled]), ((n_out,), (flat.size,)))
    before = Structure(sets, flat, ((sets.size,), (flat.size,)))
    parts = np.split(before.then(reverse.transposed).ids, ends[:-1])
    return [part.reshape(o.shape) for part, o in zip(parts, op.outs, strict=True)]


def _body(op: Operation) -> Any:
    p = op.params
    return p["fun_jaxpr"] if "fun_jaxpr" in p else called_jaxpr(p)
