"""A flat program: equations over variables, with no calls, no tagged loops and no tagged branches.

It is what a jaxpr becomes once `_flatten.py` has inlined and unrolled it. Jaxprs themselves are not
rebuilt: an equation here only points at the primitive and parameters of the one it came from, which
makes unrolling thousands of steps cheap and needs nothing private from JAX.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive

from pathflow._compat import bind


@dataclass(eq=False, slots=True)
class Var:
    """A value of the program. `depends` tells whether it depends on a node; context does not."""

    shape: tuple[int, ...]
    dtype: Any
    depends: bool
    equation: "Equation | None" = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(eq=False, slots=True)
class Const:
    """A known value. A literal of the source program is part of what a node computes; any other is
    context.
    """

    value: Any
    literal: bool = False
    depends: bool = field(default=False, init=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def dtype(self) -> Any:
        return jnp.result_type(self.value)

    @property
    def size(self) -> int:
        return int(np.size(self.value))


Atom = Var | Const


@dataclass(eq=False, slots=True)
class Equation:
    """`outputs = primitive(*inputs, **params)`, at a position of the program's list."""

    primitive: Primitive
    params: dict[str, Any]
    inputs: tuple[Atom, ...]
    outputs: tuple[Var, ...]
    position: int


def is_differentiable(atom: Atom) -> bool:
    """Whether a derivative can flow through the value: floating or complex, not the result of
    stop_gradient.
    """
    if not jnp.issubdtype(atom.dtype, jnp.inexact):
        return False
    equation = atom.equation if isinstance(atom, Var) else None
    return equation is None or equation.primitive.name != "stop_gradient"


def backward_slice(roots: Iterable[Atom], stop: Any) -> list[Equation]:
    """The equations that the roots need, in program order; `stop(var)` ends the search at a
    variable.
    """
    needed: dict[int, Equation] = {}
    pending = list(roots)
    while pending:
        atom = pending.pop()
        if isinstance(atom, Const) or atom.equation is None or stop(atom):
            continue
        equation = atom.equation
        if equation.position not in needed:
            needed[equation.position] = equation
            pending.extend(equation.inputs)
    return [needed[position] for position in sorted(needed)]


def evaluate(
    equations: Sequence[Equation], environment: dict[Any, Any], outputs: Sequence[Atom]
) -> list[Any]:
    """Runs the equations on the values of `environment`, which it extends, and returns the outputs'
    values.
    """

    def read(atom: Atom) -> Any:
        if isinstance(atom, Const) and atom not in environment:
            return atom.value
        return environment[atom]

    for equation in equations:
        values = bind(equation.primitive, equation.params, [read(a) for a in equation.inputs])
        environment.update(zip(equation.outputs, values, strict=True))
    return [read(atom) for atom in outputs]
