"""Strategies for the steps of a random program that only move values, copy them or lay constants
beside them.
"""

from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax import lax

from tests.helpers._ops import Built, Draw, Scope, operand, size
from tests.helpers._programs import Pure, Shape, Step


def _move(name: str, fn: Any, positions: tuple[int, ...], *shapes: Shape) -> Built | None:
    fits = all(0 < size(s) <= 12 for s in shapes)
    return (Step(Pure(name, fn, moves=True), positions), list(shapes)) if fits else None


def _some(draw: Draw, scope: Scope) -> tuple[int, Shape] | None:
    position = operand(draw, scope, lambda s: len(s) >= 1)
    return None if position is None else (position, scope.shapes[position])


def reshape(draw: Draw, scope: Scope) -> Built | None:
    position = operand(draw, scope)
    assert position is not None
    n = size(scope.shapes[position])
    shapes = [(n,), (1, n), (n, 1), *((k, n // k) for k in range(2, n) if n % k == 0)]
    shape = draw(st.sampled_from(shapes))
    return _move(f"reshape{shape}", lambda v: jnp.reshape(v, shape), (position,), shape)


def transpose(draw: Draw, scope: Scope) -> Built | None:
    position = operand(draw, scope, lambda s: len(s) == 2)
    if position is None:
        return None
    return _move("transpose", jnp.transpose, (position,), scope.shapes[position][::-1])


def reverse(draw: Draw, scope: Scope) -> Built | None:
    if (found := _some(draw, scope)) is None:
        return None
    axis = draw(st.integers(0, len(found[1]) - 1))
    return _move(f"reverse({axis})", lambda v: jnp.flip(v, axis), found[:1], found[1])


def slice_(draw: Draw, scope: Scope) -> Built | None:
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    start = draw(st.integers(0, n - 1))
    stop, step = draw(st.integers(start + 1, n)), draw(st.integers(1, 2))
    shape = (len(range(start, stop, step)), *rest)
    return _move(f"[{start}:{stop}:{step}]", lambda v: v[start:stop:step], (position,), shape)


def pick(draw: Draw, scope: Scope) -> Built | None:
    """One row, by an index that is known or clamped at run time (`dynamic_slice` with a constant
    start).
    """
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    i, dynamic = draw(st.integers(0, n - 1)), draw(st.booleans())
    if dynamic:
        fn = lambda v: lax.dynamic_index_in_dim(v, jnp.int32(i), 0, keepdims=False)  # noqa: E731
        return _move(f"dynamic[{i}]", fn, (position,), tuple(rest))
    return _move(f"[{i}]", lambda v: v[i], (position,), tuple(rest))


def split(draw: Draw, scope: Scope) -> Built | None:
    position = operand(draw, scope, lambda s: len(s) >= 1 and s[0] >= 2)
    if position is None:
        return None
    n, *rest = scope.shapes[position]
    cut = draw(st.integers(1, n - 1))
    shapes = [(b - a, *rest) for a, b in pairwise((0, cut, n))]
    return _move(f"split({cut})", lambda v: jnp.split(v, [cut]), (position,), *shapes)


def concatenate(draw: Draw, scope: Scope) -> Built | None:
    if (found := _some(draw, scope)) is None:
        return None
    first, shape = found
    others = scope.positions(lambda s: len(s) == len(shape) and s[1:] == shape[1:])
    more = draw(st.lists(st.sampled_from(others), min_size=1, max_size=2))
    length = sum(scope.shapes[p][0] for p in (first, *more))
    return _move("concatenate", lambda *v: jnp.concatenate(v), (first, *more), (length, *shape[1:]))


def stack(draw: Draw, scope: Scope) -> Built | None:
    first = operand(draw, scope, lambda s: len(s) <= 1)
    if first is None:
        return None
    shape = scope.shapes[first]
    more = draw(
        st.lists(st.sampled_from(scope.positions(lambda s: s == shape)), min_size=1, max_size=2)
    )
    axis = draw(st.integers(0, len(shape)))
    out = (*shape[:axis], 1 + len(more), *shape[axis:])
    return _move(f"stack({axis})", lambda *v: jnp.stack(v, axis), (first, *more), out)


def pad(draw: Draw, scope: Scope) -> Built | None:
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    low, high = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    widths = ((low, high), *((0, 0) for _ in rest))
    return _move(
        f"pad({low}, {high})", lambda v: jnp.pad(v, widths), (position,), (low + n + high, *rest)
    )


def gather(draw: Draw, scope: Scope) -> Built | None:
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    rows = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3))
    index = np.asarray(rows)
    return _move(f"[{rows}]", lambda v: v[index], (position,), (len(rows), *rest))


def update(draw: Draw, scope: Scope) -> Built | None:
    """One row of an array replaced by another value."""
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    row = operand(draw, scope, lambda s: s == tuple(rest))
    if row is None:
        return None
    i = draw(st.integers(0, n - 1))
    return _move(f"set({i})", lambda v, w: v.at[i].set(w), (position, row), (n, *rest))


def repeat(draw: Draw, scope: Scope) -> Built | None:
    """Copies: tiled, or each entry repeated."""
    if (found := _some(draw, scope)) is None:
        return None
    position, (n, *rest) = found
    copies, tiled = draw(st.integers(1, 3)), draw(st.booleans())
    if tiled:
        fn = lambda v: jnp.concatenate([v] * copies)  # noqa: E731
        return _move(f"tile({copies})", fn, (position,), (copies * n, *rest))
    return _move(
        f"repeat({copies})",
        lambda v: jnp.repeat(v, copies, axis=0),
        (position,),
        (copies * n, *rest),
    )


MOVES = (
    slice_,
    pick,
    reshape,
    concatenate,
    stack,
    split,
    reverse,
    transpose,
    gather,
    pad,
    update,
    repeat,
)
