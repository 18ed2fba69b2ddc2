"""A list of paths as a class of paths."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, final

from pathflow._errors import PatternError

from ._node import Node
from ._partition import AbstractPartition
from ._path import Path, PathLike, as_path
from ._pattern import Step

# Before the first node, and after what begins none of the paths.
_START, _LOST = 0, -1


@final
class Listed(AbstractPartition[int]):
    """One class, `"paths"`: the paths of a list; all others are the rest.

    Arguments:
        paths: paths, or their labels. A path that is named twice counts once.

    Raises:
        PatternError: there is no path.
        GraphError: a label cannot be read.

    Example:
        `pf.Aggregate(pf.Listed(some_paths))` sums these paths, and all others as the rest.
    """

    NAME = "paths"

    def __init__(self, paths: Iterable[PathLike]):
        self._paths = tuple(dict.fromkeys(map(as_path, paths)))
        if not self._paths:
            raise PatternError("paths is empty; give at least one.")

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths, each once."""
        return self._paths

    @cached_property
    def _nodes(self) -> dict[Node, int]:
        return {n: i for i, n in enumerate(dict.fromkeys(n for p in self._paths for n in p))}

    @cached_property
    def _tree(self) -> tuple[dict[tuple[int, int], int], frozenset[int]]:
        """The beginnings of the paths as a tree: `(beginning, node) -> longer beginning`; and those
        that are whole paths.
        """
        moves: dict[tuple[int, int], int] = {}
        whole = set()
        for path in self._paths:
            at = _START
            for node in path:
                at = moves.setdefault((at, self._nodes[node]), len(moves) + 1)
            whole.add(at)
        return moves, frozenset(whole)

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(Step.literal(n.name, n.index) for n in self._nodes)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.NAME,)

    @property
    def start(self) -> int:
        return _START

    def advance(self, state: int, hits: frozenset[int]) -> int:
        moves, _ = self._tree
        # A step names one node, so a node matches one step at most.
        return moves.get((state, min(hits, default=-1)), _LOST)

    def classes(self, state: int) -> frozenset[str]:
        return frozenset(self.names if state in self._tree[1] else ())

    def __reduce__(self) -> tuple[Any, ...]:
        return Listed, (self._paths,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and set(self._paths) == set(other._paths)

    def __hash__(self) -> int:
        return hash(frozenset(self._paths))

    def __repr__(self) -> str:
        return f"Listed({len(self._paths)} paths)"
