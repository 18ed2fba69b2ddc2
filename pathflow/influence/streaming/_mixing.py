"""How an automaton moves tangents from lane to lane at the tags of a function.

A lane is a state of the automaton that can be in use between the sources and the target. What a tag
does to the lanes depends on its name, which is known, and on the iterations of the loops around it,
which are values: so the letters are tabulated over intervals of the indices, between the numbers
that the steps of the automaton name. The table is as large as the pattern, not as the loop.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import AbstractPartition, Automaton, Node, Step, automaton_of, signature
from pathflow.tracing import Program, TagSite, Visit, mix

# Loops of 2^31 iterations end no more in one's lifetime than longer ones.
_LONGEST = 2**31 - 1
# The position of a place in the program.
Place = tuple[int, ...]


@dataclass(frozen=True)
class Move:
    """What a tag does to the lanes.

    Arguments:
        site: the tag.
        breaks: for each loop around it, where the intervals of its index begin, after the first.
        cells: for each combination of intervals, in row-major order, the row of `rows` that holds.
        rows: each the lane after the tag, for every lane before it.
    """

    site: TagSite
    breaks: tuple[tuple[int, ...], ...]
    cells: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]

    @property
    def idle(self) -> bool:
        """Whether the tag leaves every lane where it is."""
        return self.rows == (tuple(range(len(self.rows[0]))),)

    def matrix(self, at: Sequence[Any]) -> Any:
        """The matrix that the tangents are multiplied by in these iterations, `(lanes, lanes)`."""
        size = len(self.rows[0])
        matrices = np.zeros((len(self.rows), size, size))
        for matrix, row in zip(matrices, self.rows, strict=True):
            matrix[row, range(size)] = 1
        if len(matrices) == 1:
            return jnp.asarray(matrices[0])
        cells = jnp.asarray(np.reshape(self.cells, [len(b) + 1 for b in self.breaks]))
        intervals = tuple(
            (step >= jnp.asarray(b, step.dtype)).sum()
            for step, b in zip(at, self.breaks, strict=True)
        )
        return jnp.asarray(matrices)[cells[intervals]]


@dataclass(frozen=True)
class Mixing:
    """An automaton, put to the tags of a function.

    Arguments:
        starts: for each source, the lane that its tangent begins in.
        ends: for each lane, the place in `states` of the state after the target is read.
        states: the states that a path may end in.
        moves: what each tag does.
        tails: for each lane, the place in `tail_nodes` of the tag or source that was passed last.
        tail_nodes: what may be passed last; a single None where the lanes do not tell. A tag in a
            loop stands for all its iterations, and is called `c1:`.
    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    states: tuple[int, ...]
    moves: tuple[Move, ...]
    tails: tuple[int, ...]
    tail_nodes: tuple[Node | None, ...]

    @property
    def n_lanes(self) -> int:
        return len(self.ends)

    def mixers(self) -> dict[Place, Callable[[Visit], Any]]:
        """For every tag that moves a lane, what stands in for the tagged value: itself, with mixed
        tangents.
        """
        return {
            m.site.site: lambda visit, m=m: mix(visit.value, m.matrix(visit.at))
            for m in self.moves
            if not m.idle
        }

    def scaled_mixers(self) -> dict[Place, Callable[[Visit], Any]]:
        """For every tag, the same with what arrives along each edge times one plus what is given,
        `(tails,)`.
        """
        tails = np.array(self.tails)

        def mixer(move: Move) -> Callable[[Visit], Any]:
            def of(visit: Visit) -> Any:
                matrix = move.matrix(visit.at)
                if visit.given is not None:
                    matrix = matrix * (1 + visit.given[tails])[None].astype(matrix.dtype)
                return mix(visit.value, matrix)

            return of

        return {m.site.site: mixer(m) for m in self.moves}


def automaton_for(
    partition: AbstractPartition, program: Program, sources: Sequence[Node], target: Node
) -> Automaton:
    """The automaton of a partition, for all nodes that a function may have.

    Raises:
        PatternError: it needs too many states.
    """
    nodes = nodes_like(program, (*sources, target), partition.steps)
    return automaton_of(partition, nodes)


def nodes_like(program: Program, ends: Sequence[Node], steps: Sequence[Step]) -> list[Node]:
    """The ends, and for every tag one node of each kind that the steps tell apart."""
    nodes = list(ends)
    for site in _tags(program):
        nodes += _examples(site, _breaks(site, steps))
    return nodes


