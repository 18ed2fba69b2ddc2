"""Path influences by brute force, with nothing of pathflow in it.

A program is run by hand: loops are Python loops, a branch is the one that the values take, and
every value is a `Cell` that knows the cells it was computed from. What is tagged is a node; the
value of a node as a function of the nodes right before it is found by walking back over the cells
in between. All these functions together are one map from the values of all nodes to the values of
all nodes, whose dense Jacobian, by `jax.jacfwd`, holds every local partial as a block: with each
node a variable of its own, all other predecessors are held fixed (Definition 5). Paths come from
`networkx`, and a path's influence is the product of its blocks, averaged over the points *outside*
the product (Definition 6).

Labels: `name@i.j` with the iterations of the enclosing loops, outermost first, counted from 0; in a
reverse scan the iteration is the place in the arrays gone through, so a reverse scan of length 3
starts at `@2`. A name that is used at several places of the program and the same depth of loops
gets `#1`, `#2`, … from the second place on; the branches of one branching are alternatives, and
each counts on from what stands before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Any

import jax.numpy as jnp
import networkx as nx
import numpy as np
from jax import lax

from tests.helpers._programs import (
    Block,
    Branch,
    Call,
    Fori,
    Op,
    Program,
    Pure,
    Ruled,
    Scan,
    Tag,
    While,
    as_float,
    blocks,
    execute,
    tags,
)

OUTPUT = "output"


@dataclass(eq=False)
class Cell:
    """One value of a run: what it was computed from and how. A label makes it a node."""

    value: Any
    fn: Callable[..., Any] | None = None
    inputs: tuple["Cell", ...] = ()
    label: str | None = None
    moves: bool = False


@dataclass
class Run:
    """A program run by hand on one set of values.

    Attributes:
        nodes: every node's cell, by label, in the order in which they were computed.
        decisions: which way each branch and loop condition around a tag went.
    """

    overrides: Mapping[str, Any] = field(default_factory=dict)
    nodes: dict[str, Cell] = field(default_factory=dict)
    decisions: list[int] = field(default_factory=list)
    numbers: dict[tuple[int, ...], int] = field(default_factory=dict)

    def program(self, program: Program, args: Sequence[Any]) -> None:
        *arrays, params = args
        _number(program.block, (), 0, {}, self.numbers)
        env = [Cell(jnp.asarray(params[name])) for name, _ in program.params]
        env += [
            self.input(name, jnp.asarray(array))
            for (name, _), array in zip(program.inputs, arrays, strict=True)
        ]
        (out,) = self.block(program.block, env, (), ())
        self.node(OUTPUT, out)

    def input(self, label: str, value: Any) -> Cell:
        """A node that nothing in the program computes, or no longer: a source has the value given
        for it.
        """
        cell = Cell(jnp.asarray(self.overrides.get(label, value)), label=label)
        self.nodes[label] = cell
        return cell

    def node(self, label: str, made: Cell) -> Cell:
        """A node holding what `made` holds."""
        if label in self.overrides:
            return self.input(label, made.value)
        cell = Cell(made.value, lambda v: v, (made,), label, moves=True)
        self.nodes[label] = cell
        return cell

    def label(self, name: str, site: tuple[int, ...], index: tuple[int, ...]) -> str:
        number = self.numbers[site]
        return (
            name
            + (f"#{number}" if number else "")
            + ("@" + ".".join(map(str, index)) if index else "")
        )

    def block(
        self, block: Block, env: Sequence[Cell], site: tuple, index: tuple
    ) -> tuple[Cell, ...]:
        cells = list(env)
        for position, step in enumerate(block.steps):
            where = (*site, position)
            hidden = not isinstance(step.op, Pure | Tag | Call | Ruled) and not any(tags(step.op))
            cells += (
                self.opaque(step.op, cells, step.args)
                if hidden
                else self.step(step.op, cells, step.args, where, index)
            )
        return tuple(cells[position] for position in block.results)

    def opaque(self, op: Op, cells: list[Cell], args: tuple[int, ...]) -> list[Cell]:
        """A loop or branch without tags: no node is inside, so JAX may run it as one function."""
        size = len(cells)
        used = sorted(_reads(op, args, size))

        def call(*values: Any) -> tuple[Any, ...]:
            env: list[Any] = [None] * size
            for position, value in zip(used, values, strict=True):
                env[position] = value
            return execute(op, env, args)

        return _apply(call, [cells[position] for position in used], moves=False)

    @singledispatchmethod
    def step(self, op: Op, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        raise NotImplementedError(type(op))

    @step.register
    def _(self, op: Pure, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        return _apply(op.outputs, [cells[a] for a in args], op.moves)

    @step.register
    def _(self, op: Ruled, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        def surrogate(v: Any) -> tuple[Any, ...]:
            still = lax.stop_gradient(v)
            return (lax.stop_gradient(op.value(still)) + op.slope(still) * (v - still),)

        return _apply(surrogate, [cells[args[0]]], moves=False)

    @step.register
    def _(self, op: Tag, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        return [self.node(self.label(op.name, site, index), cells[args[0]])]

    @step.register
    def _(self, op: Call, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        return list(self.block(op.block, cells, site, index))

    @step.register
    def _(
        self, op: Branch, cells: list[Cell], args: tuple, site: tuple, index: tuple
    ) -> list[Cell]:
        number = int(op.decide.fn(cells[args[0]].value))
        self.decisions.append(number)
        return list(self.block(op.branches[number], cells, (*site, number), index))

    @step.register
    def _(self, op: Scan, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        carry = [cells[a] for a in args[: op.n_carry]]
        arrays = [cells[a] for a in args[op.n_carry :]]
        stacked: dict[int, tuple[Cell, ...]] = {}
        for t in reversed(range(op.length)) if op.reverse else range(op.length):
            slices = [_apply(lambda v, t=t: (v[t],), [a], moves=True)[0] for a in arrays]
            out = self.block(op.body, [*cells, *carry, *slices], site, (*index, t))
            carry, stacked[t] = list(out[: op.n_carry]), out[op.n_carry :]
        ys = [
            _apply(
                lambda *v: (jnp.stack(v),), [stacked[t][i] for t in range(op.length)], moves=True
            )[0]
            for i in range(len(op.body.results) - op.n_carry)
        ]
        return [*carry, *ys]

    @step.register
    def _(self, op: Fori, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        carry = [cells[a] for a in args]
        turns = op.bound
        if isinstance(turns, Pure):
            turns = int(turns.fn(carry[0].value))
            self.decisions.append(turns)
        for i in range(turns):
            carry = list(
                self.block(op.body, [*cells, Cell(as_float(i)), *carry], site, (*index, i))
            )
        return carry

    @step.register
    def _(self, op: While, cells: list[Cell], args: tuple, site: tuple, index: tuple) -> list[Cell]:
        carry = [cells[a] for a in args]
        turns = 0
        while turns < op.most and int(op.keep.fn(carry[0].value)) == 1:
            carry = list(
                self.block(op.body, [*cells, Cell(as_float(turns)), *carry], site, (*index, turns))
            )
            turns += 1
        self.decisions.append(turns)
        return carry


def _number(
    block: Block,
    site: tuple[int, ...],
    depth: int,
    used: dict[tuple[int, str], int],
    numbers: dict[tuple[int, ...], int],
) -> None:
    """Writes down the number of every tagged place; `used` tells how many bear a name at a
    depth.
    """
    for position, step in enumerate(block.steps):
        where = (*site, position)
        if isinstance(step.op, Tag):
            numbers[where] = used.get((depth, step.op.name), 0)
            used[depth, step.op.name] = numbers[where] + 1
        elif isinstance(step.op, Branch):
            ways = [dict(used) for _ in step.op.branches]
            for number, (branch, way) in enumerate(zip(step.op.branches, ways, strict=True)):
                _number(branch, (*where, number), depth, way, numbers)
            used.update({k: max(w.get(k, 0) for w in ways) for way in ways for k in way})
        else:
            inner = depth + isinstance(step.op, Scan | Fori | While)
            for body in blocks(step.op):
                _number(body, where, inner, used, numbers)


def _apply(fn: Callable[..., tuple], inputs: Sequence[Cell], moves: bool) -> list[Cell]:
    outputs = fn(*(cell.value for cell in inputs))
    return [
        Cell(out, lambda *v, i=i: fn(*v)[i], tuple(inputs), moves=moves)
        for i, out in enumerate(outputs)
    ]


def _reads(op: Op, args: tuple[int, ...], size: int) -> set[int]:
    """The positions of the environment that an operation reads, in its own operands or inside its
    blocks.
    """
    found = set(args)
    for block in blocks(op):
        for step in block.steps:
            found |= _reads(step.op, step.args, size)
        found |= set(block.results)
    return {position for position in found if position < size}


def node_values(nodes: Mapping[str, Cell], values: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every computed node, from the given values of the nodes before it."""
    known: dict[Cell, Any] = {}

    def of(cell: Cell) -> Any:
        if cell.label is not None:
            return values[cell.label]
        if cell not in known:
            known[cell] = cell.value if cell.fn is None else cell.fn(*map(of, cell.inputs))
        return known[cell]

    return {label: of(cell.inputs[0]) for label, cell in nodes.items() if cell.inputs}


