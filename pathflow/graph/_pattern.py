"""Patterns: regular expressions over the nodes of a path."""

import abc
import operator
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from pathflow._errors import PatternError

from ._node import Node
from ._pattern_text import NO_INDEX, Builder, Level, literal_glob, name_text, read_pattern

# What walks a pattern takes a few frames of Python's stack, of a thousand, per level.
MAX_NESTING = 100


class Pattern(abc.ABC):
    """A set of paths: a regular expression whose letters are nodes.

    A pattern matches whole paths, from the source through the target. It is written as text (see
    `parse`) or put together: `a >> b` is `a` and then `b`, `a | b` either, `a & b` what both match,
    `~a` what `a` does not match, `a.repeat(least, most)` that many times. Where one side is a
    pattern, the other may be text. Equal patterns are written alike; different ones may still match
    the same paths.

    Example:
        >>> Pattern.parse("x@2 .* h1") == Step("x", 2) >> Step.any().repeat(0) >> "h1"
        True
    """

    @staticmethod
    def parse(text: str) -> "Pattern":
        """The pattern that a text stands for.

        Steps are separated by blanks. A step is a glob on the name (`*` any characters, `?` one),
        with an index where it shall count: `c1@2`, `c1@2:` from 2 on, `c1@2:5` for 2, 3 and 4,
        `c1@:` any, `h@5.2` and `h@5.:` in nested loops; `.` is any node. What is repeated is
        followed, without a blank, by `*`, `+`, `?`, `{m}`, `{m,}` or `{m,n}`; a bare name only by
        `+` and `{}`, since `h*` is a glob: write `(h)*`. Less tightly than repetitions bind `~`
        (complement), then blanks, `&` (intersection) and `|`. `()` is the empty sequence. A name
        that holds such a character is quoted: `'odd(name)'`.

        Raises:
            PatternError: the text is no pattern; the message points at the column.
        """
        return read_pattern(text, _BUILDER)

    @abc.abstractmethod
    def __str__(self) -> str:
        """The pattern's text; `Pattern.parse(str(p)) == p`."""

    def __repr__(self) -> str:
        return f"Pattern.parse({str(self)!r})"

    def __rshift__(self, other: "PatternLike") -> "Pattern":
        return Then((self, as_pattern(other)))

    def __rrshift__(self, other: "PatternLike") -> "Pattern":
        return Then((as_pattern(other), self))

    def __or__(self, other: "PatternLike") -> "Pattern":
        return Either((self, as_pattern(other)))

    def __ror__(self, other: "PatternLike") -> "Pattern":
        return Either((as_pattern(other), self))

    def __and__(self, other: "PatternLike") -> "Pattern":
        return Both((self, as_pattern(other)))

    def __rand__(self, other: "PatternLike") -> "Pattern":
        return Both((as_pattern(other), self))

    def __invert__(self) -> "Pattern":
        return Not(self)

    def repeat(self, least: int, most: int | None = None) -> "Pattern":
        """The pattern `least` to `most` times in a row; None is any number."""
        return Repeat(self, least, most)


PatternLike = Pattern | str


def as_pattern(pattern: PatternLike) -> Pattern:
    """A pattern from a pattern or its text.

    Raises:
        PatternError: the text is no pattern.
    """
    if isinstance(pattern, Pattern):
        return pattern
    if isinstance(pattern, str):
        return Pattern.parse(pattern)
    raise PatternError(
        f"pattern={pattern!r} is a {type(pattern).__name__}; give a text as in 'x .* qoi', or a "
        "pathflow.Pattern."
    )


