"""Random patterns, and what a pattern matches by the definition of each of its parts."""

from collections.abc import Sequence

from hypothesis import strategies as st

import pathflow as pf


def steps(labels: Sequence[str]) -> st.SearchStrategy[pf.Step]:
    """A step that matches at least one of the nodes that the labels name."""
    return st.sampled_from([pf.Node.parse(label) for label in labels]).flatmap(_steps_at)


def _steps_at(node: pf.Node) -> st.SearchStrategy[pf.Step]:
    names = [node.name, f"{node.name[0]}*", f"?{node.name[1:]}", "*"]
    entries = [[i, (i, None), (0, i + 1), (0, None)] for i in node.index]
    indices = [st.none(), st.tuples(*map(st.sampled_from, entries))]
    return st.builds(pf.Step, st.sampled_from(names), st.one_of(indices))


def patterns(labels: Sequence[str], max_leaves: int = 8) -> st.SearchStrategy[pf.Pattern]:
    """A random pattern with steps for the nodes that the labels name, all operators included."""

    def larger(inner: st.SearchStrategy[pf.Pattern]) -> st.SearchStrategy[pf.Pattern]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        least = st.integers(0, 2)
        extra = st.one_of(st.none(), st.integers(0, 2))
        return st.one_of(
            several.map(pf.Then),
            several.map(pf.Either),
            several.map(pf.Both),
            inner.map(pf.Not),
            st.builds(
                lambda p, m, more: pf.Repeat(p, m, None if more is None else m + more),
                inner,
                least,
                extra,
            ),
        )

    leaves = st.one_of(
        steps(labels), st.just(pf.Step.any()), st.just(pf.Empty()), st.just(pf.Step.any().repeat(0))
    )
    return st.recursive(leaves, larger, max_leaves=max_leaves)


def pattern_matches(pattern: pf.Pattern, nodes: Sequence[pf.Node]) -> bool:
    """Whether a pattern matches a whole sequence of nodes: sets of places, no automaton."""
    return len(nodes) in _ends(pattern, tuple(nodes), 0)


def _ends(pattern: pf.Pattern, nodes: tuple[pf.Node, ...], start: int) -> frozenset[int]:
    """Where what the pattern matches may end, when it starts at a place."""
    match pattern:
        case pf.Step(name, index):
            fits = start < len(nodes) and _fits(name, index, nodes[start])
            return frozenset({start + 1} if fits else ())
        case pf.Empty():
            return frozenset({start})
        case pf.Then(parts):
            places = frozenset({start})
            for part in parts:
                places = _onward(part, nodes, places)
            return places
        case pf.Either(parts):
            return frozenset().union(*(_ends(p, nodes, start) for p in parts))
        case pf.Both(parts):
            return frozenset(range(len(nodes) + 1)).intersection(
                *(_ends(p, nodes, start) for p in parts)
            )
        case pf.Not(part):
            return frozenset(range(start, len(nodes) + 1)) - _ends(part, nodes, start)
        case pf.Repeat(part, least, most):
            places = frozenset({start})
            for _ in range(least):
                places = _onward(part, nodes, places)
            # After as many rounds as there are nodes, a further one adds no place.
            for _ in range(len(nodes) if most is None else most - least):
                places |= _onward(part, nodes, places)
            return places
    raise TypeError(pattern)


def _onward(
    pattern: pf.Pattern, nodes: tuple[pf.Node, ...], places: frozenset[int]
) -> frozenset[int]:
    return frozenset().union(*(_ends(pattern, nodes, i) for i in places))


def _fits(glob: str, index: tuple | None, node: pf.Node) -> bool:
    if index is None:
        return _fits_name(glob, node.name)
    if len(index) != len(node.index):
        return False
    for entry, i in zip(index, node.index, strict=True):
        low, high = entry if isinstance(entry, tuple) else (entry, entry + 1)
        if i < low or (high is not None and i >= high):
            return False
    return _fits_name(glob, node.name)


def _fits_name(glob: str, name: str) -> bool:
    if not glob or not name:
        return not name and not glob.replace("*", "")
    if glob[0] == "*":
        return _fits_name(glob[1:], name) or _fits_name(glob, name[1:])
    return glob[0] in ("?", name[0]) and _fits_name(glob[1:], name[1:])
