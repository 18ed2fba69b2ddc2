"""Gathers and scatters at known indices, read as selections and as updates of slices."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from pathflow._compat import bind
from pathflow.tracing._boxes import as_box
from pathflow.tracing._ir import Atom, Const
from pathflow.tracing._select import Selector


def gathered(
    s: Selector, primitive: Any, params: dict, operand: Atom, indices: Const
) -> Atom | None:
    """A gather at known indices, as selections; None where an index falls outside or the pieces are
    many.
    """
    ids = np.arange(operand.size, dtype=np.int32).reshape(operand.shape)
    with jax.ensure_compile_time_eval():
        (taken,) = bind(primitive, {**params, "fill_value": -1}, [ids, indices.value])
    taken = np.asarray(taken)
    if taken.size and (taken.min() < 0 or taken.max() >= operand.size):
        return None
    return s.follow(s.entries(operand, taken.astype(np.int64)))


def scattered(s: Selector, primitive: Any, params: dict, inputs: Sequence[Atom]) -> Atom | None:
    """A scatter at known indices that overwrites one box, as an update of a slice; None
    otherwise.
    """
    operand, indices, updates = inputs
    size, count = operand.size, updates.size
    ids = np.arange(size, dtype=np.int32).reshape(operand.shape)
    new = np.arange(size, size + count, dtype=np.int32).reshape(updates.shape)
    with jax.ensure_compile_time_eval():
        (result,) = bind(primitive, params, [ids, indices.value, new])  # type: ignore[union-attr]
    result = np.asarray(result)
    written = np.flatnonzero(result.ravel() >= size)
    box = as_box(written, operand.shape)
    order = result.ravel()[written] - size
    if box is None or any(r.step != 1 for r in box) or not np.array_equal(order, np.arange(count)):
        return None
    starts = [Const(np.int32(r.start)) for r in box]
    part = s.builder.reshape(updates, tuple(map(len, box)))
    if count == size:
        return part
    aval = [(operand.shape, operand.dtype)]
    return s.builder.emit(lax.dynamic_update_slice_p, {}, [operand, part, *starts], aval)[0]
