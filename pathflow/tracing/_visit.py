"""Evaluates a function as it is, with something done at some of its tags.

Nothing is unrolled and nothing contracted: scans, loops, branches and rematerialised calls stay
what they are, and whatever holds none of those tags is applied as one equation, with its own
derivative rule. What handlers know of the values so far is passed from tag to tag as a *state*.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pathflow._compat import at_source, bind, called_jaxpr, open_jaxpr, scan_counts
from pathflow.tracing._sites import INLINED, Site

State = Any


def still_going(going: Any, new: Any, old: Any) -> Any:
    """What a loop carries on, where `jax.vmap` made one decision of it for each example.

    It turns until the last example is done, and leaves those alone that are. The examples' axes are
    the first.
    """
    axes = range(going.ndim)
    return lax.select(lax.broadcast_in_dim(going, new.shape, tuple(axes)), new, old)


@dataclass(frozen=True)
class Visit:
    """One arrival at a tag.

    Arguments:
        value: the tagged value.
        at: the iteration of each loop around the tag, outermost first.
        given: the entry, for these iterations, of the array that was given for the tag, or None.
    """

    value: Any
    at: tuple[Any, ...]
    given: Any


Handler = Callable[[Visit, State], tuple[Any, State]]
After = Callable[[list[Any]], list[Any]]
REMAT = frozenset({"checkpoint", "remat", "remat2"})


class TagVisitor:
    """Evaluates jaxprs with handlers at tags.

    Arguments:
        handlers: for the places where something is done: from the visit and the state to the value
            that goes on in the tag's place, and the state.
        after: for places of any equation: from its outputs to what goes on in their place.
    """

    def __init__(
        self, handlers: Mapping[Site, Handler], after: Mapping[Site, After] | None = None
    ) -> None:
        self._handlers = dict(handlers)
        self._after = dict(after or {})
        places = (*self._handlers, *self._after)
        self._around = {s[:i] for s in places for i in range(1, len(s))}

    def run(
        self,
        jaxpr: Any,
        args: Sequence[Any],
        state: State,
        given: Mapping[Site, Any] | None = None,
        constants: Sequence[Any] | None = None,
    ) -> tuple[list[Any], State]:
        """The jaxpr's outputs, and the state after all its tags.

        Arguments:
            jaxpr: what is evaluated.
            args: its arguments.
            state: a pytree of arrays; handlers keep its structure, shapes and dtypes.
            given: for some places, an array with a leading axis per loop around the place, of which
                each visit is given its entry. None of those loops may be a `while`.
            constants: what stands for the arrays that the jaxpr closes over; those themselves
                where it is None.
        """
        return self._run(jaxpr, args, state, _Where((), (), dict(given or {})), constants)

    def _run(
        self,
        jaxpr: Any,
        args: Sequence[Any],
        state: State,
        where: "_Where",
        constants: Sequence[Any] | None = None,
    ) -> tuple[list[Any], State]:
        inner, own = open_jaxpr(jaxpr)
        env = dict(zip(inner.constvars, own if constants is None else constants, strict=True))
        env.update(zip(inner.invars, args, strict=True))

        def read(atom: Any) -> Any:
            return atom.val if hasattr(atom, "val") else env[atom]

        for position, eqn in enumerate(inner.eqns):
            values = [read(a) for a in eqn.invars]
            here = where.inside(position)
            # An error, or a decision, is still found at the user's own line.
            with at_source(eqn):
                out, state = self._equation(eqn, values, state, here)
                if here.site in self._after:
                    out = self._after[here.site](out)
            env.update(zip(eqn.outvars, out, strict=True))
        return [read(v) for v in inner.outvars], state

    def _equation(self, eqn: Any, values: list, state: State, where: "_Where") -> Any:
        handler = self._handlers.get(where.site)
        if handler is not None:
            given = where.given.get(where.site)
            value, state = handler(Visit(values[0], where.at, given), state)
            # A policy of `jax.checkpoint` may know the value by this name.
            return bind(eqn.primitive, eqn.params, [value]), state
        if where.site not in self._around:
            return bind(eqn.primitive, eqn.params, values), state
        name = eqn.primitive.name
        if name in REMAT:
            return self._remat(eqn, values, state, where)
        if name in INLINED:
            return self._run(called_jaxpr(eqn.params), values, state, where)
        inside = {"scan": self._scan, "while": self._while, "cond": self._cond}[name]
        return inside(eqn, values, state, where)

    def _remat(self, eqn: Any, values: list, state: State, where: "_Where") -> Any:
        p = eqn.params

        def call(values: list, state: State, at: tuple, given: list) -> Any:
            inside = _Where(where.site, at, dict(zip(where.given, given, strict=True)))
            return self._run(called_jaxpr(p), values, state, inside)

        again = jax.checkpoint(call, prevent_cse=p["prevent_cse"], policy=p["policy"])
        return again(values, state, where.at, list(where.given.values()))

    def _scan(self, eqn: Any, values: list, state: State, where: "_Where") -> Any:
        p = eqn.params
        n_consts, n_carry = scan_counts(p)
        consts, carry = values[:n_consts], values[n_consts : n_consts + n_carry]
        xs = values[n_consts + n_carry :]

        def body(before: Any, step_xs: Any) -> Any:
            (carry, state), (step, xs, given) = before, step_xs
            inside = _Where(
                where.site, (*where.at, step), dict(zip(where.given, given, strict=True))
            )
            out, state = self._run(p["jaxpr"], [*consts, *carry, *xs], state, inside)
            return (out[:n_carry], state), out[n_carry:]

        (carry, state), ys = lax.scan(
            body,
            (list(carry), state),
            (jnp.arange(p["length"]), list(xs), list(where.given.values())),
            length=p["length"],
            reverse=p["reverse"],
            unroll=p["unroll"],
        )
        return [*carry, *ys], state

    def _while(self, eqn: Any, values: list, state: State, where: "_Where") -> Any:
        p = eqn.params
        n_cond, n_body = p["cond_nconsts"], p["body_nconsts"]
        cond_consts, body_consts = values[:n_cond], values[n_cond : n_cond + n_body]

        def decided(before: Any) -> Any:
            step, carry, state = before
            inside = where.looped(step).inside(0)
            return self._run(p["cond_jaxpr"], [*cond_consts, *carry], state, inside)[0][0]

        def go(before: Any) -> Any:
            return jnp.any(decided(before))

        def body(before: Any) -> Any:
            step, carry, state = before
            inside = where.looped(step).inside(1)
            out, state = self._run(p["body_jaxpr"], [*body_consts, *carry], state, inside)
            if open_jaxpr(p["cond_jaxpr"])[0].outvars[0].aval.shape:
                going = decided(before)
                out = [still_going(going, n, o) for n, o in zip(out, carry, strict=True)]
            return step + 1, out, state

        start = (jnp.zeros((), jnp.int32), list(values[n_cond + n_body :]), state)
        _, carry, state = lax.while_loop(go, body, start)
        return list(carry), state

    def _cond(self, eqn: Any, values: list, state: State, where: "_Where") -> Any:
        branches = [
            lambda operands, state, i=i, jaxpr=jaxpr: self._run(
                jaxpr, operands, state, where.inside(i)
            )
            for i, jaxpr in enumerate(eqn.params["branches"])
        ]
        return lax.switch(values[0], branches, values[1:], state)


@dataclass(frozen=True)
class _Where:
    """A place, the iterations around it, and what is given to the places inside."""

    site: Site
    at: tuple[Any, ...]
    given: dict[Site, Any]

    def inside(self, *numbers: int) -> "_Where":
        site = (*self.site, *numbers)
        if not self.given:
            return _Where(site, self.at, self.given)
        given = {s: x for s, x in self.given.items() if s[: len(site)] == site}
        return _Where(site, self.at, given)

    def looped(self, step: Any) -> "_Where":
        return _Where(self.site, (*self.at, step), self.given)
