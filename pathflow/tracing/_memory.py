"""How many bytes a function's intermediate values take, read off its jaxpr."""

from collections.abc import Collection, Sequence
from math import prod
from typing import Any

from pathflow._compat import open_jaxpr, sub_jaxprs
from pathflow.tracing._flows import equation_flows, inner_inputs


def live_bytes(jaxpr: Any) -> int:
    """The most bytes that are held at one time beside arguments and constants, an estimate.

    Every value is held from its equation to the last that reads it. XLA holds less where it fuses,
    and more where it copies.
    """
    inner, _ = open_jaxpr(jaxpr)
    last: dict[Any, int] = {}
    for position, eqn in enumerate(inner.eqns):
        last.update((v, position) for v in eqn.invars if not hasattr(v, "val"))
    last.update((v, len(inner.eqns)) for v in inner.outvars if not hasattr(v, "val"))
    ends: list[list[Any]] = [[] for _ in range(len(inner.eqns) + 1)]
    held = most = 0
    for position, eqn in enumerate(inner.eqns):
        made = [v for v in eqn.outvars if v in last]
        held += _bytes(made)
        inside = max(map(live_bytes, sub_jaxprs(eqn.params)), default=0)
        most = max(most, held + inside)
        for v in made:
            ends[last[v]].append(v)
        held -= _bytes(ends[position])
    return most


def live_bytes_apart(jaxpr: Any, varying: Collection[int]) -> tuple[int, int]:
    """The most bytes that are held at one time, apart for what depends on some of the inputs.

    Arguments:
        jaxpr: a function.
        varying: the positions of these inputs.

    Returns:
        the bytes of the values that depend on none of them, and of those that do; each the most
        that there is, an estimate as `live_bytes` is.
    """
    inner, _ = open_jaxpr(jaxpr)
    depends = {v for i, v in enumerate(inner.invars) if i in varying}
    last: dict[Any, int] = {}
    for position, eqn in enumerate(inner.eqns):
        last.update((v, position) for v in eqn.invars if not hasattr(v, "val"))
    last.update((v, len(inner.eqns)) for v in inner.outvars if not hasattr(v, "val"))
    ends: list[list[Any]] = [[] for _ in range(len(inner.eqns) + 1)]
    held, most = [0, 0], [0, 0]
    for position, eqn in enumerate(inner.eqns):
        read = [not hasattr(v, "val") and v in depends for v in eqn.invars]
        flows = equation_flows(
            eqn.primitive.name, eqn.params, len(read), len(eqn.outvars), values=True
        )
        pairs = zip(eqn.outvars, flows, strict=True)
        depends.update(v for v, inputs in pairs if any(read[i] for i in inputs))
        inside = [(0, 0), *(live_bytes_apart(*at) for at in inner_inputs(eqn, read))]
        made = [v for v in eqn.outvars if v in last]
        for v in made:
            ends[last[v]].append(v)
            held[v in depends] += _bytes([v])
        most = [max(most[k], held[k] + max(within[k] for within in inside)) for k in (False, True)]
        for v in ends[position]:
            held[v in depends] -= _bytes([v])
    return most[0], most[1]


def all_bytes(jaxpr: Any) -> int:
    """The bytes of all intermediate values, of every turn of a scan: what reverse mode may keep, an
    estimate.

    What `jax.checkpoint` computes again is kept for one call at a time.
    """
    inner, _ = open_jaxpr(jaxpr)
    kept = again = 0
    for eqn in inner.eqns:
        kept += _bytes(eqn.outvars)
        inside = sum(map(all_bytes, sub_jaxprs(eqn.params)))
        if eqn.primitive.name in ("checkpoint", "remat", "remat2"):
            again = max(again, inside)
        else:
            kept += inside * eqn.params.get("length", 1)
    return kept + again


def _bytes(variables: Sequence[Any]) -> int:
    return sum(prod(v.aval.shape) * getattr(v.aval.dtype, "itemsize", 8) for v in variables)
