"""Strategies for the steps of a random program that hold no other steps.

A builder draws one step that fits a scope, the shapes of the values so far, or gives None where
none fits. Operands are drawn newest first, so that an example shrinks to a short chain, and
everything a step does is in its name. Whatever is decided by comparing values (`argmax`, `floor`,
`maximum`) is offset, so that no rounding can tip it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax import lax

from tests.helpers._programs import Pure, Ruled, Shape, Step, Tag

Draw = Callable[[st.SearchStrategy], Any]
Built = tuple[Step, list[Shape]]

NAMES = ("a", "b", "c", "d", "e")
_MAX_SIZE = 12


def size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=int))


@dataclass(frozen=True)
class Scope:
    """The shapes of the values that a step may read; the first `context` of them are parameters."""

    shapes: tuple[Shape, ...]
    context: int

    def positions(
        self, fits: Callable[[Shape], bool] = lambda shape: True, context: bool = False
    ) -> list[int]:
        """Where the shapes that fit are, newest first; parameters, which no path crosses, only on
        demand.
        """
        start = 0 if context else self.context
        return [p for p in reversed(range(start, len(self.shapes))) if fits(self.shapes[p])]

    def plus(self, shapes: Sequence[Shape]) -> "Scope":
        return Scope((*self.shapes, *shapes), self.context)


def operand(
    draw: Draw,
    scope: Scope,
    fits: Callable[[Shape], bool] = lambda shape: True,
    context: bool = False,
) -> int | None:
    """The position of one value of a shape that fits."""
    positions = scope.positions(fits, context)
    return draw(st.sampled_from(positions)) if positions else None


def _one(
    draw: Draw,
    scope: Scope,
    fits: Callable[[Shape], bool],
    make: Callable[[Shape], tuple[Pure, list[Shape]]],
) -> Built | None:
    position = operand(draw, scope, fits)
    if position is None:
        return None
    op, shapes = make(scope.shapes[position])
    return (Step(op, (position,)), shapes) if all(size(s) <= _MAX_SIZE for s in shapes) else None


def tag(draw: Draw, scope: Scope) -> Built | None:
    position = operand(draw, scope)
    assert position is not None
    return Step(Tag(draw(st.sampled_from(NAMES))), (position,)), [scope.shapes[position]]


_UNARY = {
    "tanh": jnp.tanh,
    "sin": jnp.sin,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "square": lambda v: 0.5 * v**2,
    "scale": lambda v: -1.3 * v + 0.2,
    # Two functions that differ in a constant alone, and there past the digits that are printed.
    "factor": lambda v: 0.12345678911 * v + 0.5,
    "almost the factor": lambda v: 0.12345678999 * v + 0.5,
    "gelu": jax.nn.gelu,
    "relu": lambda v: jnp.maximum(v, 0.137),
    "still": lambda v: 0.7 * v + lax.stop_gradient(jnp.cos(v)),
    "floored": lambda v: v * (1 + jnp.floor(v + 0.3137)),
}

_BINARY = {
    "add": jnp.add,
    "multiply": jnp.multiply,
    "subtract": jnp.subtract,
    "divide": lambda v, w: v / (1 + w**2),
    "larger": lambda v, w: jnp.where(v > w + 0.0271, v, 0.5 * w),
    "mask": lambda v, w: jnp.where(_parity(v) == 0, v, w),
}


def _parity(v: Any) -> Any:
    return lax.broadcasted_iota(jnp.int32, v.shape, v.ndim - 1) % 2 if v.ndim else jnp.int32(0)


def unary(draw: Draw, scope: Scope) -> Built | None:
    name = draw(st.sampled_from(sorted(_UNARY)))
    return _one(draw, scope, lambda s: True, lambda s: (Pure(name, _UNARY[name]), [s]))


def binary(draw: Draw, scope: Scope) -> Built | None:
    first = operand(draw, scope)
    assert first is not None
    shape = scope.shapes[first]
    second = operand(draw, scope, lambda s: s == shape, context=True)
    name = draw(st.sampled_from(sorted(_BINARY)))
    return Step(Pure(name, _BINARY[name]), (first, second)), [shape]  # type: ignore[arg-type]


def scaled(draw: Draw, scope: Scope) -> Built | None:
    """A scalar times an array: one value reaches every entry."""
    scalar, array = operand(draw, scope, lambda s: s == ()), operand(draw, scope)
    if scalar is None or array is None:
        return None
    shape = scope.shapes[array]
    fn = lambda a, v: lax.broadcast(a, v.shape) * v  # noqa: E731
    return Step(Pure("scaled", fn), (scalar, array)), [shape]


def matmul(draw: Draw, scope: Scope) -> Built | None:
    """The product of two values of the program: parameters, activations, or both."""
    right = operand(draw, scope, lambda s: len(s) in (1, 2))
    if right is None:
        return None
    inner = scope.shapes[right][0]
    left = operand(draw, scope, lambda s: len(s) in (1, 2) and s[-1] == inner, context=True)
    if left is None:
        return None
    shape = scope.shapes[left][:-1] + scope.shapes[right][1:]
    return (
        (Step(Pure("matmul", jnp.matmul), (left, right)), [shape])
        if size(shape) <= _MAX_SIZE
        else None
    )


def merged(draw: Draw, scope: Scope) -> Built | None:
    """A smooth function of several values of any shapes, in which they multiply each other."""
    values = draw(st.lists(st.sampled_from(scope.positions()), min_size=2, max_size=3))
    seed = draw(st.integers(0, 99))
    op = Pure(f"smooth(3, {seed})", smooth(3, seed))
    return Step(op, tuple(values)), [(3,)]


def smooth(width: int, seed: int) -> Callable[..., Any]:
    """A function of several arrays: `tanh(A v) * (1 + sin(B w)) + …`, matrices from the seed."""

    def function(*values: Any) -> Any:
        random = np.random.default_rng(seed)
        total, gate = jnp.zeros(width), jnp.ones(width)
        for v in values:
            a, b = random.normal(size=(2, width, v.size))
            total = jnp.tanh(a @ v.ravel()) * gate + 0.3 * total
            gate = 1 + 0.5 * jnp.sin(b @ v.ravel())
        return total * gate

    return function


def dense(draw: Draw, scope: Scope) -> Built | None:
    """A product with a constant matrix, written into the program."""
    width, seed = draw(st.sampled_from((3, 3, 2, 1))), draw(st.integers(0, 99))

    def make(shape: Shape) -> tuple[Pure, list[Shape]]:
        weight = np.random.default_rng(seed).normal(size=(width, shape[0]))
        return Pure(f"dense({width}, {seed})", lambda v: jnp.tensordot(weight, v, 1)), [
            (width, *shape[1:])
        ]

    return _one(draw, scope, lambda s: len(s) >= 1, make)


def reduction(draw: Draw, scope: Scope) -> Built | None:
    name = draw(
        st.sampled_from(("sum", "mean of axis 0", "max", "logsumexp", "cumsum", "softmax", "sort"))
    )

    def make(shape: Shape) -> tuple[Pure, list[Shape]]:
        fn, out = {
            "sum": (jnp.sum, ()),
            "mean of axis 0": (lambda v: jnp.mean(v, axis=0), shape[1:]),
            "max": (lambda v: jnp.max(v + 0.0113 * _ramp(v)), ()),
            "logsumexp": (jax.nn.logsumexp, ()),
            "cumsum": (lambda v: jnp.cumsum(v, axis=0), shape),
            "softmax": (lambda v: jax.nn.softmax(v, axis=-1), shape),
            "sort": (lambda v: jnp.sort(v + 0.0113 * _ramp(v), axis=0), shape),
        }[name]
        return Pure(name, fn), [out]

    return _one(draw, scope, lambda s: len(s) >= 1, make)


def _ramp(v: Any) -> Any:
    return np.arange(v.size, dtype=np.float64).reshape(v.shape)


def integers(draw: Draw, scope: Scope) -> Built | None:
    """Integers on the side: an index computed from a value, which carries no derivative."""
    name = draw(st.sampled_from(("one_hot", "taken", "counted")))

    def best(v: Any) -> Any:
        return jnp.argmax(v.ravel() + 0.0113 * np.arange(v.size))

    def make(shape: Shape) -> tuple[Pure, list[Shape]]:
        fn, out = {
            "one_hot": (lambda v: jax.nn.one_hot(best(v), 3, dtype=v.dtype), (3,)),
            "taken": (lambda v: v.ravel()[best(v)], ()),
            "counted": (
                lambda v: jnp.sum(v + 0.0271 > 0, dtype=jnp.int32).astype(v.dtype) * jnp.sin(v),
                shape,
            ),
        }[name]
        return Pure(name, fn), [out]

    return _one(draw, scope, lambda s: len(s) >= 1, make)


def ruled(draw: Draw, scope: Scope) -> Built | None:
    """A function with a derivative rule that is not its derivative."""
    op = draw(
        st.sampled_from(
            (
                Ruled("straight through", lambda v: jnp.round(v + 0.0271), jnp.ones_like),
                Ruled("sine, slope 0.3 + v**2", jnp.sin, lambda v: 0.3 + v**2),
                Ruled("sine, slope 0.7 + v**2", jnp.sin, lambda v: 0.7 + v**2),
            )
        )
    )
    position = operand(draw, scope)
    assert position is not None
    return Step(op, (position,)), [scope.shapes[position]]
