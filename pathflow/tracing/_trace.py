"""`trace`: a JAX function becomes a graph of named nodes with one function each (Definition 5)."""

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from pathflow._compat import open_jaxpr
from pathflow._errors import TraceError
from pathflow.graph import Graph, Node, PathSpace, Pattern
from pathflow.interest import AbstractQoI, Custom
from pathflow.tracing._builder import Builder
from pathflow.tracing._context import Context
from pathflow.tracing._contract import Marked, NodeFunction, contract, node_function
from pathflow.tracing._flatten import QOI_NAME, QUANTITY, Flattener, Guard, TagSite
from pathflow.tracing._ir import Atom, Const, Var
from pathflow.tracing._select_nodes import AbstractNodeSelector, tagged
from pathflow.tracing._tag import tag_p

OUTPUT_NAME = "output"

NodeLike = Node | str


@dataclass(frozen=True, eq=False)
class GuardFunction:
    """A decision of the graph as a function of nodes: it must return `expected`."""

    function: NodeFunction
    expected: int
    where: str


@dataclass(frozen=True, eq=False)
class TracedGraph:
    """A JAX function as a graph: its structure, and what each node computes.

    Arguments:
        graph: nodes and edges, without JAX.
        functions: the activation function of each node.
        inputs: the input nodes, with their positions among the flat arguments.
        outputs: the nodes that the function returns, with their positions among its flat outputs.
        qoi: the quantity of interest that the function was traced with, or None;
            `pathflow.attribute` may replace it by another one of its kind.
        blocked: pairs of nodes joined only through integers or `stop_gradient`: a value flows, no
            derivative.
        guards: the decisions (`cond`, `while`) that hold for this graph.
        default_target: the quantity of interest, or the function's only output.

    Example:
        ```python
        graph = pf.trace(model, x, qoi=pf.LogitDifference(3, 5))
        graph.count_paths("x", "qoi")
        ```
    """

    graph: Graph
    functions: dict[Node, NodeFunction]
    blocked: tuple[tuple[Node, Node], ...]
    guards: tuple[GuardFunction, ...]
    default_target: Node | None
    jaxpr: Any
    sites: tuple[TagSite, ...]
    inputs: dict[Node, int]
    outputs: dict[Node, int]
    args_structure: Any
    avals: tuple[Any, ...]
    context: Context
    qoi: Any

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.graph.nodes

    @property
    def edges(self) -> tuple[tuple[Node, Node], ...]:
        return self.graph.edges

    def node(self, label: NodeLike) -> Node:
        """The node of that label; `UnknownNodeError` names those like it."""
        return self.graph.node(label)

    def count_paths(
        self,
        source: NodeLike | Sequence[NodeLike],
        target: NodeLike,
        pattern: Pattern | str | None = None,
    ) -> int:
        """The exact number of paths from source (or sources) to target, or of those among them
        that a pattern matches.
        """
        return self.graph.count_paths(source, target, pattern)

    def paths(self, source: NodeLike | Sequence[NodeLike], target: NodeLike) -> PathSpace:
        """All paths from source (or sources) to target, none of them stored."""
        return self.graph.paths(source, target)

    def to_networkx(self) -> nx.DiGraph:
        """A copy as a networkx graph over labels."""
        return self.graph.to_networkx()

    def __repr__(self) -> str:
        classes = len({f.computes for f in self.functions.values() if f.computes is not None})
        return (
            f"TracedGraph({len(self.nodes)} nodes, {len(self.edges)} edges, {classes} node classes)"
        )


