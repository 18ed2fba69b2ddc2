"""The arguments of a function, checked against those that it was traced with, as flat values."""

from collections.abc import Sequence
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError
from pathflow._precision import check_precision
from pathflow.interest import AbstractDoI, as_quantity
from pathflow.tracing import Program, Value, in_dtype

# Of every evaluation, so that no result depends on what a device multiplies in by default.
MATMUL_PRECISION = "highest"

# Letters of a pytree's structure that a message has room for.
_STRUCTURE = 200


def check_concrete(caller: str, **arguments: Any) -> None:
    """Refuses arguments that another transformation is tracing, and to be part of a `jit`.

    Raises:
        ArgumentError: an argument holds a tracer, or all that is computed is being traced.
    """
    for name, argument in arguments.items():
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(argument)):
            raise ArgumentError(
                f"{caller}({name}=...) holds traced values; call it outside jit, vmap and grad "
                "(it compiles what it needs), and give many examples by in_axes=."
            )
    # Outside it, this alone of what makes an array compiles nothing.
    if isinstance(jax.device_put(np.float32(0)), Tracer):
        raise ArgumentError(
            f"{caller} is called inside jit, where no value is known; call it outside (it compiles "
            "what it needs)."
        )


def flat_arguments(
    program: Program, args: Sequence[Any], qoi: Any, in_axes: Any, caller: str
) -> tuple[tuple[Value, ...], int | None]:
    """The flat arguments as values, examples first, and the number of examples.

    Arguments:
        program: what they are checked against.
        args: the arguments.
        qoi: a quantity of interest in place of the program's, or None.
        in_axes: which axis of each argument holds examples.
        caller: who asks, for the errors.
    """
    flat_axes, args = example_axes(args, in_axes, caller), tuple(args)
    batched = in_axes is not None
    own = _quantity(program, qoi, caller)
    if own is not None:
        # A quantity's arrays are per example when they have one axis more than when it was traced.
        leaves, structure = jax.tree.flatten(own)
        own = jax.tree.unflatten(structure, map(_widened, leaves, program.avals))
        pairs = zip(leaves, program.avals, strict=False)
        per_example = [batched and jnp.ndim(x) == len(a.shape) + 1 for x, a in pairs]
        flat_axes = [0 if p else None for p in per_example] + flat_axes
        args = (own, *args)
    structure = jax.tree.structure(args)
    if structure != program.args_structure:
        raise ShapeError(
            f"{caller}(args=...): {_difference(args, program, own is not None)}; pass arguments of "
            "the same kind, or trace again."
        )
    names, leaves = _names(args, own), jax.tree.leaves(args)
    _check_arrays(names, leaves, caller)
    rows = zip(names, leaves, flat_axes, program.avals, strict=True)
    values = [_value(*row, caller) for row in rows]
    return tuple(values), _count_examples(values, caller) if batched else None


def example_axes(args: Any, in_axes: Any, caller: str) -> list[int | None]:
    """For each flat argument the axis of examples, or None.

    Raises:
        ArgumentError: `args` is no tuple, or `in_axes` does not fit it.
    """
    if not isinstance(args, tuple | list):
        raise ArgumentError(
            f"{caller}(args=...) takes the tuple of the function's arguments, got "
            f"{type(args).__name__}."
        )
    _check_axes(in_axes, caller)
    axes: Any = (in_axes,) * len(args) if not isinstance(in_axes, tuple | list) else tuple(in_axes)
    if len(axes) != len(args):
        raise ArgumentError(
            f"{caller}(in_axes=...) has {len(axes)} entries for {len(args)} arguments; give one "
            "for each."
        )
    pairs = zip(args, axes, strict=True)
    return [a for arg, axis in pairs for a in _leaf_axes(arg, axis, caller)]


def first_example(args: Sequence[Any], in_axes: Any, caller: str) -> tuple[Any, ...]:
    """The arguments of the first example.

    Raises:
        ArgumentError: `in_axes` does not fit the arguments, an axis of examples is empty, or an
            argument is no array.
        ShapeError: an argument has no such axis.
    """
    axes = example_axes(args, in_axes, caller)
    leaves, structure = jax.tree.flatten(tuple(args))
    names = _names(tuple(args), None)
    first = []
    for name, leaf, axis in zip(names, leaves, axes, strict=True):
        if axis is None:
            first.append(leaf)
            continue
        _check_arrays([name], [leaf], caller)
        array = _examples_first(name, jnp.asarray(leaf), axis, caller)
        if not array.shape[0]:
            _refuse_empty(caller)
        first.append(array[0])
    return jax.tree.unflatten(structure, first)


