"""Which states of an automaton are the same."""

from collections.abc import Hashable, Sequence


def coarsest(table: Sequence[Sequence[int]], kinds: Sequence[Hashable]) -> list[int]:
    """For each state the number of its block, two states sharing one when no word tells them apart.

    Arguments:
        table: `table[letter][state]` is the next state.
        kinds: what the end of a path in each state shows.

    Source: J. Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971).
    """
    first = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    block = [first[kind] for kind in kinds]
    members: list[set[int]] = [set() for _ in first]
    for state, b in enumerate(block):
        members[b].add(state)
    before = [_inverse(row) for row in table]
    waiting = set(range(len(members)))
    while waiting:
        splitter = list(members[waiting.pop()])
        for inverse in before:
            for b, hit in _by_block(splitter, inverse, block).items():
                if len(hit) == len(members[b]):
                    continue
                new = len(members)
                members[b].difference_update(hit)
                members.append(set(hit))
                for state in hit:
                    block[state] = new
                smaller = new if len(hit) <= len(members[b]) else b
                waiting.add(new if b in waiting else smaller)
    return block


def _inverse(row: Sequence[int]) -> list[list[int]]:
    before: list[list[int]] = [[] for _ in row]
    for state, following in enumerate(row):
        before[following].append(state)
    return before


def _by_block(
    splitter: Sequence[int], inverse: Sequence[Sequence[int]], block: Sequence[int]
) -> dict[int, list[int]]:
    """The states that lead into the splitter, sorted by their blocks."""
    found: dict[int, list[int]] = {}
    for state in splitter:
        for p in inverse[state]:
            found.setdefault(block[p], []).append(p)
    return found