@final
@dataclass(frozen=True, repr=False)
class Step(Pattern):
    """One node: a glob on its name, and where its index counts, a range for each level of loops.

    Arguments:
        name: the glob; `*` stands for any characters, `?` for one, and a backslash makes the next
            character an ordinary one.
        index: None for any index of any depth; an iteration or a tuple with one entry for each
            level: an iteration, or `(low, high)` for `low, ..., high - 1`, where None is no end;
            `()` is a node outside loops, which has no index.

    Raises:
        PatternError: the name has a blank or `@`, or a range is empty.

    Example:
        >>> [str(Step("c1", 2)), str(Step("h", (5, (0, None)))), str(Step("x", ()))]
        ['c1@2', 'h@5.:', 'x@()']
    """

    name: str = "*"
    index: "int | tuple[Level, ...] | None" = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?:\\[^\s@]|[^\s@\\])+", self.name):
            raise PatternError(
                f"name={self.name!r} can be no step's name: it is empty, or has a blank, an '@' or "
                "a backslash at its end; a node's name has no blank and no '@'."
            )
        object.__setattr__(self, "name", re.sub(r"\\(.)", _needed_escape, self.name))
        if self.index is not None:
            levels = self.index if isinstance(self.index, tuple) else (self.index,)
            object.__setattr__(self, "index", tuple(map(_as_level, levels)))

    @staticmethod
    def any() -> "Step":
        """The step that every node matches, written `.`."""
        return Step()

    @staticmethod
    def literal(name: str, index: "int | tuple[Level, ...] | None" = None) -> "Step":
        """The step for a name in which no character is special."""
        return Step(literal_glob(name), index)

    @property
    def levels(self) -> tuple[tuple[int, int | None], ...] | None:
        """The index as one half-open range `(low, high)` per level, or None where it is free."""
        if not isinstance(self.index, tuple):
            return None
        return tuple((e, e + 1) if isinstance(e, int) else e for e in self.index)

    def matches(self, node: Node) -> bool:
        """Whether the node is one of this step's."""
        return self.matches_index(node.index) and self.matches_name(node.name)

    def matches_name(self, name: str) -> bool:
        """Whether a node's name fits, whatever its index."""
        return _glob(self.name).fullmatch(name) is not None

    def matches_index(self, index: tuple[int, ...]) -> bool:
        """Whether a node's index fits, whatever its name."""
        levels = self.levels
        if levels is None:
            return True
        return len(levels) == len(index) and all(
            low <= i and (high is None or i < high)
            for i, (low, high) in zip(index, levels, strict=True)
        )

    @property
    def bare(self) -> bool:
        """Whether a `*` or `?` written after it would be read as part of its glob."""
        return self.index is None and self.name != "*" and not name_text(self.name)[1]

    def __str__(self) -> str:
        name = "." if self.name == "*" else name_text(self.name)[0]
        if not isinstance(self.index, tuple):
            return name
        return f"{name}@{'.'.join(map(_level_text, self.index)) or NO_INDEX}"


@final
@dataclass(frozen=True, repr=False)
class Empty(Pattern):
    """The empty sequence, written `()`."""

    def __str__(self) -> str:
        return "()"


@final
@dataclass(frozen=True, repr=False)
class Then(Pattern):
    """One pattern after the other, written with blanks in between.

    Arguments:
        parts: at least two patterns; a `Then` among them is taken apart.
    """

    parts: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        return _joined(self, " ")


@final
@dataclass(frozen=True, repr=False)
class Either(Pattern):
    """What at least one of several patterns matches, written with `|`.

    Arguments:
        parts: at least two patterns; an `Either` among them is taken apart.
    """

    parts: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        return _joined(self, " | ")


@final
@dataclass(frozen=True, repr=False)
class Both(Pattern):
    """What all of several patterns match, written with `&`.

    Arguments:
        parts: at least two patterns; a `Both` among them is taken apart.
    """

    parts: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        return _joined(self, " & ")


@final
@dataclass(frozen=True, repr=False)
class Not(Pattern):
    """Every sequence of nodes that a pattern does not match, written with `~` before it."""

    part: Pattern

    def __post_init__(self) -> None:
        _check_nesting(self)

    def __str__(self) -> str:
        return f"~{_held(self.part, _TIGHTNESS[type(self)])}"


@final
@dataclass(frozen=True, repr=False)
class Repeat(Pattern):
    """A pattern several times in a row, written `* + ? {m} {m,} {m,n}` after it.

    Arguments:
        part: what is repeated.
        least: how often at least.
        most: how often at most; None is any number.

    Raises:
        PatternError: `least` is negative, or `most` is less than `least`.
    """

    part: Pattern
    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if not _is_count(self.least) or (
            self.most is not None and not (_is_count(self.most) and self.most >= self.least)
        ):
            raise PatternError(
                f"a pattern cannot repeat from {self.least} to {self.most} times; "
                "give integers with 0 <= least <= most, or None for most."
            )
        _check_nesting(self)

    def __str__(self) -> str:
        least, most = self.least, self.most
        many = f"{{{least}}}" if most == least else f"{{{least},{'' if most is None else most}}}"
        sign = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most), many)
        part = self.part
        if isinstance(part, Step) and part.bare and sign in ("*", "?"):
            return f"({part}){sign}"
        return _held(part, _TIGHTNESS[type(self)] + 1) + sign


