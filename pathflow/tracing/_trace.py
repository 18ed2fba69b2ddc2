"""`trace`: a JAX function becomes a graph of named nodes with one function each (Definition 5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx

from pathflow._compat import open_jaxpr
from pathflow._errors import GraphError
from pathflow.drawing import AbstractDisplayed, Page, lines
from pathflow.graph import Graph, Node, PathSpace, Pattern, graph_page
from pathflow.tracing._builder import Builder
from pathflow.tracing._context import Context
from pathflow.tracing._contract import Marked, NodeFunction, contract, node_function
from pathflow.tracing._derivative_mode import DerivativeMode, derivative_mode
from pathflow.tracing._ends import value_node
from pathflow.tracing._flatten import Flattener, Guard
from pathflow.tracing._ir import Atom, Const, Var
from pathflow.tracing._partial import LocalPartial
from pathflow.tracing._program import Program, check_named, flat_leaves, make_program
from pathflow.tracing._select_nodes import AbstractNodeSelector, tagged
from pathflow.tracing._sparsity import structure_of
from pathflow.tracing._split import SplitLike, check_used, make_splits
from pathflow.tracing._structure import Structure

NodeLike = Node | str

# How many pairs a page lists.
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class GuardFunction:
    """A decision of the graph as a function of nodes: it must return `expected`."""

    function: NodeFunction
    expected: int
    where: str


@dataclass(frozen=True, eq=False)
class TracedGraph(AbstractDisplayed):
    """A JAX function as a graph: its structure, and what each node computes.

    Arguments:
        graph: nodes and edges, without JAX.
        functions: the activation function of each node.
        blocked: pairs of nodes joined only through integers or `stop_gradient`: a value flows, no
            derivative.
        guards: the decisions (`cond`, `while`) that hold for this graph.
        program: the function as it was, with its inputs, outputs and quantity of interest.
        context: computes what depends on no node.
        unresolved: the function before any decision was taken, for `retrace`.

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
    program: Program
    context: Context
    unresolved: Program

    @property
    def qoi(self) -> Any:
        """The quantity of interest that the function was traced with, or None; `attribute` may
        replace it by another one of its kind.
        """
        return self.program.qoi

    @property
    def default_target(self) -> Node | None:
        """The quantity of interest, or the function's only output."""
        return self.program.default_target

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

    def retrace(self, *args: Any) -> "TracedGraph":
        """The graph of the same function with its branches and loops as other arguments decide
        them.

        The function, its quantity of interest, `nodes`, `inputs` and `split` stay what they were
        given as to `pathflow.trace`. No Python of the function is run again: what JAX traced has
        the decisions still open.

        Arguments:
            args: of the shapes and dtypes that the function was traced with.

        Returns:
            Another graph; this one stays as it is.

        Raises:
            ShapeError: an argument has another shape or dtype.
            TraceError: a decision needs values but only shapes are given; no node is left.

        Example:
            ```python
            graph = pf.trace(model, x)  # a branch is taken as x decides
            other = graph.retrace(-x)
            ```
        """
        return _resolved(self.unresolved, flat_leaves(self.unresolved, args, "retrace"))

    def derivative_mode(self, node: NodeLike) -> DerivativeMode:
        """In which direction JAX differentiates what a node computes from its predecessors.

        `pathflow.attribute` works for nodes of every mode but `DerivativeMode.NONE`; a limited mode
        costs more where the other one would be used.

        Raises:
            UnknownNodeError: there is no such node.
        """
        function = self.functions[self.node(node)]
        if function.computes is None:
            return DerivativeMode.BOTH
        pairs = zip(function.predecessors, function.differentiable, strict=True)
        slots = tuple(sorted({function.slot(u) for u, d in pairs if d}))
        return derivative_mode(function.computes, slots).mode

    def structure(self, u: NodeLike, v: NodeLike) -> Structure:
        """Which entries of the node `v` may depend on which entries of its predecessor `u`.

        Arguments:
            u: where an edge begins.
            v: where it ends.

        Returns:
            The structure of the local partial's Jacobian, whatever the inputs are.

        Raises:
            UnknownNodeError: there is no such node.
            GraphError: there is no such edge.

        Example:
            ```python
            graph.structure("c0@0", "h0@0").sparsity  # Sparsity.DIAGONAL
            ```
        """
        before, node = self.node(u), self.node(v)
        function = self.functions[node]
        if function.computes is None or before not in self.graph.predecessors(node):
            raise GraphError(
                f"there is no edge from {str(before)!r} to {str(node)!r}; into the latter lead "
                f"those from {', '.join(map(str, self.graph.predecessors(node))) or 'nowhere'}."
            )
        slot = function.slot(before)
        return structure_of(LocalPartial(function.computes, slot), function)

    def __repr__(self) -> str:
        classes = len({f.computes for f in self.functions.values() if f.computes is not None})
        return (
            f"TracedGraph({len(self.nodes)} nodes, {len(self.edges)} edges, {classes} node classes"
            f"{self._limits()})"
        )

    def _page(self) -> Page:
        facts = repr(self).removeprefix("TracedGraph(").removesuffix(")")
        page = graph_page("TracedGraph", facts, self.nodes, self.edges)
        if not self.blocked:
            return page
        pairs = ", ".join(f"{u} -> {v}" for u, v in self.blocked[:_SHOWN])
        more = f" and {len(self.blocked) - _SHOWN:,} more" * (len(self.blocked) > _SHOWN)
        note = f"a value flows, but no derivative: {pairs}{more}"
        return Page(f"<div>{page.html}{lines(note)}</div>", page.svg)

    def _limits(self) -> str:
        """The nodes that are not differentiated both ways, as a part of a text."""
        by_mode: dict[DerivativeMode, list[str]] = {}
        for node, function in self.functions.items():
            if function.computes is not None and function.computes.limited:
                by_mode.setdefault(self.derivative_mode(node), []).append(str(node))
        by_mode.pop(DerivativeMode.BOTH, None)
        return "".join(
            f"; {mode.value}: {', '.join(names[:3])}{', ...' * (len(names) > 3)}"
            for mode, names in by_mode.items()
        )


