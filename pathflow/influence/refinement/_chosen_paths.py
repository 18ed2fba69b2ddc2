"""One path or the paths of a pattern, each once."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pathflow._described import described
from pathflow._errors import ArgumentError, GraphError, NoPathError
from pathflow.graph import (
    Automaton,
    Graph,
    Path,
    PathLike,
    PathSpace,
    Pattern,
    Patterns,
    Trellis,
    as_pattern,
    automaton_of,
    explain_no_match,
    make_trellis,
)
from pathflow.results import PathInfluence, path_of

# A path, by its labels, its rank or its row in a result, or a pattern.
PathsLike = PathLike | PathInfluence | Pattern | int | np.integer

_EVERY_PATH = Automaton((), (), 0, (frozenset(),), ((0,),), {frozenset(): 0})


@dataclass(frozen=True, eq=False)
class ChosenPaths:
    """Some paths of a space.

    Arguments:
        text: the path, or the pattern.
        space: paths among which they are: one, or all.
        automaton: what tells them from the others of `space`.
        wanted: the states' classes that they end in; None for all.
    """

    text: str
    space: PathSpace
    automaton: Automaton
    wanted: Callable[[frozenset[str]], bool] | None

    def trellis(self, space: PathSpace) -> Trellis:
        """Those of the paths that are in a part of their space."""
        return make_trellis(space, self.automaton, self.wanted)


def choose_paths(paths: PathsLike, space: PathSpace) -> ChosenPaths:
    """The paths that are meant.

    A text of labels of the graph is a path, any other text a pattern.

    Raises:
        UnknownNodeError, GraphError: a path is none of the space, or a rank is outside.
        PatternError: a text is no pattern.
        NoPathError: the pattern matches no path; it says why.
    """
    paths = path_of(paths)
    if isinstance(paths, int | np.integer) and not isinstance(paths, bool):
        return _single(space.unrank(int(paths)), space)
    if isinstance(paths, tuple | list) or (isinstance(paths, str) and _are_labels(paths, space)):
        return _single(space.unrank(space.rank(paths)), space)
    if not isinstance(paths, str | Pattern):
        raise ArgumentError(
            f"paths={described(paths)} is neither a path nor a pattern; give labels joined by "
            "blanks, a Path, a row of a result, a rank, or a pattern."
        )
    pattern = as_pattern(paths)
    automaton = automaton_of(Patterns({"paths": pattern}), space.nodes)
    chosen = ChosenPaths(str(pattern), space, automaton, bool)
    if not chosen.trellis(space).count:
        raise NoPathError(explain_no_match(space, pattern))
    return chosen


def _single(path: Path, space: PathSpace) -> ChosenPaths:
    nodes = [space.node(n) for n in path]
    alone = Graph(nodes, pairwise(nodes)).paths(nodes[0], nodes[-1])
    return ChosenPaths(str(path), alone, _EVERY_PATH, None)


def _are_labels(text: str, space: PathSpace) -> bool:
    words = text.split()
    try:
        return bool(words) and all(space.node(word) for word in words)
    except GraphError:
        return False