def count_examples(args: Sequence[Any], in_axes: Any, caller: str) -> int | None:
    """How many examples the first argument that holds several holds; None where none does."""
    axes = example_axes(args, in_axes, caller)
    pairs = zip(jax.tree.leaves(tuple(args)), axes, strict=True)
    return next((jnp.shape(leaf)[axis] for leaf, axis in pairs if axis is not None), None)


def _check_arrays(names: Sequence[str], leaves: Sequence[Any], caller: str) -> None:
    for name, leaf in zip(names, leaves, strict=True):
        if not isinstance(leaf, int | float | complex) and not hasattr(leaf, "dtype"):
            raise ArgumentError(f"{caller}: {name} is {described(leaf)}; give an array.")


def _quantity(program: Program, qoi: Any, caller: str) -> Any:
    """The quantity of interest: the one given, else the one that the program was traced with."""
    if qoi is None:
        return program.qoi
    if program.qoi is None:
        raise ArgumentError(
            f"{caller}(qoi=...): the graph was traced without one; pass it to pathflow.trace(..., "
            "qoi=...)."
        )
    qoi = as_quantity(qoi, caller)
    if jax.tree.structure(qoi) != jax.tree.structure(program.qoi):
        raise ArgumentError(
            f"{caller}(qoi={qoi!r}) is another quantity than the graph was traced with, "
            f"{program.qoi!r}; only its arrays may differ, so trace again with this one."
        )
    return qoi


def _widened(given: Any, traced: jax.ShapeDtypeStruct) -> Any:
    """Indices in the integer type that a quantity was traced with, where that holds all of theirs:
    a Python number was of the widest, and arrays of indices seldom are.
    """
    if not isinstance(given, jax.Array | np.ndarray | np.generic):
        return given
    integers = all(jnp.issubdtype(x.dtype, jnp.integer) for x in (given, traced))
    fits = integers and np.can_cast(given.dtype, traced.dtype)
    return jnp.asarray(given, traced.dtype) if fits else given


def _difference(args: tuple[Any, ...], program: Program, has_qoi: bool) -> str:
    """How the arguments' structure differs from the traced one: of large models, not all of it."""
    wanted = program.args_structure.children()
    given, traced = len(args) - has_qoi, len(wanted) - has_qoi
    if given != traced:
        return (
            f"got {given} argument{'s' * (given != 1)}, but the function was traced with {traced}"
        )
    pairs = enumerate(zip(map(jax.tree.structure, args), wanted, strict=True), -has_qoi)
    position, (came, kind) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    return (
        f"args[{position}] has the structure {_short(came)}, but the function was traced with "
        f"{_short(kind)}"
    )


def _short(structure: Any) -> str:
    text = str(structure).removeprefix("PyTreeDef(").removesuffix(")")
    return text if len(text) <= _STRUCTURE else f"{text[:_STRUCTURE]} ..."


def argument_names(program: Program, args: Sequence[Value]) -> list[str]:
    """How messages call each flat argument of a program, given their values."""
    whole = jax.tree_util.tree_unflatten(program.args_structure, [v.array for v in args])
    return _names(whole, program.qoi)


def _names(args: Any, qoi: Any) -> list[str]:
    """How messages call each flat argument: `qoi.good`, `args[1]['w']`."""
    names = []
    for path, _ in jax.tree_util.tree_flatten_with_path(args)[0]:
        position, rest = path[0].idx - (qoi is not None), jax.tree_util.keystr(path[1:])
        names.append(f"qoi{rest}" if position < 0 else f"args[{position}]{rest}")
    return names


def check_examples(
    doi: AbstractDoI, ndims: Sequence[int], examples: int | None, caller: str
) -> None:
    """Whether the arrays of a distribution that are per example hold as many as there are.

    Raises:
        ShapeError: one does not.
    """
    if examples is None:
        return
    for leaf, axis in zip(jax.tree.leaves(doi), doi.example_axes(ndims), strict=True):
        if axis is not None and leaf.shape[axis] != examples:
            raise ShapeError(
                f"{caller}(doi=...): an array of {type(doi).__name__} has shape {leaf.shape}, "
                f"which holds {leaf.shape[axis]} examples, but the arguments hold {examples}; give "
                "one entry per example, or one array that all share."
            )


