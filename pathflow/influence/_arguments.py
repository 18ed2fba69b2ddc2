"""The arguments of `attribute`, checked against those that the graph was traced with, as flat
values.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._errors import ArgumentError, ShapeError
from pathflow.interest import AbstractDoI
from pathflow.tracing import TracedGraph, Value


def flat_arguments(
    traced: TracedGraph, args: Sequence[Any], qoi: Any, in_axes: Any
) -> tuple[tuple[Value, ...], int | None]:
    """The flat arguments as values, examples first, and the number of examples."""
    if not isinstance(args, tuple | list):
        raise ArgumentError(
            "attribute(args=...) takes the tuple of the function's arguments, got "
            f"{type(args).__name__}."
        )
    args = tuple(args)
    _check_axes(in_axes)
    batched = in_axes is not None
    axes: Any = (in_axes,) * len(args) if not isinstance(in_axes, tuple | list) else tuple(in_axes)
    if len(axes) != len(args):
        raise ArgumentError(
            f"attribute(in_axes=...) has {len(axes)} entries for {len(args)} arguments; give one "
            "for each."
        )
    flat_axes = [a for arg, axis in zip(args, axes, strict=True) for a in _leaf_axes(arg, axis)]
    own = _quantity(traced, qoi)
    if own is not None:
        # A quantity's arrays are per example when they have one axis more than when it was traced.
        pairs = zip(jax.tree.leaves(own), traced.program.avals, strict=False)
        per_example = [batched and jnp.ndim(x) == len(a.shape) + 1 for x, a in pairs]
        flat_axes = [0 if p else None for p in per_example] + flat_axes
        args = (own, *args)
    structure = jax.tree.structure(args)
    if structure != traced.program.args_structure:
        raise ShapeError(
            f"attribute(args=...) has the structure {structure}, but the function was traced with "
            f"{traced.program.args_structure}; pass arguments of the same kind, or trace again."
        )
    rows = zip(
        _names(args, own), jax.tree.leaves(args), flat_axes, traced.program.avals, strict=True
    )
    values = [_value(*row) for row in rows]
    return tuple(values), _count_examples(values) if batched else None


def _quantity(traced: TracedGraph, qoi: Any) -> Any:
    """The quantity of interest: the one given, else the one that the graph was traced with."""
    if qoi is None:
        return traced.qoi
    if traced.qoi is None:
        raise ArgumentError(
            "attribute(qoi=...): the graph was traced without one; pass it to pathflow.trace(..., "
            "qoi=...)."
        )
    if jax.tree.structure(qoi) != jax.tree.structure(traced.qoi):
        raise ArgumentError(
            f"attribute(qoi={qoi!r}) is another quantity than the graph was traced with, "
            f"{traced.qoi!r}; only its arrays may differ, so trace again with this one."
        )
    return qoi


def _names(args: Any, qoi: Any) -> list[str]:
    """How messages call each flat argument: `qoi.good`, `args[1]['w']`."""
    names = []
    for path, _ in jax.tree_util.tree_flatten_with_path(args)[0]:
        position, rest = path[0].idx - (qoi is not None), jax.tree_util.keystr(path[1:])
        names.append(f"qoi{rest}" if position < 0 else f"args[{position}]{rest}")
    return names


def check_examples(doi: AbstractDoI, ndims: Sequence[int], examples: int | None) -> None:
    """Whether the arrays of a distribution that are per example hold as many as there are.

    Raises:
        ShapeError: one does not.
    """
    if examples is None:
        return
    for leaf, axis in zip(jax.tree.leaves(doi), doi.example_axes(ndims), strict=True):
        if axis is not None and leaf.shape[axis] != examples:
            raise ShapeError(
                f"attribute(doi=...): an array of {type(doi).__name__} has shape {leaf.shape}, "
                f"which holds {leaf.shape[axis]} examples, but the arguments hold {examples}; give "
                "one entry per example, or one array that all share."
            )


def _check_axes(in_axes: Any) -> None:
    axes = jax.tree.leaves(in_axes, is_leaf=lambda a: a is None)
    if isinstance(in_axes, dict) or any(
        axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)) for axis in axes
    ):
        raise ArgumentError(
            f"attribute(in_axes={in_axes!r}) takes, as jax.vmap does, an integer or None, or a "
            "tuple with one of them (or a pytree of them) per argument."
        )


def _leaf_axes(arg: Any, axis: Any) -> list[int | None]:
    """One axis per leaf: of the whole argument, or of its parts where `axis` is a pytree, as in
    `jax.vmap`.
    """
    if axis is None or isinstance(axis, int):
        return [axis] * len(jax.tree_util.tree_leaves(arg))
    try:
        return list(jax.api_util.flatten_axes("in_axes", jax.tree_util.tree_structure(arg), axis))
    except ValueError:
        raise ArgumentError(
            f"attribute(in_axes=...) has {axis!r} for an argument of another structure; give it "
            "one axis, or a pytree of axes that is a prefix of it."
        ) from None


def _value(name: str, leaf: Any, axis: int | None, aval: jax.ShapeDtypeStruct) -> Value:
    # A Python number takes the dtype that it had when the function was traced.
    number = isinstance(leaf, int | float) and not isinstance(leaf, bool)
    array = jnp.asarray(leaf, aval.dtype) if number else jnp.asarray(leaf)
    if axis is not None:
        if not -array.ndim <= axis < array.ndim:
            raise ShapeError(
                f"attribute(in_axes=...): {name} is {_described(array)} and has no axis {axis} of "
                "examples; name one that it has, or None for an argument that all examples share."
            )
        array = jnp.moveaxis(array, axis, 0)
    shape = array.shape[1:] if axis is not None else array.shape
    if shape != tuple(aval.shape):
        raise ShapeError(
            f"attribute: {name} has shape {shape}"
            + (" per example" if axis is not None else "")
            + f", but the function was traced with {tuple(aval.shape)}; trace again for this shape"
            + ("." if axis is not None else ", or say with in_axes= which axis holds examples.")
        )
    if array.dtype != aval.dtype and not jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        raise ShapeError(
            f"attribute: {name} has dtype {array.dtype}, but the function was traced with "
            f"{aval.dtype}; convert it, or trace again."
        )
    return Value(array, axis is not None)


def _described(array: Any) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "a scalar"


def _count_examples(values: Sequence[Value]) -> int:
    counts = {v.array.shape[0] for v in values if v.batched}
    if not counts:
        raise ArgumentError(
            "attribute(in_axes=...) gives no argument an axis of examples; use in_axes=None for "
            "one example."
        )
    if len(counts) > 1:
        raise ShapeError(
            f"attribute(in_axes=...): the arguments hold {sorted(counts)} examples; all must hold "
            "the same number."
        )
    (count,) = counts
    if count == 0:
        raise ArgumentError(
            "attribute(args=...): the axis of examples is empty; give at least one example."
        )
    return count
