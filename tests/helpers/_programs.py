"""A small language of tagged programs, and its meaning as JAX functions.

A program is a list of steps; each appends its outputs to an environment, so that any later step may
read any earlier value (shared subexpressions are the rule, not the exception). Loops, branches and
calls hold a block of steps of their own, which also reads the values around it. `execute` runs a
step with `jax.lax` control flow and `pathflow.tag`; `_oracle.py` gives the same programs a second
meaning that uses neither.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pathflow as pf

Shape = tuple[int, ...]
Values = list[Any]


@dataclass(frozen=True)
class Pure:
    """A function of its operands. `moves`: every entry of the output is one entry of an operand, or
    a constant.
    """

    name: str
    fn: Callable[..., Any] = field(repr=False, compare=False)
    moves: bool = False

    def outputs(self, *operands: Any) -> tuple[Any, ...]:
        out = self.fn(*operands)
        return tuple(out) if isinstance(out, tuple | list) else (out,)


@dataclass(frozen=True)
class Step:
    """One binding: the operation and the positions, in the environment, of its operands."""

    op: "Op"
    args: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """Steps that run in the environment around them, and the positions of what they hand back."""

    steps: tuple[Step, ...]
    results: tuple[int, ...]


@dataclass(frozen=True)
class Tag:
    name: str


@dataclass(frozen=True)
class Scan:
    """`lax.scan` over the operands: carries first, then arrays to go through. The body sees
    carries, then slices.
    """

    n_carry: int
    length: int
    reverse: bool
    body: Block


@dataclass(frozen=True)
class Branch:
    """`lax.cond` (two branches) or `lax.switch`; `decide` turns the operand into the number of the
    branch.
    """

    decide: Pure
    branches: tuple[Block, ...]


@dataclass(frozen=True)
class Fori:
    """`lax.fori_loop` over the operands. `bound`: the number of turns, or a function of the first
    operand.
    """

    bound: int | Pure
    body: Block


@dataclass(frozen=True)
class While:
    """`lax.while_loop` over the operands: at most `most` turns, while `keep` holds of the first of
    them.
    """

    keep: Pure
    most: int
    body: Block


@dataclass(frozen=True)
class Call:
    """A block behind `jax.jit` or `jax.checkpoint`."""

    wrapper: str
    block: Block


@dataclass(frozen=True)
class Ruled:
    """`value(v)` whose derivative is declared to be `slope(v)`, whatever the truth is (a
    `jax.custom_jvp` function).
    """

    name: str
    value: Callable[..., Any] = field(repr=False, compare=False)
    slope: Callable[..., Any] = field(repr=False, compare=False)


Op = Pure | Tag | Scan | Branch | Fori | While | Call | Ruled


def blocks(op: Op) -> tuple[Block, ...]:
    """The blocks that an operation holds."""
    if isinstance(op, Branch):
        return op.branches
    if isinstance(op, Call):
        return (op.block,)
    return (op.body,) if isinstance(op, Scan | Fori | While) else ()


def tags(op: Op) -> Iterator[str]:
    """The names that are tagged in an operation, with repetitions."""
    if isinstance(op, Tag):
        yield op.name
    for block in blocks(op):
        for step in block.steps:
            yield from tags(step.op)


def run(block: Block, env: Sequence[Any]) -> tuple[Any, ...]:
    """The results of a block in an environment."""
    values = list(env)
    for step in block.steps:
        values.extend(execute(step.op, values, step.args))
    return tuple(values[position] for position in block.results)


@singledispatch
def execute(op: Op, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    """The outputs of one step, as JAX computes them."""
    raise NotImplementedError(type(op))


@execute.register
def _(op: Pure, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    return op.outputs(*(env[a] for a in args))


@execute.register
def _(op: Tag, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    return (pf.tag(env[args[0]], op.name),)


@execute.register
def _(op: Ruled, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    function = jax.custom_jvp(op.value)
    function.defjvp(
        lambda primals, tangents: (op.value(*primals), op.slope(*primals) * tangents[0])
    )
    return (function(env[args[0]]),)


@execute.register
def _(op: Call, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    wrapper = {"jit": jax.jit, "remat": jax.checkpoint}[op.wrapper]
    return wrapper(lambda *values: run(op.block, values))(*env)


@execute.register
def _(op: Branch, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    number = op.decide.fn(env[args[0]])
    if len(op.branches) == 2:
        taken, other = op.branches[1], op.branches[0]
        return lax.cond(number == 1, lambda: run(taken, env), lambda: run(other, env))
    return lax.switch(number, [lambda block=block: run(block, env) for block in op.branches])


@execute.register
def _(op: Scan, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    def body(carry: tuple, x: tuple) -> tuple[tuple, tuple]:
        out = run(op.body, [*env, *carry, *x])
        return out[: op.n_carry], out[op.n_carry :]

    start = tuple(env[a] for a in args[: op.n_carry])
    xs = tuple(env[a] for a in args[op.n_carry :])
    carry, ys = lax.scan(body, start, xs, length=op.length, reverse=op.reverse)
    return (*carry, *ys)


@execute.register
def _(op: Fori, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    bound = op.bound.fn(env[args[0]]) if isinstance(op.bound, Pure) else op.bound

    def body(i: Any, carry: tuple) -> tuple:
        return run(op.body, [*env, as_float(i), *carry])

    return lax.fori_loop(0, bound, body, tuple(env[a] for a in args))


@execute.register
def _(op: While, env: Values, args: tuple[int, ...]) -> tuple[Any, ...]:
    def go(state: tuple) -> Any:
        return (state[0] < op.most) & (op.keep.fn(state[1]) == 1)

    def body(state: tuple) -> tuple:
        return (state[0] + 1, *run(op.body, [*env, as_float(state[0]), *state[1:]]))

    return lax.while_loop(go, body, (jnp.int32(0), *(env[a] for a in args)))[1:]


def as_float(i: Any) -> Any:
    """A loop counter as the body sees it."""
    return jnp.asarray(i).astype(jnp.float64)


@dataclass(frozen=True)
class Program:
    """A tagged function `fn(x, …, params) -> scalar` and the values to call it with.

    Attributes:
        inputs: name and shape of each array argument; each is a node of the graph.
        params: name and shape of each entry of the last argument, a dict, which is context.
        block: the steps; the environment begins with the params, then the inputs.
        seed: fixes the values of inputs and params.
    """

    inputs: tuple[tuple[str, Shape], ...]
    params: tuple[tuple[str, Shape], ...]
    block: Block
    seed: int

    def function(self) -> Callable[..., Any]:
        """The program as a JAX function whose positional parameters bear the inputs' names."""

        def call(*args: Any) -> Any:
            arrays, params = args[:-1], args[-1]
            return run(self.block, [*(params[name] for name, _ in self.params), *arrays])[0]

        # trace() names input nodes after the function's parameters.
        names = [*(name for name, _ in self.inputs), "params"]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        call.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
        return call

    def args(self, example: int = 0) -> tuple[Any, ...]:
        """Values for the function: the inputs, which differ from example to example, and the
        params.
        """
        values = np.random.default_rng([self.seed, 0, example])
        arrays = tuple(jnp.asarray(values.normal(size=shape) * 0.8) for _, shape in self.inputs)
        values = np.random.default_rng([self.seed, 1])
        return (
            *arrays,
            {name: jnp.asarray(values.normal(size=s) * 0.6) for name, s in self.params},
        )

    def tags(self) -> frozenset[str]:
        """The names that are tagged somewhere in the program."""
        return frozenset(name for step in self.block.steps for name in tags(step.op))

    def without(self, names: frozenset[str]) -> "Program":
        """The same function with all tags of these names taken away: a coarser graph."""
        return replace(self, block=_without(self.block, names))


_IDENTITY = Pure("identity", lambda v: v, moves=True)


def _without(block: Block, names: frozenset[str]) -> Block:
    return replace(
        block, steps=tuple(replace(step, op=_strip(step.op, names)) for step in block.steps)
    )


def _strip(op: Op, names: frozenset[str]) -> Op:
    if isinstance(op, Tag):
        return _IDENTITY if op.name in names else op
    if isinstance(op, Branch):
        return replace(op, branches=tuple(_without(b, names) for b in op.branches))
    if isinstance(op, Call):
        return replace(op, block=_without(op.block, names))
    if isinstance(op, Scan | Fori | While):
        return replace(op, body=_without(op.body, names))
    return op