def make_mixing(
    automaton: Automaton,
    program: Program,
    sources: Sequence[Node],
    target: Node,
    *,
    edges: bool = False,
) -> Mixing:
    """Puts an automaton to a function.

    Arguments:
        automaton: letters that it was not compiled for leave the state as it is: no path has them.
        program: the function.
        sources: where paths begin.
        target: where they end.
        edges: whether lanes also remember which tag or source was passed last.

    Raises:
        ArgumentError: the function's values are split into nodes, which only a graph knows of.
    """
    if program.splits.choices:
        raise ArgumentError(
            "without a graph every tagged value is one node, but this graph was traced with "
            "split=...; use the search on the graph (OnGraph()), or trace without split."
        )
    tags = [s for s in _tags(program) if not _is_single(s, target)]
    ends_at = {_tail(s): None for s in tags} if edges else {}
    tail_nodes = (*sources, *ends_at) if edges else (None,)
    tail = {node: i for i, node in enumerate(tail_nodes)}
    # What is read at each place: the states after it, and the tail after it.
    read = [
        [(_row(automaton, node), tail[_tail(site)] if edges else 0) for node in _examples(site, at)]
        for site, at in ((s, _breaks(s, automaton.steps)) for s in tags)
    ]
    begun = [(_row(automaton, s)[automaton.start], tail[s] if edges else 0) for s in sources]
    lanes = _reached(begun, dict.fromkeys(letter for letters in read for letter in letters))
    number = {lane: i for i, lane in enumerate(lanes)}
    moves = []
    for site, letters in zip(tags, read, strict=True):
        rows = [tuple(number[row[q], after] for q, _ in lanes) for row, after in letters]
        distinct = tuple(dict.fromkeys(rows))
        if len(distinct) == 1:
            # One row for all iterations needs no index.
            moves.append(Move(site, ((),) * site.depth, (0,), distinct))
        else:
            breaks = _breaks(site, automaton.steps)
            moves.append(Move(site, breaks, tuple(map(distinct.index, rows)), distinct))
    last = _row(automaton, target)
    states = tuple(dict.fromkeys(last[q] for q, _ in lanes))
    return Mixing(
        starts=tuple(number[lane] for lane in begun),
        ends=tuple(states.index(last[q]) for q, _ in lanes),
        states=states,
        moves=tuple(moves),
        tails=tuple(t for _, t in lanes),
        tail_nodes=tail_nodes,
    )


def _tags(program: Program) -> list[TagSite]:
    """The tags that tangents pass."""
    return [s for s in program.sites if jnp.issubdtype(s.dtype, jnp.floating)]


def _is_single(site: TagSite, node: Node) -> bool:
    """Whether the node is the only one that the site makes."""
    return not site.depth and site.makes(node)


def _breaks(site: TagSite, steps: Iterable[Step]) -> tuple[tuple[int, ...], ...]:
    """For each loop around a tag, the numbers at which a step's index may begin or end to fit."""
    found: list[set[int]] = [set() for _ in site.lengths]
    for step in steps:
        levels = step.levels
        if levels is None or len(levels) != site.depth or not step.matches_name(site.name):
            continue
        for at, bounds in zip(found, levels, strict=True):
            at.update(b for b in bounds if b is not None)
    return tuple(
        tuple(sorted(b for b in at if 0 < b < (_LONGEST if length is None else length)))
        for at, length in zip(found, site.lengths, strict=True)
    )


def _examples(site: TagSite, breaks: tuple[tuple[int, ...], ...]) -> list[Node]:
    """The first node of every combination of intervals, in row-major order."""
    return [Node(site.name, at) for at in product(*((0, *b) for b in breaks))]


def _row(automaton: Automaton, node: Node) -> tuple[int, ...]:
    """The state after a node, for every state before it."""
    letter = automaton.letters.get(signature(automaton.steps, node))
    return tuple(range(automaton.n_states)) if letter is None else automaton.table[letter]


# A state, and the place of what was passed last.
_Lane = tuple[int, int]


def _reached(begun: Iterable[_Lane], letters: Iterable[tuple[tuple[int, ...], int]]) -> list[_Lane]:
    """The lanes that the tags can lead to, those at the sources included."""
    lanes = list(dict.fromkeys(begun))
    known = set(lanes)
    for state, _ in lanes:
        after = {(row[state], tail): None for row, tail in letters}
        lanes += [lane for lane in after if lane not in known]
        known.update(after)
    return lanes


def _tail(site: TagSite) -> Node:
    """A tag as what was passed last; `c1:` stands for `c1` in all iterations together."""
    levels = ".".join(":" * site.depth)
    return Node(site.name + levels, (), site.shape, site.dtype)