def trace(
    fn: Callable[..., Any],
    *args: Any,
    qoi: Callable[[Any], Any] | None = None,
    nodes: AbstractNodeSelector = tagged(),  # noqa: B008  (immutable)
    inputs: Sequence[str] | None = None,
) -> TracedGraph:
    """Traces a function into the graph of Definition 5.

    Calls are inlined. A loop that holds nodes is unrolled and a branch that holds nodes is taken as
    the concrete arguments decide it; both are part of the graph. Values that are only moved
    (stacked, reshaped, sliced, ...) are followed entry by entry, so that a node is joined to just
    the nodes that it reads.

    Arguments:
        fn: any function of arrays and pytrees.
        args: its arguments; `jax.ShapeDtypeStruct` will do where no branch or `while` loop holds
            nodes.
        qoi: a quantity of interest (Definition 2), such as `pathflow.LogitDifference` or any
            function, applied to `fn`'s output; it is the node `qoi`. Without it, the output itself
            is the node `output`.
        nodes: which values are nodes; those marked by `pathflow.tag` by default.
        inputs: names of the parameters of `fn` that are nodes. By default those whose argument is
            one floating-point array; a pytree (parameters) is context.

    Returns:
        The graph, with the functions that `pathflow.attribute` needs.

    Raises:
        TraceError: no node is found; a name in `inputs` is no parameter of `fn`; a decision needs
            values but only shapes are given; a node is complex.

    Sharp edges:
        A tag marks what *reads the tag's result*: `y = pf.tag(x, "y"); f(x) + g(y)` passes `y` only
        on its way to `g`. A name used at several places gets `#1`, `#2`, ... in the order of
        execution.
    """
    if qoi is not None and not isinstance(qoi, AbstractQoI):
        qoi = Custom(qoi)
    _check_call(fn, args)
    full, composed = (args, fn) if qoi is None else ((qoi, *args), _measured(fn))
    flat, structure = jax.tree_util.tree_flatten_with_path(full)
    leaves = [leaf for _, leaf in flat]
    _check_arrays(flat, len(full) - len(args))
    names = _input_names(fn, args, flat, len(full) - len(args), inputs)
    closed, out_shape = jax.make_jaxpr(
        lambda *leaves: composed(*jax.tree_util.tree_unflatten(structure, leaves)),
        return_shape=True,
    )(*leaves)
    reserved = {*names.values(), *([] if qoi is None else [QOI_NAME])}
    program = _flatten(closed, leaves, names, reserved, lambda n: n == QUANTITY or nodes(n))
    tags = [
        Marked(_node(t.name, t.index, t.output), t.source, t.output) for t in program.flattener.tags
    ]
    _check_tags(tags, QOI_NAME if qoi is not None else None)
    marked = [*program.input_marks, *tags]
    outputs, output_marks = _outputs(program.outputs, out_shape, {m.output: m.node for m in marked})
    marked += output_marks
    contraction = contract(marked)
    owner = {m.output: m.node for m in marked if m.output is not None}
    guards = tuple(_guard(i, g, owner) for i, g in enumerate(program.flattener.guards))
    functions = [*contraction.functions.values(), *(g.function for g in guards)]
    return TracedGraph(
        graph=contraction.graph,
        functions=contraction.functions,
        blocked=contraction.blocked,
        guards=guards,
        default_target=next(iter(outputs)) if len(outputs) == 1 else None,
        jaxpr=closed,
        sites=tuple(program.flattener.sites.values()),
        inputs={m.node: i for m, i in zip(program.input_marks, names, strict=True)},
        outputs=outputs,
        args_structure=structure,
        avals=tuple(jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.inputs),
        context=Context(program.inputs, [a for f in functions for a in f.context]),
        qoi=qoi,
    )


def _measured(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The quantity of interest, its first argument, of the function's output."""
    return lambda quantity, *args: tag_p.bind(quantity(fn(*args)), name=QUANTITY)


def _check_call(fn: Callable[..., Any], args: Sequence[Any]) -> None:
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args)
    except TypeError as error:
        raise TraceError(
            f"trace(fn, *args): {len(args)} arguments do not fit fn{signature}: {error}; bind "
            "keyword arguments with functools.partial."
        ) from None


def _check_arrays(flat: Sequence[Any], offset: int) -> None:
    arrays = jax.ShapeDtypeStruct | jax.Array | np.ndarray | np.generic | int | float | complex
    for path, leaf in flat:
        if not isinstance(leaf, arrays):
            position = path[0].idx - offset
            raise TraceError(
                f"trace(*args): {'qoi' if position < 0 else f'argument {position}'} holds "
                f"{leaf!r}, which is no array; close over it, or bind it with functools.partial."
            )


@dataclass(frozen=True, eq=False)
class _Program:
    """The flat program of one trace."""

    inputs: list[Var]
    outputs: list[Atom]
    input_marks: list[Marked]
    flattener: Flattener


