"""The compiled steps of a sum over paths: push the tangents of all lanes into a node, pull their
cotangents out of it.

A *lane* of a node is one state that an automaton may be in after reading it; its tangent is the sum
of the tangents of all paths that lead to the node and to that state. Every node has equally many
lanes (the last ones may be unused, and stay zero), so that arrays of tangents and of cotangents are
`(lanes, [examples,] points, *shape)` throughout, and each step is compiled once per node class.
Which lane of a predecessor leads to which lane of a node is data: one integer per lane, and nothing
to compile.
"""

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._compat import compiled
from pathflow.evaluation import Flags, lift

_CACHED = 4096
# More predecessors of one shape than this are handled together: with hundreds of them (every layer
# before, on a residual stream) operations for each would take minutes to compile.
_FEW = 4


def _alike(vectors: Sequence[Any], flags: Flags) -> list[list[int]]:
    """Slots that are handled together: many of one shape, or one alone."""
    found: dict[Any, list[int]] = {}
    for slot, (x, axes) in enumerate(zip(vectors, flags, strict=True)):
        found.setdefault((x.shape, x.dtype, axes), []).append(slot)
    return [
        part
        for slots in found.values()
        for part in ([slots] if len(slots) > _FEW else [[slot] for slot in slots])
    ]


def _stacked(arrays: Any, slots: Sequence[int]) -> Any:
    """The entries of the slots, from a list of arrays or from an array of them."""
    return jnp.stack([arrays[slot] for slot in slots])


def _in_order(groups: Sequence[Sequence[int]], results: Sequence[Any]) -> list[Any]:
    """One result per slot, from one array per group."""
    found = {
        slot: x
        for slots, result in zip(groups, results, strict=True)
        for slot, x in zip(slots, result, strict=True)
    }
    return [found[slot] for slot in range(len(found))]


def _send(vectors: Sequence[Any], flags: Flags, following: Any) -> list[Any]:
    """For each slot the sums of the lanes that lead to the same lane of the node.

    Lanes are sent before they are pushed, since a push is the dearer step and several lanes may
    become one.
    """
    lanes = len(vectors[0])
    if lanes == 1 or following is None:
        return list(vectors)

    def of_group(slots: Sequence[int]) -> Any:
        tangents = _stacked(vectors, slots)
        after = _stacked(following, slots)
        matrices = jnp.equal(after[:, None, :], jnp.arange(lanes, dtype=after.dtype)[None, :, None])
        return jnp.einsum("sij,sj...->si...", matrices.astype(tangents.dtype), tangents)

    groups = _alike(vectors, flags)
    return _in_order(groups, [of_group(slots) for slots in groups])


def _fetch(cotangents: Any, following: Any) -> Any:
    """The transpose of `_send`, for a group: each lane reads the lane that it leads to."""
    if cotangents.shape[1] == 1:
        return cotangents
    take = jax.vmap(lambda c, after: jnp.take(c, after, axis=0, mode="fill", fill_value=0))
    return take(cotangents, following)


@lru_cache(_CACHED)
def gatherer(vector_flags: Flags, examples: int | None, points: int) -> Callable:
    """`(tangents of each term, following) -> tangents of their sum`, with all axes, in the lanes of
    the node that reads the sum.
    """

    def run(vectors: Sequence[Any], following: Any) -> Any:
        return reduce(
            operator.add,
            (
                _spread_out(x, flags, examples, points)
                for x, flags in zip(
                    _send(vectors, vector_flags, following), vector_flags, strict=True
                )
            ),
        )

    return compiled(run)


def _spread_out(x: Any, flags: tuple[bool, bool], examples: int | None, points: int) -> Any:
    """`(lanes, [examples,] points, *shape)`, repeated along the axes that are not there."""
    batched, pointed = flags
    sizes = [] if examples is None else [examples]
    if examples is not None and not batched:
        x = jnp.expand_dims(x, 1)
    if not pointed:
        x = jnp.expand_dims(x, 1 + len(sizes))
    return jnp.broadcast_to(x, (len(x), *sizes, points, *x.shape[2 + len(sizes) :]))