# How tightly an operator holds its parts; a looser one inside a tighter needs parentheses.
_TIGHTNESS = {Either: 0, Both: 1, Then: 2, Not: 3, Repeat: 4, Step: 5, Empty: 5}


def parts_of(pattern: Pattern) -> tuple[Pattern, ...]:
    """The patterns that a pattern is made of."""
    match pattern:
        case Then() | Either() | Both():
            return pattern.parts
        case Not() | Repeat():
            return (pattern.part,)
        case _:
            return ()


_BUILDER: Builder[Pattern] = Builder(
    step=Step, empty=Empty, then=Then, either=Either, both=Both, negation=Not, repeat=Repeat
)


def _flatten(pattern: Then | Either | Both) -> None:
    kind = type(pattern)
    _check_nesting(pattern)
    if len(pattern.parts) < 2:
        raise PatternError(
            f"{kind.__name__}(parts) has {len(pattern.parts)} parts and joins at least two; "
            "use a single part as it is."
        )
    flat = [q for p in pattern.parts for q in (p.parts if isinstance(p, kind) else (p,))]
    object.__setattr__(pattern, "parts", tuple(flat))


def _check_nesting(pattern: Pattern) -> None:
    """Keeps how deep a pattern is nested, and refuses what would exhaust Python's stack."""
    for part in parts_of(pattern):
        if not isinstance(part, Pattern):
            raise PatternError(
                f"{type(pattern).__name__} got {part!r} as a part; give a pathflow.Pattern, as "
                "made by Pattern.parse."
            )
    depth = 1 + max((getattr(p, "_depth", 0) for p in parts_of(pattern)), default=0)
    if depth > MAX_NESTING:
        raise PatternError(
            f"the pattern is nested more than {MAX_NESTING} deep; write it flatter, or count with "
            "repeat(least, most)."
        )
    object.__setattr__(pattern, "_depth", depth)


def _is_count(number: object) -> bool:
    return isinstance(number, int) and number >= 0


def _joined(pattern: Pattern, operator: str) -> str:
    return operator.join(_held(p, _TIGHTNESS[type(pattern)] + 1) for p in parts_of(pattern))


def _held(pattern: Pattern, tightness: int) -> str:
    return f"({pattern})" if _TIGHTNESS[type(pattern)] < tightness else str(pattern)


def _needed_escape(pair: "re.Match[str]") -> str:
    return pair[0] if pair[1] in "*?\\" else pair[1]


@lru_cache(maxsize=4096)
def _glob(name: str) -> "re.Pattern[str]":
    parts = [""]
    for piece in re.findall(r"\\.|.", name):
        if piece == "*":
            parts.append("")
        else:
            parts[-1] += "." if piece == "?" else re.escape(piece[-1])
    if len(parts) == 1:
        return re.compile(parts[0])
    # What stands between two stars is taken where it first comes and never again (an atomic group),
    # which loses no match. To try every place would take exponential time: `*a*a*a*a*b`.
    first, *middle, last = parts
    return re.compile(f"{first}{''.join(f'(?>.*?{part})' for part in middle if part)}.*{last}")


def _as_level(entry: Level) -> Level:
    """An entry of an index in its normal form: one iteration is a number."""
    try:
        # NumPy's integers pass too, and become Python's.
        if not isinstance(entry, tuple):
            low = operator.index(entry)
            high = low + 1
        else:
            low, end = operator.index(entry[0]), entry[1]
            high = end if end is None else operator.index(end)
    except (TypeError, IndexError):
        low, high = 0, 0
    if low < 0 or (high is not None and high <= low):
        raise PatternError(
            f"index entry {entry!r} holds no iteration; give an integer from 0, or a range "
            "(low, high) of integers that goes to just before high, with None for no end."
        )
    return low if high == low + 1 else (low, high)


def _level_text(entry: Level) -> str:
    if isinstance(entry, int):
        return str(entry)
    low, high = entry
    return f"{low or ''}:{'' if high is None else high}"
