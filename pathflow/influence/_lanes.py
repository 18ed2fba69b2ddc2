"""The compiled steps of a sum over paths: push the tangents of all lanes into a node, pull their
cotangents out of it.

A *lane* of a node is one state that an automaton may be in after reading it; its tangent is the sum
of the tangents of all paths that lead to the node and to that state. Every node has equally many
lanes (the last ones may be unused, and stay zero), so that arrays of tangents and of cotangents are
`(lanes, [examples,] points, *shape)` throughout, and each step is compiled once per node class.
Which lane of a predecessor leads to which lane of a node is data: one integer per lane, and nothing
to compile.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from pathflow.influence._kernel import Flags, lift

_CACHED = 4096


def _send(tangents: Any, following: Any) -> Any:
    """The sums of the lanes that lead to the same lane of the next node.

    Lanes are sent before they are pushed, since a push is the dearer step and several lanes may
    become one.
    """
    lanes = len(tangents)
    if lanes == 1:
        return tangents
    matrix = jnp.equal(following[None, :], jnp.arange(lanes)[:, None]).astype(tangents.dtype)
    return jnp.tensordot(matrix, tangents, 1)


def _fetch(cotangents: Any, following: Any) -> Any:
    """The transpose of `_send`: each lane reads the lane that it leads to."""
    if len(cotangents) == 1:
        return cotangents
    return jnp.take(cotangents, following, axis=0, mode="fill", fill_value=0)


@lru_cache(_CACHED)
def pusher(key: tuple, vector_flags: Flags, examples: int | None, points: int) -> Callable:
    """`(arrays of the joint partial, tangents of each slot, following) -> tangents of the node`.

    `following` is `(slots, lanes)`: the lane that each lane leads to, or the number of lanes where
    it leads to none.
    """
    partial, n_residuals, flags = key
    slots = len(partial.slots)

    def one(*given: Any) -> Any:
        tangents, arrays = given[:slots], given[slots:]
        return partial.push(arrays[:n_residuals], arrays[n_residuals:], tangents)

    axes = (*(0 for _ in range(slots)), *(None for _ in flags))
    over_lanes = jax.vmap(lift(one, (*vector_flags, *flags), examples, points), in_axes=axes)

    def run(arrays: Sequence[Any], vectors: Sequence[Any], following: Any) -> Any:
        sent = [_send(x, following[i]) for i, x in enumerate(vectors)]
        return over_lanes(*sent, *arrays)

    return jax.jit(run)


@lru_cache(_CACHED)
def puller(key: tuple, vector_flags: Flags, examples: int | None, points: int) -> Callable:
    """`(arrays, cotangents of the node, tangents of each slot, following, sums) -> ...`.

    Returns, with one entry per slot:
        the cotangents of each slot's node, added to `sums` (nothing where the sum is None);
        what flows along each edge, `(slots, [examples,] points)`;
        the same with the absolute value of every entry.
    """
    partial, n_residuals, flags = key
    batched = examples is not None

    def one(cotangent: Any, *arrays: Any) -> Any:
        return tuple(partial.pull(arrays[:n_residuals], arrays[n_residuals:], cotangent))

    axes = (0, *(None for _ in flags))
    over_lanes = jax.vmap(lift(one, ((batched, True), *flags), examples, points), in_axes=axes)

    def run(
        arrays: Sequence[Any], cotangents: Any, vectors: Sequence[Any], following: Any, sums: Any
    ) -> Any:
        pulled = over_lanes(cotangents, *arrays)
        fetched = [_fetch(c, following[i]) for i, c in enumerate(pulled)]
        flows = [
            _entries(c, x, f, batched)
            for c, x, f in zip(fetched, vectors, vector_flags, strict=True)
        ]
        added = [None if s is None else s + c for s, c in zip(sums, fetched, strict=True)]
        return (
            added,
            jnp.stack([_over_entries(flow, batched) for flow in flows]),
            jnp.stack([_over_entries(jnp.abs(flow), batched) for flow in flows]),
        )

    return jax.jit(run)


def _entries(cotangents: Any, tangents: Any, flags: tuple[bool, bool], batched: bool) -> Any:
    """Their products, entry by entry; the tangents of a source are the same at all points."""
    if not flags[1]:
        tangents = jnp.expand_dims(tangents, 1 + batched)
    return cotangents * tangents


def _over_entries(flow: Any, batched: bool) -> Any:
    """The sum over lanes and entries, for each example and point."""
    kept = range(1, 3 if batched else 2)
    return jnp.sum(flow, axis=tuple(i for i in range(flow.ndim) if i not in kept))
