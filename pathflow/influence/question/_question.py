"""What is asked of a function as it is, of which no graph is made; checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow._errors import (
    ArgumentError,
    NoPathError,
    NotDifferentiableError,
    UnknownNodeError,
)
from pathflow.evaluation import (
    check_concrete,
    check_examples,
    count_examples,
    first_example,
    flags_of,
    flat_arguments,
    lift,
)
from pathflow.graph import Node, NodeTable
from pathflow.influence.question._asked import (
    check_doi,
    ends_of,
    facts,
    spread,
)
from pathflow.influence.question._reference import substituted
from pathflow.interest import AbstractDoI, AbstractQoI
from pathflow.tracing import (
    AbstractNodeSelector,
    Program,
    Substitution,
    TracedGraph,
    Value,
    cached_by_program,
    jaxpr_flows,
    make_program,
    tagged,
)


@dataclass(frozen=True, eq=False)
class Question:
    """A checked question about the paths of a function.

    Arguments:
        program: the function.
        sources: where paths begin.
        target: where they end.
        args: the value of each flat argument.
        examples: the number of examples, or None where the arguments have no example axis.
        doi: the distribution of interest.
    """

    program: Program
    sources: tuple[Node, ...]
    target: Node
    args: tuple[Value, ...]
    examples: int | None
    doi: AbstractDoI

    @cached_property
    def source_values(self) -> tuple[Value, ...]:
        """The sources' values at the arguments.

        Raises:
            UnknownNodeError: a source is never computed: a loop ends before, or a branch is not
                taken.
        """
        return tuple(spread(self._value(s), self.examples) for s in self.sources)

    def _value(self, source: Node) -> Value:
        position = self.program.inputs.get(source)
        if position is not None:
            return self.args[position]
        inputs = [*self.args, *map(Value, self.program.constants)]
        run = _value_of(self.program, source, flags_of(inputs), self.examples)
        value, met = run(*(v.array for v in inputs))
        if not np.all(met):
            raise UnknownNodeError(
                f"no node {str(source)!r}: at these arguments the function never computes it "
                "(a loop ends before, or another branch is taken)."
            )
        return Value(value, self.examples is not None)

    @property
    def dtype(self) -> Any:
        return np.dtype(self.target.dtype)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Notes on dependences that carry no derivative: none are known without a graph."""
        return ()

    @property
    def dtypes(self) -> frozenset[str]:
        """The floating dtypes of the sources, the tags and the target."""
        found = {n.dtype for n in (*self.sources, self.target)}
        found |= {s.dtype for s in self.program.sites}
        return frozenset(d for d in found if jnp.issubdtype(d, jnp.floating))

    def with_doi(self, doi: AbstractDoI) -> "Question":
        """The same question at another distribution of interest."""
        # The same object keeps what is computed already.
        return self if doi is self.doi else replace(self, doi=doi)

    def metadata(self, doi: AbstractDoI, search: str) -> dict[str, Any]:
        """What a reader of the result must know of how it came about."""
        return facts(self.program, self.sources, self.target, doi, search)


@cached_by_program(64)
def _value_of(program: Program, node: Node, flags: Any, examples: int | None) -> Callable:
    """`(*args, *constants) -> the node's value, how often it was computed`."""
    value, n_args = Substitution(program, (), node), len(program.avals)

    def one(*inputs: Any) -> Any:
        return value(inputs[:n_args], inputs[n_args:], ())

    return compiled(lift(one, flags, examples, None))