def dependences(nodes: Mapping[str, Cell]) -> nx.DiGraph:
    """Which node is computed from which, following moved values entry by entry and anything else as
    dense.
    """
    known: dict[Cell, dict[str, np.ndarray]] = {}

    def of(cell: Cell) -> dict[str, np.ndarray]:
        if cell.label is not None:
            return {cell.label: np.ones(cell.value.shape)}
        if cell not in known:
            known[cell] = _dependence(cell, [of(i) for i in cell.inputs])
        return known[cell]

    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for label, cell in nodes.items():
        for inner in cell.inputs:
            graph.add_edges_from((u, label) for u, hit in of(inner).items() if hit.any())
    return graph


def _dependence(cell: Cell, before: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    found = {}
    for label in {label for entries in before for label in entries}:
        hits = [
            e.get(label, np.zeros(i.value.shape)) for e, i in zip(before, cell.inputs, strict=True)
        ]
        if cell.moves:
            # An operand may be an array of indices or a mask: it is known, and moves nothing by
            # itself.
            moved = [
                jnp.asarray(h) if jnp.issubdtype(i.value.dtype, jnp.inexact) else i.value
                for h, i in zip(hits, cell.inputs, strict=True)
            ]
            assert cell.fn is not None
            found[label] = np.asarray(cell.fn(*moved))
        elif any(h.any() for h in hits):
            found[label] = np.ones(cell.value.shape)
    return found
