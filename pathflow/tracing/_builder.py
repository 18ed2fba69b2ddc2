"""Emits equations into a flat program: shares equal ones and computes known integers at once.

Sharing keeps the context of an unrolled loop (a weight's slice, taken again at every step) a single
value. Known integers (loop counters, index arithmetic) turn dynamic slices into static ones, which
`_select.py` can follow.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive

from pathflow._compat import bind
from pathflow.tracing._ir import Atom, Const, Equation, Var

# Folding is for indices and predicates; larger integer arrays are data.
_FOLD_LIMIT = 4096


class Builder:
    """A growing flat program."""

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self._known: dict[Any, tuple[Atom, ...]] = {}

    def input(self, shape: Sequence[int], dtype: Any, *, depends: bool) -> Var:
        return Var(tuple(shape), dtype, depends)

    def emit(
        self,
        primitive: Primitive,
        params: dict[str, Any],
        inputs: Sequence[Atom],
        avals: Sequence[tuple[tuple[int, ...], Any]],
        *,
        depends: bool | None = None,
    ) -> tuple[Atom, ...]:
        """Adds one equation whose outputs have the given shapes and dtypes, unless an equal one is
        there.

        Arguments:
            primitive: what is applied.
            params: its parameters.
            inputs: what it is applied to.
            avals: the shape and dtype of each output.
            depends: overrides whether the outputs depend on a node (a tag's output always does).
        """
        folded = self._fold(primitive, params, inputs, avals)
        if folded is not None:
            return folded
        key = _sharing_key(primitive, params, inputs)
        if key is not None and key in self._known:
            return self._known[key]
        if depends is None:
            depends = any(atom.depends for atom in inputs)
        outputs = tuple(Var(tuple(shape), dtype, depends) for shape, dtype in avals)
        equation = Equation(primitive, params, tuple(inputs), outputs, len(self.equations))
        for var in outputs:
            var.equation = equation
        self.equations.append(equation)
        if key is not None:
            self._known[key] = outputs
        return outputs

    def _fold(
        self, primitive: Primitive, params: dict[str, Any], inputs: Sequence[Atom], avals: Any
    ) -> tuple[Const, ...] | None:
        if primitive.name in ("pathflow_tag", "name"):
            return None
        known = [a for a in inputs if isinstance(a, Const)]
        if len(known) < len(inputs):
            return None
        small = all(np.prod(s, dtype=np.int64) <= _FOLD_LIMIT and _is_index(d) for s, d in avals)
        if not small or not all(_is_index(a.dtype) for a in known) or not avals:
            return None
        with jax.ensure_compile_time_eval():
            values = bind(primitive, params, [a.value for a in known])
        return tuple(Const(np.asarray(v)) for v in values)

    # The few equations that unrolling and following values must add.

    def slice(self, atom: Atom, ranges: Sequence[range]) -> Atom:
        """`atom[ranges]`, as one slice equation (and a reversal for negative steps)."""
        if isinstance(atom, Const):
            return Const(_array(atom.value)[np.ix_(*ranges)])
        forward = [r if r.step > 0 else r[::-1] for r in ranges]
        params = {
            "start_indices": tuple(r.start for r in forward),
            "limit_indices": tuple(r[-1] + 1 if len(r) else r.start for r in forward),
            "strides": None
            if all(r.step == 1 for r in forward)
            else tuple(r.step for r in forward),
        }
        shape = tuple(len(r) for r in ranges)
        (out,) = self.emit(lax.slice_p, params, [atom], [(shape, atom.dtype)])
        reversed_axes = tuple(i for i, r in enumerate(ranges) if r.step < 0)
        if reversed_axes:
            aval = [(shape, atom.dtype)]
            (out,) = self.emit(lax.rev_p, {"dimensions": reversed_axes}, [out], aval)
        return out

    def reshape(self, atom: Atom, shape: Sequence[int]) -> Atom:
        shape = tuple(int(s) for s in shape)
        if isinstance(atom, Const):
            return Const(_array(atom.value).reshape(shape))
        if shape == atom.shape:
            return atom
        params = {"new_sizes": shape, "dimensions": None, "sharding": None}
        return self.emit(lax.reshape_p, params, [atom], [(shape, atom.dtype)])[0]

    def concatenate(self, atoms: Sequence[Atom], axis: int) -> Atom:
        if len(atoms) == 1:
            return atoms[0]
        shape = list(atoms[0].shape)
        shape[axis] = sum(a.shape[axis] for a in atoms)
        aval = [(tuple(shape), atoms[0].dtype)]
        return self.emit(lax.concatenate_p, {"dimension": axis}, atoms, aval)[0]

    def stack(self, atoms: Sequence[Atom]) -> Atom:
        return self.concatenate([self.reshape(a, (1, *a.shape)) for a in atoms], 0)


def _array(value: Any) -> Any:
    """The value as an array of NumPy's, or of JAX's where NumPy has no such entries."""
    keys = jnp.issubdtype(jnp.result_type(value), jax.dtypes.extended)
    return value if keys else np.asarray(value)


def _is_index(dtype: Any) -> bool:
    # JAX's test and not NumPy's, which knows no random keys.
    return jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.bool_)


def _sharing_key(primitive: Primitive, params: dict[str, Any], inputs: Sequence[Atom]) -> Any:
    """Equal keys mean equal values; None for a tag, which is a value of its own, and where
    parameters cannot be hashed.
    """
    if primitive.name in ("pathflow_tag", "name"):
        return None
    key = (
        primitive,
        tuple(sorted(params.items(), key=lambda item: item[0])),
        *map(_atom_key, inputs),
    )
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _atom_key(atom: Atom) -> Any:
    if isinstance(atom, Var):
        return atom
    if jnp.issubdtype(atom.dtype, jax.dtypes.extended):
        return id(atom)
    value = np.asarray(atom.value)
    if value.size > _FOLD_LIMIT or value.dtype.kind not in "biufc":
        return id(atom)
    return (value.dtype.str, value.shape, value.tobytes(), type(atom.value))
