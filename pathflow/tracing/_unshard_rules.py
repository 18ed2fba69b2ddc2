"""Functions with derivative rules of their own, taken out of a `shard_map`.

JAX holds the rule as something to be called under the mesh that the function was traced under. So
it is called there, once more, and what it does is written down and taken out like all the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from pathflow._compat import bind, called_jaxpr, varying_axes

# Of a jaxpr and values, without the mesh.
Evaluate = Callable[[Any, Sequence[Any]], list[Any]]


def _custom_jvp(
    eqn: Any, values: Sequence[Any], around: dict[str, Any], evaluate: Evaluate
) -> list[Any]:
    moved, n = _inexact(eqn.invars), len(values)
    smooth = _inexact(eqn.outvars)

    def push(*given: Any) -> list[Any]:
        at = given[:n]
        out, pushed = jax.jvp(_of(eqn, at, moved), tuple(at[i] for i in moved), given[n:])
        return [*out, *(pushed[i] for i in smooth)]

    def rule(primals: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
        given = [*primals, *(tangents[i] for i in moved)]
        like = [*eqn.invars, *(eqn.invars[i] for i in moved)]
        found = evaluate(_under_mesh(push, given, like, around), given)
        out = found[: len(eqn.outvars)]
        return out, _filled(out, smooth, found[len(out) :])

    apply = jax.custom_jvp(lambda *v: evaluate(called_jaxpr(eqn.params), v))
    apply.defjvp(rule)
    return list(apply(*values))


def _custom_vjp(
    eqn: Any, values: Sequence[Any], around: dict[str, Any], evaluate: Evaluate
) -> list[Any]:
    moved, n = _inexact(eqn.invars), len(values)
    smooth = _inexact(eqn.outvars)

    def pull(*given: Any) -> list[Any]:
        at = given[:n]
        out, back = jax.vjp(_of(eqn, at, moved), *(at[i] for i in moved))
        return list(back(_filled(out, smooth, given[n:])))

    def backward(primals: Any, cotangents: Any) -> tuple[Any, ...]:
        given = [*primals, *(cotangents[i] for i in smooth)]
        like = [*eqn.invars, *(eqn.outvars[i] for i in smooth)]
        found = evaluate(_under_mesh(pull, given, like, around), given)
        pulled = dict(zip(moved, found, strict=True))
        return tuple(pulled.get(i) for i in range(n))

    def forward(*v: Any) -> tuple[list[Any], Any]:
        return evaluate(called_jaxpr(eqn.params), v), v

    apply = jax.custom_vjp(lambda *v: evaluate(called_jaxpr(eqn.params), v))
    apply.defvjp(forward, backward)
    return list(apply(*values))


def _of(eqn: Any, at: Sequence[Any], moved: Sequence[int]) -> Callable[..., list[Any]]:
    """The equation as a function of those of its inputs that have a derivative."""

    def of(*some: Any) -> list[Any]:
        inputs = list(at)
        for i, value in zip(moved, some, strict=True):
            inputs[i] = value
        return bind(eqn.primitive, eqn.params, inputs)

    return of


def _inexact(variables: Sequence[Any]) -> list[int]:
    return [i for i, v in enumerate(variables) if jnp.issubdtype(v.aval.dtype, jnp.inexact)]


def _filled(out: Sequence[Any], smooth: Sequence[int], known: Sequence[Any]) -> list[Any]:
    """A derivative for every output: those that are known, and nothing for integers."""
    found: list[Any] = [np.zeros(x.shape, jax.dtypes.float0) for x in out]
    for i, value in zip(smooth, known, strict=True):
        found[i] = value
    return found


def _under_mesh(
    fn: Callable[..., list[Any]],
    values: Sequence[Any],
    like: Sequence[Any],
    around: dict[str, Any],
) -> Any:
    """The jaxpr of a function that is called under a mesh of one device.

    Arguments:
        fn: the function.
        values: its arguments.
        like: variables that vary over the mesh as the arguments did.
        around: the parameters of the `shard_map`.
    """

    def body(*given: Any) -> list[Any]:
        cast = [
            lax.pcast(x, varying_axes(v.aval), to="varying") if varying_axes(v.aval) else x
            for x, v in zip(given, like, strict=True)
        ]
        # A result may be handed out only as one that is the same everywhere.
        return [
            lax.psum(x, varying_axes(jax.typeof(x))) if varying_axes(jax.typeof(x)) else x
            for x in fn(*cast)
        ]

    mapped = jax.shard_map(
        body,
        mesh=around["mesh"],
        in_specs=PartitionSpec(),
        out_specs=PartitionSpec(),
        axis_names=set(around["newly_manual_axes"]),
        check_vma=around["check_vma"],
    )
    return jax.make_jaxpr(mapped)(*values)


RULES: dict[str, Callable[..., list[Any]]] = {
    "custom_jvp_call": _custom_jvp,
    "custom_vjp_call": _custom_vjp,
    "custom_vjp_call_jaxpr": _custom_vjp,
}
