"""Keys that are equal only where two computations are the same.

Text is no key: printing a jaxpr rounds its numbers and leaves out custom derivative rules. So a key
is built from the equations themselves; what cannot be compared by value (functions, arrays that a
jaxpr closes over) is compared by identity.
"""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import bind, is_jaxpr, open_jaxpr

# Custom derivative rules that are kept traced.
_RULES = 256


class _Same:
    """Equal only to itself around the same object, which it keeps, so that no other takes its
    identity.
    """

    __slots__ = ("_it",)

    def __init__(self, it: Any) -> None:
        self._it = it

    @property
    def it(self) -> Any:
        return self._it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.it is self._it

    def __hash__(self) -> int:
        return id(self._it)


def identity_of(key: Any) -> Any:
    """The object that a part of a key stands for by its identity, or None."""
    return key.it if isinstance(key, _Same) else None


def literal_key(value: Any) -> Hashable:
    """A number of the program, to the last bit."""
    if isinstance(value, bool | int | float | complex):
        return (type(value).__name__, repr(value))
    if jnp.issubdtype(jnp.result_type(value), jax.dtypes.extended):
        return _Same(value)
    array = np.asarray(value)
    return (str(array.dtype), array.shape, array.tobytes())


def equation_key(
    primitive: Any, params: dict[str, Any], avals: Sequence[Any], *, rules: bool = True
) -> Hashable:
    """What an equation computes and how it is differentiated.

    Arguments:
        primitive: the equation's primitive.
        params: its parameters.
        avals: shape and dtype of each input.
        rules: whether it is differentiated at all. What a derivative rule calls is not: there, the
            rule that a function comes with does not matter (and is often the same one again).
    """
    if primitive.name == "custom_jvp_call":
        if not rules:
            return ("value", _jaxpr_key(params["call_jaxpr"], rules=False))
        rule = custom_jvp_jaxpr(primitive, params, avals)
        return ("custom_jvp", _jaxpr_key(rule, rules=False))
    keys = tuple((k, _param_key(v, rules=rules)) for k, v in sorted(params.items()))
    return (_Same(primitive), keys)


def _param_key(value: Any, *, rules: bool) -> Hashable:
    if is_jaxpr(value):
        return _jaxpr_key(value, rules=rules)
    if isinstance(value, dict):
        return tuple((k, _param_key(v, rules=rules)) for k, v in sorted(value.items()))
    if type(value) in (tuple, list) or hasattr(value, "_fields"):
        # A linear solve has the jaxprs of its parts in a named tuple.
        return tuple(_param_key(v, rules=rules) for v in value)
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    # The type tells 1 from True and 1.0, which are equal.
    return (type(value), value)


def jaxpr_key(closed: Any) -> Hashable:
    """What a function computes from its arguments and from the arrays that it closes over."""
    kind, shapes, _, rows, outputs = _key_of(closed, rules=True)
    return (kind, shapes, rows, outputs)


# The keys of the parts of functions, such as bodies of loops, with and without rules: each is kept
# as long as its jaxpr, which is another one whenever a function is traced.
_KEYS: dict[bool, WeakKeyDictionary[Any, tuple[Hashable, ...]]] = {
    True: WeakKeyDictionary(),
    False: WeakKeyDictionary(),
}


def _jaxpr_key(closed: Any, *, rules: bool) -> tuple[Hashable, ...]:
    known = _KEYS[rules]
    found = known.get(closed)
    if found is None:
        found = known[closed] = _key_of(closed, rules=rules)
    return found


def _key_of(closed: Any, *, rules: bool) -> tuple[Hashable, ...]:
    jaxpr, consts = open_jaxpr(closed)
    numbers: dict[Any, int] = {}
    for var in (*jaxpr.constvars, *jaxpr.invars):
        numbers[var] = len(numbers)

    def reference(atom: Any) -> Hashable:
        return literal_key(atom.val) if hasattr(atom, "val") else numbers[atom]

    rows = []
    for eqn in jaxpr.eqns:
        avals = [a.aval for a in eqn.invars]
        key = equation_key(eqn.primitive, eqn.params, avals, rules=rules)
        rows.append((key, *map(reference, eqn.invars)))
        for var in eqn.outvars:
            numbers[var] = len(numbers)
    shapes = tuple((v.aval.shape, v.aval.dtype) for v in (*jaxpr.constvars, *jaxpr.invars))
    outputs = tuple(map(reference, jaxpr.outvars))
    return ("jaxpr", shapes, tuple(map(_Same, consts)), tuple(rows), outputs)


def custom_jvp_jaxpr(primitive: Any, params: dict[str, Any], avals: Sequence[Any]) -> Any:
    """The jaxpr of the rule of a `custom_jvp_call`: from primals and tangents to both of the
    outputs. JAX makes a new rule object at every call of `jax.nn.relu`, say.
    """
    shapes = tuple((tuple(a.shape), a.dtype) for a in avals)
    return _custom_jvp_jaxpr(_Same(primitive), _Same(params), shapes)


# JAX's object of a rule takes no weak reference, so the last ones stay, with what they close over.
@lru_cache(_RULES)
def _custom_jvp_jaxpr(primitive: _Same, params: _Same, shapes: tuple) -> Any:
    def apply(*values: Any) -> list[Any]:
        return bind(primitive.it, params.it, values)

    primals = tuple(jax.ShapeDtypeStruct(*s) for s in shapes)
    tangents = tuple(jax.ShapeDtypeStruct(a.shape, _tangent_dtype(a.dtype)) for a in primals)
    return jax.make_jaxpr(lambda x, dx: jax.jvp(apply, x, dx))(primals, tangents)


def custom_vjp_jaxpr(
    primitive: Any, params: dict[str, Any], avals: Sequence[Any], outs: Sequence[Any]
) -> Any:
    """The jaxpr of the rule of a `custom_vjp_call` of inputs that all have derivatives: from
    primals and cotangents of the outputs to those of the inputs.
    """
    shapes = (tuple((tuple(a.shape), a.dtype) for a in part) for part in (avals, outs))
    return _custom_vjp_jaxpr(_Same(primitive), _Same(params), *shapes)


@lru_cache(_RULES)
def _custom_vjp_jaxpr(primitive: _Same, params: _Same, ins: tuple, outs: tuple) -> Any:
    def apply(*values: Any) -> list[Any]:
        return bind(primitive.it, params.it, values)

    primals = tuple(jax.ShapeDtypeStruct(*s) for s in ins)
    cotangents = [jax.ShapeDtypeStruct(shape, _tangent_dtype(d)) for shape, d in outs]
    return jax.make_jaxpr(lambda x, ct: jax.vjp(apply, *x)[1](ct))(primals, cotangents)


def _tangent_dtype(dtype: Any) -> Any:
    return dtype if jnp.issubdtype(dtype, jnp.inexact) else jax.dtypes.float0


def numbers_of(array: Any) -> np.ndarray:
    """The numbers of an array; of random keys those that stand for them."""
    if isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    return np.asarray(array)