@lru_cache(_CACHED)
def pusher(key: tuple, vector_flags: Flags, examples: int | None, points: int) -> Callable:
    """`(arrays of the joint partial, tangents of each slot, following) -> tangents of the node`.

    `following` is `(slots, lanes)`: the lane that each lane leads to, or the number of lanes where
    it leads to none, or None where each leads to itself.
    """
    partial, n_residuals, flags = key
    slots = len(partial.slots)

    def one(*given: Any) -> Any:
        tangents, arrays = given[:slots], given[slots:]
        return partial.push(arrays[:n_residuals], arrays[n_residuals:], tangents)

    axes = (*(0 for _ in range(slots)), *(None for _ in flags))
    over_lanes = jax.vmap(lift(one, (*vector_flags, *flags), examples, points), in_axes=axes)

    def run(arrays: Sequence[Any], vectors: Sequence[Any], following: Any) -> Any:
        return over_lanes(*_send(vectors, vector_flags, following), *arrays)

    return compiled(run)


@lru_cache(_CACHED)
def puller(key: tuple, vector_flags: Flags, examples: int | None, points: int) -> Callable:
    """`(arrays, cotangents of the node, tangents of each slot, following, sums) -> ...`.

    Returns, with one entry per slot:
        the cotangents of each slot's node, added to `sums` (nothing where the sum is None);
        what flows along each edge, `(slots, [examples,] points)`;
        the same with the absolute value of every entry.
    """
    pulled_by = _pulled(key, examples, points)
    batched = examples is not None

    def run(
        arrays: Sequence[Any], cotangents: Any, vectors: Sequence[Any], following: Any, sums: Any
    ) -> Any:
        pulled = pulled_by(cotangents, *arrays)
        return _flows(pulled, vectors, vector_flags, following, sums, batched)

    return compiled(run)


@lru_cache(_CACHED)
def sum_puller(key: tuple, examples: int | None, points: int) -> Callable:
    """`(arrays, cotangents of a node that reads a sum) -> cotangents of the sum`."""
    pulled_by = _pulled(key, examples, points)
    return compiled(lambda arrays, cotangents: pulled_by(cotangents, *arrays)[0])


@lru_cache(_CACHED)
def scatterer(vector_flags: Flags, batched: bool) -> Callable:
    """`(cotangents of a sum, tangents of each term, following, sums) -> ...`, as `puller` returns
    it: every term has the cotangents of the sum.
    """

    def run(cotangents: Any, vectors: Sequence[Any], following: Any, sums: Any) -> Any:
        pulled = [cotangents] * len(vectors)
        return _flows(pulled, vectors, vector_flags, following, sums, batched)

    return compiled(run)


def _pulled(key: tuple, examples: int | None, points: int) -> Callable:
    """`(cotangents of the node, *arrays) -> cotangents of each slot`, over lanes and points."""
    partial, n_residuals, flags = key

    def one(cotangent: Any, *arrays: Any) -> Any:
        return tuple(partial.pull(arrays[:n_residuals], arrays[n_residuals:], cotangent))

    axes = (0, *(None for _ in flags))
    lifted = lift(one, ((examples is not None, True), *flags), examples, points)
    return jax.vmap(lifted, in_axes=axes)


def _flows(
    pulled: Sequence[Any],
    vectors: Sequence[Any],
    vector_flags: Flags,
    following: Any,
    sums: Any,
    batched: bool,
) -> Any:
    """What `puller` returns, from the cotangents of each slot in the lanes of the node."""
    groups, fetched, along, absolute = _alike(vectors, vector_flags), [], [], []
    for slots in groups:
        fetched.append(_fetch(_stacked(pulled, slots), _stacked(following, slots)))
        tangents = _stacked(vectors, slots)
        if not vector_flags[slots[0]][1]:
            # The tangents of a source are the same at all points.
            tangents = jnp.expand_dims(tangents, 2 + batched)
        flow = fetched[-1] * tangents
        along.append(_over_entries(flow, batched))
        absolute.append(_over_entries(jnp.abs(flow), batched))
    added = zip(sums, _in_order(groups, fetched), strict=True)
    return (
        [None if s is None else s + c for s, c in added],
        jnp.stack(_in_order(groups, along)),
        jnp.stack(_in_order(groups, absolute)),
    )


def _over_entries(flow: Any, batched: bool) -> Any:
    """The sum over lanes and entries, for each slot, example and point."""
    kept = (0, *range(2, 4 if batched else 3))
    return jnp.sum(flow, axis=tuple(i for i in range(flow.ndim) if i not in kept))
