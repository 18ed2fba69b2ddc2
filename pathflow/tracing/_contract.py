"""From the flat program to the graph: which nodes each node reads, and what it computes from them.

Contraction walks back from every node's value to the values of other nodes. What it passes on the
way is the node's activation function; what depends on no node is context and computed once, before
the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pathflow._compat import sub_jaxprs
from pathflow.graph import Graph, Node
from pathflow.tracing._builder import Builder
from pathflow.tracing._dependence import through_equations
from pathflow.tracing._entry_sets import EntrySets, Ids
from pathflow.tracing._flows import equation_flows
from pathflow.tracing._ir import Atom, Const, Equation, Var, backward_slice, is_differentiable
from pathflow.tracing._node_class import NodeClass, node_class
from pathflow.tracing._split import loosened
from pathflow.tracing._sums import read_sum

# Only out of these comes a value whose entries may depend on different nodes; what holds a jaxpr
# may hold them. Where none is, every node that is read matters to all entries.
_TELLING_APART = frozenset(
    {
        "concatenate",
        "conv_general_dilated",
        "custom_jvp_call",
        "custom_vjp_call",
        "dynamic_update_slice",
        "gather",
        "pad",
        "reduce_window",
        "reduce_window_sum",
        "select_and_gather_add",
        "stack",
    }
)


@dataclass(frozen=True, eq=False)
class Marked:
    """A value that is to be a node: `source` is computed, `output` is what the rest of the program
    reads; `part` says that it is a part of a value that is split.
    """

    node: Node
    source: Atom
    output: Atom | None
    part: bool = False


@dataclass(frozen=True, eq=False)
class NodeFunction:
    """The activation function of one node.

    Arguments:
        computes: what it computes, shared by all nodes of its class.
        predecessors: the nodes that it reads, in the order in which `computes` takes them.
        differentiable: for each of them, whether a derivative flows (else only its value matters).
        independent: those of which no entry matters, neither by its value nor by a derivative,
            although what is computed reads them.
        context: the context values that it takes after them.
        summed: whether `computes` takes the predecessors' sum, as its only one.
    """

    node: Node
    computes: NodeClass | None
    predecessors: tuple[Node, ...]
    differentiable: tuple[bool, ...]
    context: tuple[Atom, ...]
    independent: frozenset[Node] = frozenset()
    summed: bool = False

    def slot(self, predecessor: Node) -> int:
        """Where `computes` takes a predecessor's value."""
        return 0 if self.summed else self.predecessors.index(predecessor)


@dataclass(frozen=True, eq=False)
class Contraction:
    """A graph, the function of each of its nodes, and the edges that carry a value but no
    derivative.
    """

    graph: Graph
    functions: dict[Node, NodeFunction]
    blocked: tuple[tuple[Node, Node], ...]


def contract(marked: Sequence[Marked], builder: Builder) -> Contraction:
    """The graph over the marked values, which are in an order in which they can be computed.

    Arguments:
        marked: the values.
        builder: of their program.
    """
    owner = {m.output: m.node for m in marked if m.output is not None}
    starts: dict[int, Const] = {}
    functions = {
        m.node: node_function(m.node, m.source, owner, starts if m.part else None, builder)
        for m in marked
    }
    edges, blocked = [], []
    for node, function in functions.items():
        pairs = zip(function.predecessors, function.differentiable, strict=True)
        for predecessor, differentiable in pairs:
            if differentiable:
                edges.append((predecessor, node))
            elif predecessor not in function.independent:
                blocked.append((predecessor, node))
    graph = Graph(tuple(m.node for m in marked), tuple(edges))
    return Contraction(graph, functions, tuple(blocked))


def node_function(
    node: Node,
    source: Atom,
    owner: dict[Atom, Node],
    starts: dict[int, Const] | None = None,
    builder: Builder | None = None,
) -> NodeFunction:
    """What `source` computes from the nodes that own variables.

    Arguments:
        node: the node.
        source: its value.
        owner: the nodes of variables.
        starts: for a part of a split value, the context that stands for places in arrays.
        builder: of the program; without it a sum that is read is not kept apart.
    """
    is_input = isinstance(source, Var) and owner.get(source) == node
    if is_input or not source.depends:
        return NodeFunction(node, None, (), (), (source,))
    equations = backward_slice([source], stop=lambda v: v in owner or not v.depends)
    # Places in arrays are known here, and not any more where parts share a class.
    depends = partial(_matters, equations, source, owner)
    flows = _differentiable_reads(source, owner) & depends(derivative=True)
    if starts is not None:
        equations = loosened(equations, starts)
    reads, context = _inputs(equations, source, owner)
    predecessors = tuple(owner[v] for v in reads)
    differentiable = tuple(v in flows for v in reads)
    rest = set(reads) - flows
    independent = rest - depends(derivative=False) if rest else rest
    total = None if builder is None else read_sum(equations, reads, builder)
    if total is not None:
        reads, equations = (total.total,), total.equations
        _, context = _inputs(equations, source, {total.total: node})
    computes = node_class(equations, reads, context, source)
    return NodeFunction(
        node,
        computes,
        predecessors,
        differentiable,
        context,
        frozenset(owner[v] for v in independent),
        summed=total is not None,
    )


def _inputs(
    equations: Sequence[Equation], source: Atom, owner: Mapping[Atom, Node]
) -> tuple[tuple[Var, ...], tuple[Atom, ...]]:
    """What equations read: the values of nodes, and context."""
    inner = {var for e in equations for var in e.outputs}
    reads: dict[Var, None] = {}
    context: dict[Atom, None] = {}
    for atom in [a for e in equations for a in e.inputs] + [source]:
        if atom in inner or (isinstance(atom, Const) and atom.literal):
            continue
        if isinstance(atom, Var) and atom in owner:
            reads[atom] = None
        else:
            context[atom] = None
    return tuple(reads), tuple(context)


def _matters(
    equations: Sequence[Equation], source: Atom, owner: dict[Atom, Node], *, derivative: bool
) -> set[Var]:
    """The owned variables of which some entry matters to some entry of `source`."""
    inputs = [a for e in equations for a in e.inputs if a in owner] + [source]
    reads = list(dict.fromkeys(v for v in inputs if isinstance(v, Var) and v in owner))
    if not any(map(_tells_apart, equations)):
        return set(reads)
    sets = EntrySets(len(reads))
    given: dict[Atom, Ids] = {v: sets.uniform(i + 1, v.shape) for i, v in enumerate(reads)}
    found = through_equations(equations, given, source, sets, derivative=derivative)
    return {reads[i] for i in sets.members(sets.mix(found)).tolist()}


def _tells_apart(equation: Equation) -> bool:
    name = equation.primitive.name
    if name == "select_n":
        # By a mask that is known.
        return isinstance(equation.inputs[0], Const)
    return name in _TELLING_APART or name.startswith("scatter") or any(sub_jaxprs(equation.params))


def _differentiable_reads(source: Atom, owner: dict[Atom, Node]) -> set[Var]:
    """The owned variables from which a derivative reaches `source`."""
    found: set[Var] = set()
    seen: set[Atom] = set()
    pending = [source]
    while pending:
        atom = pending.pop()
        if isinstance(atom, Const) or atom in seen or not is_differentiable(atom):
            continue
        seen.add(atom)
        if atom in owner:
            found.add(atom)
        elif atom.equation is not None and atom.depends:
            e = atom.equation
            flows = equation_flows(e.primitive.name, e.params, len(e.inputs), len(e.outputs))
            pending.extend(e.inputs[i] for i in flows[e.outputs.index(atom)])
    return found
