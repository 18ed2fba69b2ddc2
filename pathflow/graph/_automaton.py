"""Deterministic automata: a partition, compiled for the letters that occur."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from pathflow._errors import PatternError

from ._minimise import coarsest
from ._node import Node
from ._partition import AbstractPartition, signatures
from ._pattern import Step

MAX_STATES = 4096


@final
@dataclass(frozen=True, repr=False)
class Automaton:
    """The smallest complete deterministic automaton that sorts paths as a partition does.

    States are numbers; equal partitions over equal letters have equal automata. Made by
    `compile_automaton`.

    Attributes:
        names: the classes.
        steps: the steps that letters are made of.
        start: the state before the first node.
        classes: for each state, the classes of the paths that end there; none for the rest.
        table: `table[letter][state]` is the state after a node with that letter.
        letters: the letter of each set of steps (as positions) that one node may match. Sets that
            no state tells apart share a letter.
    """

    names: tuple[str, ...]
    steps: tuple[Step, ...]
    start: int
    classes: tuple[frozenset[str], ...]
    table: tuple[tuple[int, ...], ...]
    letters: Mapping[frozenset[int], int] = field(hash=False)

    @property
    def n_states(self) -> int:
        """The number of states, one from which no class can be reached included."""
        return len(self.classes)

    def __repr__(self) -> str:
        return f"Automaton({self.n_states} states, {len(self.table)} letters, {self.names})"

    def letter(self, node: Node) -> int:
        """The letter that a node is read as; see `letters_of`."""
        return self.letters_of((node,))[0]

    def letters_of(self, nodes: Sequence[Node]) -> list[int]:
        """The letters that nodes are read as.

        Raises:
            PatternError: the automaton was compiled for no such letter.
        """
        found = []
        for node, hits in zip(nodes, signatures(self.steps, nodes), strict=True):
            if hits not in self.letters:
                matched = ", ".join(f"`{self.steps[i]}`" for i in sorted(hits)) or "no step"
                raise PatternError(
                    f"node {node} matches {matched}, a combination that the automaton was not "
                    "compiled for; compile it with the signatures of all nodes."
                )
            found.append(self.letters[hits])
        return found

    def next(self, state: int, node: Node) -> int:
        """The state after a node."""
        return self.table[self.letter(node)][state]


def compile_automaton(
    partition: AbstractPartition,
    letters: Iterable[frozenset[int]],
    max_states: int = MAX_STATES,
) -> Automaton:
    """The smallest automaton of a partition, for the letters that occur.

    Arguments:
        partition: what sorts the paths.
        letters: the sets of steps, as positions in `partition.steps`, that one node matches.
        max_states: how many states may be explored.

    Raises:
        PatternError: there are more states.

    Source: J. Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971).
    """
    occurring = sorted(set(letters), key=sorted)
    states, table = _explore(partition, occurring, max_states)
    classes = [partition.classes(s) for s in states]
    block = coarsest(table, classes)
    order = _in_order_of_reading(table, block)
    number = {b: i for i, b in enumerate(order)}
    member = {b: q for q, b in enumerate(block)}
    rows = [tuple(number[block[row[member[b]]]] for b in order) for row in table]
    distinct = tuple(dict.fromkeys(rows))
    return Automaton(
        names=partition.names,
        steps=partition.steps,
        start=0,
        classes=tuple(classes[member[b]] for b in order),
        table=distinct,
        letters={hits: distinct.index(row) for hits, row in zip(occurring, rows, strict=True)},
    )


def automaton_of(partition: AbstractPartition, nodes: Iterable[Node]) -> Automaton:
    """The smallest automaton of a partition, for the letters of these nodes.

    Raises:
        PatternError: it needs more than 4096 states.
    """
    return compile_automaton(partition, set(signatures(partition.steps, nodes)))


def _explore(
    partition: AbstractPartition, letters: Sequence[frozenset[int]], max_states: int
) -> tuple[list[Hashable], list[list[int]]]:
    """All states that can be reached, and the state after each, for each letter."""
    states = [partition.start]
    number = {partition.start: 0}
    table: list[list[int]] = [[] for _ in letters]
    for state in states:
        for row, hits in zip(table, letters, strict=True):
            following = partition.advance(state, hits)
            if following not in number:
                if len(states) == max_states:
                    _refuse_states(partition, max_states)
                number[following] = len(states)
                states.append(following)
            row.append(number[following])
    return states, table


def _refuse_states(partition: AbstractPartition, max_states: int) -> None:
    shown = [*map(repr, partition.names[:5]), "..."][: len(partition.names)]
    raise PatternError(
        f"the classes {', '.join(shown)} need more than {max_states} states to tell paths apart: "
        "use `+` or `*` in the place of a long repetition `{m,n}`, put less after a `.*`, or ask "
        "for fewer classes, or a shorter list of paths, at a time."
    )


def _in_order_of_reading(table: Sequence[Sequence[int]], block: Sequence[int]) -> list[int]:
    """The blocks in the order in which they are first reached, letter by letter."""
    order, seen = [0], {block[0]}
    for state in order:
        for row in table:
            if block[row[state]] not in seen:
                seen.add(block[row[state]])
                order.append(row[state])
    return [block[q] for q in order]
