"""Node classes: nodes that compute the same function, up to constants, share one compiled function.

A gate at step 3 and at step 4, in layer 0 and in layer 1, is the same equations on the same shapes
with other weights. Compiling once per class and not once per node is what keeps compilation from
growing with the length of a loop.
"""

from collections.abc import Sequence
from math import prod
from typing import Any
from weakref import WeakValueDictionary

import jax

from pathflow._compat import sub_jaxprs
from pathflow.tracing._ir import Atom, Equation, Var, evaluate
from pathflow.tracing._keys import equation_key, literal_key

# Without a rule for forward mode, or for reverse mode.
REVERSE_ONLY = frozenset({"custom_vjp_call", "custom_vjp_call_jaxpr"})
FORWARD_ONLY = frozenset({"while"})
# What may lack a rule for one of them or for both, if no rule around it has it.
LIMITED = REVERSE_ONLY | FORWARD_ONLY | {"custom_linear_solve", "io_callback", "pure_callback"}


class NodeClass:
    """What the nodes of one class compute: a function of predecessors' values and context values.

    Attributes:
        equations: the program.
        limited: whether it holds what JAX may not differentiate in both directions.
        n_predecessors: how many predecessors it takes.
        avals: shapes and dtypes of its inputs: predecessors, then context.
    """

    def __init__(
        self,
        equations: Sequence[Equation],
        reads: tuple[Var, ...],
        context: tuple[Atom, ...],
        output: Atom,
    ) -> None:
        # Over variables of its own: compiled code is kept for later graphs, and would keep the
        # program around the equations, and the arrays that stand for its context, with it.
        own: dict[Atom, Atom] = {a: _like(a) for a in (*reads, *context)}
        self.equations = tuple(_moved(e, own) for e in equations)
        self._inputs, self._output = (
            tuple(own[a] for a in (*reads, *context)),
            own.get(output, output),
        )
        self.limited = any(holds(e, LIMITED) for e in equations)
        self.n_predecessors = len(reads)
        self.avals = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (*reads, *context))

    def __call__(self, predecessors: Sequence[Any], context: Sequence[Any]) -> Any:
        environment = dict(zip(self._inputs, (*predecessors, *context), strict=True))
        return evaluate(self.equations, environment, [self._output])[0]


def _like(atom: Atom) -> Var:
    return Var(atom.shape, atom.dtype, atom.depends)


def _moved(e: Equation, own: dict[Atom, Atom]) -> Equation:
    """An equation over other variables, to which those that it makes are added."""
    inputs = tuple(own.get(a, a) for a in e.inputs)
    outputs = tuple(map(_like, e.outputs))
    own.update(zip(e.outputs, outputs, strict=True))
    return Equation(e.primitive, e.params, inputs, outputs, e.position)


_classes: WeakValueDictionary[Any, NodeClass] = WeakValueDictionary()


def node_class(
    equations: Sequence[Equation], reads: tuple[Var, ...], context: tuple[Atom, ...], output: Atom
) -> NodeClass:
    """The class of nodes that compute these equations; the same object for equal computations."""
    numbers: dict[Atom, int] = {}
    for atom in (*reads, *context):
        numbers[atom] = len(numbers)

    def reference(atom: Atom) -> Any:
        if atom in numbers:
            return numbers[atom]
        return literal_key(atom.value)  # type: ignore[union-attr]

    rows = []
    for e in equations:
        key = equation_key(e.primitive, e.params, e.inputs)
        rows.append((key, *map(reference, e.inputs)))
        for var in e.outputs:
            numbers[var] = len(numbers)
    shapes = tuple((a.shape, str(a.dtype)) for a in (*reads, *context))
    key = (len(reads), shapes, tuple(rows), reference(output))
    known = _classes.get(key)
    if known is None:
        known = _classes[key] = NodeClass(equations, reads, context, output)
    return known


def holds(equation: Any, names: frozenset[str]) -> bool:
    return equation.primitive.name in names or any(
        holds(inner, names) for jaxpr in sub_jaxprs(equation.params) for inner in jaxpr.eqns
    )


def names_held(equations: Sequence[Any], names: frozenset[str]) -> tuple[str, ...]:
    """Those of the primitives that occur in the equations, or inside them."""
    return tuple(sorted(n for n in names if any(holds(e, frozenset({n})) for e in equations)))


def equation_cost(eqn: Any) -> int:
    """Operations of one jaxpr equation, an estimate: matrix products and convolutions exactly, the
    rest one per entry.
    """
    inner = sum(equation_cost(e) for jaxpr in sub_jaxprs(eqn.params) for e in jaxpr.eqns)
    size = sum(prod(v.aval.shape) for v in eqn.outvars)
    if eqn.primitive.name == "dot_general":
        (contract, _), _ = eqn.params["dimension_numbers"]
        return 2 * size * prod(eqn.invars[0].aval.shape[i] for i in contract)
    if eqn.primitive.name == "conv_general_dilated":
        return 2 * size * prod(eqn.invars[1].aval.shape[1:])
    return inner * eqn.params.get("length", 1) + size
