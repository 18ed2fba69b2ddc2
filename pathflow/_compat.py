"""What differs between the JAX versions that pathflow supports (0.10 and 0.12), in one place.

JAX 0.11 merged `ClosedJaxpr` into `Jaxpr` and replaced scan's counts of constants and carries by
trees.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from jax.extend.core import Primitive


def open_jaxpr(jaxpr: Any) -> tuple[Any, list]:
    """The jaxpr with its equations, and the values of its constant variables."""
    if hasattr(jaxpr, "jaxpr"):
        return jaxpr.jaxpr, list(jaxpr.consts)
    return jaxpr, list(getattr(jaxpr, "consts", ()))


def sub_jaxprs(params: dict[str, Any]) -> Iterator[Any]:
    """Every jaxpr among an equation's parameters, opened."""
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if hasattr(item, "eqns") or hasattr(getattr(item, "jaxpr", None), "eqns"):
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


def bind(primitive: Primitive, params: dict[str, Any], values: Sequence[Any]) -> list[Any]:
    """Applies a primitive to values (arrays or tracers) and returns the list of its outputs."""
    bound = primitive.get_bind_params(params)
    if isinstance(bound, tuple):
        functions, keywords = bound
        out = primitive.bind(*functions, *values, **keywords)
    else:
        out = primitive.bind(*values, **bound)
    return list(out) if primitive.multiple_results else [out]
