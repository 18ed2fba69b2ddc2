"""Marks values inside a traced function: the outputs of single equations, and the gates of cells.

The function is evaluated once more, as it is, with a tag after each chosen equation, so that what
comes out is an ordinary tagged function.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp

from pathflow._compat import called_jaxpr, open_jaxpr, scopes
from pathflow.tracing._candidate import Origin
from pathflow.tracing._sites import INLINED, TAGS, Site
from pathflow.tracing._tag import allowed_name, mark
from pathflow.tracing._visit import TagVisitor


@dataclass(frozen=True)
class Found:
    """An equation that computes, with its place and the scopes around it.

    Arguments:
        site: the place.
        eqn: the equation.
        around: each scope around it, outermost first, with the place of the jaxpr where the scope
            was opened: a scope in a function that is called twice is open twice.
    """

    site: Site
    eqn: Any
    around: tuple[tuple[str, Site], ...]


def equations(jaxpr: Any) -> Iterator[Found]:
    """Every equation that calls, loops and branches come down to, in the order of execution."""
    return _equations(jaxpr, (), ())


def _equations(jaxpr: Any, site: Site, around: tuple[tuple[str, Site], ...]) -> Iterator[Found]:
    for position, eqn in enumerate(open_jaxpr(jaxpr)[0].eqns):
        here, name = (*site, position), eqn.primitive.name
        scoped = (*around, *((s, site) for s in scopes(eqn)))
        if name in TAGS:
            continue
        if name in INLINED:
            yield from _equations(called_jaxpr(eqn.params), here, scoped)
        elif name == "scan":
            yield from _equations(eqn.params["jaxpr"], here, scoped)
        elif name == "while":
            yield from _equations(eqn.params["cond_jaxpr"], (*here, 0), scoped)
            yield from _equations(eqn.params["body_jaxpr"], (*here, 1), scoped)
        elif name == "cond":
            for number, branch in enumerate(eqn.params["branches"]):
                yield from _equations(branch, (*here, number), scoped)
        else:
            yield Found(here, eqn, scoped)


@dataclass(frozen=True)
class Name:
    """What a marked value is called, and why it is marked."""

    text: str
    origin: Origin


# One name for a value, or several for parts of equal width along its last axis.
Parts = tuple[Name, ...]


def with_marks(
    jaxpr: Any, marks: Mapping[Site, Sequence[Parts]]
) -> Callable[[Sequence[Any]], list[Any]]:
    """The function of flat arguments that computes the same, with the outputs of some equations
    tagged.

    Arguments:
        jaxpr: the function.
        marks: the places of equations, with the names that their floating outputs get, one after
            the other; several outputs of one equation are numbered.
    """
    visitor = TagVisitor({}, {site: partial(_marked, names) for site, names in marks.items()})
    return lambda values: visitor.run(jaxpr, values, ())[0]


def _marked(names: Sequence[Parts], outputs: list[Any]) -> list[Any]:
    for parts in names:
        outputs = [
            _marked_parts(parts, value, "" if len(outputs) == 1 else f".{i}")
            for i, value in enumerate(outputs)
        ]
    return outputs


def _marked_parts(parts: Parts, value: Any, suffix: str) -> Any:
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        return value
    pieces = jnp.split(value, len(parts), axis=-1) if len(parts) > 1 else [value]
    tagged = [
        mark(piece, allowed_name(name.text + suffix), name.origin)
        for name, piece in zip(parts, pieces, strict=True)
    ]
    return jnp.concatenate(tagged, axis=-1) if len(parts) > 1 else tagged[0]
