"""Why a pattern matches no path."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pathflow._near import close_matches

from ._automaton import Automaton, compile_automaton
from ._node import Node, hidden_characters
from ._partition import Patterns, signatures
from ._pattern import Not, Pattern, PatternLike, Step, as_pattern, parts_of
from ._space import PathSpace

_SHOWN = 5


def explain_no_match(space: PathSpace, pattern: PatternLike) -> str:
    """Says why a pattern matches no path of a space: which step fails, and where.

    Steps that no node matches are named, with names like theirs or the indices that there are; and
    the place at which the paths that come nearest stop.

    Arguments:
        space: the paths.
        pattern: a pattern that matches none of them; of one that does, it is said that it does.

    Raises:
        PatternError: the text is no pattern, or it needs too many states.
    """
    pattern = as_pattern(pattern)
    ends = f"from {', '.join(map(str, space.sources))} to {space.target}"
    missing = [s for s in _asked(pattern) if not any(map(s.matches, space.nodes))]
    stop = _stop(space, pattern, missing)
    if stop is None:
        return f"pattern `{pattern}` matches a path {ends}."
    reasons = [_why_missing(step, space.nodes) for step in missing[:_SHOWN]]
    return f"pattern `{pattern}` matches no path {ends}: {'; '.join([*reasons, stop])}."


def _asked(pattern: Pattern, *, asked: bool = True) -> list[Step]:
    """The steps that a match may need, each once: those under an even number of complements."""
    if isinstance(pattern, Step):
        return [pattern] if asked else []
    under = not asked if isinstance(pattern, Not) else asked
    return list(dict.fromkeys(s for p in parts_of(pattern) for s in _asked(p, asked=under)))


def _why_missing(step: Step, nodes: Sequence[Node]) -> str:
    named = [n for n in nodes if step.matches_name(n.name)]
    if not named:
        names = list(dict.fromkeys(n.name for n in nodes))
        hint = close_matches(step.name, names) or f"there are {_list(names)}"
        if (before := step.name.removesuffix("?")) in names:
            hint = f"in a name `?` is one more character; to repeat it, write `({before})?`"
        return f"no node on them has a name like `{step}` ({hint})"
    first, last = min(named, key=lambda n: n.index), max(named, key=lambda n: n.index)
    depth = len(step.levels or ())
    if all(len(n.index) != depth for n in named):
        return f"`{step}` gives {depth} levels of an index, and {first} has {len(first.index)}"
    there = f"they go from {first} to {last}" if last.index > first.index else f"there is {first}"
    return f"no node has the index of `{step}`: {there}"


@dataclass(frozen=True)
class _Ways:
    """Where an automaton can still go.

    Arguments:
        rows: for each node the state after it, for each state before it.
        distance: for each state the least number of nodes after which a path may end; missing
            where it never may.
    """

    automaton: Automaton
    rows: dict[Node, tuple[int, ...]]
    distance: dict[int, int]

    def after(self, state: int, node: Node) -> int | None:
        """The state after a node, unless all is lost there."""
        following = self.rows[node][state]
        return following if following in self.distance else None

    def asked(self, state: int) -> list[str]:
        """The steps that lead on from a state, as texts; `.` among them where any node does."""
        following = {h: self.automaton.table[a][state] for h, a in self.automaton.letters.items()}
        on = {h for h, q in following.items() if q in self.distance and q != state}
        on = on or {h for h, q in following.items() if q in self.distance}
        if frozenset() in on:
            return ["."]
        steps = {i for h in on for i in h}
        sure = {i for i in steps if all(h in on for h in following if i in h)} or steps
        return [str(self.automaton.steps[i]) for i in sorted(sure)]


def _ways(space: PathSpace, pattern: Pattern, missing: Iterable[Step]) -> _Ways:
    """What the pattern could do if there were nodes for the missing steps too."""
    patterns = Patterns({"pattern": pattern})
    nodes = [*space.nodes, *filter(None, map(_witness, missing))]
    letters = set(signatures(patterns.steps, nodes))
    automaton = compile_automaton(patterns, letters | {frozenset()})
    before: list[set[int]] = [set() for _ in automaton.classes]
    for row in automaton.table:
        for state, following in enumerate(row):
            before[following].add(state)
    reached = [q for q, classes in enumerate(automaton.classes) if classes]
    distance = dict.fromkeys(reached, 0)
    for state in reached:
        for p in before[state] - distance.keys():
            distance[p] = distance[state] + 1
            reached.append(p)
    rows = {n: automaton.table[automaton.letter(n)] for n in space.nodes}
    return _Ways(automaton, rows, distance)


def _witness(step: Step) -> Node | None:
    """A node that matches the step; None where no name may be as the step asks."""
    wild = {"*": "", "?": "_"}
    pieces = re.findall(r"\\.|.", step.name)
    name = "".join(wild[p] if p in wild else p[-1] for p in pieces) or "_"
    if hidden_characters(name):
        return None
    return Node(name, tuple(low for low, _ in step.levels or ()))


# Where a path may be: a node, and the state after it; and where it came from.
_Place = tuple[Node, int]
_Origins = dict[_Place, _Place | None]


def _stop(space: PathSpace, pattern: Pattern, missing: Iterable[Step]) -> str | None:
    """What stops the paths that come nearest to a match; None if one matches."""
    ways = _ways(space, pattern, missing)
    if ways.automaton.start not in ways.distance:
        return "whatever the order of nodes, its parts exclude each other"
    origins, stops = _walk(space, ways)
    if not stops:
        starts, asked = _list(map(str, space.sources)), ways.asked(ways.automaton.start)
        return f"the paths start at {starts}, and {_no_match(asked)}"
    if any(node == space.target and not ways.distance[state] for node, state in stops):
        return None
    nearest = min(stops, key=lambda stop: ways.distance[stop[1]])
    return _why_stopped(space, ways, nearest, _walked(nearest, origins))


def _walk(space: PathSpace, ways: _Ways) -> tuple[_Origins, list[_Place]]:
    """All places that can still lead to a match, and those among them that lead no further."""
    origins: _Origins = {}
    stops: list[_Place] = []
    at: dict[Node, list[int]] = {n: [] for n in space.nodes}

    def reach(nodes: Iterable[Node], state: int, origin: _Place | None) -> bool:
        following = [(n, q) for n in nodes if (q := ways.after(state, n)) is not None]
        for node, q in following:
            if (node, q) not in origins:
                origins[node, q] = origin
                at[node].append(q)
        return bool(following)

    reach(space.sources, ways.automaton.start, None)
    for node, states in at.items():
        after = space.successors(node)
        stops += [(node, q) for q in states if not reach(after, q, (node, q))]
    return origins, stops


def _why_stopped(space: PathSpace, ways: _Ways, stop: _Place, walked: str) -> str:
    node, state = stop
    asked = ways.asked(state)
    if node == space.target:
        return f"after {walked}, at the target, it still asks for {_or(asked)}"
    if not asked:
        return (
            f"it ends after {walked}, before the target {space.target}; end it with `.*` or with "
            f"the steps up to `{space.target}`"
        )
    following = _list(map(str, space.successors(node)))
    return f"after {walked} the next nodes are {following}, and {_no_match(asked)}"


def _no_match(asked: Sequence[str]) -> str:
    return "it excludes them" if "." in asked else f"none matches {_or(asked)}"


def _or(asked: Sequence[str]) -> str:
    return " or ".join(f"`{text}`" for text in asked[:_SHOWN])


def _walked(stop: _Place, origins: _Origins) -> str:
    """The last nodes of a path to a place."""
    labels: list[str] = []
    place: _Place | None = stop
    while place is not None and len(labels) <= _SHOWN:
        labels.append(str(place[0]))
        place = origins[place]
    return " ".join(reversed(labels if place is None else [*labels, "…"]))


def _list(texts: Iterable[str]) -> str:
    several = list(texts)
    return ", ".join([*several[:_SHOWN], *(["..."] if len(several) > _SHOWN else [])])
