"""Follows a selected part of a value back to what it is made of.

A part of a value (`hs[3]`, `split(z, 4)[0]`) is rebuilt from the same part of the operands: through
data movement (stack, reshape, transpose, ...), through elementwise equations and through the free
axes of matrix products. Two things depend on it. *Exactness*: when a loop's stacked output is taken
apart again, step 3 depends on step 3 alone and not on every step. *Cost*: a gate that is a quarter
of a fused matrix product multiplies a quarter of the matrix.

A selection is one `range` per axis. Each rule is a generator: it takes the equation that made the
value, yields the parts of the operands that it needs, is sent them, and returns the selected value,
or None where the part cannot be followed; then the value itself is sliced, which is always right.
Generators, and not calls, because a loop of a thousand steps makes a chain of a thousand equations,
deeper than Python's stack.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from jax import lax

from pathflow.tracing._boxes import Ranges, as_box, flat_ids
from pathflow.tracing._builder import Builder
from pathflow.tracing._ir import Atom, Const, Equation, Var

# A gather that falls apart into more boxes than this is left as it is.
_MAX_PIECES = 128

# fmt: off
ELEMENTWISE = frozenset({
    "abs", "acos", "acosh", "add", "add_any", "and", "asin", "asinh", "atan", "atan2", "atanh",
    "cbrt", "ceil", "clamp", "conj", "convert_element_type", "copy", "copy_p", "cos", "cosh",
    "digamma", "div", "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge",
    "gt", "imag", "integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt",
    "max", "min", "mul", "ne", "neg", "nextafter", "not", "or", "pow", "real",
    "reduce_precision", "rem", "round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt",
    "square", "stop_gradient", "sub", "tan", "tanh", "xor",
})
# fmt: on
_REDUCTIONS = frozenset(
    {
        "reduce_sum",
        "reduce_max",
        "reduce_min",
        "reduce_prod",
        "reduce_and",
        "reduce_or",
        "argmax",
        "argmin",
    }
)

# Yields a value and the part of it that is wanted; is sent that part; returns what it made of them.
Following = Generator[tuple[Atom, Sequence[range]], Atom, Atom | None]
Rule = Callable[["Selector", Equation, int, Ranges], Following]
_RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


class Selector:
    """Selects parts of a program's values, each part once."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._known: dict[tuple[Var, Ranges], Atom] = {}

    def select(self, atom: Atom, ranges: Sequence[range]) -> Atom:
        """The part of `atom` given by one range per axis."""

        def only() -> Following:
            return (yield atom, ranges)

        part = self.follow(only())
        return self.builder.slice(atom, ranges) if part is None else part

    def index(self, atom: Atom, position: int) -> Atom:
        """`atom[position]` along the first axis, which is dropped."""
        full = [range(n) for n in atom.shape[1:]]
        part = self.select(atom, [range(position, position + 1), *full])
        return self.builder.reshape(part, atom.shape[1:])

    def follow(self, following: Following) -> Atom | None:
        """Runs a generator of selections to its end."""
        stack: list[tuple[tuple[Var, Ranges] | None, Following]] = [(None, following)]
        part: Atom | None = None
        while True:
            key, top = stack[-1]
            try:
                atom, wanted = top.send(part)  # type: ignore[arg-type]
            except StopIteration as stop:
                stack.pop()
                if key is None:
                    return stop.value
                made = self.builder.slice(*key) if stop.value is None else stop.value
                self._known[key] = part = made
                continue
            ranges = tuple(wanted)
            part = self._at_once(atom, ranges)
            if part is None and isinstance(atom, Var):
                stack.append(((atom, ranges), self._rule_of(atom, ranges)))

    def _at_once(self, atom: Atom, ranges: Ranges) -> Atom | None:
        """The part where no operand needs to be looked at."""
        if all(r == range(n) for r, n in zip(ranges, atom.shape, strict=True)):
            return atom
        if isinstance(atom, Const) or not atom.depends:
            return self.builder.slice(atom, ranges)
        return self._known.get((atom, ranges))

    def _rule_of(self, var: Var, ranges: Ranges) -> Following:
        equation = var.equation
        if equation is None:
            return _unfollowed()
        name = equation.primitive.name
        rule = _elementwise if name in ELEMENTWISE else _RULES.get(name)
        if rule is None:
            return _unfollowed()
        return rule(self, equation, equation.outputs.index(var), ranges)

    def entries(self, operand: Atom, ids: np.ndarray) -> Following:
        """The entries of `operand` at flat positions `ids`, in the shape of `ids`, as few boxes
        laid end to end.
        """
        box = as_box(ids, operand.shape)
        if box is not None:
            return self.builder.reshape((yield operand, box), ids.shape)
        if not ids.shape or ids.shape[0] > _MAX_PIECES:
            return None
        parts = []
        for row in ids:
            part = yield from self.entries(operand, np.asarray(row))
            if part is None:
                return None
            parts.append(part)
        return self.builder.reshape(self.builder.stack(parts), ids.shape)

    def emit_like(
        self,
        equation: Equation,
        inputs: Sequence[Atom],
        shape: tuple[int, ...],
        changed: dict[str, Any] | None = None,
    ) -> Atom:
        """The equation again, on other inputs of other shapes."""
        params = {**equation.params, **(changed or {})}
        aval = [(shape, equation.outputs[0].dtype)]
        return self.builder.emit(equation.primitive, params, inputs, aval)[0]


