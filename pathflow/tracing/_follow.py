"""Equations of a jaxpr that select parts of a value, read as selections."""

from collections.abc import Callable, Sequence
from typing import Any

from pathflow.tracing._indexed import gathered, scattered
from pathflow.tracing._ir import Atom, Const, Var
from pathflow.tracing._select import Selector, clamp_starts
from pathflow.tracing._select_dynamic import select_dynamic


def follow(selector: Selector, eqn: Any, inputs: Sequence[Atom]) -> list[Atom] | None:
    """The outputs of the equation as selections of its inputs; None where it is none, or unknown.

    Only values that depend on a node are followed: how context is computed does not matter.
    """
    name = eqn.primitive.name
    if name == "select_n" and isinstance(inputs[0], Const) and not inputs[0].shape:
        return [inputs[1 + int(inputs[0].value)]]
    if name == "scatter" and isinstance(inputs[1], Const) and any(a.depends for a in inputs):
        part = scattered(selector, eqn.primitive, eqn.params, inputs)
        return None if part is None else [part]
    rule = _RULES.get(name)
    if rule is None or not isinstance(inputs[0], Var) or not inputs[0].depends:
        return None
    return rule(selector, eqn, inputs[0], inputs[1:])


def _slice(selector: Selector, eqn: Any, operand: Var, _: Sequence[Atom]) -> list[Atom]:
    p = eqn.params
    strides = p["strides"] or (1,) * len(operand.shape)
    bounds = zip(p["start_indices"], p["limit_indices"], strides, strict=True)
    return [selector.select(operand, [range(*map(int, b)) for b in bounds])]


def _split(selector: Selector, eqn: Any, operand: Var, _: Sequence[Atom]) -> list[Atom]:
    ranges, start, parts = [range(n) for n in operand.shape], 0, []
    for size in map(int, eqn.params["sizes"]):
        ranges[eqn.params["axis"]] = range(start, start + size)
        parts.append(selector.select(operand, ranges))
        start += size
    return parts


def _unstack(selector: Selector, eqn: Any, operand: Var, _: Sequence[Atom]) -> list[Atom]:
    ranges, parts = [range(n) for n in operand.shape], []
    for i, var in enumerate(eqn.outvars):
        ranges[eqn.params["axis"]] = range(i, i + 1)
        part = selector.select(operand, ranges)
        parts.append(selector.builder.reshape(part, var.aval.shape))
    return parts


def _dynamic_slice(
    selector: Selector, eqn: Any, operand: Var, starts: Sequence[Atom]
) -> list[Atom] | None:
    sizes = eqn.params["slice_sizes"]
    known = [a.value for a in starts if isinstance(a, Const)]
    if len(known) == len(starts):
        places = clamp_starts(known, sizes, operand.shape)
        wanted = [range(a, a + n) for a, n in zip(places, sizes, strict=True)]
        return [selector.select(operand, wanted)]
    moving = [a for a, (k, n) in enumerate(zip(sizes, operand.shape, strict=True)) if k != n]
    if len(moving) != 1 or any(a.depends for a in starts):
        return None
    (axis,) = moving
    return [select_dynamic(selector.builder, operand, axis, starts[axis], sizes[axis])]


def _dynamic_update_slice(
    _: Selector, __: Any, operand: Var, update_and_starts: Sequence[Atom]
) -> list[Atom] | None:
    # Wherever it starts, an update of the whole leaves nothing of what was there.
    update = update_and_starts[0]
    return [update] if update.shape == operand.shape else None


def _gather(
    selector: Selector, eqn: Any, operand: Var, indices: Sequence[Atom]
) -> list[Atom] | None:
    # A node's own value, or an input, is one piece however it is indexed.
    whole = operand.equation is None or operand.equation.primitive.name in ("pathflow_tag", "name")
    if whole or not isinstance(indices[0], Const):
        return None
    part = gathered(selector, eqn.primitive, eqn.params, operand, indices[0])
    return None if part is None else [part]


_RULES: dict[str, Callable[..., list[Atom] | None]] = {
    "slice": _slice,
    "split": _split,
    "unstack": _unstack,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "gather": _gather,
}
