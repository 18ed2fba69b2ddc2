"""Node classes: nodes that compute the same function, up to constants, share one compiled function.

A gate at step 3 and at step 4, in layer 0 and in layer 1, is the same equations on the same shapes
with other weights. Compiling once per class and not once per node is what keeps compilation from
growing with the length of a loop.
"""

from collections.abc import Sequence
from math import prod
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import jax
import jax.numpy as jnp

from pathflow._compat import bind, open_jaxpr, sub_jaxprs
from pathflow.tracing._ir import Atom, Equation, Var, evaluate

# Without a rule for forward mode, or for reverse mode.
REVERSE_ONLY = frozenset({"custom_vjp_call", "custom_vjp_call_jaxpr"})
FORWARD_ONLY = frozenset({"while"})


class NodeClass:
    """What the nodes of one class compute: a function of predecessors' values and context values.

    Attributes:
        reverse_only: it holds a custom vjp rule, which JAX cannot push tangents through.
        forward_only: it holds a loop of unknown length, which JAX cannot pull cotangents through.
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
        self._equations = tuple(equations)
        self._reads, self._context, self._output = reads, context, output
        self.reverse_only = any(holds(e, REVERSE_ONLY) for e in equations)
        self.forward_only = any(holds(e, FORWARD_ONLY) for e in equations)
        self.n_predecessors = len(reads)
        self.avals = tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (*reads, *context))

    def __call__(self, predecessors: Sequence[Any], context: Sequence[Any]) -> Any:
        environment: dict[Any, Any] = dict(zip(self._reads, predecessors, strict=True))
        # A constant that is passed as context is read from there, so nodes of the class may differ
        # in it.
        environment.update(zip(self._context, context, strict=True))
        return evaluate(self._equations, environment, [self._output])[0]


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
        return ("literal", str(atom.dtype), type(atom.value).__name__, repr(atom.value))  # type: ignore[union-attr]

    rows = []
    for e in equations:
        params = _params_key(e)
        rows.append((e.primitive, params, tuple(map(reference, e.inputs))))
        for var in e.outputs:
            numbers[var] = len(numbers)
    shapes = tuple((a.shape, str(a.dtype)) for a in (*reads, *context))
    key = (len(reads), shapes, tuple(rows), reference(output))
    known = _classes.get(key)
    if known is None:
        known = _classes[key] = NodeClass(equations, reads, context, output)
    return known


# Per rule, its key and the objects whose ids the key holds, so that no id is given to another.
_rules_seen: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _params_key(equation: Equation) -> Any:
    rule = equation.params.get("jvp_jaxpr_fun")
    if equation.primitive.name == "custom_jvp_call" and rule is not None:
        if rule.f not in _rules_seen:
            _rules_seen[rule.f] = _jvp_key(equation)
        return _rules_seen[rule.f][0]
    return tuple((k, _param_key(v)) for k, v in sorted(equation.params.items()))


def _jvp_key(equation: Equation) -> Any:
    """What a custom derivative rule computes. JAX makes a new rule object at every call of
    `jax.nn.relu`, say.
    """

    def apply(*values: Any) -> list[Any]:
        return bind(equation.primitive, equation.params, values)

    avals = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in equation.inputs]
    primal = tuple(avals)
    jaxpr, consts = open_jaxpr(
        jax.make_jaxpr(lambda x, dx: jax.jvp(apply, x, dx))(
            primal, tuple(_tangent_aval(a) for a in avals)
        )
    )
    key = ("custom_jvp", str(jaxpr), tuple(map(id, consts)), _rules(jaxpr))
    return key, jaxpr, consts


def _tangent_aval(aval: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    floating = jnp.issubdtype(aval.dtype, jnp.inexact)
    return aval if floating else jax.ShapeDtypeStruct(aval.shape, jax.dtypes.float0)


def _param_key(value: Any) -> Any:
    """A hashable stand-in for an equation's parameter; equal only where the parameters mean the
    same.
    """
    if hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns"):
        jaxpr, consts = open_jaxpr(value)
        return ("jaxpr", str(jaxpr), tuple(map(id, consts)), _rules(jaxpr))
    if isinstance(value, tuple | list):
        return tuple(map(_param_key, value))
    if isinstance(value, dict):
        return tuple((k, _param_key(v)) for k, v in sorted(value.items()))
    try:
        hash(value)
    except TypeError:
        return ("object", repr(value), id(value))
    return value


def _rules(jaxpr: Any) -> Any:
    """The custom derivative rules inside a jaxpr, which its text does not show."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name.startswith("custom_"):
            found.append(tuple(id(v) for v in eqn.params.values() if callable(v)))
        found.extend(_rules(inner) for inner in sub_jaxprs(eqn.params))
    return tuple(found)


def holds(equation: Any, names: frozenset[str]) -> bool:
    return equation.primitive.name in names or any(
        holds(inner, names) for jaxpr in sub_jaxprs(equation.params) for inner in jaxpr.eqns
    )


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
