"""What every question about influences is checked for, whether it is asked of a graph or of a
function as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp

from pathflow._described import described
from pathflow._errors import (
    ArgumentError,
    NotDifferentiableError,
    ShapeError,
    UnknownNodeError,
)
from pathflow._precision import check_precision
from pathflow._version import __version__
from pathflow.evaluation import MATMUL_PRECISION
from pathflow.graph import Node
from pathflow.interest import AbstractDoI
from pathflow.tracing import Program, Value

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def check_doi(doi: Any, caller: str) -> None:
    """Refuses what is no distribution of interest, or one of a precision that JAX has not.

    Raises:
        ArgumentError: it is none.
        X64DisabledError: it holds float64, and JAX's x64 is off.
    """
    if not isinstance(doi, AbstractDoI):
        raise ArgumentError(
            f"{caller}(doi=...) takes a distribution such as Line(baseline), got {described(doi)}."
        )
    for path, leaf in jax.tree_util.tree_flatten_with_path(doi)[0]:
        name = jax.tree_util.keystr(path)
        # Weights are no values of the function: they are taken in whatever precision it has.
        if name != ".weights":
            check_precision(f"{caller}(doi=...): {type(doi).__name__}{name}", leaf)


def ends_of(
    program: Program, node: Callable[[Any], Node], source: Any, target: Any, caller: str
) -> tuple[tuple[Node, ...], Node]:
    """The sources and the target.

    Arguments:
        program: the function; its default target stands for None.
        node: finds a label's node.
        source: one label or node, or a sequence of them.
        target: a label or node, or None.
        caller: who asks, for the errors.

    Raises:
        ArgumentError: there is no default target.
        UnknownNodeError: a label names no node.
        ShapeError: the target is no scalar.
        NotDifferentiableError: a source or the target holds integers.
    """
    if target is None:
        if program.default_target is None:
            count = len(program.outputs) or "no floating"
            raise ArgumentError(
                f"{caller}(target=None): the function returns {count} values; name one as target, "
                "or trace with qoi=."
            )
        target = program.default_target
    end = node(target)
    if end.shape != ():
        raise ShapeError(
            f"{caller}(target={str(end)!r}): a target is a scalar, and this node has shape "
            f"{end.shape}; trace with a quantity of interest, qoi=..., that makes it one number."
        )
    labels = source if isinstance(source, tuple | list) else (source,)
    sources = tuple(_source(program, node, label, caller) for label in labels)
    for found in (*sources, end):
        if not jnp.issubdtype(found.dtype, jnp.floating):
            raise NotDifferentiableError(
                f"node {str(found)!r} holds {found.dtype}, which has no derivative; choose a "
                "floating-point node, such as the embedding of a token and not its number."
            )
    return sources, end


def _source(program: Program, node: Callable[[Any], Node], label: Any, caller: str) -> Node:
    try:
        return node(label)
    except UnknownNodeError:
        reason = program.left_out.get(str(label))
        if reason is None:
            raise
        raise UnknownNodeError(
            f"{caller}(source={str(label)!r}): this argument {reason}."
        ) from None


def spread(value: Value, examples: int | None) -> Value:
    """The value with an axis of examples where the question has one."""
    if examples is None or value.batched:
        return value
    return Value(jnp.broadcast_to(value.array, (examples, *value.array.shape)), batched=True)


def describe(doi: Any) -> str:
    """The distribution without its arrays, as in `Line(n_steps=50, rule=GaussLegendre())`."""
    shown = [
        f"{f.name}={value!r}"
        for f in fields(doi)
        if not hasattr(value := getattr(doi, f.name), "dtype") and not isinstance(value, tuple)
    ]
    # Where an object stands in memory is another place in each process.
    return _ADDRESS.sub("", f"{type(doi).__name__}({', '.join(shown)})")


def facts(
    program: Program, sources: Sequence[Node], target: Node, doi: AbstractDoI, search: str
) -> dict[str, Any]:
    """What a reader of a result must know of how it came about."""
    return {
        "pathflow": __version__,
        "jax": jax.__version__,
        "dtype": target.dtype,
        "matmul_precision": MATMUL_PRECISION,
        "sources": [str(s) for s in sources],
        "target": str(target),
        "doi": describe(doi),
        "qoi": None if program.qoi is None else type(program.qoi).__name__,
        "search": search,
    }