def trace(
    fn: Any,
    *args: Any,
    qoi: Callable[[Any], Any] | None = None,
    nodes: AbstractNodeSelector = tagged(),  # noqa: B008  (immutable)
    inputs: str | Sequence[str] | None = None,
    split: SplitLike | None = None,
) -> TracedGraph:
    """Traces a function into the graph of Definition 5.

    Calls are inlined. A loop that holds nodes is unrolled and a branch that holds nodes is taken as
    the concrete arguments decide it; both are part of the graph. Values that are only moved
    (stacked, reshaped, sliced, ...) are followed entry by entry, so that a node is joined to just
    the nodes that it reads.

    Arguments:
        fn: any function of arrays and pytrees, or a model of flax (linen or nnx), equinox or haiku
            (`hk.transform`); linen's takes its variables first, haiku's its parameters and key.
        args: its arguments; `jax.ShapeDtypeStruct` will do where no branch or `while` loop holds
            nodes.
        qoi: a quantity of interest (Definition 2), such as `pathflow.LogitDifference` or any
            function, applied to `fn`'s output; it is the node `qoi`. Without it, the output itself
            is the node `output`.
        nodes: which values are nodes; those marked by `pathflow.tag` by default. See
            `pathflow.modules`, `pathflow.gates`, `pathflow.primitives` and `pathflow.by`.
        inputs: names of the parameters of `fn` that are nodes, or one name. By default those whose
            argument is one floating-point array; a pytree (parameters) is context.
        split: tagged values that make one node for each of their parts: a mapping from steps
            (`"c1"`, `"c1@2:"`, `"h*"`) to `pathflow.Components()` (neurons), `Groups(...)` or
            `Axis(...)` (heads, positions). The part `17` of `c1@3` is the node `c1[17]@3`. For one
            path, or for wide nodes, `pathflow.refine` is the cheaper way.

    Returns:
        The graph, with the functions that `pathflow.attribute` needs.

    Raises:
        ChangingFunctionError: a kind of `TraceError`; the function is another one when it is traced
            again, which it is once.
        TraceError: no node is found; a name in `inputs` is no parameter of `fn`; a decision needs
            values but only shapes are given; a node is complex; `split` names an input, or nothing
            that is tagged.
        ShapeError: a value has no such parts.

    Sharp edges:
        A tag marks what *reads the tag's result*: `y = pf.tag(x, "y"); f(x) + g(y)` passes `y` only
        on its way to `g`. A name used at several places gets `#1`, `#2`, ... in the order of
        execution.
    """
    program, leaves = make_program(fn, args, qoi, nodes, inputs, "trace")
    return _resolved(replace(program, splits=make_splits(split, tuple(program.inputs))), leaves)