def _unfollowed() -> Following:
    return None
    yield  # a generator all the same


def _lengths(ranges: Sequence[range]) -> tuple[int, ...]:
    return tuple(map(len, ranges))


def _full(shape: Sequence[int]) -> list[range]:
    return [range(n) for n in shape]


def _compose(outer: range, inner: range) -> range:
    """The positions `outer[i] for i in inner`."""
    start = outer.start + outer.step * inner.start
    step = outer.step * inner.step
    return range(start, start + step * len(inner), step)


def _within(selected: range, size: int) -> range:
    """The selection on an axis of an operand, whose length may be 1 (implicitly repeated)."""
    return selected if size != 1 else range(1)


def _elementwise(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    parts = []
    for atom in e.inputs:
        if len(atom.shape) not in (0, len(ranges)):
            return None
        if not atom.shape:
            parts.append(atom)
            continue
        fitted = [
            r if n == m else range(1)
            for r, n, m in zip(ranges, atom.shape, e.outputs[0].shape, strict=True)
        ]
        parts.append((yield atom, fitted))
    return s.emit_like(e, parts, _lengths(ranges))


@_rule("dot_general")
def _dot_general(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = e.params["dimension_numbers"]
    lhs, rhs = e.inputs
    lhs_ranges, rhs_ranges = _full(lhs.shape), _full(rhs.shape)
    pending = list(ranges)
    for i, j in zip(lhs_batch, rhs_batch, strict=True):
        lhs_ranges[i] = rhs_ranges[j] = pending.pop(0)
    for operand, contract, batch in (
        (lhs_ranges, lhs_contract, lhs_batch),
        (rhs_ranges, rhs_contract, rhs_batch),
    ):
        for axis in range(len(operand)):
            if axis not in contract and axis not in batch:
                operand[axis] = pending.pop(0)
    parts = [(yield lhs, lhs_ranges), (yield rhs, rhs_ranges)]
    return s.emit_like(e, parts, _lengths(ranges))


@_rule("broadcast_in_dim")
def _broadcast_in_dim(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand = e.inputs[0]
    axes = e.params["broadcast_dimensions"]
    wanted = [_within(ranges[a], n) for a, n in zip(axes, operand.shape, strict=True)]
    part = yield operand, wanted
    return s.emit_like(e, [part], _lengths(ranges), {"shape": _lengths(ranges)})


@_rule("transpose")
def _transpose(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    permutation = e.params["permutation"]
    wanted = [ranges[list(permutation).index(axis)] for axis in range(len(permutation))]
    return s.emit_like(e, [(yield e.inputs[0], wanted)], _lengths(ranges))


@_rule("rev")
def _rev(_s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand = e.inputs[0]
    wanted = [
        _compose(range(n)[::-1], r) if axis in e.params["dimensions"] else r
        for axis, (r, n) in enumerate(zip(ranges, operand.shape, strict=True))
    ]
    return (yield operand, wanted)


@_rule("slice")
def _slice(_s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    p = e.params
    strides = p["strides"] or (1,) * len(ranges)
    taken = [
        range(a, b, c)
        for a, b, c in zip(p["start_indices"], p["limit_indices"], strides, strict=True)
    ]
    return (yield e.inputs[0], [_compose(t, r) for t, r in zip(taken, ranges, strict=True)])


@_rule("split")
def _split(_s: Selector, e: Equation, output: int, ranges: Ranges) -> Following:
    start = sum(e.params["sizes"][:output])
    wanted = list(ranges)
    r = ranges[e.params["axis"]]
    wanted[e.params["axis"]] = range(r.start + start, r.stop + start, r.step)
    return (yield e.inputs[0], wanted)


@_rule("concatenate")
def _concatenate(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    axis = int(e.params["dimension"])
    sizes = [a.shape[axis] for a in e.inputs]
    starts = np.cumsum([0, *sizes])
    return (yield from _pieces(s, e.inputs, starts, axis, ranges))


def _pieces(
    s: Selector, operands: Sequence[Atom], starts: Any, axis: int, ranges: Ranges
) -> Following:
    """A selection of operands laid end to end: the pieces of those that it touches."""
    wanted = ranges[axis]
    if not len(wanted):
        return None
    pieces, i = [], 0
    while i < len(wanted):
        k = int(np.searchsorted(starts, wanted[i], side="right")) - 1
        j = i
        while j < len(wanted) and starts[k] <= wanted[j] < starts[k + 1]:
            j += 1
        local = range(
            wanted[i] - int(starts[k]),
            wanted[i] - int(starts[k]) + wanted.step * (j - i),
            wanted.step,
        )
        pieces.append((yield operands[k], [*ranges[:axis], local, *ranges[axis + 1 :]]))
        i = j
    return s.builder.concatenate(pieces, axis)


@_rule("stack")
def _stack(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    axis = e.params["axis"]
    others = (*ranges[:axis], *ranges[axis + 1 :])
    shape = [*_lengths(ranges[:axis]), 1, *_lengths(ranges[axis + 1 :])]
    pieces = []
    for i in ranges[axis]:
        pieces.append(s.builder.reshape((yield e.inputs[i], others), shape))  # noqa: PERF401
    return s.builder.concatenate(pieces, axis) if pieces else None


@_rule("unstack")
def _unstack(s: Selector, e: Equation, output: int, ranges: Ranges) -> Following:
    axis = e.params["axis"]
    wanted = (*ranges[:axis], range(output, output + 1), *ranges[axis:])
    return s.builder.reshape((yield e.inputs[0], wanted), _lengths(ranges))


@_rule("squeeze")
def _squeeze(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand, pending = e.inputs[0], list(ranges)
    dropped = {d % len(operand.shape) for d in e.params["dimensions"]}
    wanted = [range(1) if a in dropped else pending.pop(0) for a in range(len(operand.shape))]
    return s.builder.reshape((yield operand, wanted), _lengths(ranges))


@_rule("reshape")
def _reshape(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand = e.inputs[0]
    if e.params.get("dimensions") is not None:
        return None
    ids = flat_ids(e.outputs[0].shape, ranges)
    return (yield from s.entries(operand, ids))


@_rule("tile")
def _tile(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand = e.inputs[0]
    sizes = (1,) * (len(ranges) - len(operand.shape)) + operand.shape
    places = np.meshgrid(*ranges, indexing="ij")
    ids = np.zeros(_lengths(ranges), np.int64)
    for place, n in zip(places, sizes, strict=True):
        ids = ids * n + place % n
    return (yield from s.entries(operand, ids))


@_rule("pad")
def _pad(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand, value = e.inputs
    config = [tuple(map(int, c)) for c in e.params["padding_config"]]
    if any(low < 0 or high < 0 or interior for low, high, interior in config):
        return None
    inner = list(zip(ranges, config, operand.shape, strict=True))
    if all(len(r) and low <= min(r) and max(r) < low + n for r, (low, _, _), n in inner):
        shifted = [range(r.start - low, r.stop - low, r.step) for r, (low, _, _), _ in inner]
        return (yield operand, shifted)
    if any(len(r) and (max(r) < low or min(r) >= low + n) for r, (low, _, _), n in inner):
        params = {"shape": _lengths(ranges), "broadcast_dimensions": (), "sharding": None}
        return s.builder.emit(
            lax.broadcast_in_dim_p, params, [value], [(_lengths(ranges), value.dtype)]
        )[0]
    return None


@_rule("dynamic_update_slice")
def _dynamic_update_slice(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    operand, update, *indices = e.inputs
    known = [i.value for i in indices if isinstance(i, Const)]
    if len(known) < len(indices):
        return None
    starts = clamp_starts(known, update.shape, operand.shape)
    inner = list(zip(ranges, starts, update.shape, strict=True))
    if any(not len(r) or max(r) < a or min(r) >= a + n for r, a, n in inner):
        return (yield operand, ranges)
    if all(a <= min(r) and max(r) < a + n for r, a, n in inner):
        return (yield update, [range(r.start - a, r.stop - a, r.step) for r, a, _ in inner])
    partial = [
        k
        for k, (a, n) in enumerate(zip(starts, update.shape, strict=True))
        if (a, n) != (0, operand.shape[k])
    ]
    if len(partial) != 1 or ranges[partial[0]].step < 0:
        return None
    # The update covers all but one axis: the value is what lies before it, the update, and what
    # lies after.
    axis, (a, n) = partial[0], (starts[partial[0]], update.shape[partial[0]])
    bounds = [0, a, a + n, operand.shape[axis]]
    before, after = _full(operand.shape), _full(operand.shape)
    before[axis], after[axis] = range(a), range(a + n, bounds[-1])
    parts = [(yield operand, before) if a else None, update]
    parts.append((yield operand, after) if a + n < bounds[-1] else None)
    kept = [p for p in parts if p is not None]
    edges = np.cumsum([0, *(p.shape[axis] for p in kept)])
    return (yield from _pieces(s, kept, edges, axis, ranges))


def _reduction(s: Selector, e: Equation, _: int, ranges: Ranges) -> Following:
    if len(e.inputs) != 1:
        return None
    pending, operand = list(ranges), e.inputs[0]
    wanted = [
        range(n) if axis in e.params["axes"] else pending.pop(0)
        for axis, n in enumerate(operand.shape)
    ]
    return s.emit_like(e, [(yield operand, wanted)], _lengths(ranges))


_RULES.update(dict.fromkeys(_REDUCTIONS, _reduction))


def clamp_starts(starts: Sequence[Any], sizes: Sequence[int], shape: Sequence[int]) -> list[int]:
    """Where a dynamic slice begins: JAX moves it so that it fits."""
    return [min(max(int(a), 0), n - k) for a, k, n in zip(starts, sizes, shape, strict=True)]
