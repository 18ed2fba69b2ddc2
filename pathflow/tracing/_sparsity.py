"""The structure of a local partial's Jacobian: which of its entries can be other than zero.

It is read off the partial's linear map (`_dependence.py`), without evaluating anything. What it
says holds for all nodes of a class at all inputs, or for one node where its integers (the places of
a gather) are looked at.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow.tracing._contract import NodeFunction
from pathflow.tracing._dependence import jaxpr_structure, known_value
from pathflow.tracing._ir import Const
from pathflow.tracing._partial import LocalPartial
from pathflow.tracing._structure import Sparsity, Structure

# Values of more entries than this are not looked at.
_MAX_KNOWN = 2**16


def sparsity_of(partial: LocalPartial, function: NodeFunction | None = None) -> Sparsity:
    """The kind of a local partial's structure; see `structure_of`."""
    return structure_of(partial, function).sparsity


def structure_of(partial: LocalPartial, function: NodeFunction | None = None) -> Structure:
    """Which entries of a node may depend on which entries of a predecessor.

    Arguments:
        partial: the linear map.
        function: of one node of the partial's class, whose integers are then taken as they are
            there; without it the answer holds for all nodes of the class.

    Returns:
        The structure. What is zero at a node only because its context is zero is not seen here,
        but by `zero_partial`.
    """
    known = [] if function is None else _known(partial.linear[1], function)
    return _structure(partial, tuple(known))


def local_jacobian(
    partial: LocalPartial,
    residuals: Sequence[Any],
    shared: Sequence[Any],
    function: NodeFunction | None = None,
) -> Any:
    """A local partial's Jacobian written out, at one point.

    One product gives all columns that share no row: a diagonal Jacobian costs one, and one of
    blocks as many as a block has columns.

    Arguments:
        partial: the linear map.
        residuals: what it must know of the activations; see `LocalPartial.residuals`.
        shared: the inputs that it reads as they are.
        function: of the node; see `structure_of`.

    Returns:
        `(entries of the node, entries of the predecessor)`.
    """
    structure = structure_of(partial, function)
    aval = partial.in_aval
    out = jnp.zeros((structure.n_out, structure.n_in), partial.out_aval.dtype)
    if not structure.n_colors:
        return out
    seeds = jnp.asarray(structure.seeds(), aval.dtype).reshape(-1, *aval.shape)
    columns = jax.vmap(lambda seed: partial.push(residuals, shared, seed))(seeds)
    rows = np.arange(structure.n_out)[None]
    # What no column of a color reaches is dropped.
    return out.at[rows, structure.owner].set(columns.reshape(len(seeds), -1), mode="drop")


def _known(places: Any, function: NodeFunction) -> list[tuple[int, Any]]:
    """The constants of a linear map that are known integers of a node, by their numbers."""
    n = len(function.predecessors)
    found = []
    for i, place in enumerate(places):
        atom = function.context[place - n] if place is not None and place >= n else None
        if isinstance(atom, Const) and atom.size <= _MAX_KNOWN:
            value = known_value(atom.value)
            if value is not None and value.dtype.kind in "iub":
                found.append((i, (value.tobytes(), value.shape, value.dtype.str)))
    return found


@lru_cache(4096)
def _structure(partial: LocalPartial, known: tuple[tuple[int, Any], ...]) -> Structure:
    jaxpr, _ = partial.linear
    values = {
        jaxpr.constvars[i]: np.frombuffer(raw, dtype).reshape(shape)
        for i, (raw, shape, dtype) in known
    }
    structure = jaxpr_structure(jaxpr, 0, values)
    return structure.transposed if partial.transposed else structure
