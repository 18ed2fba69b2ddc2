"""The paths of a trellis by number, without a list of them."""

from bisect import bisect_right
from functools import cache
from itertools import accumulate

from pathflow.graph import Node, Path, Trellis


class Numbering:
    """Numbers from 0 for the paths of a trellis, in the order of sources and successors.

    Exact integers, whatever the count. Without a pattern they are the paths' ranks.
    """

    def __init__(self, trellis: Trellis) -> None:
        self._trellis = trellis
        self._ends = frozenset(trellis.ends)
        self._ways = cache(self._ways_from)

    def _ways_from(self, at: int | None) -> tuple[tuple[int, ...], list[int], dict[Node, int]]:
        """The vertices after one, or at the start; how many paths come before each; and the place
        of each by its node.
        """
        trellis = self._trellis
        after = trellis.sources if at is None else trellis.successors[at]
        before = list(accumulate((trellis.suffix_count[v] for v in after), initial=0))
        return after, before[:-1], {trellis.vertices[v].node: i for i, v in enumerate(after)}

    def path(self, number: int) -> Path:
        """The path with a number from `0 .. count - 1`."""
        nodes, at, left = [], None, number
        while at not in self._ends:
            after, before, _ = self._ways(at)
            i = bisect_right(before, left) - 1
            at, left = after[i], left - before[i]
            nodes.append(self._trellis.vertices[at].node)
        return Path(nodes)

    def number(self, path: Path) -> int | None:
        """The number of a path of the space; None where it is none of the trellis."""
        at, number = None, 0
        for node in path:
            after, before, places = self._ways(at)
            if node not in places:
                return None
            at = after[places[node]]
            number += before[places[node]]
        return number
