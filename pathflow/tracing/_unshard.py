"""`shard_map` over a single device, taken away, so that tags inside it are nodes like any other.

On a mesh whose axes all have size 1 each device's part is the whole array, and a collective hands
its argument on, with an axis of size 1 put in or taken out. The body is then an ordinary function,
and it is traced again as one: what JAX wrote down of the mesh (types that vary over it, shardings
of new arrays) means nothing outside.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import at_source, bind, called_jaxpr, is_jaxpr, open_jaxpr, sub_jaxprs
from pathflow.tracing._sites import INLINED, TagFinder
from pathflow.tracing._unshard_rules import RULES
from pathflow.tracing._visit import REMAT

_CALLS = INLINED - REMAT
_OPENED = INLINED | {"scan", "while", "cond"}


def unsharded(closed: Any) -> Any:
    """The function with the body in place of every `shard_map` that holds tags and is over meshes
    of one device; the same object where there is none.
    """
    if not _Finder()(open_jaxpr(closed)[0]):
        return closed
    return _retraced(closed, _Outside())


class _Finder:
    """Tells whether a jaxpr holds a `shard_map` that is to go, in a place where tags make nodes."""

    def __init__(self) -> None:
        self._tagged = TagFinder()

    def __call__(self, jaxpr: Any) -> bool:
        return any(self._tagged(e) and (_is_single(e) or self.inside(e)) for e in jaxpr.eqns)

    def inside(self, eqn: Any) -> bool:
        return eqn.primitive.name in _OPENED and any(map(self, sub_jaxprs(eqn.params)))


def _is_single(eqn: Any) -> bool:
    """Whether it is a `shard_map` over one device, of which everything inside is understood."""
    if eqn.primitive.name != "shard_map" or eqn.params["mesh"].size != 1:
        return False
    return all(map(_is_understood, sub_jaxprs(eqn.params)))


def _is_understood(jaxpr: Any) -> bool:
    """Whether no collective in it is unknown, and it has no `shard_map` of its own."""
    return all(
        (e.primitive.name in _COLLECTIVES or not _names_axes(e.params))
        and e.primitive.name != "shard_map"
        and all(map(_is_understood, sub_jaxprs(e.params)))
        for e in jaxpr.eqns
    )


def _names_axes(params: dict[str, Any]) -> bool:
    """Whether it is over axes of a mesh, which have names, where those of an array have numbers."""
    axes = [params.get("axis_name", ()), params.get("axes", ())]
    return any(isinstance(a, str) for x in axes for a in (x if isinstance(x, tuple) else (x,)))


class _Outside:
    """Evaluates what is around the `shard_map`s as it is."""

    def __init__(self) -> None:
        self._holds, self._tagged = _Finder(), TagFinder()

    def equation(self, eqn: Any, values: list[Any]) -> list[Any]:
        if self._tagged(eqn) and _is_single(eqn):
            return _evaluate(eqn.params["jaxpr"], values, _Inside(eqn.params))
        if not self._holds.inside(eqn):
            return bind(eqn.primitive, eqn.params, values)
        if eqn.primitive.name in REMAT:
            return _remat(eqn.params, values, self)
        return bind(eqn.primitive, _with_jaxprs(eqn.params, self), values)


class _Inside:
    """Evaluates the body of a `shard_map` without its mesh.

    Arguments:
        around: the parameters of the `shard_map`.
    """

    def __init__(self, around: dict[str, Any]) -> None:
        self._around = around

    def equation(self, eqn: Any, values: list[Any]) -> list[Any]:
        name, params = eqn.primitive.name, eqn.params
        if name in _COLLECTIVES:
            return _COLLECTIVES[name](eqn, values)
        if name in _CALLS or name == "shard_map":
            # A call remembers the mesh that it was made under.
            return _evaluate(called_jaxpr(params), values, self)
        if name in RULES:
            # JAX can call the rule under the mesh only.
            return RULES[name](eqn, values, self._around, lambda j, v: _evaluate(j, v, self))
        if name in REMAT:
            return _remat(params, values, self)
        plain = {k: None if k in _SHARDINGS else v for k, v in params.items()}
        return bind(eqn.primitive, _with_jaxprs(plain, self), values)


_Evaluator = _Outside | _Inside


def _with_jaxprs(params: dict[str, Any], evaluator: _Evaluator) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if is_jaxpr(value):
            return _retraced(value, evaluator)
        if hasattr(value, "_fields"):
            return type(value)(*map(one, value))
        if type(value) is tuple:
            return tuple(map(one, value))
        return value

    return {k: one(v) for k, v in params.items()}


def _remat(params: dict[str, Any], values: list[Any], evaluator: _Evaluator) -> list[Any]:
    def call(*values: Any) -> list[Any]:
        return _evaluate(called_jaxpr(params), values, evaluator)

    again = jax.checkpoint(call, prevent_cse=params["prevent_cse"], policy=params["policy"])
    return again(*values)


def _retraced(jaxpr: Any, evaluator: _Evaluator) -> Any:
    """The closed jaxpr as the evaluator leaves it."""
    inner, _ = open_jaxpr(jaxpr)
    avals = [
        jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype, weak_type=v.aval.weak_type)
        for v in inner.invars
    ]
    return jax.make_jaxpr(lambda *values: _evaluate(jaxpr, values, evaluator))(*avals)


def _evaluate(jaxpr: Any, values: Sequence[Any], evaluator: _Evaluator) -> list[Any]:
    inner, consts = open_jaxpr(jaxpr)
    env = dict(zip(inner.constvars, consts, strict=True))
    env.update(zip(inner.invars, values, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else env[atom]

    for eqn in inner.eqns:
        # Errors and decisions go on naming the user's line.
        with at_source(eqn):
            out = evaluator.equation(eqn, [read(a) for a in eqn.invars])
        env.update(zip(eqn.outvars, out, strict=True))
    return [read(v) for v in inner.outvars]


# What JAX calls the placement of a new array.
_SHARDINGS = frozenset({"sharding", "out_sharding"})


def _same(_: Any, values: list[Any]) -> list[Any]:
    return values


def _permuted(eqn: Any, values: list[Any]) -> list[Any]:
    # What nobody sends to is zero.
    return values if eqn.params["perm"] else [jnp.zeros_like(v) for v in values]


def _gathered(eqn: Any, values: list[Any]) -> list[Any]:
    if eqn.params["tiled"]:
        return values
    return [jnp.expand_dims(v, eqn.params["all_gather_dimension"]) for v in values]


def _scattered(eqn: Any, values: list[Any]) -> list[Any]:
    if eqn.params["tiled"]:
        return values
    return [jnp.squeeze(v, eqn.params["scatter_dimension"]) for v in values]


def _index(eqn: Any, _: list[Any]) -> list[Any]:
    return [jnp.zeros((), eqn.outvars[0].aval.dtype)]


_COLLECTIVES: dict[str, Callable[[Any, list[Any]], list[Any]]] = {
    **dict.fromkeys(
        (
            "all_to_all",
            "pbroadcast",
            "pmax",
            "pmin",
            "preduced",
            "psum",
            "psum_invariant",
            "pvary",
            "reduced_vary_cast",
            "reduced_vary_cast_p",
            "reshard",
            "sharding_constraint",
            "unreduced_pmax",
            "unreduced_pmin",
            "unreduced_psum",
            "vary_unreduced_cast",
            "vary_unreduced_cast_p",
        ),
        _same,
    ),
    **dict.fromkeys(("all_gather", "all_gather_invariant", "all_gather_reduced"), _gathered),
    **dict.fromkeys(("reduce_scatter", "unreduced_reduce_scatter"), _scattered),
    "axis_index": _index,
    "ppermute": _permuted,
}
