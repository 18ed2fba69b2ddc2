"""How many bytes a function's intermediate values take, read off its jaxpr."""

from collections.abc import Sequence
from math import prod
from typing import Any

from pathflow._compat import open_jaxpr, sub_jaxprs


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
