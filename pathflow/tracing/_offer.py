"""What a function offers to choose nodes from, said where a selector chooses nothing of it."""

import difflib
from collections.abc import Iterable, Iterator

from pathflow.tracing._candidate import Candidate, EquationOutput, Gate, ModuleOutput, Tag
from pathflow.tracing._select_nodes import AbstractNodeSelector, By, EitherSelector

_SHOWN = 8
_KINDS = {
    Tag: ("tags", "tagged"),
    ModuleOutput: ("modules", "modules"),
    Gate: ("gates", "gates"),
    EquationOutput: ("primitives", "primitives"),
}


def choosing_nothing(
    selector: AbstractNodeSelector, offered: Iterable[Candidate]
) -> list[AbstractNodeSelector]:
    """The parts of a selector (`a | b`) that look for names that are not there."""
    candidates = list(offered)
    return [
        part
        for part in _parts(selector)
        if _is_particular(part) and all(part.name_of(c) is None for c in candidates)
    ]


def said(selector: AbstractNodeSelector) -> str:
    """A selector as it is called."""
    if isinstance(selector, EitherSelector):
        return " | ".join(map(said, _parts(selector)))
    if isinstance(selector, By):
        return "by(choose)"
    given = [repr(p) for p in _patterns(selector) if p != "*"]
    of = getattr(selector, "of", (object,))
    if of != (object,):
        given.append(f"of={', '.join(c.__name__ for c in of)}")
    return f"{type(selector).__name__.lower()}({', '.join(given)})"


def offer(selectors: Iterable[AbstractNodeSelector], offered: Iterable[Candidate]) -> str:
    """What there is to choose, with what comes near to what the selectors look for."""
    names: dict[type, dict[str, None]] = {kind: {} for kind in _KINDS}
    for c in offered:
        origin = c.origin
        name = origin.primitive if isinstance(origin, EquationOutput) else c.name
        names[type(origin)][name] = None
    lists = [
        f"{word} {_shortened(names[kind])} (pathflow.{call})"
        for kind, (word, call) in _KINDS.items()
        if names[kind]
    ]
    if not lists:
        return "it has no tags and no modules that pathflow knows"
    everything = [n for found in names.values() for n in found]
    near = dict.fromkeys(n for s in selectors for p in _patterns(s) for n in _near(p, everything))
    hint = f"; close matches: {', '.join(near)}" if near else ""
    return f"it has {'; '.join(lists)}{hint}"


def _parts(selector: AbstractNodeSelector) -> Iterator[AbstractNodeSelector]:
    if isinstance(selector, EitherSelector):
        yield from _parts(selector.first)
        yield from _parts(selector.second)
    else:
        yield selector


def _patterns(selector: AbstractNodeSelector) -> tuple[str, ...]:
    return tuple(p for part in _parts(selector) for p in getattr(part, "patterns", ()))


def _is_particular(selector: AbstractNodeSelector) -> bool:
    """Whether it looks for certain names or classes, so that finding none is a mistake."""
    return _patterns(selector) not in ((), ("*",)) or getattr(selector, "of", (object,)) != (
        object,
    )


def _near(pattern: str, names: list[str]) -> list[str]:
    plain = {n.lower(): n for n in reversed(names)}
    wanted = pattern.replace("*", "").lower()
    return [plain[n] for n in difflib.get_close_matches(wanted, plain, n=3, cutoff=0.6)]


def _shortened(names: Iterable[str]) -> str:
    found = list(names)
    rest = f", ... ({len(found)} in all)" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + rest
