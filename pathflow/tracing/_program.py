"""A function with its tags named, before anything is unrolled: what `trace` flattens, and what runs
as it is where loops are to stay loops.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from pathflow._compat import open_jaxpr, without_constants
from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError, TraceError, UnknownNodeError
from pathflow._near import close_matches
from pathflow._precision import check_precision
from pathflow.graph import Node
from pathflow.interest import AbstractQoI, Custom, as_quantity
from pathflow.tracing._adapter import as_function
from pathflow.tracing._candidate import Candidate, Tag
from pathflow.tracing._ends import input_names, left_out, output_nodes, value_node
from pathflow.tracing._keys import jaxpr_key
from pathflow.tracing._marking import marked
from pathflow.tracing._offer import choosing_nothing, offer, said
from pathflow.tracing._randomness import chosen_inputs, warn_of_draws
from pathflow.tracing._retraced import check_same
from pathflow.tracing._select_nodes import AbstractNodeSelector, Marks
from pathflow.tracing._sites import QOI_NAME, QUANTITY, TagSite, tag_sites
from pathflow.tracing._split import Splits
from pathflow.tracing._tag import mark
from pathflow.tracing._unshard import unsharded

# What JAX raises where Python asks a traced array for numbers.
_NUMBERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


@dataclass(frozen=True, eq=False)
class Program:
    """A function as JAX traced it, with the names of its nodes.

    Two programs are equal when they compute the same from the same arguments and constants, so that
    what is compiled for one serves the other.

    Arguments:
        jaxpr: the function of flat arguments.
        sites: its tags.
        inputs: the input nodes, with their positions among the flat arguments.
        outputs: the nodes that it returns, with their positions among its flat outputs.
        args_structure: how the arguments (the quantity of interest first, if any) are flattened.
        avals: the shape and dtype of each flat argument.
        qoi: the quantity of interest, or None.
        splits: the tagged values that make a node for each of their parts.
        left_out: why each parameter of the function that is no input node is none.
    """

    jaxpr: Any
    sites: tuple[TagSite, ...]
    inputs: dict[Node, int]
    outputs: dict[Node, int]
    args_structure: Any
    avals: tuple[Any, ...]
    qoi: Any
    splits: Splits = Splits()  # noqa: RUF009  (immutable)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def default_target(self) -> Node | None:
        """The quantity of interest, or the function's only output."""
        return next(iter(self.outputs)) if len(self.outputs) == 1 else None

    @property
    def constants(self) -> list[Any]:
        """The arrays that the function closes over."""
        return open_jaxpr(self.jaxpr)[1]

    def node(self, label: Node | str) -> Node:
        """The node of that label, with its shape and dtype.

        Raises:
            UnknownNodeError: no tag, input or output has that name, or it has no such iteration.
            ShapeError: the name stands for values of different shapes in different branches.
        """
        wanted = Node.parse(label) if isinstance(label, str) else label
        if not isinstance(wanted, Node):
            raise UnknownNodeError(
                f"no node {described(label)}: a node is named by its label, a text; there are "
                f"{_first(self._labels())}."
            )
        for node in (*self.inputs, *self.outputs):
            if node == wanted:
                return node
        sites = [s for s in self.sites if s.name == wanted.name and s.depth == len(wanted.index)]
        if not sites:
            raise UnknownNodeError(self._unknown(wanted))
        facts = {(s.shape, s.dtype) for s in sites}
        if len(facts) > 1:
            raise ShapeError(
                f"node {str(wanted)!r} has another shape or dtype in each branch of a cond "
                f"({', '.join(f'{d}{list(s)}' for s, d in sorted(facts))}); give the tags in the "
                "branches different names."
            )
        for length in (s.lengths for s in sites):
            for i, n in zip(wanted.index, length, strict=True):
                if n is not None and i >= n:
                    raise UnknownNodeError(
                        f"no node {str(wanted)!r}: the loop around {wanted.name!r} has iterations "
                        f"0 .. {n - 1}."
                    )
        ((shape, dtype),) = facts
        return Node(wanted.name, wanted.index, shape, dtype)

    def _labels(self) -> dict[str, None]:
        labels = {str(n): None for n in (*self.inputs, *self.outputs)}
        labels.update((site_label(s), None) for s in self.sites)
        return labels

    def _unknown(self, wanted: Node) -> str:
        labels = self._labels()
        same = [text for text in labels if text.split("@")[0] == wanted.name]
        near = f"close matches: {', '.join(same)}" if same else close_matches(str(wanted), labels)
        hint = near or f"there are {_first(labels)}"
        return f"no node {str(wanted)!r} in the function ({hint}); i stands for an iteration."

    @cached_property
    def without_constants(self) -> "Program":
        """An equal program that does not hold the arrays that the function closes over."""
        found = replace(self, jaxpr=without_constants(self.jaxpr))
        found.__dict__["computed"] = self.computed
        return found

    @cached_property
    def computed(self) -> Any:
        """What is equal where two programs compute the same from their constants."""
        return jaxpr_key(self.jaxpr)

    @cached_property
    def _key(self) -> Any:
        facts = (self.sites, tuple(self.inputs.items()), tuple(self.outputs.items()))
        return (self.computed, facts, self.args_structure, self.splits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self is other or self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def site_label(site: TagSite) -> str:
    """The labels of a site's nodes, with `i` for every iteration."""
    return site.name + ("@" + ".".join("i" * site.depth) if site.depth else "")


def _first(labels: Collection[str]) -> str:
    shown = list(labels)[:8]
    return ", ".join(shown) + (", ..." if len(labels) > len(shown) else "")


def make_program(
    fn: Any,
    args: Sequence[Any],
    qoi: Callable[[Any], Any] | None,
    nodes: AbstractNodeSelector,
    inputs: str | Sequence[str] | None,
    caller: str,
) -> tuple[Program, list[Any]]:
    """The program of a function, and its flat arguments; see `pathflow.trace` for the errors, in
    which `caller` is named.
    """
    if qoi is not None:
        qoi = as_quantity(qoi, caller)
    fn = as_function(fn)
    if not callable(fn):
        raise ArgumentError(
            f"{caller}(fn) takes a function of arrays or a model that pathflow knows, got "
            f"{described(fn)}; its arguments come after it."
        )
    _check_call(fn, args, caller)
    _check_selector(nodes, caller)
    run = marked(fn, nodes.marks)
    full, composed = (args, run) if qoi is None else ((qoi, *args), _measured(run, qoi))
    composed = _asking_for_numbers(caller)(composed)
    offset = len(full) - len(args)
    flat, structure = jax.tree_util.tree_flatten_with_path(tuple(full))
    leaves = [leaf for _, leaf in flat]
    _check_arrays(flat, offset, caller)
    names = input_names(fn, args, flat, offset, inputs, caller)

    def traced() -> tuple[Any, Any]:
        return jax.make_jaxpr(
            lambda *leaves: composed(*jax.tree_util.tree_unflatten(structure, leaves)),
            return_shape=True,
        )(*leaves)

    closed, shapes = traced()
    try:
        again = traced()[0]
    except Exception:  # noqa: BLE001  (a state of equinox may be read once: nothing to compare)
        again = closed
    check_same(closed, again, caller)
    warn_of_draws(closed, chosen_inputs(full), caller)
    closed = unsharded(closed)
    reserved = {*names.values(), *([] if qoi is None else [QOI_NAME])}
    met: list[Candidate] = []

    def name_of(value: Candidate) -> str | None:
        met.append(value)
        return nodes.name_of(value)

    sites = tag_sites(closed, name_of, reserved)
    idle = choosing_nothing(nodes, met)
    if idle or all(s.name == QOI_NAME for s in sites):
        _refuse(nodes, idle, met, fn, args, caller)
    _check_sites(sites)
    avals = tuple(
        jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in open_jaxpr(closed)[0].invars
    )
    input_nodes = {value_node(n, (), avals[i]): i for i, n in names.items()}
    outputs = output_nodes(closed, shapes, sites, input_nodes)
    program = Program(closed, sites, input_nodes, outputs, structure, avals, qoi)
    return replace(program, left_out=left_out(fn, args, names.values())), leaves


def flat_leaves(program: Program, args: Sequence[Any], caller: str) -> list[Any]:
    """The flat arguments of a program, its own quantity of interest among them.

    Raises:
        ShapeError: the arguments are not those that it was traced for, but for their values.
    """
    full = tuple(args) if program.qoi is None else (program.qoi, *args)
    flat, structure = jax.tree_util.tree_flatten_with_path(full)
    if structure != program.args_structure:
        raise ShapeError(
            f"{caller}(*args): the arguments are built otherwise than those that the function was "
            f"traced with ({structure}, not {program.args_structure}); trace it for them."
        )
    offset = len(full) - len(args)
    _check_arrays(flat, offset, caller)
    leaves = []
    for (path, leaf), aval in zip(flat, program.avals, strict=True):
        number = isinstance(leaf, int | float) and not isinstance(leaf, bool)
        cast = in_dtype(leaf, aval.dtype) if number else None
        value = leaf if cast is None else cast
        found = (tuple(np.shape(value)), jnp.result_type(value))
        if found != (aval.shape, aval.dtype):
            where = jax.tree_util.keystr(path[1:])
            raise ShapeError(
                f"{caller}(*args): argument {path[0].idx - offset}{where} is "
                f"{found[1]}{list(found[0])}, but the function was traced with "
                f"{aval.dtype}{list(aval.shape)}; trace it for this one."
            )
        leaves.append(value)
    return leaves


def in_dtype(number: Any, dtype: Any) -> jax.Array | None:
    """A Python number as a scalar of a dtype; None where the dtype does not hold it: a fraction, or
    any number with a point, is no integer, and some integers are too large.
    """
    if isinstance(number, float) and not jnp.issubdtype(dtype, jnp.inexact):
        return None
    try:
        return jnp.asarray(number, dtype)
    except OverflowError:
        return None


def _measured(fn: Callable[..., Any], given: AbstractQoI) -> Callable[..., Any]:
    """The quantity of interest, its first argument, of the function's output."""
    # Traced, its indices have no values, and one outside the output would only be NaN later on.
    arrays = (jax.Array, np.ndarray, np.generic, int)
    known = all(isinstance(x, arrays) and not isinstance(x, Tracer) for x in jax.tree.leaves(given))

    def measured(quantity: AbstractQoI, *args: Any) -> Any:
        output = fn(*args)
        if known and not isinstance(given, Custom) and isinstance(output, jax.Array):
            jax.eval_shape(given, jax.ShapeDtypeStruct(output.shape, output.dtype))
        return mark(quantity(output), QUANTITY, Tag())

    return measured


@contextmanager
def _asking_for_numbers(caller: str) -> Iterator[None]:
    """Says what JAX's refusals to trace mean here.

    Raises:
        TraceError: the function asks an array for its numbers.
    """
    try:
        yield
    except _NUMBERS as error:
        first = str(error).split("\n", maxsplit=1)[0]
        raise TraceError(
            f"{caller}(fn): fn asks an array for its numbers, which are not there while it is "
            f"traced ({type(error).__name__}: {first.rstrip('.')}). Use jax.numpy in the place of "
            "NumPy, jnp.where or jax.lax.cond in the place of `if`, and functools.partial for an "
            "argument that is no array; the lines above say where."
        ) from error


def _check_selector(nodes: Any, caller: str) -> None:
    if not isinstance(nodes, AbstractNodeSelector):
        raise TraceError(
            f"{caller}(nodes=...) takes a selector such as pathflow.tagged('c*'), "
            "pathflow.modules(), pathflow.primitives() or pathflow.by(choose), got "
            f"{described(nodes)}."
        )


def _check_call(fn: Callable[..., Any], args: Sequence[Any], caller: str) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args)
    except TypeError as error:
        given = f"{len(args)} argument{'s do' if len(args) != 1 else ' does'}"
        raise TraceError(
            f"{caller}(fn, *args): {given} not fit fn{signature}: {error}; bind keyword arguments "
            "with functools.partial."
        ) from None


