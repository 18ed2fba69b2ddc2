"""Strategies for whole programs: random tagged programs with control flow, and DAG models."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from hypothesis import strategies as st

from tests.helpers import _ops
from tests.helpers._moves import MOVES
from tests.helpers._ops import NAMES, Built, Draw, Scope, operand
from tests.helpers._programs import (
    Block,
    Branch,
    Call,
    Fori,
    Op,
    Program,
    Pure,
    Scan,
    Shape,
    Step,
    Tag,
    While,
)

_INNER_STEPS = 3
_PARAMS: tuple[tuple[str, Shape], ...] = (("w", (3, 3)), ("u", (2, 3)), ("b", (3,)))


@st.composite
def programs(
    draw: Draw, max_steps: int = 8, inputs: tuple[str, ...] = ("x",), decided_by_values: bool = True
) -> Program:
    """Random tagged programs.

    Arguments:
        max_steps: the most steps outside loops, branches and calls.
        inputs: the names of the array arguments.
        decided_by_values: whether branches and loops may be decided by values that depend on the
            inputs.
    """
    shapes = [draw(st.sampled_from(((3,), (2,), (2, 3), (3, 2)))) for _ in inputs]
    steps, scope = _steps(
        draw, _scope(shapes), draw(st.integers(3, max_steps)), 2, decided_by_values
    )
    block = _read_out(draw, steps, scope)
    return _program(tuple(zip(inputs, shapes, strict=True)), block, draw(st.integers(0, 2**16)))


def _scope(inputs: list[Shape]) -> Scope:
    return Scope((*(shape for _, shape in _PARAMS), *inputs), len(_PARAMS))


def _program(inputs: tuple[tuple[str, Shape], ...], block: Block, seed: int) -> Program:
    return Program(inputs=inputs, params=_PARAMS, block=block, seed=seed)


def _read_out(draw: Draw, steps: list[Step], scope: Scope) -> Block:
    """The end of a program: the newest value, tagged, and others, summed to a scalar."""
    newest = len(scope.shapes) - 1
    others = draw(st.lists(st.sampled_from(scope.positions()), min_size=1, max_size=3, unique=True))
    end = Step(Tag("z"), (newest,))
    out = Step(
        Pure("read out", lambda *v: sum(jnp.sum(jnp.sin(u)) for u in v)), (newest + 1, *others)
    )
    return Block((*steps, end, out), (newest + 2,))


def _steps(
    draw: Draw, scope: Scope, count: int, depth: int, by_values: bool
) -> tuple[list[Step], Scope]:
    """Up to `count` steps, many of them tagged; blocks may hold blocks `depth` deep."""
    steps = []
    for _ in range(count):
        if depth and draw(st.integers(0, 3)) == 3:
            built = draw(st.sampled_from(_CONTROL))(draw, scope, depth - 1, by_values)
        else:
            built = draw(st.sampled_from(_PLAIN))(draw, scope)
        if built is None:
            continue
        steps.append(built[0])
        scope = scope.plus(built[1])
        if draw(st.booleans()):
            steps.append(Step(Tag(draw(st.sampled_from(NAMES))), (len(scope.shapes) - 1,)))
            scope = scope.plus(scope.shapes[-1:])
    return steps, scope


def _block(
    draw: Draw, scope: Scope, wanted: list[Shape], depth: int, by_values: bool, extra: int = 0
) -> tuple[Block, list[Shape]]:
    """A block whose results have the wanted shapes, each the shape of some value of the scope, then
    `extra` more.
    """
    steps, inner = _steps(draw, scope, draw(st.integers(1, _INNER_STEPS)), depth, by_values)
    results = [draw(st.sampled_from(inner.positions(lambda s, w=w: s == w))) for w in wanted]
    results += [draw(st.sampled_from(inner.positions())) for _ in range(extra)]
    return Block(tuple(steps), tuple(results)), [inner.shapes[r] for r in results]


def _number(draw: Draw, scope: Scope, choices: int, by_values: bool) -> tuple[Pure, int]:
    """What decides a branch: an integer below `choices`, from a value or always the same."""
    position = operand(draw, scope)
    assert position is not None
    if by_values and draw(st.booleans()):
        scale = draw(st.sampled_from((1.0, 3.0)))

        def number(v: Any) -> Any:
            return jnp.floor(scale * jnp.sum(jnp.sin(v)) + 0.3137).astype(jnp.int32) % choices

        return Pure(f"floor({scale} sum sin) % {choices}", number), position
    fixed = draw(st.integers(0, choices - 1))
    return Pure(f"always {fixed}", lambda v: jnp.int32(fixed)), position


def _carries(draw: Draw, scope: Scope) -> list[int]:
    return draw(st.lists(st.sampled_from(scope.positions()), min_size=1, max_size=2))


def _scan(draw: Draw, scope: Scope, depth: int, by_values: bool) -> Built:
    carry = _carries(draw, scope)
    arrays = scope.positions(lambda s: len(s) >= 1)
    xs = draw(st.lists(st.sampled_from(arrays), max_size=1))
    length = scope.shapes[xs[0]][0] if xs else draw(st.integers(1, 3))
    shapes = [scope.shapes[c] for c in carry]
    inner = scope.plus([*shapes, *(scope.shapes[x][1:] for x in xs)])
    extra = draw(st.integers(0, 1))
    body, out = _block(draw, inner, shapes, depth, by_values, extra)
    stacked = [(length, *s) for s in out[len(carry) :]]
    op = Scan(len(carry), length, draw(st.booleans()), body)
    return Step(op, (*carry, *xs)), [*shapes, *stacked]


def _branch(draw: Draw, scope: Scope, depth: int, by_values: bool) -> Built:
    result = scope.shapes[draw(st.sampled_from(scope.positions()))]
    count = draw(st.integers(2, 3))
    decide, position = _number(draw, scope, count, by_values)
    branches = tuple(_block(draw, scope, [result], depth, by_values)[0] for _ in range(count))
    return Step(Branch(decide, branches), (position,)), [result]


def _fori(draw: Draw, scope: Scope, depth: int, by_values: bool) -> Built:
    carry = _carries(draw, scope)
    shapes = [scope.shapes[c] for c in carry]
    bound: int | Pure = draw(st.integers(1, 3))
    if draw(st.booleans()):
        bound, carry[0] = _number(draw, scope, 3, by_values)
        shapes[0] = scope.shapes[carry[0]]
    body, _ = _block(draw, scope.plus([(), *shapes]), shapes, depth, by_values)
    return Step(Fori(bound, body), tuple(carry)), shapes


def _while(draw: Draw, scope: Scope, depth: int, by_values: bool) -> Built:
    carry = _carries(draw, scope)
    keep, carry[0] = _number(draw, scope, 2, by_values)
    shapes = [scope.shapes[c] for c in carry]
    body, _ = _block(draw, scope.plus([(), *shapes]), shapes, depth, by_values)
    return Step(While(keep, draw(st.integers(1, 3)), body), tuple(carry)), shapes


def _call(draw: Draw, scope: Scope, depth: int, by_values: bool) -> Built:
    wrapper = draw(st.sampled_from(("jit", "remat")))
    block, shapes = _block(draw, scope, [], depth, by_values, extra=draw(st.integers(1, 2)))
    return Step(Call(wrapper, block), ()), shapes


_PLAIN: tuple[Callable[[Draw, Scope], Built | None], ...] = (
    _ops.tag,
    *[_ops.merged] * 6,
    *[_ops.dense] * 2,
    *[_ops.matmul] * 2,
    *[_ops.unary] * 2,
    *[_ops.binary] * 3,
    _ops.reduction,
    _ops.scaled,
    _ops.integers,
    _ops.ruled,
    *MOVES,
)
_CONTROL: tuple[Callable[[Draw, Scope, int, bool], Built], ...] = (
    *[_scan] * 3,
    _branch,
    _fori,
    _while,
    _call,
)


@st.composite
def dag_programs(draw: Draw, max_nodes: int = 7) -> Program:
    """Random DAG models: every node tagged, of a random width, a smooth function of some nodes
    before it.
    """
    x: Shape = (draw(st.integers(1, 4)),)
    scope = _scope([x])
    nodes, steps = [scope.context], []

    def append(op: Op, args: tuple[int, ...], shape: Shape) -> int:
        nonlocal scope
        steps.append(Step(op, args))
        scope = scope.plus([shape])
        return len(scope.shapes) - 1

    for number in range(draw(st.integers(1, max_nodes))):
        before = draw(st.lists(st.sampled_from(nodes[::-1]), min_size=1, max_size=3, unique=True))
        width, seed = draw(st.integers(1, 4)), draw(st.integers(0, 99))
        op = Pure(f"smooth({width}, {seed})", _ops.smooth(width, seed))
        value = append(op, tuple(before), (width,))
        nodes.append(append(Tag(f"n{number}"), (value,), (width,)))
    return _program((("x", x),), _read_out(draw, steps, scope), draw(st.integers(0, 2**16)))


def dropped_names(program: Program) -> st.SearchStrategy[frozenset[str]]:
    """Names of a program's tags to take away; at least one stays."""
    names = sorted(program.tags() - {"z"})
    return st.frozensets(st.sampled_from(names)) if names else st.just(frozenset())


__all__ = ["NAMES", "dag_programs", "dropped_names", "programs"]
