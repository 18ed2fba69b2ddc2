"""Which activation of a function is the first that is no number."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._compat import compiled
from pathflow._errors import NonFiniteError
from pathflow.evaluation import flags_of, lift, place
from pathflow.graph import Node
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.tracing import (
    QOI_NAME,
    Program,
    TagSite,
    TagVisitor,
    Value,
    Visit,
    cached_by_program,
)


def refuse_not_finite(
    problem: Problem | Question,
    inputs: Sequence[Value],
    examples: int | None,
    start: tuple[int, int],
) -> None:
    """Names the first activation that is NaN or infinite, if any tagged one is.

    Arguments:
        problem: what is asked.
        inputs: points, directions, arguments and constants.
        examples: the number of examples in them, or None.
        start: the numbers of the first example and of the first point.

    Raises:
        NonFiniteError: an activation is NaN or infinite.
    """
    sources = problem.sources
    run = _first(problem.program, sources, flags_of(inputs), examples)
    found = np.asarray(run(*(v.array for v in inputs)))
    bad = np.argwhere(found[..., 0] >= 0).tolist()
    if not bad:
        return
    first = min(bad, key=lambda index: found[tuple(index)].tolist())
    number, *at = found[tuple(first)].tolist()
    *of_example, of_point = first
    example = None if examples is None else start[0] + of_example[0]
    point = start[1] + of_point
    if number < len(sources):
        node = sources[number]
    else:
        site = problem.program.sites[number - len(sources)]
        node = Node(site.name, tuple(at[: site.depth]))
    raise NonFiniteError(
        f"The activation of node {str(node)!r} is NaN or infinite {place(example, point)}; look at "
        "what it computes there, or choose another baseline."
        + " Is an index of the quantity of interest outside the output?"
        * (str(node) == QOI_NAME),
        node=str(node),
        example=example,
        point=point,
    )


@cached_by_program(16)
def _first(
    program: Program, sources: tuple[Node, ...], flags: Any, examples: int | None
) -> Callable:
    """`(inputs) -> number of the source or site, and iterations`; -1 where all are finite."""
    n, n_args = len(sources), len(program.avals)
    levels = max((s.depth for s in program.sites), default=0)

    def one(*inputs: Any) -> Any:
        points, args, constants = (
            inputs[:n],
            list(inputs[2 * n :][:n_args]),
            inputs[2 * n + n_args :],
        )
        first = jnp.full(1 + levels, -1, jnp.int32)
        for number, (source, value) in enumerate(zip(sources, points, strict=True)):
            if source in program.inputs:
                args[program.inputs[source]] = value
            first = _noted(first, number, value, ())
        replaced = {s: v for s, v in zip(sources, points, strict=True) if s not in program.inputs}
        handlers = {
            site.site: _handler(site, n + i, replaced) for i, site in enumerate(program.sites)
        }
        return TagVisitor(handlers).run(program.jaxpr, args, first, constants=constants)[1]

    return compiled(lift(one, flags, examples, None))


def _handler(site: TagSite, number: int, replaced: dict[Node, Any]) -> Callable:
    def handle(visit: Visit, first: Any) -> Any:
        value = visit.value
        for node, replacement in replaced.items():
            if site.makes(node):
                here = jnp.all(
                    jnp.asarray(visit.at, jnp.int32) == jnp.asarray(node.index, jnp.int32)
                )
                value = jnp.where(here, replacement, value)
        return value, _noted(first, number, value, visit.at)

    return handle


def _noted(first: Any, number: int, value: Any, at: Sequence[Any]) -> Any:
    """The note with a place written down, if none was before and its value is not finite."""
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        return first
    place = [jnp.asarray(x, first.dtype) for x in (number, *at)]
    place += [jnp.zeros((), first.dtype)] * (len(first) - len(place))
    return jnp.where((first[0] < 0) & ~jnp.isfinite(value).all(), jnp.stack(place), first)
