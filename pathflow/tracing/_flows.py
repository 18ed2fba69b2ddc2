"""Which inputs of an equation a derivative can flow from, for each of its outputs.

Most equations let it flow from all. A loop or a branch that holds no tags is one equation, and may
carry several values that have nothing to do with each other, or pass integers in between; its jaxpr
tells.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp

from pathflow._compat import called_jaxpr, open_jaxpr, scan_counts, sub_jaxprs

Flows = list[frozenset[int]]
_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"})


def equation_flows(
    name: str, params: dict[str, Any], n_inputs: int, n_outputs: int, *, values: bool = False
) -> Flows:
    """For each output, the positions of the inputs that a derivative flows from.

    Arguments:
        name: the primitive's name.
        params: the equation's parameters.
        n_inputs: how many inputs it has.
        n_outputs: how many outputs it has.
        values: whether to ask, in place of derivatives, for the inputs that the value depends on.
    """
    if name == "scan":
        n_consts, n_carry = scan_counts(params)
        body = jaxpr_flows(params["jaxpr"], values=values)
        return _looped(body, n_consts, n_carry, params["length"])
    if name == "while":
        # The condition decides how often: the values depend on that, and no derivative does.
        skipped, n_consts = params["cond_nconsts"], params["body_nconsts"]
        n_carry = n_inputs - skipped - n_consts
        body = jaxpr_flows(params["body_jaxpr"], values=values)
        flows = _looped(body, n_consts, n_carry, None)
        decides = frozenset(range(n_inputs)) if values else frozenset()
        return [frozenset(i + skipped for i in f) | decides for f in flows]
    if name == "cond":
        branches = [jaxpr_flows(branch, values=values) for branch in params["branches"]]
        decides = frozenset({0}) if values else frozenset()
        return [
            frozenset(i + 1 for flows in branches for i in flows[o]) | decides
            for o in range(n_outputs)
        ]
    if name in _CALLS:
        return jaxpr_flows(called_jaxpr(params), values=values)
    return [frozenset(range(n_inputs))] * n_outputs


def inner_inputs(eqn: Any, which: Sequence[bool]) -> Iterator[tuple[Any, list[int]]]:
    """Every jaxpr inside an equation, with the positions of its inputs that come from some of the
    equation's.

    Arguments:
        eqn: the equation.
        which: for each of its inputs, whether it is one of these.
    """
    name, params = eqn.primitive.name, eqn.params
    for sub in sub_jaxprs(params):
        flags = list(which)
        if name == "cond":
            flags = flags[1:]
        elif name == "while":
            n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]
            is_body = sub is open_jaxpr(params["body_jaxpr"])[0]
            consts = flags[n_cond : n_cond + n_body] if is_body else flags[:n_cond]
            flags = [*consts, *flags[n_cond + n_body :]]
        if len(flags) != len(sub.invars):
            flags = [any(which)] * len(sub.invars)
        yield sub, [i for i, flag in enumerate(flags) if flag]


def _looped(body: Flows, n_consts: int, n_carry: int, length: int | None) -> Flows:
    """The flows of a loop from those of its body; without a length, of any number of steps."""
    # What has reached each carry after the steps so far, and what can after any number of them.
    now = [frozenset({n_consts + j}) for j in range(n_carry)]
    ever: list[frozenset[int]] = now
    emitted = [frozenset()] * (len(body) - n_carry)
    step = 0
    while length is None or step < length:
        after = [_through(flows, now, n_consts) for flows in body]
        emitted = [e | a for e, a in zip(emitted, after[n_carry:], strict=True)]
        seen = [e | a for e, a in zip(ever, after[:n_carry], strict=True)]
        settled = after[:n_carry] == now if length is not None else seen == ever
        now, ever, step = after[:n_carry], seen, step + 1
        if settled:
            break
    return [*(ever if length is None else now), *emitted]


def _through(
    inputs: frozenset[int], carries: Sequence[frozenset[int]], n_consts: int
) -> frozenset[int]:
    """What has reached an output of the body that these inputs of the body flow to."""
    found: set[int] = set()
    for i in inputs:
        is_carry = n_consts <= i < n_consts + len(carries)
        found |= carries[i - n_consts] if is_carry else {i}
    return frozenset(found)


def jaxpr_flows(jaxpr: Any, *, values: bool = False) -> Flows:
    """For each output of a jaxpr, the positions of its inputs that a derivative flows from; with
    `values`, those that its value depends on.
    """
    inner, _ = open_jaxpr(jaxpr)
    nothing: frozenset[int] = frozenset()
    known: dict[Any, frozenset[int]] = dict.fromkeys(inner.constvars, nothing)
    known.update((v, frozenset({i})) for i, v in enumerate(inner.invars))

    def read(atom: Any) -> frozenset[int]:
        if hasattr(atom, "val"):
            return nothing
        carries = values or jnp.issubdtype(atom.aval.dtype, jnp.inexact)
        return known[atom] if carries else nothing

    for eqn in inner.eqns:
        if eqn.primitive.name == "stop_gradient" and not values:
            known.update(dict.fromkeys(eqn.outvars, nothing))
            continue
        sources = [read(a) for a in eqn.invars]
        flows = equation_flows(
            eqn.primitive.name, eqn.params, len(sources), len(eqn.outvars), values=values
        )
        for var, inputs in zip(eqn.outvars, flows, strict=True):
            known[var] = _union([sources[i] for i in inputs])
    return [read(v) for v in inner.outvars]


def _union(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)