def _resolved(program: Program, leaves: Sequence[Any]) -> TracedGraph:
    """The graph of a program, with its decisions as the flat arguments take them."""
    flat = _flatten(program, leaves)
    tags = [
        Marked(value_node(t.name, t.index, t.output), t.source, t.output, t.part)
        for t in flat.flattener.tags
    ]
    taken = {n.name for n in (*flat.flattener.split, *(m.node for m in tags))}
    elsewhere = [s.name for s in program.sites if s.name not in taken]
    check_used(program.splits, flat.flattener.split, [m.node for m in tags], elsewhere)
    # Tags in a branch that is not taken make no nodes.
    check_named((m.node.name for m in tags), "trace")
    marked = [*flat.input_marks, *tags]
    owner = {m.output: m.node for m in marked}
    outputs = {}
    for own, position in program.outputs.items():
        atom = flat.outputs[position]
        outputs[owner.get(atom, own)] = position
        if atom not in owner:
            marked.append(Marked(own, atom, None))
    contraction = contract(marked, flat.flattener.builder)
    guards = tuple(_guard(i, g, owner) for i, g in enumerate(flat.flattener.guards))
    functions = [*contraction.functions.values(), *(g.function for g in guards)]
    return TracedGraph(
        graph=contraction.graph,
        functions=contraction.functions,
        blocked=contraction.blocked,
        guards=guards,
        program=replace(program, outputs=outputs),
        unresolved=program,
        context=Context(flat.inputs, [a for f in functions for a in f.context]),
    )


@dataclass(frozen=True, eq=False)
class _Flat:
    """The flat program of one trace."""

    inputs: list[Var]
    outputs: list[Atom]
    input_marks: list[Marked]
    flattener: Flattener


def _flatten(program: Program, leaves: Sequence[Any]) -> _Flat:
    jaxpr, consts = open_jaxpr(program.jaxpr)
    nodes = {position: node for node, position in program.inputs.items()}
    builder = Builder()
    variables = [
        builder.input(a.shape, a.dtype, depends=i in nodes) for i, a in enumerate(program.avals)
    ]
    concrete = None
    if not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves):
        concrete = dict(zip(variables, map(jnp.asarray, leaves), strict=True))
    flattener = Flattener(builder, program.sites, concrete, program.splits)
    outputs = flattener.run(jaxpr, list(map(Const, consts)), variables)
    inputs = [Marked(node, variables[i], variables[i]) for i, node in nodes.items()]
    return _Flat(variables, outputs, inputs, flattener)


def _guard(number: int, guard: Guard, owner: dict[Any, Node]) -> GuardFunction:
    function = node_function(Node(f"decision.{number}"), guard.var, owner)
    return GuardFunction(function, guard.expected, guard.where)
