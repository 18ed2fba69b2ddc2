"""From a jaxpr to a flat program in which every tag is one variable.

Calls (`jit`, `remat`) are inlined. A loop that holds tags is unrolled, a branch that holds tags is
resolved from the concrete arguments, and each such decision is kept as a guard, so that evaluation
at other inputs can be refused. Anything that holds no tag, or none that makes a node, stays one
opaque equation: its derivative rules, custom ones included, are JAX's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import source_info_util

from pathflow._compat import called_jaxpr, open_jaxpr, scan_counts
from pathflow._errors import TraceError
from pathflow.graph import Node
from pathflow.tracing._builder import Builder
from pathflow.tracing._candidate import Tag
from pathflow.tracing._ends import value_node
from pathflow.tracing._follow import follow
from pathflow.tracing._ir import Atom, Const, Var, backward_slice, evaluate
from pathflow.tracing._select import Selector
from pathflow.tracing._sites import INLINED, TAGS, Site, TagSite
from pathflow.tracing._split import Splits, part_name, split_value
from pathflow.tracing._visit import still_going

_MAX_ITERATIONS = 100_000


@dataclass(frozen=True, eq=False)
class Guard:
    """A decision that the graph rests on: `var` must have the value `expected`."""

    var: Var
    expected: int
    where: str


@dataclass(frozen=True, eq=False)
class TagValue:
    """One tagged value: its name, loop iterations, the variable that it marks and the one that
    users of the tag read; and whether it is a part of a value that is split.
    """

    name: str
    index: tuple[int, ...]
    source: Atom
    output: Atom
    part: bool = False


class Flattener:
    """Runs a jaxpr on variables instead of values.

    Arguments:
        builder: receives the equations.
        sites: the tags that make nodes.
        concrete: the values of the program's inputs, or None where only shapes are known.
        splits: the tagged values that are taken apart.
    """

    def __init__(
        self,
        builder: Builder,
        sites: Iterable[TagSite],
        concrete: dict[Var, Any] | None,
        splits: Splits = Splits(),  # noqa: B008  (immutable)
    ) -> None:
        self.builder = builder
        self.selector = Selector(builder)
        self.tags: list[TagValue] = []
        self.guards: list[Guard] = []
        self.split: list[Node] = []
        self._sites = {s.site: s for s in sites}
        self._around = {s[:i] for s in self._sites for i in range(1, len(s))}
        self._concrete = concrete
        self._splits = splits
        self._index: tuple[int, ...] = ()

    def run(
        self, jaxpr: Any, consts: Sequence[Atom], args: Sequence[Atom], site: Site = ()
    ) -> list[Atom]:
        env: dict[Any, Atom] = dict(zip(jaxpr.constvars, consts, strict=True))
        env.update(zip(jaxpr.invars, args, strict=True))

        def read(atom: Any) -> Atom:
            return Const(atom.val, literal=True) if hasattr(atom, "val") else env[atom]

        for position, eqn in enumerate(jaxpr.eqns):
            out = self._equation(eqn, [read(a) for a in eqn.invars], (*site, position))
            env.update(zip(eqn.outvars, out, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, eqn: Any, inputs: list[Atom], site: Site) -> Sequence[Atom]:
        name = eqn.primitive.name
        if name in TAGS:
            return [self._tag(eqn, inputs[0], site)]
        if name in INLINED:
            jaxpr, consts = open_jaxpr(called_jaxpr(eqn.params))
            return self.run(jaxpr, list(map(Const, consts)), inputs, site)
        if site in self._around:
            if name == "scan":
                return self._scan(eqn, inputs, site)
            if name == "cond":
                return self._cond(eqn, inputs, site)
            if name == "while":
                return self._while(eqn, inputs, site)
        return self._opaque(eqn, inputs)

    def _tag(self, eqn: Any, source: Atom, site: Site) -> Atom:
        tag_site = self._sites.get(site)
        if tag_site is None:
            return source
        if not (source.depends or isinstance(tag_site.origin, Tag)):
            # What a module or an equation computes from parameters alone is no node, but context.
            return source
        node = value_node(tag_site.name, self._index, source)
        division = self._splits.of(node)
        if division is not None:
            self.split.append(node)
        # A value without entries has no parts, and stays as it is.
        if division is None or not source.size:
            return self._mark(eqn, tag_site.name, source, part=False)

        def mark(part: str, value: Atom) -> Atom:
            return self._mark(eqn, part_name(tag_site.name, part), value, part=True)

        return split_value(self.selector, source, division, mark)

    def _mark(self, eqn: Any, name: str, source: Atom, *, part: bool) -> Atom:
        aval = [(source.shape, source.dtype)]
        (output,) = self.builder.emit(eqn.primitive, eqn.params, [source], aval, depends=True)
        self.tags.append(TagValue(name, self._index, source, output, part))
        return output

    def _opaque(self, eqn: Any, inputs: list[Atom]) -> Sequence[Atom]:
        followed = follow(self.selector, eqn, inputs)
        if followed is not None:
            return followed
        avals = [(v.aval.shape, v.aval.dtype) for v in eqn.outvars]
        return self.builder.emit(eqn.primitive, eqn.params, inputs, avals)

    def _scan(self, eqn: Any, inputs: list[Atom], site: Site) -> list[Atom]:
        params = eqn.params
        n_consts, n_carry = scan_counts(params)
        jaxpr, values = open_jaxpr(params["jaxpr"])
        closed = list(map(Const, values))
        consts, carry = inputs[:n_consts], inputs[n_consts : n_consts + n_carry]
        xs = inputs[n_consts + n_carry :]
        length, outer = params["length"], self._index
        ys: list[list[Atom]] = [[] for _ in range(length)]
        for step in reversed(range(length)) if params["reverse"] else range(length):
            self._index = (*outer, step)
            x = [self.selector.index(a, step) for a in xs]
            out = self.run(jaxpr, closed, [*consts, *carry, *x], site)
            carry, ys[step] = out[:n_carry], out[n_carry:]
        self._index = outer
        if not length:
            return [*carry, *(_empty(v) for v in eqn.outvars[n_carry:])]
        return [*carry, *(self.builder.stack(y) for y in zip(*ys, strict=True))]

    def _cond(self, eqn: Any, inputs: list[Atom], site: Site) -> list[Atom]:
        branch = self._decide(inputs[0], f"cond at {_where(eqn)}")
        branch = min(max(branch, 0), len(eqn.params["branches"]) - 1)
        jaxpr, values = open_jaxpr(eqn.params["branches"][branch])
        return self.run(jaxpr, list(map(Const, values)), inputs[1:], (*site, branch))

    def _while(self, eqn: Any, inputs: list[Atom], site: Site) -> list[Atom]:
        p = eqn.params
        cond, cond_values = open_jaxpr(p["cond_jaxpr"])
        body, body_values = open_jaxpr(p["body_jaxpr"])
        n_cond, n_body = p["cond_nconsts"], p["body_nconsts"]
        cond_consts, body_consts = inputs[:n_cond], inputs[n_cond : n_cond + n_body]
        carry, outer = inputs[n_cond + n_body :], self._index
        where = f"while at {_where(eqn)}"
        for step in range(_MAX_ITERATIONS):
            self._index = (*outer, step)
            (go,) = self.run(
                cond, list(map(Const, cond_values)), [*cond_consts, *carry], (*site, 0)
            )
            if not self._decide(self._any(go), f"{where}, iteration {step}"):
                break
            after = self.run(
                body, list(map(Const, body_values)), [*body_consts, *carry], (*site, 1)
            )
            carry = [self._kept(go, new, old) for new, old in zip(after, carry, strict=True)]
        else:
            raise TraceError(
                f"The {where} ran {_MAX_ITERATIONS} iterations without an end; is its condition "
                "right?"
            )
        self._index = outer
        return list(carry)

    def _any(self, go: Atom) -> Atom:
        return self._apply(jnp.any, [go]) if go.shape else go

    def _kept(self, go: Atom, new: Atom, old: Atom) -> Atom:
        return self._apply(still_going, [go, new, old]) if go.shape and new is not old else new

    def _apply(self, fn: Any, inputs: list[Atom]) -> Atom:
        avals = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in inputs]
        jaxpr, consts = open_jaxpr(jax.make_jaxpr(fn)(*avals))
        return self.run(jaxpr, list(map(Const, consts)), inputs)[0]

    def _decide(self, atom: Atom, where: str) -> int:
        if isinstance(atom, Const):
            return int(atom.value)
        if self._concrete is None:
            raise TraceError(
                f"The {where} holds tags, so its decision must be known, but trace(*args) got "
                "shapes without values; pass concrete arrays."
            )
        equations = backward_slice([atom], stop=lambda var: var in self._concrete)
        # Values computed for one decision serve the next: a loop's carry is not computed again from
        # the start.
        with jax.ensure_compile_time_eval():
            (value,) = evaluate(equations, self._concrete, [atom])
        self.guards.append(Guard(atom, int(value), where))
        return int(value)


def _empty(var: Any) -> Const:
    return Const(np.zeros(var.aval.shape, var.aval.dtype))


def _where(eqn: Any) -> str:
    return source_info_util.summarize(eqn.source_info)
