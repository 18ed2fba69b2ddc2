"""The derivative of the untouched function along the direction of interest: what all influences
must add up to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled, open_jaxpr
from pathflow.evaluation import MATMUL_PRECISION, flags_of, lift, together
from pathflow.graph import Node
from pathflow.tracing import (
    FORWARD_ONLY,
    REVERSE_ONLY,
    Program,
    Substitution,
    Value,
    cached_by_program,
    holds,
    live_bytes,
)

# Points and examples evaluated together are as many as fit these bytes, by an estimate, and no more
# than these.
_BYTES, _POINTS, _EXAMPLES = 2**30, 64, 16


@cached_by_program(64)
def reference_sizes(program: Program) -> tuple[int, int]:
    """How many points, and how many examples, are evaluated together."""
    fitting = max(1, _BYTES // max(1, 2 * live_bytes(program.jaxpr)))
    points = min(_POINTS, fitting)
    return points, min(_EXAMPLES, max(1, fitting // points))


@cached_by_program(64)
def substituted(program: Program, sources: tuple[Node, ...], target: Node) -> Any:
    """The jaxpr of the target's value, of the sources' values, the arguments and the constants."""
    value = Substitution(program, sources, target)
    avals = [jax.ShapeDtypeStruct(s.shape, s.dtype) for s in sources]
    constants = [
        jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)
        for v in open_jaxpr(program.jaxpr)[0].constvars
    ]

    def of_sources(given: Any, args: Any, constants: Any) -> Any:
        return value(args, constants, given)[0]

    with jax.default_matmul_precision(MATMUL_PRECISION):
        return jax.make_jaxpr(of_sources)(avals, list(program.avals), constants)


@dataclass(frozen=True)
class Reference:
    """The target and its derivative at every point, `([examples,] points)`."""

    values: np.ndarray
    derivatives: np.ndarray


@cached_by_program(64)
def _compiled(
    program: Program, sources: tuple[Node, ...], target: Node, flags: Any, examples: int | None
) -> Callable | None:
    eqns = open_jaxpr(program.jaxpr)[0].eqns
    reverse, forward = (
        any(holds(e, names) for e in eqns) for names in (REVERSE_ONLY, FORWARD_ONLY)
    )
    if reverse and forward:
        return None
    value = Substitution(program, sources, target)
    n, n_args = len(sources), len(program.avals)

    def one(*inputs: Any) -> Any:
        points, direction, rest = inputs[:n], inputs[n : 2 * n], inputs[2 * n :]

        def of_points(*given: Any) -> Any:
            return value(rest[:n_args], rest[n_args:], given)[0]

        if not reverse:
            return jax.jvp(of_points, points, direction)
        out, pull = jax.vjp(of_points, *points)
        cotangents = pull(jnp.ones_like(out))
        return out, sum(jnp.vdot(c, d) for c, d in zip(cotangents, direction, strict=True))

    return compiled(lift(one, flags, examples, None))


def reference(
    program: Program,
    args: Sequence[Value],
    sources: tuple[Node, ...],
    target: Node,
    points: Sequence[Value],
    direction: Sequence[Value],
    examples: int | None,
) -> Reference | None:
    """Evaluates the function with the sources' values replaced, by JAX's own differentiation.

    Returns:
        None where JAX has no derivative of the whole function in either mode (a custom vjp rule
        beside a `while`).
    """
    axis = 0 if examples is None else 1
    count = points[0].array.shape[axis]
    values, derivatives = [], []
    size, _ = reference_sizes(program)
    for start in range(0, count, size):
        chunk = [
            Value(
                jax.lax.slice_in_dim(p.array, start, min(start + size, count), axis=axis),
                p.batched,
                True,
            )
            for p in points
        ]
        inputs = [*chunk, *direction, *args, *map(Value, program.constants)]
        run = _compiled(program, sources, target, flags_of(inputs), examples)
        if run is None:
            return None
        with together("the function"):
            q, dq = run(*(v.array for v in inputs))
        values.append(np.asarray(q, np.float64))
        derivatives.append(np.asarray(dq, np.float64))
    return Reference(np.concatenate(values, axis=-1), np.concatenate(derivatives, axis=-1))
