"""Context: the values that depend on no node (parameters, other inputs), computed once before the
graph is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow.tracing._ir import Atom, Const, Equation, Var, backward_slice, evaluate


@dataclass(frozen=True, eq=False)
class Value:
    """An array and whether it has a leading axis of examples, and one of points after it.

    The array's shape is `([examples,] [points,] *shape)`.
    """

    array: Any
    batched: bool = False
    pointed: bool = False


class Context:
    """Computes context values from the traced function's flat arguments.

    Arguments:
        inputs: the variable of each flat argument.
        wanted: the context that the nodes take.
    """

    def __init__(self, inputs: Sequence[Var], wanted: Sequence[Atom]) -> None:
        self._inputs = tuple(inputs)
        self._wanted = tuple(dict.fromkeys(wanted))
        self._compiled: dict[tuple[bool, ...], Callable] = {}

    def __call__(self, args: Sequence[Value]) -> dict[Atom, Value]:
        """The value of each context atom, given the value of each argument."""
        given: dict[Atom, Value] = dict(zip(self._inputs, args, strict=True))
        values: dict[Atom, Value] = {a: given[a] for a in self._wanted if a in given}
        values.update((a, Value(a.value)) for a in self._wanted if isinstance(a, Const))
        rest = [a for a in self._wanted if a not in values]
        if rest:
            values.update(zip(rest, self._compute(rest, given), strict=True))
        return values

    def made_bytes(self, batched: Sequence[bool], examples: int) -> int:
        """The bytes of what is computed, beside the arguments themselves.

        Arguments:
            batched: for each flat argument, whether it has an axis of examples.
            examples: how many examples there are.
        """
        made = [a for a in self._wanted if a not in self._inputs and not isinstance(a, Const)]
        equations = backward_slice(made, stop=set(self._inputs).__contains__)
        pairs = zip(self._inputs, batched, strict=True)
        varying = _reached(equations, {v for v, flag in pairs if flag})
        return sum(
            prod(a.shape) * np.dtype(a.dtype).itemsize * (examples if a in varying else 1)
            for a in made
            if not jnp.issubdtype(a.dtype, jax.dtypes.extended)
        )

    def _compute(self, atoms: Sequence[Atom], given: Mapping[Atom, Value]) -> list[Value]:
        equations = backward_slice(atoms, stop=given.__contains__)
        used = _inputs_of(equations, given)
        flags = tuple(given[v].batched for v in used)
        varying = _reached(equations, {v for v in used if given[v].batched})
        key = tuple(given[v].batched for v in self._inputs)
        if key not in self._compiled:
            self._compiled[key] = _compile(equations, used, flags, atoms, varying)
        arrays = self._compiled[key](*(given[v].array for v in used))
        return [Value(x, batched=a in varying) for x, a in zip(arrays, atoms, strict=True)]


def _compile(
    equations: Sequence[Equation],
    used: Sequence[Var],
    flags: tuple[bool, ...],
    atoms: Sequence[Atom],
    varying: set[Any],
) -> Callable:
    def compute(*arrays: Any) -> tuple[Any, ...]:
        return tuple(evaluate(equations, dict(zip(used, arrays, strict=True)), atoms))

    if any(flags):
        # An output that depends on no batched input keeps no example axis.
        axes = tuple(0 if flag else None for flag in flags)
        out = tuple(0 if a in varying else None for a in atoms)
        compute = jax.vmap(compute, in_axes=axes, out_axes=out)
    return compiled(compute)


def _inputs_of(equations: Sequence[Equation], given: Mapping[Atom, Value]) -> list[Var]:
    used = {a: None for e in equations for a in e.inputs if isinstance(a, Var) and a in given}
    return list(used)


def _reached(equations: Sequence[Equation], start: set[Any]) -> set[Any]:
    """The variables that depend on those in `start`."""
    reached = set(start)
    for e in equations:
        if any(a in reached for a in e.inputs):
            reached.update(e.outputs)
    return reached
