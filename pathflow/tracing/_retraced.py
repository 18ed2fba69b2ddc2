"""Whether a function is the same each time that it is traced.

A graph is one function. What Python does while the function is traced (random numbers of NumPy,
counters, a list that grows) is in the graph as it was that once, and would be otherwise the next
time; so the function is traced twice, and the two are compared equation by equation.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import zip_longest
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from pathflow._compat import is_jaxpr, open_jaxpr, scopes
from pathflow._errors import ChangingFunctionError
from pathflow.tracing._keys import numbers_of
from pathflow.tracing._sites import TAGS

_PLAIN = bool | int | float | complex | str | bytes | Enum | np.dtype | np.generic
_MISSING: Any = object()


def check_same(first: Any, second: Any, caller: str) -> None:
    """Refuses a function that became another one when it was traced again.

    A table that the function made in the first call and kept is of no use in the second (JAX calls
    it a leaked tracer), so there is nothing to compare then, and the first is right.

    Arguments:
        first: the jaxpr of the first time.
        second: that of the second.
        caller: who traced it, for the message.

    Raises:
        ChangingFunctionError: they compute something else; it says what differs first.
    """
    own = {id(value) for value in _tracers(first)}
    if any(id(value) not in own for value in _tracers(second)):
        return
    found = next(_differences(first, second), None)
    if found is not None:
        raise ChangingFunctionError(
            f"{caller}(fn): the function is another one each time that it is traced: {found}. It "
            "must not depend on random numbers of Python or NumPy, on the time, or on a variable "
            "that its calls change; pass such a value as an argument, or fix it before tracing."
        )


def _tracers(jaxpr: Any) -> Iterator[Any]:
    """What a function closes over that is itself being traced, or was."""
    inner, constants = open_jaxpr(jaxpr)
    operands = (a.val for eqn in inner.eqns for a in eqn.invars if hasattr(a, "val"))
    yield from (x for x in (*constants, *operands) if isinstance(x, Tracer))
    for eqn in inner.eqns:
        for value in eqn.params.values():
            for item in value if isinstance(value, tuple | list) else (value,):
                if is_jaxpr(item):
                    yield from _tracers(item)


def _differences(first: Any, second: Any) -> Iterator[str]:
    one, two = open_jaxpr(first), open_jaxpr(second)
    pairs = zip_longest(one[1], two[1], fillvalue=_MISSING)
    for number, (a, b) in enumerate(pairs):
        if not _equal_arrays(a, b):
            yield f"array {number} that it closes over is {_shown(a)}, then {_shown(b)}"
    numbers: tuple[dict[Any, int], dict[Any, int]] = ({}, {})
    for jaxpr, own in zip((one[0], two[0]), numbers, strict=True):
        own.update((v, i) for i, v in enumerate((*jaxpr.constvars, *jaxpr.invars)))
    for a, b in zip_longest(one[0].eqns, two[0].eqns):
        if a is None or b is None or a.primitive.name != b.primitive.name:
            yield f"it computes {_named(a)}, then {_named(b)}"
            return
        yield from _operands(a.invars, b.invars, numbers, _named(a))
        for name in a.params:
            # What a function that is called is named is no part of what it computes.
            if name != "name":
                yield from _parameter(a.params[name], b.params.get(name, _MISSING), name, _named(a))
            elif a.primitive.name in TAGS and a.params[name] != b.params[name]:
                yield f"a tag is named {a.params[name]!r}, then {b.params[name]!r}"
        for eqn, own in zip((a, b), numbers, strict=True):
            for var in eqn.outvars:
                own[var] = len(own)
    yield from _operands(one[0].outvars, two[0].outvars, numbers, "its output")


def _operands(
    first: Sequence[Any], second: Sequence[Any], numbers: Sequence[dict[Any, int]], where: str
) -> Iterator[str]:
    pairs: Iterator[tuple[Any, Any]] = zip_longest(first, second, fillvalue=_MISSING)
    for a, b in pairs:
        known = [hasattr(x, "val") for x in (a, b)]
        if all(known):
            if not _equal_arrays(a.val, b.val):
                yield f"in {where} there is {_shown(a.val)}, then {_shown(b.val)}"
        elif any(known) or b is _MISSING or a is _MISSING or numbers[0][a] != numbers[1][b]:
            yield f"{where} reads other values"


def _parameter(first: Any, second: Any, name: str, where: str) -> Iterator[str]:
    """What differs between two parameters of an equation, as far as they say what is computed."""
    if _kind(first) != _kind(second):
        yield f"{name} of {where} is {_told(first)}, then {_told(second)}"
    elif is_jaxpr(first):
        yield from _differences(first, second)
    elif isinstance(first, tuple | list):
        for a, b in zip_longest(first, second, fillvalue=_MISSING):
            yield from _parameter(a, b, name, where)
    elif isinstance(first, dict):
        for key, value in first.items():
            yield from _parameter(value, second.get(key, _MISSING), f"{name}.{key}", where)
    elif isinstance(first, np.ndarray | jax.Array):
        if not _equal_arrays(first, second):
            yield f"{name} of {where} is {_shown(first)}, then {_shown(second)}"
    # Functions and the like are new objects each time, and are not compared.
    elif isinstance(first, _PLAIN) and not (first == second or first != first):
        yield f"{name} of {where} is {first!r}, then {second!r}"


def _kind(value: Any) -> str:
    """Which of the kinds of parameters that are compared a parameter is."""
    if value is _MISSING or value is None:
        return "nothing"
    if is_jaxpr(value):
        return "function"
    if isinstance(value, tuple | list):
        return "list"
    return "table" if isinstance(value, dict) else "other"


def _told(value: Any) -> str:
    return "nothing" if value is _MISSING else f"{value!r:.60}"


def _equal_arrays(first: Any, second: Any) -> bool:
    if first is second or any(isinstance(x, Tracer) for x in (first, second)):
        return True
    if first is _MISSING or second is _MISSING:
        return False
    a, b = (numbers_of(x) for x in (first, second))
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    # Byte for byte, so that NaN is itself.
    return a.tobytes() == b.tobytes()


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "not there"
    array = numbers_of(value)
    return f"{array.ravel()[0]}" + f" ... {array.dtype}{list(array.shape)}" * (array.size > 1)


def _named(eqn: Any) -> str:
    if eqn is None:
        return "nothing more"
    around = "/".join(scopes(eqn))
    return f"{eqn.primitive.name!r}{f' in {around}' if around else ''}"
