"""Brzozowski derivatives: what is left of a pattern after a node is read.

Terms are kept in a table, each once, under a number; a term's parts have smaller numbers than the
term. The normal forms (unions and intersections as sets, sequences nested to the right, repetitions
with counters) make equal numbers of most equal sets, and all of those that would keep the number of
derivatives from being finite.

Source: J. Brzozowski, "Derivatives of Regular Expressions", Journal of the ACM 11 (1964);
    S. Owens, J. Reppy, A. Turon, "Regular-expression derivatives re-examined", Journal of
    Functional Programming 19 (2009).
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, final

from ._pattern import Both, Either, Empty, Not, Pattern, Repeat, Step, Then

# A kind of term, and what it is made of.
Term = tuple[Any, ...]


@final
class Terms:
    """The table of terms over some steps.

    Arguments:
        steps: the steps that occur, with their positions.
    """

    def __init__(self, steps: Mapping[Step, int]):
        self._steps = steps
        self._number: dict[Term, int] = {}
        self._term: dict[int, Term] = {}
        self._nullable: dict[int, bool] = {}
        self._derivatives: dict[frozenset[int], dict[int, int]] = {}
        self._next = itertools.count()
        self.nothing = self._keep(("either", frozenset()), nullable=False)
        self.empty = self._keep(("empty",), nullable=True)
        self.everything = self._keep(("not", self.nothing), nullable=True)
        self.any = self._keep(("any",), nullable=False)

    def nullable(self, term: int) -> bool:
        """Whether the empty sequence matches."""
        return self._nullable[term]

    def term(self, pattern: Pattern) -> int:
        """The number of a pattern's term."""
        match pattern:
            case Step():
                if pattern == Step.any():
                    return self.any
                return self._keep(("step", self._steps[pattern]), nullable=False)
            case Empty():
                return self.empty
            case Then():
                term = self.empty
                for part in reversed(pattern.parts):
                    term = self._then(self.term(part), term)
                return term
            case Either():
                return self._either(map(self.term, pattern.parts))
            case Both():
                return self._both(map(self.term, pattern.parts))
            case Not():
                return self._not(self.term(pattern.part))
            case Repeat():
                return self._repeat(self.term(pattern.part), pattern.least, pattern.most)
            case _:
                raise TypeError(f"no derivative is known of {type(pattern).__name__}")

    def derivative(self, term: int, hits: frozenset[int]) -> int:
        """What is left of a term after a node that matches the steps in `hits`."""
        known = self._derivatives.setdefault(hits, {})
        # Parts have smaller numbers, so that going up through the numbers needs no recursion.
        for t in sorted(self._needed(term, known)):
            known[t] = self._derived(t, hits, known)
        return known[term]

    def _needed(self, term: int, known: Mapping[int, int]) -> set[int]:
        needed, waiting = set(), [term]
        while waiting:
            t = waiting.pop()
            if t not in known and t not in needed:
                needed.add(t)
                waiting += self._read_by(t)
        return needed

    def _read_by(self, term: int) -> Iterable[int]:
        """The parts whose derivatives the derivative of a term is made of."""
        match self._term[term]:
            case ("then", head, tail):
                return (head, tail) if self._nullable[head] else (head,)
            case ("either" | "both", parts):
                return parts
            case ("not", part) | ("repeat", part, _, _):
                return (part,)
            case _:
                return ()

    def _derived(self, term: int, hits: frozenset[int], known: Mapping[int, int]) -> int:
        match self._term[term]:
            case ("any",):
                return self.empty
            case ("step", step):
                return self.empty if step in hits else self.nothing
            case ("then", head, tail):
                first = self._then(known[head], tail)
                return self._either((first, known[tail])) if self._nullable[head] else first
            case ("either", parts):
                return self._either(known[p] for p in parts)
            case ("both", parts):
                return self._both(known[p] for p in parts)
            case ("not", part):
                return self._not(known[part])
            case ("repeat", part, least, most):
                rest = self._repeat(part, max(least - 1, 0), None if most is None else most - 1)
                return self._then(known[part], rest)
            case _:
                return self.nothing

    def _keep(self, term: Term, *, nullable: bool) -> int:
        known = self._number.get(term)
        if known is not None:
            return known
        # In this order, another thread that asks for the same term finds a whole one.
        number = next(self._next)
        self._term[number] = term
        self._nullable[number] = nullable
        return self._number.setdefault(term, number)

    def _then(self, head: int, tail: int) -> int:
        heads = [head]
        while self._term[heads[-1]][0] == "then":
            heads[-1:] = self._term[heads[-1]][1:]
        for h in reversed(heads):
            tail = self._pair(h, tail)
        return tail

    def _pair(self, head: int, tail: int) -> int:
        if self.nothing in (head, tail):
            return self.nothing
        if head == self.empty:
            return tail
        if tail == self.empty:
            return head
        if self.everything in (head, tail) and self._nullable[head] and self._nullable[tail]:
            return self.everything
        nullable = self._nullable[head] and self._nullable[tail]
        return self._keep(("then", head, tail), nullable=nullable)

    def _either(self, parts: Iterable[int]) -> int:
        flat = self._flat("either", parts) - {self.nothing}
        if self.everything in flat or any(self._not(p) in flat for p in flat if self._is_not(p)):
            return self.everything
        nullable = any(self._nullable[p] for p in flat)
        if self.empty in flat and any(self._nullable[p] for p in flat - {self.empty}):
            flat -= {self.empty}
        if len(flat) == 1:
            return next(iter(flat))
        return self._keep(("either", flat), nullable=nullable)

    def _both(self, parts: Iterable[int]) -> int:
        flat = self._flat("both", parts) - {self.everything}
        if self.nothing in flat or any(self._not(p) in flat for p in flat if self._is_not(p)):
            return self.nothing
        nullable = all(self._nullable[p] for p in flat)
        if self.empty in flat:
            return self.empty if nullable else self.nothing
        if not flat:
            return self.everything
        if len(flat) == 1:
            return next(iter(flat))
        return self._keep(("both", flat), nullable=nullable)

    def _flat(self, kind: str, parts: Iterable[int]) -> frozenset[int]:
        flat: set[int] = set()
        for p in parts:
            term = self._term[p]
            flat.update(term[1] if term[0] == kind else (p,))
        return frozenset(flat)

    def _is_not(self, term: int) -> bool:
        return self._term[term][0] == "not"

    def _not(self, part: int) -> int:
        if self._is_not(part):
            return self._term[part][1]
        return self._keep(("not", part), nullable=not self._nullable[part])

    def _repeat(self, part: int, least: int, most: int | None) -> int:
        if most == 0 or part == self.empty:
            return self.empty
        if self._nullable[part]:
            least = 0
        if part == self.nothing:
            return self.nothing if least else self.empty
        inner = self._term[part]
        if inner[0] == "repeat":
            # (s+)* = s*, (s*){m,n} = s*, (s+){m,n} = s{m,}, (s{0,b}){0,n} = s{0,bn}
            _, body, low, high = inner
            if high is None and low <= 1:
                return self._repeat(body, low * least, None)
            if low == 0:
                most = None if most is None or high is None else most * high
                return self._repeat(body, 0, most)
        if (least, most) == (1, 1) or part == self.everything:
            return part
        if part == self.any and (least, most) == (0, None):
            return self.everything
        return self._keep(("repeat", part, least, most), nullable=least == 0)
