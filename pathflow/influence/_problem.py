"""What is asked of a search: a graph, its inputs, sources and a target, and a distribution of
interest; checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from pathflow._errors import ArgumentError, NoPathError, NotDifferentiableError, ShapeError
from pathflow._version import __version__
from pathflow.graph import Node, PathSpace
from pathflow.influence._activations import Activations, value_ancestors
from pathflow.influence._arguments import check_examples, flat_arguments
from pathflow.interest import AbstractDoI
from pathflow.tracing import Program, TracedGraph, Value

MATMUL_PRECISION = "highest"


@dataclass(frozen=True, eq=False)
class Problem:
    """A checked question.

    Arguments:
        args: the value of each flat argument of the traced function.
        examples: the number of examples, or None where the arguments have no example axis.
        doi: the distribution of interest.

    Nothing is computed until it is asked for, so that a search can refuse a question at no cost.
    """

    traced: TracedGraph
    space: PathSpace
    args: tuple[Value, ...]
    examples: int | None
    doi: AbstractDoI

    @cached_property
    def context(self) -> dict[Any, Value]:
        """The value of each context variable."""
        return self.traced.context(self.args)

    @cached_property
    def source_values(self) -> tuple[Value, ...]:
        """The sources' values at the arguments."""
        found, _ = _source_activations(self.traced, self.space.sources)(self.context, {})
        return tuple(_spread(found[s], self.examples) for s in self.space.sources)

    @property
    def program(self) -> Program:
        return self.traced.program

    @property
    def sources(self) -> tuple[Node, ...]:
        return self.space.sources

    @property
    def target(self) -> Node:
        return self.space.target

    def with_doi(self, doi: AbstractDoI) -> "Problem":
        """The same question at another distribution of interest."""
        # The same object keeps what is computed already.
        return self if doi is self.doi else replace(self, doi=doi)

    @property
    def dtype(self) -> Any:
        return np.dtype(self.space.target.dtype)

    def metadata(self, doi: AbstractDoI, search: Any) -> dict[str, Any]:
        """What a reader of the result must know of how it came about."""
        return {
            "pathflow": __version__,
            "jax": jax.__version__,
            "dtype": str(self.dtype),
            "matmul_precision": MATMUL_PRECISION,
            "sources": [str(s) for s in self.space.sources],
            "target": str(self.space.target),
            "doi": describe(doi),
            "qoi": None if self.traced.qoi is None else type(self.traced.qoi).__name__,
            "search": type(search).__name__,
            "graph": self.traced.graph.fingerprint(),
        }


def make_problem(
    traced: TracedGraph,
    args: Sequence[Any],
    source: Any,
    target: Any,
    doi: AbstractDoI,
    qoi: Any,
    in_axes: Any,
) -> Problem:
    """Checks the arguments of `attribute`; see there for the errors."""
    if not isinstance(traced, TracedGraph):
        raise ArgumentError(
            f"attribute(graph=...) takes what pathflow.trace returns, got {type(traced).__name__}."
        )
    if not isinstance(doi, AbstractDoI):
        raise ArgumentError(
            "attribute(doi=...) takes a distribution such as Line(baseline), got "
            f"{type(doi).__name__}."
        )
    _check_concrete(args=args, qoi=qoi, doi=doi, graph=traced.qoi)
    space = _space(traced, source, target)
    values, examples = flat_arguments(traced, args, qoi, in_axes)
    check_examples(doi, [len(n.shape) for n in space.sources], examples)
    return Problem(traced, space, values, examples, doi)


def _check_concrete(**arguments: Any) -> None:
    for name, argument in arguments.items():
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(argument)):
            raise ArgumentError(
                f"attribute({name}=...) holds traced values; call it outside jit, vmap and grad "
                "(it compiles what it needs), and give many examples by in_axes=."
            )


def _space(traced: TracedGraph, source: Any, target: Any) -> PathSpace:
    if target is None:
        if traced.default_target is None:
            raise ArgumentError(
                "attribute(target=None): the function returns several values; name one as target, "
                "or trace with qoi=."
            )
        target = traced.default_target
    end = traced.node(target)
    if end.shape != ():
        raise ShapeError(
            f"attribute(target={str(end)!r}): a target is a scalar, and this node has shape "
            f"{end.shape}; trace with a quantity of interest, qoi=..., that makes it one number."
        )
    sources = [traced.node(s) for s in (source if isinstance(source, tuple | list) else (source,))]
    for node in (*sources, end):
        if not jnp.issubdtype(node.dtype, jnp.floating):
            raise NotDifferentiableError(
                f"node {str(node)!r} holds {node.dtype}, which has no derivative; choose a "
                "floating-point node, such as the embedding of a token and not its number."
            )
    try:
        return traced.paths(tuple(sources), end)
    except NoPathError as error:
        for node in sources:
            _check_blocked(traced, node, end)
        raise error


def _check_blocked(traced: TracedGraph, source: Node, target: Node) -> None:
    """Says so if the source reaches the target only through something that stops derivatives."""
    if traced.count_paths(source, target):
        return
    reached = {source}
    for node in traced.nodes:
        if reached.intersection(traced.functions[node].predecessors):
            reached.add(node)
    if target in reached:
        stops = [f"{u} -> {v}" for u, v in traced.blocked if u in reached]
        raise NotDifferentiableError(
            f"source {str(source)!r} reaches target {str(target)!r} only through integers, "
            f"comparisons or stop_gradient ({', '.join(stops[:3])}), so its influence is zero "
            "everywhere; choose a source after them."
        )


@lru_cache(256)
def _source_activations(traced: TracedGraph, sources: tuple[Node, ...]) -> Activations:
    wanted = [traced.functions[s] for s in sources]
    return Activations(
        traced, value_ancestors(traced, wanted, ()) | set(sources), (), {}, guards=False
    )


def _spread(value: Value, examples: int | None) -> Value:
    """The value with an axis of examples where the problem has one."""
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
    return f"{type(doi).__name__}({', '.join(shown)})"