def _flatten(
    closed: Any,
    leaves: Sequence[Any],
    names: dict[int, str],
    reserved: Iterable[str],
    selected: Callable[[str], bool],
) -> _Program:
    jaxpr, consts = open_jaxpr(closed)
    builder = Builder()
    variables = [
        builder.input(v.aval.shape, v.aval.dtype, depends=i in names)
        for i, v in enumerate(jaxpr.invars)
    ]
    concrete = None
    if not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves):
        concrete = dict(zip(variables, map(jnp.asarray, leaves), strict=True))
    flattener = Flattener(builder, selected, reserved, concrete)
    outputs = flattener.run(jaxpr, list(map(Const, consts)), variables)
    inputs = [
        Marked(_node(n, (), variables[i]), variables[i], variables[i]) for i, n in names.items()
    ]
    return _Program(variables, outputs, inputs, flattener)


def _check_tags(tags: Sequence[Marked], qoi_name: str | None) -> None:
    if all(m.node.name == qoi_name for m in tags):
        raise TraceError(
            "trace(fn): no node was found in fn. Mark values with pathflow.tag(x, name), or choose "
            "others with trace(..., nodes=...); a function that another jit holds compiled may "
            "hide its tags."
        )
    for m in tags:
        if jnp.issubdtype(m.source.dtype, jnp.complexfloating):
            raise TraceError(
                f"tag {str(m.node)!r} is complex, and a path influence is real: tag its real and "
                "imaginary parts."
            )


def _outputs(
    atoms: Sequence[Atom], shapes: Any, owner: dict[Any, Node]
) -> tuple[dict[Node, int], list[Marked]]:
    """The function's outputs as nodes, with their positions, and the marks of those that are no
    node yet.
    """
    outputs: dict[Node, int] = {}
    taken = {n.name for n in owner.values() if not n.index}
    marks = []
    for i, (path, aval) in enumerate(jax.tree_util.tree_flatten_with_path(shapes)[0]):
        if not jnp.issubdtype(aval.dtype, jnp.floating):
            continue
        if atoms[i] in owner:
            outputs[owner[atoms[i]]] = i
            continue
        keys = (jax.tree_util.keystr((k,), simple=True) for k in path)
        name = _unused(".".join([OUTPUT_NAME, *keys]), taken)
        marks.append(Marked(_node(name, (), aval), atoms[i], None))
        outputs[marks[-1].node] = i
    return outputs, marks


def _unused(name: str, taken: Collection[str]) -> str:
    """The name, with the first number that makes it one that is not taken."""
    names = (name, *(f"{name}#{k}" for k in range(1, len(taken) + 1)))
    return next(n for n in names if n not in taken)


def _guard(number: int, guard: Guard, owner: dict[Any, Node]) -> GuardFunction:
    function = node_function(Node(f"decision.{number}"), guard.var, owner)
    return GuardFunction(function, guard.expected, guard.where)


def _node(name: str, index: tuple[int, ...], value: Any) -> Node:
    return Node(name, index, tuple(value.shape), str(value.dtype))


def _input_names(
    fn: Callable,
    args: Sequence[Any],
    flat: Sequence[Any],
    offset: int,
    inputs: Sequence[str] | None,
) -> dict[int, str]:
    """The name of each flat argument that is an input node; `offset` arguments come before those of
    `fn`.
    """
    parameters = _parameter_names(fn, len(args))
    unknown = sorted(set(inputs or ()) - set(parameters))
    if unknown:
        raise TraceError(
            f"trace(inputs={list(inputs or ())}): {unknown} are no parameters of the function, "
            f"which has {parameters}."
        )
    names = {}
    for position, (path, leaf) in enumerate(flat):
        argument = path[0].idx - offset
        if argument < 0 or not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            continue
        name = parameters[argument]
        if name in inputs if inputs is not None else len(path) == 1:
            rest = (jax.tree_util.keystr((key,), simple=True) for key in path[1:])
            names[position] = ".".join([name, *rest])
    return names


def _parameter_names(fn: Callable, count: int) -> list[str]:
    """The names of the first `count` positional parameters; `arg0`, `arg1`, ... where there are
    none to read.
    """
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named, *(f"arg{i}" for i in range(len(named), count))][:count]
