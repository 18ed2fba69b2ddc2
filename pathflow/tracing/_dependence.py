"""Which entries of a value can depend on which entries of others, read off the equations.

Each primitive has a rule, which says for every entry of its outputs the set of input entries that
it may depend on; one without a rule depends on everything. What is found holds for all values that
are not known, so that no zero is claimed where the Jacobian has none.

The same rules serve the linear map of a local partial, of which they say what can be other than
zero in its Jacobian, and a node's own equations, of which they say what its value depends on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from pathflow._compat import bind, open_jaxpr
from pathflow._errors import ShapeError
from pathflow.tracing._entry_sets import EntrySets, Ids, is_uniform
from pathflow.tracing._ir import Atom, Const, Equation
from pathflow.tracing._structure import Structure

# Kinds of dtypes that places in arrays have. Larger arrays of them are data.
_INDEX = ("i", "u", "b")
_FOLD_LIMIT = 4096


@final
@dataclass(frozen=True, eq=False)
class Operation:
    """One equation, as a sparsity rule sees it.

    Arguments:
        primitive: what is applied.
        params: its parameters.
        ins: shape and dtype of each input.
        outs: shape and dtype of each output.
        known: the value of each input where it is known (a literal, or integers that choose places
            in arrays), and None elsewhere.
        derivative: whether derivatives are followed; else values, which also depend on integers and
            on what `stop_gradient` lets through.
    """

    primitive: Any
    params: dict[str, Any]
    ins: tuple[Any, ...]
    outs: tuple[Any, ...]
    known: tuple[np.ndarray | None, ...]
    derivative: bool

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    @property
    def out(self) -> Any:
        """The first output."""
        return self.outs[0]


# From an operation and the sets of each input's entries to those of each output's entries.
SparsityRule = Callable[[Operation, Sequence[Ids], EntrySets], Sequence[Ids]]
_RULES: dict[str, SparsityRule] = {}


def sparsity_rule(*names: str) -> Callable[[SparsityRule], SparsityRule]:
    """Registers what the outputs of a primitive depend on, entry by entry.

    A rule takes an `Operation`, for each input an integer array of its shape, and the `EntrySets`
    that these integers are numbers of; it returns such an array for each output. Numbers are moved
    as the primitive moves entries (NumPy's indexing, `reshape`, `concatenate`, ...), 0 is the empty
    set, and `sets.union`, `sets.reduce`, `sets.spread` and `sets.accumulate` join sets. A rule may
    return more than there is, and never less. A primitive without a rule depends on everything.

    Arguments:
        names: of the primitives.

    Returns:
        A decorator; it returns the rule as it is.

    Example:
        ```python
        @pf.sparsity_rule("my_row_norm")
        def _(operation, values, sets):
            return [sets.spread(values[0], axes=(-1,))]
        ```
    """

    def register(rule: SparsityRule) -> SparsityRule:
        _RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


def has_rule(name: str) -> bool:
    """Whether a primitive has a rule."""
    return name in _RULES


def apply_rule(operation: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    """What each output of an operation depends on.

    Raises:
        ShapeError: a rule returns arrays of other shapes than the outputs have.
    """
    if all(map(is_empty, values)):
        return [sets.nothing(out.shape) for out in operation.outs]
    rule = _RULES.get(operation.name, _everything)
    found = [np.asarray(f) for f in rule(operation, values, sets)]
    wanted = [tuple(out.shape) for out in operation.outs]
    if [f.shape for f in found] != wanted:
        raise ShapeError(
            f"the sparsity rule of {operation.name!r} returned arrays of the shapes "
            f"{[f.shape for f in found]}, but the outputs have {wanted}; return one integer "
            "for every entry of each output."
        )
    if operation.derivative:
        return [
            f if jnp.issubdtype(out.dtype, jnp.inexact) else sets.nothing(out.shape)
            for f, out in zip(found, operation.outs, strict=True)
        ]
    return found


def is_empty(value: Ids) -> bool:
    """Whether no entry depends on anything."""
    return not (value.ravel()[:1] if is_uniform(value) else value).any()


def _everything(operation: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    number = sets.mix(*values)
    return [sets.uniform(number, out.shape) for out in operation.outs]


def through(
    jaxpr: Any,
    values: Sequence[Ids],
    sets: EntrySets,
    *,
    derivative: bool,
    known: Sequence[np.ndarray | None] = (),
    constants: Mapping[Any, np.ndarray] | None = None,
) -> list[Ids]:
    """What the outputs of a jaxpr depend on.

    Arguments:
        jaxpr: open or closed.
        values: what each of its inputs depends on.
        sets: the sets.
        derivative: see `Operation`.
        known: the values of its inputs, where they are known.
        constants: the values of some of its variables.
    """
    inner, consts = open_jaxpr(jaxpr)
    given = dict(zip(inner.invars, values, strict=True))
    facts = {v: k for v, k in zip(inner.invars, known, strict=False) if k is not None}
    facts.update(constants or {})
    if consts:
        pairs = zip(inner.constvars, consts, strict=True)
        facts.update((v, found) for v, c in pairs if (found := known_value(c)) is not None)

    def read(atom: Any) -> Ids:
        if hasattr(atom, "val") or atom not in given:
            return sets.nothing(tuple(getattr(atom.aval, "shape", ())))
        return given[atom]

    def value_of(atom: Any) -> np.ndarray | None:
        return np.asarray(atom.val) if hasattr(atom, "val") else facts.get(atom)

    for eqn in inner.eqns:
        facts.update(zip(eqn.outvars, _folded(eqn, list(map(value_of, eqn.invars))), strict=False))
        operation = Operation(
            eqn.primitive,
            eqn.params,
            tuple(a.aval for a in eqn.invars),
            tuple(v.aval for v in eqn.outvars),
            tuple(map(value_of, eqn.invars)),
            derivative,
        )
        found = _following(operation, [read(a) for a in eqn.invars], sets)
        given.update(zip(eqn.outvars, found, strict=True))
    return [read(v) for v in inner.outvars]


def _folded(eqn: Any, known: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The integers that an equation computes from known ones; nothing where it does not."""
    kinds = [getattr(getattr(v.aval, "dtype", None), "kind", None) for v in eqn.outvars]
    small = all(prod(v.aval.shape) <= _FOLD_LIMIT for v in eqn.outvars if hasattr(v.aval, "shape"))
    if not known or not small or not all(k in _INDEX for k in kinds):
        return []
    found = [k for k in known if k is not None and k.dtype.kind in _INDEX]
    if len(found) < len(known):
        return []
    with jax.ensure_compile_time_eval():
        return [np.asarray(v) for v in bind(eqn.primitive, eqn.params, found)]


def jaxpr_structure(
    jaxpr: Any, position: int, constants: Mapping[Any, np.ndarray] | None = None
) -> Structure:
    """The structure of the Jacobian of a linear map of one output.

    Arguments:
        jaxpr: open.
        position: of the input that it is with respect to.
        constants: the values of some of its variables.
    """
    shape, out = jaxpr.invars[position].aval.shape, jaxpr.outvars[0].aval.shape
    sets = EntrySets(prod(shape))
    seeds = [sets.nothing(v.aval.shape) for v in jaxpr.invars]
    seeds[position] = sets.single(0, shape)
    found = through(jaxpr, seeds, sets, derivative=True, constants=constants)[0]
    return Structure(sets, found.ravel(), (shape, out))


def through_equations(
    equations: Sequence[Equation],
    given: Mapping[Atom, Ids],
    output: Atom,
    sets: EntrySets,
    *,
    derivative: bool,
) -> Ids:
    """What a value of a flat program depends on, from what some of its values depend on."""
    found: dict[Atom, Ids] = dict(given)

    def read(atom: Atom) -> Ids:
        return found[atom] if atom in found else sets.nothing(atom.shape)

    for e in equations:
        known = tuple(_known_places(a) for a in e.inputs)
        operation = Operation(e.primitive, e.params, e.inputs, e.outputs, known, derivative)
        values = _following(operation, [read(a) for a in e.inputs], sets)
        found.update(zip(e.outputs, values, strict=True))
    return read(output)


def _known_places(atom: Atom) -> np.ndarray | None:
    """Integers and booleans alone: a factor that happens to be zero is no lack of an edge."""
    found = known_value(atom.value) if isinstance(atom, Const) else None
    return found if found is not None and found.dtype.kind in _INDEX else None


def _following(operation: Operation, values: Sequence[Ids], sets: EntrySets) -> Sequence[Ids]:
    if operation.derivative and operation.name == "stop_gradient":
        return [sets.nothing(out.shape) for out in operation.outs]
    return apply_rule(operation, values, sets)


def known_value(value: Any) -> np.ndarray | None:
    """A value that rules may look at: integers and booleans, and single numbers."""
    if isinstance(value, Tracer):
        # JAX 0.12 leaves what a linear map was traced with in its jaxpr.
        return None
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    kind = getattr(dtype, "kind", None)
    single = kind in ("f", "c") and not np.ndim(value)
    return np.asarray(value) if single or kind in _INDEX else None
