"""The text of patterns: a recursive-descent parser, and how names are written.

    pattern  := both ("|" both)*
    both     := sequence ("&" sequence)*
    sequence := unit (blank unit)*
    unit     := "~"* operand repetition?
    operand  := "(" pattern? ")" | "." index? | "'" literal "'" index? | glob index?
    index    := "@" (level ("." level)* | "()")    level := number | number? ":" number?
    repetition := "*" | "+" | "?" | "{" number ("," number?)? "}"

A repetition follows without a blank; `*` and `?` do so only where they cannot belong to a glob.
What is read goes to a `Builder`: this file knows text, and `_pattern.py` knows patterns.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from pathflow._errors import PatternError

P = TypeVar("P")

# One level of an index: an iteration, or a half-open range whose upper end may be missing.
Level = int | tuple[int, int | None]

# The index of a node outside all loops.
NO_INDEX = "()"

# Each level of parentheses takes a few frames of Python's stack, of a thousand.
MAX_PARENTHESES = 50

_NUMBER = re.compile(r"[0-9]+")
_MAX_DIGITS = 18
# Inside a name, quotes and `~` are ordinary: `params['w']` and `mlp/~/linear_0` are names.
_NAME = re.compile(r"(?:\\[^\s@]|[^\s@()|&+{}\\])+")
_ENDS_NAME = re.compile(r"[\s@()|&+{}\\]")
_QUOTED = re.compile(r"'((?:\\[^\s@]|[^\s@'\\])+)'")
# At the start of a name these say something else.
_LEADING = ("~", "'", ".")
_ANY = re.compile(r"\.(?=$|[\s@()|&+{}*?])")


@dataclass(frozen=True)
class Builder(Generic[P]):
    """What the parser makes of what it reads: one function for each form."""

    step: Callable[[str, tuple[Level, ...] | None], P]
    empty: Callable[[], P]
    then: Callable[[tuple[P, ...]], P]
    either: Callable[[tuple[P, ...]], P]
    both: Callable[[tuple[P, ...]], P]
    negation: Callable[[P], P]
    repeat: Callable[[P, int, int | None], P]


def read_pattern(text: str, build: Builder[P]) -> P:
    """What the builder makes of a text.

    Raises:
        PatternError: the text is no pattern; the message points at the column.
    """
    return _Reader(text, build).read()


def literal_glob(name: str) -> str:
    """The glob that matches this name only."""
    return re.sub(r"([*?\\])", r"\\\1", name)


def name_text(glob: str) -> tuple[str, bool]:
    """How a glob is written as a step, and whether in quotes."""
    pieces = re.findall(r"\\.|.", glob)
    if "*" in pieces or "?" in pieces:
        marked = [f"\\{p}" if _ENDS_NAME.fullmatch(p) else p for p in pieces]
        if pieces[0] in _LEADING:
            marked[0] = f"\\{pieces[0]}"
        return "".join(marked), False
    if _NAME.fullmatch(glob) and not _ANY.match(glob) and glob[0] not in "~'" and "\\" not in glob:
        return glob, False
    literal = "".join(p[-1] for p in pieces)
    return "'" + re.sub(r"(['\\])", r"\\\1", literal) + "'", True


def _joined(parts: list[P], join: Callable[[tuple[P, ...]], P]) -> P:
    return parts[0] if len(parts) == 1 else join(tuple(parts))


class _Reader(Generic[P]):
    """One text, and how far it is read."""

    def __init__(self, text: str, build: Builder[P]):
        self._text = text
        self._build = build
        self._at = 0
        self._open: list[int] = []

    def read(self) -> P:
        if not self._text.strip():
            raise PatternError(
                "pattern is empty; `()` matches the empty sequence, and `.*` matches every path."
            )
        pattern = self._pattern()
        if self._peek() == ")":
            self._refuse("this `)` closes nothing; remove it, or open it with `(`")
        return pattern

    def _pattern(self) -> P:
        """Everything up to the end or to a `)`; one loop for the three operators between steps,
        since each call counts where parentheses nest deep.
        """
        either: list[P] = []
        both: list[P] = []
        then: list[P] = []
        while True:
            then.append(self._unit())
            char = self._peek()
            if char not in ("", "|", "&", ")"):
                if not self._text[self._at - 1].isspace():
                    self._refuse_joined()
                continue
            both.append(_joined(then, self._build.then))
            then = []
            if char != "&":
                either.append(_joined(both, self._build.both))
                both = []
            if char not in ("&", "|"):
                return _joined(either, self._build.either)
            self._at += 1

    def _unit(self) -> P:
        negations = 0
        while self._peek() == "~":
            self._at += 1
            negations += 1
        part = self._repeated(*self._operand())
        for _ in range(negations):
            part = self._build.negation(part)
        return part

    def _operand(self) -> tuple[P, bool]:
        """An operand, and whether it is a bare name, at which `*` and `?` would be globs."""
        char = self._peek()
        if char == "(":
            return self._group(), False
        if char in ("", ")", "|", "&"):
            where = "at the end" if not char else f"before `{char}`"
            self._refuse(f"a step is missing {where}; `()` is the empty sequence")
        if char in "+{}":
            self._refuse(
                f"`{char}` has nothing to repeat; it follows what it repeats without a blank, "
                "and a name that holds it is quoted"
            )
        if char == "@":
            self._refuse("a name is missing before `@`; `.@2` is any node of step 2")
        return self._named(char)

    def _named(self, char: str) -> tuple[P, bool]:
        if match := _ANY.match(self._text, self._at):
            glob = "*"
        elif match := _QUOTED.match(self._text, self._at):
            glob = literal_glob(re.sub(r"\\(.)", r"\1", match[1]))
        elif char == "'":
            self._refuse("a quoted name has no blank, no `@`, and a quote at its end")
        elif match := _NAME.match(self._text, self._at):
            glob = match[0]
        else:
            self._refuse(
                "a backslash stands before a character of a name, which is no blank and no `@`"
            )
        self._at = match.end()
        index = self._index()
        return self._build.step(glob, index), match.re is _NAME and index is None

    def _group(self) -> P:
        if len(self._open) == MAX_PARENTHESES:
            self._refuse(
                f"parentheses are nested more than {MAX_PARENTHESES} deep; write it flatter"
            )
        self._open.append(self._at)
        self._at += 1
        inner = self._build.empty() if self._peek() == ")" else self._pattern()
        opened = self._open.pop()
        if self._peek() != ")":
            self._refuse("this `(` is never closed; add `)`", opened)
        self._at += 1
        return inner

    def _repeated(self, part: P, bare: bool) -> P:
        bounds = self._repetition(bare)
        if bounds is None:
            return part
        end = self._at
        if self._repetition(bare=False) is not None:
            self._refuse("two repetitions in a row; put parentheses around the first", end)
        return self._build.repeat(part, *bounds)

    def _repetition(self, bare: bool) -> tuple[int, int | None] | None:
        char = self._text[self._at : self._at + 1]
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if char in simple and not (bare and char in "*?"):
            self._at += 1
            return simple[char]
        if char != "{":
            return None
        start = self._at
        match = re.compile(r"\{\s*([0-9]+)\s*(?:(,)\s*([0-9]+)?\s*)?\}").match(self._text, start)
        if match is None:
            self._refuse("a repetition is `{m}`, `{m,}` or `{m,n}`, in numbers from 0")
        least, comma, most = match.groups()
        low = self._number(least, match.start(1))
        high = self._number(most, match.start(3)) if most else None if comma else low
        if high is not None and high < low:
            self._refuse(f"`{match[0]}` repeats at least {low} and at most {high} times; swap them")
        self._at = match.end()
        return low, high

    def _index(self) -> tuple[Level, ...] | None:
        if self._text[self._at : self._at + 1] != "@":
            return None
        if self._text.startswith(NO_INDEX, self._at + 1):
            self._at += 1 + len(NO_INDEX)
            return ()
        levels = []
        while not levels or self._text[self._at : self._at + 1] == ".":
            self._at += 1
            levels.append(self._level())
        return tuple(levels)

    def _level(self) -> Level:
        start = self._at
        low = self._digits()
        if self._text[self._at : self._at + 1] != ":":
            if low is None:
                self._refuse(
                    "an index is a number from 0, or a range as in `@2:`, `@:5`, `@2:5` or `@:`, "
                    "with `.` between the levels of nested loops"
                )
            return low
        self._at += 1
        high = self._digits()
        low = low or 0
        if high is not None and high <= low:
            self._refuse(
                f"the range {low}:{high} is empty; it goes from its first number to just before "
                "its second",
                start,
            )
        return low, high

    def _digits(self) -> int | None:
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            return None
        number = self._number(match[0], self._at)
        self._at = match.end()
        return number

    def _number(self, digits: str, at: int) -> int:
        if len(digits) > _MAX_DIGITS:
            self._refuse(f"the number is longer than {_MAX_DIGITS} digits", at)
        return int(digits)

    def _peek(self) -> str:
        """The next character that is no blank, or nothing at the end."""
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _refuse_joined(self) -> NoReturn:
        char = self._text[self._at]
        self._refuse(
            f"`{char}` follows without a blank; put one between steps, and quote a name that holds "
            "such a character, as in 'odd(name)'"
        )

    def _refuse(self, why: str, at: int | None = None) -> NoReturn:
        """Raises an error that points at a place, by default where reading stands."""
        at = self._at if at is None else at
        # One blank for every character, so that the caret stands where the eye expects it.
        shown = re.sub(r"\s", " ", self._text)
        first = max(0, at - 60)
        line = (
            ("…" if first else "") + shown[first : at + 40] + ("…" if at + 40 < len(shown) else "")
        )
        caret = " " * (at - first + bool(first)) + "^"
        raise PatternError(f"pattern, column {at + 1}: {why}.\n    {line}\n    {caret}")