def _check_axes(in_axes: Any, caller: str) -> None:
    axes = jax.tree.leaves(in_axes, is_leaf=lambda a: a is None)
    if isinstance(in_axes, dict) or any(
        axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)) for axis in axes
    ):
        raise ArgumentError(
            f"{caller}(in_axes={in_axes!r}) takes, as jax.vmap does, an integer or None, or a "
            "tuple with one of them (or a pytree of them) per argument."
        )


def _leaf_axes(arg: Any, axis: Any, caller: str) -> list[int | None]:
    """One axis per leaf: of the whole argument, or of its parts where `axis` is a pytree, as in
    `jax.vmap`.
    """
    if axis is None or isinstance(axis, int):
        return [axis] * len(jax.tree_util.tree_leaves(arg))
    try:
        return list(jax.api_util.flatten_axes("in_axes", jax.tree_util.tree_structure(arg), axis))
    except ValueError:
        raise ArgumentError(
            f"{caller}(in_axes=...) has {axis!r} for an argument of another structure; give it "
            "one axis, or a pytree of axes that is a prefix of it."
        ) from None


def _value(
    name: str, leaf: Any, axis: int | None, aval: jax.ShapeDtypeStruct, caller: str
) -> Value:
    # A Python number takes the dtype that it had when the function was traced.
    number = isinstance(leaf, int | float) and not isinstance(leaf, bool)
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise ArgumentError(
            f"{caller}: {name} is a ShapeDtypeStruct, a shape without numbers, which is enough for "
            "pathflow.trace alone; give the array."
        )
    check_precision(f"{caller}: {name}", leaf)
    array = _number(name, leaf, aval.dtype, caller) if number else jnp.asarray(leaf)
    if axis is not None:
        array = _examples_first(name, array, axis, caller)
    shape = array.shape[1:] if axis is not None else array.shape
    if shape != tuple(aval.shape):
        raise ShapeError(
            f"{caller}: {name} has shape {shape}"
            + (" per example" if axis is not None else "")
            + f", but the function was traced with {tuple(aval.shape)}; trace again for this shape"
            + _axes_remedy(axis, jnp.shape(leaf) == tuple(aval.shape))
        )
    if array.dtype != aval.dtype and not jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        raise ShapeError(
            f"{caller}: {name} has dtype {array.dtype}, but the function was traced with "
            f"{aval.dtype}; convert it, or trace again."
        )
    return Value(array, axis is not None)


def _number(name: str, number: Any, dtype: Any, caller: str) -> Any:
    """A Python number in the dtype that it had when the function was traced."""
    found = in_dtype(number, dtype)
    if found is None:
        raise ShapeError(
            f"{caller}: {name} is {number!r}, but the function was traced with {dtype}, which does "
            "not hold it; give a number that it holds, or trace again."
        )
    return found


def _axes_remedy(axis: int | None, fits_whole: bool) -> str:
    if axis is None:
        return ", or say with in_axes= which axis holds examples."
    if fits_whole:
        return ", or give None for it in in_axes= where all examples share it."
    return "."


def _examples_first(name: str, array: Any, axis: int, caller: str) -> Any:
    if not -array.ndim <= axis < array.ndim:
        raise ShapeError(
            f"{caller}(in_axes=...): {name} is {_described(array)} and has no axis {axis} of "
            "examples; name one that it has, or None for an argument that all examples share."
        )
    return jnp.moveaxis(array, axis, 0)


def _described(array: Any) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "a scalar"


def _count_examples(values: Sequence[Value], caller: str) -> int:
    counts = {v.array.shape[0] for v in values if v.batched}
    if not counts:
        raise ArgumentError(
            f"{caller}(in_axes=...) gives no argument an axis of examples; use in_axes=None for "
            "one example."
        )
    if len(counts) > 1:
        raise ShapeError(
            f"{caller}(in_axes=...): the arguments hold {sorted(counts)} examples; all must hold "
            "the same number."
        )
    (count,) = counts
    if count == 0:
        _refuse_empty(caller)
    return count


def _refuse_empty(caller: str) -> NoReturn:
    raise ArgumentError(
        f"{caller}(args=...): the axis of examples is empty; give at least one example."
    )
