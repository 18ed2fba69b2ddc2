"""The traced function itself, with some nodes' values replaced: no unrolling, no contraction, loops
stay loops.

This is the independent reference of every result: its derivative with respect to the replaced
values is the total that the influences of all paths must add up to.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pathflow._compat import bind, called_jaxpr, open_jaxpr, scan_counts
from pathflow.graph import Node
from pathflow.tracing._flatten import INLINED, Site, TagSite

# A tagged value seen so far that is the one asked for, or None where the target is the function's
# output.
Captured = Any


class Substitution:
    """Evaluates a jaxpr with tagged values replaced, and returns one of its values.

    Arguments:
        sites: the tags of the traced function.
        replaced: the value of each node that is replaced; inputs are replaced by passing other
            arguments.
        target: the node whose value is wanted.
    """

    def __init__(
        self, sites: Sequence[TagSite], replaced: Mapping[Node, Any], target: Node | None
    ) -> None:
        self._replaced = {
            s.site: [(node.index, value) for node, value in replaced.items() if _made_at(node, s)]
            for s in sites
        }
        self._target = {s.site for s in sites if target is not None and _made_at(target, s)}
        self._index = target.index if target is not None else ()
        self._relevant = {site for site, found in self._replaced.items() if found} | self._target

    def run(
        self,
        jaxpr: Any,
        args: Sequence[Any],
        start: Captured,
        site: Site = (),
        at: tuple[Any, ...] = (),
    ) -> tuple[list[Any], Captured]:
        """The jaxpr's outputs, and the target's value (`start` where it has not been met).

        Arguments:
            jaxpr: what is evaluated.
            args: its arguments.
            start: the target's value so far.
            site: where the jaxpr stands in the traced function.
            at: the iteration of each loop around it.
        """
        inner, consts = open_jaxpr(jaxpr)
        env = dict(zip(inner.constvars, consts, strict=True))
        env.update(zip(inner.invars, args, strict=True))

        def read(atom: Any) -> Any:
            return atom.val if hasattr(atom, "val") else env[atom]

        captured = start
        for position, eqn in enumerate(inner.eqns):
            values = [read(a) for a in eqn.invars]
            out, captured = self._equation(eqn, values, captured, (*site, position), at)
            env.update(zip(eqn.outvars, out, strict=True))
        return [read(v) for v in inner.outvars], captured

    def _equation(self, eqn: Any, values: list, captured: Captured, site: Site, at: tuple) -> Any:
        if site in self._relevant:
            return self._tag(values[0], captured, site, at)
        if any(s[: len(site)] == site for s in self._relevant):
            name = eqn.primitive.name
            if name in INLINED:
                return self.run(called_jaxpr(eqn.params), values, captured, site, at)
            inside = {"scan": self._scan, "while": self._while, "cond": self._cond}[name]
            return inside(eqn, values, captured, site, at)
        return bind(eqn.primitive, eqn.params, values), captured

    def _tag(self, value: Any, captured: Captured, site: Site, at: tuple) -> Any:
        for index, replacement in self._replaced[site]:
            value = jnp.where(_all_equal(at, index), replacement, value) if index else replacement
        if site in self._target:
            captured = jnp.where(_all_equal(at, self._index), value, captured) if at else value
        return [value], captured

    def _scan(self, eqn: Any, values: list, captured: Captured, site: Site, at: tuple) -> Any:
        p = eqn.params
        n_consts, n_carry = scan_counts(p)
        consts, carry, xs = (
            values[:n_consts],
            values[n_consts : n_consts + n_carry],
            values[n_consts + n_carry :],
        )

        def body(state: Any, step_xs: Any) -> Any:
            (carry, captured), (step, xs) = state, step_xs
            out, captured = self.run(
                p["jaxpr"], [*consts, *carry, *xs], captured, site, (*at, step)
            )
            return (out[:n_carry], captured), out[n_carry:]

        steps = jnp.arange(p["length"])
        (carry, captured), ys = lax.scan(
            body,
            (list(carry), captured),
            (steps, list(xs)),
            length=p["length"],
            reverse=p["reverse"],
        )
        return [*carry, *ys], captured

    def _while(self, eqn: Any, values: list, captured: Captured, site: Site, at: tuple) -> Any:
        p = eqn.params
        n_cond, n_body = p["cond_nconsts"], p["body_nconsts"]
        cond_consts, body_consts = values[:n_cond], values[n_cond : n_cond + n_body]

        def go(state: Any) -> Any:
            step, carry, captured = state
            out, _ = self.run(
                p["cond_jaxpr"], [*cond_consts, *carry], captured, (*site, 0), (*at, step)
            )
            return out[0]

        def body(state: Any) -> Any:
            step, carry, captured = state
            args = [*body_consts, *carry]
            out, captured = self.run(p["body_jaxpr"], args, captured, (*site, 1), (*at, step))
            return step + 1, out, captured

        start = (jnp.zeros((), jnp.int32), list(values[n_cond + n_body :]), captured)
        _, carry, captured = lax.while_loop(go, body, start)
        return list(carry), captured

    def _cond(self, eqn: Any, values: list, captured: Captured, site: Site, at: tuple) -> Any:
        branches = [
            lambda operands, captured, i=i, jaxpr=jaxpr: self.run(
                jaxpr, operands, captured, (*site, i), at
            )
            for i, jaxpr in enumerate(eqn.params["branches"])
        ]
        return lax.switch(values[0], branches, values[1:], captured)


def _made_at(node: Node, site: TagSite) -> bool:
    """Whether the node is one of those that the site makes; outside and inside a loop a name is
    free twice.
    """
    return node.name == site.name and len(node.index) == site.depth


def _all_equal(at: Sequence[Any], index: Sequence[int]) -> Any:
    equal = jnp.asarray(True)
    for step, wanted in zip(at, index, strict=True):
        equal = equal & (step == wanted)
    return equal


def substituted(
    jaxpr: Any,
    sites: Sequence[TagSite],
    inputs: Mapping[Node, int],
    outputs: Mapping[Node, int],
    sources: Sequence[Node],
    target: Node,
) -> Callable[[Sequence[Any], Sequence[Any]], Any]:
    """The target's value as a function of the flat arguments and of the sources' values.

    Arguments:
        jaxpr: the traced function's jaxpr.
        sites: its tags.
        sources: the nodes whose values are replaced.
        target: the node whose value is wanted.
        inputs: the position of each input node among the flat arguments.
        outputs: the position of each output node among the function's outputs.
    """

    def value(args: Sequence[Any], values: Sequence[Any]) -> Any:
        given = list(args)
        replaced = {}
        for node, replacement in zip(sources, values, strict=True):
            if node in inputs:
                given[inputs[node]] = replacement
            else:
                replaced[node] = replacement
        captured = target if target not in outputs else None
        run = Substitution(sites, replaced, captured)
        start = None if captured is None else jnp.zeros(target.shape, target.dtype)
        out, found = run.run(jaxpr, given, start)
        return out[outputs[target]] if captured is None else found

    return jax.named_call(value, name="pathflow_reference")
