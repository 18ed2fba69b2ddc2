"""The compiled steps of an enumeration: evaluate a node, push tangents into it, pull cotangents out
of it, multiply.

Arrays of values are `([examples,] [points,] *shape)`, with flags for which axes are there. Arrays
of tangents and cotangents are `(paths, [examples,] points, *shape)`. Each step is compiled once per
node class, flags and shapes, by the caches of `jax.jit`; the caches here only keep the functions.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow._errors import TraceError
from pathflow.tracing import JointPartial, LocalPartial, NodeClass, Value

Flags = tuple[tuple[bool, bool], ...]
Partial = LocalPartial | JointPartial
_CACHED = 4096
_TERMS = 8


def flags_of(values: Sequence[Value]) -> Flags:
    return tuple((v.batched, v.pointed) for v in values)


@contextmanager
def together(what: str) -> Iterator[None]:
    """Says what JAX's refusal to evaluate points together means.

    Arguments:
        what: what is evaluated, for the error.

    Raises:
        TraceError: it calls Python, for one point only.
    """
    try:
        yield
    except NotImplementedError as error:
        if "vmap_method" not in str(error):
            raise
        raise TraceError(
            f"{what} calls Python (pure_callback), and the points of interest are evaluated "
            "together, by jax.vmap: pass vmap_method='sequential' to jax.pure_callback, or "
            "'broadcast_all' where the function takes more axes in front."
        ) from error


def lift(fn: Callable, flags: Flags, examples: int | None, points: int | None) -> Callable:
    """Maps a function of one example and one point over the axes that its arguments have.

    An axis whose size is given is mapped over even where no argument has it.
    """
    for axis, size in ((1, points), (0, examples)):
        present = [f[axis] for f in flags]
        if any(present) or size is not None:
            fn = jax.vmap(fn, in_axes=tuple(0 if p else None for p in present), axis_size=size)
    return fn


def pieces(n: int) -> list[slice]:
    """Slices of so many terms of a sum as one compiled step takes.

    A step for hundreds of terms would take XLA half a second for each number of them.
    """
    return [slice(start, min(start + _TERMS, n)) for start in range(0, n, _TERMS)]


def added(values: Sequence[Value]) -> Value:
    """The sum of values of one shape, with the axes that any of them has."""
    while len(values) > 1:
        values = [_added(values[piece]) for piece in pieces(len(values))]
    return values[0]


def _added(values: Sequence[Value]) -> Value:
    flags = flags_of(values)
    array = _adder(flags)(*(v.array for v in values))
    return Value(array, any(b for b, _ in flags), any(p for _, p in flags))


@lru_cache(_CACHED)
def _adder(flags: Flags) -> Callable:
    return compiled(lift(lambda *terms: reduce(operator.add, terms), flags, None, None))


@lru_cache(_CACHED)
def evaluator(computes: NodeClass, partials: tuple[Partial, ...], flags: Flags) -> Callable:
    """`(*inputs) -> value, whether it is finite (at each example and point), residuals of each
    partial`.
    """

    def one(*inputs: Any) -> Any:
        n = computes.n_predecessors
        value = computes(inputs[:n], inputs[n:])
        return value, all_finite(value), tuple(tuple(p.residuals(inputs)) for p in partials)

    return compiled(lift(one, flags, None, None))


def all_finite(value: Any) -> Any:
    """Whether an array holds neither NaN nor an infinite number."""
    if jnp.issubdtype(value.dtype, jnp.inexact):
        return jnp.all(jnp.isfinite(value))
    return jnp.asarray(True)


def finite_at(value: Value) -> Value:
    """Whether a value is finite, at each of the examples and points that it has an axis of."""
    return Value(_finite((value.batched, value.pointed))(value.array), value.batched, value.pointed)


@lru_cache(_CACHED)
def _finite(flags: tuple[bool, bool]) -> Callable:
    return compiled(lift(all_finite, (flags,), None, None))


class Applied:
    """A local partial at given activations: what `push` and `pull` take.

    Arguments:
        partial: the linear map.
        residuals: its residuals, `([examples,] [points,] *shape)`.
        shared: the inputs that it reads as they are.
    """

    def __init__(
        self, partial: Partial, residuals: Sequence[Value], shared: Sequence[Value]
    ) -> None:
        self.partial = partial
        self.values = (*residuals, *shared)
        self.key = (partial, len(residuals), flags_of(self.values))
        self.arrays = tuple(v.array for v in self.values)


def _apply(key: tuple, pull: bool, examples: int | None, points: int) -> Callable:
    """`(arrays, vectors) -> vectors` for one partial, over paths, examples and points."""
    partial, n_residuals, flags = key
    step = partial.pull if pull else partial.push

    def one(vector: Any, *arrays: Any) -> Any:
        return step(arrays[:n_residuals], arrays[n_residuals:], vector)

    def over_paths(arrays: Any, vectors: Any, vector_flags: tuple[bool, bool]) -> Any:
        mapped = lift(one, (vector_flags, *flags), examples, points)
        return jax.vmap(mapped, in_axes=(0, *(None for _ in arrays)))(vectors, *arrays)

    return over_paths


def chain(keys: tuple, pull: bool, examples: int | None, points: int) -> Callable:
    """`(arrays of each partial, vectors) -> vectors`, through one partial after the other."""
    flags = (examples is not None, True)

    def run(arrays: Any, vectors: Any) -> Any:
        for key, of_partial in zip(keys, arrays, strict=True):
            vectors = _apply(key, pull, examples, points)(of_partial, vectors, flags)
        return vectors

    return run


def _moves(
    keys: tuple, pull: bool, vector_flags: Flags, examples: int | None, points: int
) -> Callable:
    def run(arrays: Any, vectors: Any) -> Any:
        moved = [
            _apply(key, pull, examples, points)(a, x, f)
            for key, a, x, f in zip(keys, arrays, vectors, vector_flags, strict=True)
        ]
        return moved[0] if len(moved) == 1 else jnp.concatenate(moved)

    return run


@lru_cache(_CACHED)
def mover(
    keys: tuple, pull: bool, vector_flags: Flags, examples: int | None, points: int
) -> Callable:
    """`(arrays of each partial, vectors of each partial) -> all results, laid end to end along
    paths`.
    """
    return compiled(_moves(keys, pull, vector_flags, examples, points))


@lru_cache(_CACHED)
def crosser(
    keys: tuple, pull: bool, vector_flags: Flags, examples: int | None, points: int
) -> Callable:
    """`(arrays, vectors, other side) -> influences (examples, prefixes, suffixes)` across a cut.

    Vectors are moved across the crossing edges and multiplied with all vectors of the other side:
    one matrix product over points and entries.
    """
    move = _moves(keys, pull, vector_flags, examples, points)

    def run(arrays: Any, vectors: Any, other: Any) -> Any:
        moved = move(arrays, vectors)
        prefixes, suffixes = (other, moved) if pull else (moved, other)
        if examples is None:
            flat = prefixes.reshape(len(prefixes), -1), suffixes.reshape(len(suffixes), -1)
            return (flat[0] @ flat[1].T)[None]
        flat = (x.reshape(len(x), examples, -1) for x in (prefixes, suffixes))
        return jnp.einsum("pek,sek->eps", *flat)

    return compiled(run)


@compiled
def _products(chosen: Any, prefixes: Any, suffixes: Any) -> Any:
    rows = prefixes[chosen].reshape(len(chosen), -1)
    return rows @ suffixes.reshape(len(suffixes), -1).T


def products(
    chosen: np.ndarray,
    prefixes: Any,
    suffixes: Any,
    spread: Callable[[np.ndarray], Any] = np.asarray,
) -> np.ndarray:
    """The influences `(prefixes, suffixes)` of some of the prefixes of one example, with all
    suffixes, by the vectors of both.

    Arguments:
        chosen: which prefixes.
        prefixes: their vectors.
        suffixes: likewise.
        spread: puts the numbers of prefixes where their products are taken, and may add some.
    """
    # As many rows as the next power of two, so that few sizes are compiled.
    padded = np.zeros(1 << max(0, len(chosen) - 1).bit_length(), np.int32)
    padded[: len(chosen)] = chosen
    return np.asarray(_products(spread(padded), prefixes, suffixes))[: len(chosen)]