def _check_arrays(flat: Sequence[Any], offset: int, caller: str) -> None:
    arrays = jax.ShapeDtypeStruct | jax.Array | np.ndarray | np.generic | int | float | complex
    for path, leaf in flat:
        if not isinstance(leaf, arrays):
            position = path[0].idx - offset
            raise TraceError(
                f"{caller}(*args): {'qoi' if position < 0 else f'argument {position}'} holds "
                f"{leaf!r}, which is no array; close over it, or bind it with functools.partial."
            )
        position, rest = path[0].idx - offset, jax.tree_util.keystr(path[1:])
        name = f"the quantity of interest{rest}" if position < 0 else f"argument {position}{rest}"
        check_precision(f"{caller}(*args): {name}", leaf)


def check_named(names: Iterable[str], caller: str) -> None:
    """Refuses a function without nodes of its own; `names` are those of the tagged values.

    Raises:
        TraceError: no name is there beside that of the quantity of interest.
    """
    if all(name == QOI_NAME for name in names):
        raise TraceError(
            f"{caller}(fn): no node was found in fn. Mark values with pathflow.tag(x, name), or "
            f"choose others with {caller}(..., nodes=...); a function that another jit holds "
            "compiled may hide its tags."
        )


def _refuse(
    nodes: AbstractNodeSelector,
    idle: Sequence[AbstractNodeSelector],
    met: Sequence[Candidate],
    fn: Callable[..., Any],
    args: Sequence[Any],
    caller: str,
) -> NoReturn:
    """Refuses a choice of nodes that chooses nothing, or of which the parts `idle` do.

    Raises:
        TraceError: saying what there is to choose.
    """
    there = offer(idle or [nodes], _offered(fn, nodes, args) or met)
    if idle:
        raise TraceError(f"{caller}(nodes=...): {said(idle[0])} chooses nothing in fn: {there}.")
    raise TraceError(
        f"{caller}(fn): no node was found in fn by {said(nodes)}: {there}. Mark values with "
        f"pathflow.tag(x, name), or choose others with {caller}(..., nodes=...); a function that "
        "another jit holds compiled may hide its tags."
    )


def _offered(
    fn: Callable[..., Any], nodes: AbstractNodeSelector, args: Sequence[Any]
) -> list[Candidate]:
    """What a function has to choose from, its modules and gates among it; nothing where it cannot
    be traced for that.
    """
    marks = nodes.marks | Marks(frozenset({"__call__"}), gates=True)
    found: list[Candidate] = []
    try:
        tag_sites(unsharded(jax.make_jaxpr(marked(fn, marks))(*args)), found.append, ())
    except Exception:  # noqa: BLE001  (it may not run twice; the error that is due is another)
        return []
    return found


def _check_sites(sites: Sequence[TagSite]) -> None:
    for s in sites:
        if jnp.issubdtype(s.dtype, jnp.complexfloating):
            raise TraceError(
                f"tag {site_label(s)!r} is complex, and a path influence is real: tag its real and "
                "imaginary parts."
            )
