"""What differs between the JAX versions that pathflow supports (0.10 and 0.12), in one place.

JAX 0.11 merged `ClosedJaxpr` into `Jaxpr` and replaced scan's counts of constants and carries by
trees.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
from jax.core import Tracer
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend import source_info_util
from jax.extend.core import Primitive


def open_jaxpr(jaxpr: Any) -> tuple[Any, list]:
    """The jaxpr with its equations, and the values of its constant variables."""
    if hasattr(jaxpr, "jaxpr"):
        return jaxpr.jaxpr, list(jaxpr.consts)
    return jaxpr, list(getattr(jaxpr, "consts", ()))


def without_constants(jaxpr: Any) -> Any:
    """The jaxpr with nothing in the place of the values of its constant variables."""
    return jaxpr.replace(consts=[None] * len(open_jaxpr(jaxpr)[1]))


def is_jaxpr(value: Any) -> bool:
    """Whether it is a jaxpr, open or closed."""
    return hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns")


def sub_jaxprs(params: dict[str, Any]) -> Iterator[Any]:
    """Every jaxpr among an equation's parameters, opened."""
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if is_jaxpr(item):
                yield open_jaxpr(item)[0]


def called_jaxpr(params: dict[str, Any]) -> Any:
    """The body of a call-like equation (`jit`, `remat`, `closed_call`)."""
    return params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]


def scan_counts(params: dict[str, Any]) -> tuple[int, int]:
    """How many constants and how many carries a scan equation has."""
    if "num_carry" in params:
        return params["num_consts"], params["num_carry"]
    constants, carry, _ = params["ft_in"].unpack()
    return len(list(constants)), len(list(carry))


def varying_axes(aval: Any) -> tuple[str, ...]:
    """The mesh axes over which a value inside a `shard_map` may differ."""
    kind = getattr(aval, "manual_axis_type", None)
    return () if kind is None else tuple(sorted(kind.varying))


def bind(primitive: Primitive, params: dict[str, Any], values: Sequence[Any]) -> list[Any]:
    """Applies a primitive to values (arrays or tracers) and returns the list of its outputs."""
    bound = primitive.get_bind_params(params)
    if isinstance(bound, tuple):
        functions, keywords = bound
        out = primitive.bind(*functions, *values, **keywords)
    else:
        out = primitive.bind(*values, **bound)
    return list(out) if primitive.multiple_results else [out]


def before_jit(value: Any) -> Any:
    """What a value was before the jitted functions that return it as they were given it.

    Arguments:
        value: an array, or a tracer of the trace that is going on.
    """
    while isinstance(value, Tracer):
        eqn: Any = getattr(value, "parent", None)
        if eqn is None or eqn.primitive.name not in ("jit", "pjit"):
            constant = value.get_const() if hasattr(value, "get_const") else None
            return value if constant is None else constant
        inner = open_jaxpr(called_jaxpr(eqn.params))[0]
        own = [id(v) for v in eqn.outvars].index(id(value.val))
        inputs = {id(v): i for i, v in enumerate(inner.invars)}
        position = inputs.get(id(inner.outvars[own]))
        if position is None:
            return value
        value = eqn.in_tracers[position]
    return value


def at_source(eqn: Any) -> AbstractContextManager[Any]:
    """While active, equations that are made seem to come from where this one came from."""
    info = eqn.source_info
    return source_info_util.user_context(info.traceback)


def scopes(eqn: Any) -> tuple[str, ...]:
    """The names of the scopes around an equation in its own jaxpr, outermost first."""
    return tuple(str(getattr(s, "name", s)) for s in eqn.source_info.name_stack.stack)


def traced_afresh(key: str) -> AbstractContextManager[Any]:
    """While active, `jit` does not take what it traced before under another key, or under none.

    JAX keeps what it traced per function and per *trace context*; metadata for the compiler is a
    part of the context that changes nothing of what is computed.
    """
    return set_xla_metadata(pathflow=key)


# XLA of jax 0.10 hands products followed by elementwise steps to a library on the CPU (YNNPACK),
# which multiplies wrongly in float32 where one factor lacks the leading axis of another: tangents
# of several paths at shared activations, for one.
_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""} if jax.__version_info__ < (0, 12) else None


def compiled(function: Callable, **options: Any) -> Any:
    """`jax.jit` for all that pathflow compiles itself; not to be called inside another `jit`.

    Arguments:
        function: what to compile.
        options: further arguments of `jax.jit`.

    Returns:
        The compiled function, right in every precision under every JAX that is supported.
    """
    return jax.jit(function, compiler_options=_OPTIONS, **options)