def make_question(
    fn: Callable[..., Any] | TracedGraph,
    args: Sequence[Any],
    source: Any,
    doi: AbstractDoI,
    target: Any,
    qoi: Any,
    in_axes: Any,
    nodes: AbstractNodeSelector | None,
    inputs: Sequence[str] | None,
    caller: str,
) -> Question:
    """Checks the arguments of `pathflow.aggregate` and its like; see there for the errors."""
    check_doi(doi, caller)
    own = fn.qoi if isinstance(fn, TracedGraph) else None
    check_concrete(caller, args=args, qoi=qoi, doi=doi, fn=own)
    if isinstance(fn, TracedGraph):
        _check_traced(nodes, inputs, caller)
        program, find = fn.program, fn.node
    else:
        program = _program(fn, args, qoi, in_axes, nodes or tagged(), inputs, caller)
        find = program.node
    sources, end = ends_of(program, find, source, target, caller)
    table = NodeTable(dict.fromkeys((*sources, end)))
    table.check_ends(tuple(map(table.position, sources)), table.position(end))
    values, examples = flat_arguments(program, args, qoi, in_axes, caller)
    check_examples(doi, [len(n.shape) for n in sources], examples, caller)
    _check_reaches(program, sources, end)
    return Question(program, sources, end, values, examples, doi)


def _check_traced(nodes: Any, inputs: Any, caller: str) -> None:
    for name, given in (("nodes", nodes), ("inputs", inputs)):
        if given is not None:
            raise ArgumentError(
                f"{caller}({name}=...) chooses the nodes of a function, and a traced graph has its "
                "nodes already; leave it out, or pass the function."
            )


def _program(
    fn: Any,
    args: Sequence[Any],
    qoi: Any,
    in_axes: Any,
    nodes: AbstractNodeSelector,
    inputs: Sequence[str] | None,
    caller: str,
) -> Program:
    if not callable(fn):
        raise ArgumentError(
            f"{caller}(fn=...) takes a function or a traced graph, got {type(fn).__name__}."
        )
    example = first_example(args, in_axes, caller)
    one = None if in_axes is None else _of_first_example(qoi, args, in_axes, caller)

    def program(quantity: Any) -> Program:
        return make_program(fn, example, quantity, nodes, inputs, caller)[0]

    if one is None:
        return program(qoi)
    try:
        shared = program(qoi)
    except Exception:  # noqa: BLE001  (whatever a quantity says to arrays of all examples at once)
        return program(one)
    try:
        program(one)
    except Exception:  # noqa: BLE001  (as here to those of one)
        return shared
    raise ArgumentError(
        f"{caller}(qoi={type(qoi).__name__}(...)): arrays of it fit all examples together, and one "
        "each as well; pass the graph of one example, pathflow.trace(fn, *example, qoi=...), with "
        "the quantity of that example, which says what each array is."
    )


def _of_first_example(qoi: Any, args: Sequence[Any], in_axes: Any, caller: str) -> Any:
    """The quantity of the first of several examples; None where none of its arrays can be one for
    each of them.
    """
    if not isinstance(qoi, AbstractQoI):
        return None
    count = count_examples(args, in_axes, caller)

    def is_one_each(leaf: Any) -> bool:
        shape = jnp.shape(leaf)
        return bool(shape) and shape[0] > 0 and count in (None, shape[0])

    leaves, structure = jax.tree.flatten(qoi)
    if not any(map(is_one_each, leaves)):
        return None
    firsts = [jnp.asarray(x)[0] if is_one_each(x) else x for x in leaves]
    return jax.tree.unflatten(structure, firsts)


@cached_by_program(64)
def _reached(
    program: Program, sources: tuple[Node, ...], target: Node, *, values: bool
) -> frozenset[int]:
    """The positions of the sources from which a derivative, or a value, reaches the target."""
    jaxpr = substituted(program, sources, target)
    return frozenset(i for i in jaxpr_flows(jaxpr, values=values)[0] if i < len(sources))


def _check_reaches(program: Program, sources: tuple[Node, ...], target: Node) -> None:
    missing = set(range(len(sources))) - _reached(program, sources, target, values=False)
    if not missing:
        return
    label = repr(str(sources[min(missing)]))
    if missing & _reached(program, sources, target, values=True):
        raise NotDifferentiableError(
            f"source {label} reaches target {str(target)!r} only through integers, comparisons or "
            "stop_gradient, so its influence is zero everywhere; choose a source after them."
        )
    raise NoPathError(
        f"source {label} does not reach target {str(target)!r}: the target depends on nothing that "
        "is computed from it."
    )
