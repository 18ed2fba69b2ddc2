"""Partitions: how paths are sorted into classes while they are read node by node."""

import abc
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar, final

from pathflow._errors import PatternError
from pathflow._whole_number import whole_number

from ._derivatives import Terms
from ._node import Node
from ._pattern import Pattern, PatternLike, Step, as_pattern, parts_of

StepLike = Step | str
State = TypeVar("State", bound=Hashable)


class AbstractPartition(abc.ABC, Generic[State]):
    """Sorts paths into classes, reading them node by node.

    What it sees of a node is which of its steps the node matches. A path that ends in a state with
    no class belongs to the rest; where classes overlap, a path may be in several.
    """

    @property
    @abc.abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """The steps that it looks at."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""

    @property
    @abc.abstractmethod
    def start(self) -> State:
        """The state before the first node."""

    @abc.abstractmethod
    def advance(self, state: State, hits: frozenset[int]) -> State:
        """The state after a node; `hits` are the positions in `steps` of those that it matches."""

    @abc.abstractmethod
    def classes(self, state: State) -> frozenset[str]:
        """The classes of a path that ends in this state; none for the rest."""


def signature(steps: Iterable[Step], node: Node) -> frozenset[int]:
    """The positions of the steps that a node matches."""
    return next(signatures(steps, (node,)))


def signatures(steps: Iterable[Step], nodes: Iterable[Node]) -> Iterator[frozenset[int]]:
    """The positions of the steps that each of several nodes matches.

    Nodes share few names, and most steps fit none: so each name is compared with all steps once.
    """
    steps = tuple(steps)
    named: dict[str, list[tuple[int, Step]]] = {}
    for node in nodes:
        if node.name not in named:
            fitting = [(i, s) for i, s in enumerate(steps) if s.matches_name(node.name)]
            named[node.name] = fitting
        yield frozenset(i for i, s in named[node.name] if s.matches_index(node.index))


@final
class Patterns(AbstractPartition[tuple[int, ...]]):
    """One class for each of several patterns: the paths that it matches.

    Patterns may overlap; a path is then in the class of each that matches it.

    Arguments:
        patterns: the patterns, or their texts, under the names of the classes.

    Raises:
        PatternError: there is no pattern, or a text is none.
    """

    def __init__(self, patterns: Mapping[str, PatternLike]):
        if not patterns:
            raise PatternError("patterns is empty; give at least one, as {'name': 'x .* qoi'}.")
        self._patterns = {name: as_pattern(p) for name, p in patterns.items()}

    @property
    def patterns(self) -> dict[str, Pattern]:
        """The patterns under the names of their classes."""
        return dict(self._patterns)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self._steps

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return tuple(dict.fromkeys(s for p in self._patterns.values() for s in _steps(p)))

    @cached_property
    def _terms(self) -> Terms:
        return Terms({step: i for i, step in enumerate(self.steps)})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._patterns)

    @property
    def start(self) -> tuple[int, ...]:
        return tuple(map(self._terms.term, self._patterns.values()))

    def advance(self, state: tuple[int, ...], hits: frozenset[int]) -> tuple[int, ...]:
        return tuple(self._terms.derivative(t, hits) for t in state)

    def classes(self, state: tuple[int, ...]) -> frozenset[str]:
        pairs = zip(self._patterns, state, strict=True)
        return frozenset(name for name, t in pairs if self._terms.nullable(t))

    # The table of terms is made again where it is needed.
    def __reduce__(self) -> tuple[object, ...]:
        return Patterns, (self._patterns,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Patterns):
            return NotImplemented
        return tuple(self._patterns.items()) == tuple(other._patterns.items())

    def __hash__(self) -> int:
        return hash(tuple(self._patterns.items()))

    def __repr__(self) -> str:
        return f"Patterns({ {name: str(p) for name, p in self._patterns.items()} })"


@final
@dataclass(frozen=True)
class CountSteps(AbstractPartition[int]):
    """Classes by how many nodes of a path match a step: `"0"`, `"1"`, ..., and `"{most}+"`.

    Arguments:
        step: the step, or its text.
        most: from how many on paths share a class, at least 1.

    Raises:
        PatternError: the step is none, or `most` is less than 1.
    """

    step: StepLike
    most: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", as_step(self.step))
        object.__setattr__(self, "most", _checked_most(self.most))

    @property
    def steps(self) -> tuple[Step, ...]:
        return (as_step(self.step),)

    @property
    def names(self) -> tuple[str, ...]:
        return (*map(str, range(self.most)), f"{self.most}+")

    @property
    def start(self) -> int:
        return 0

    def advance(self, state: int, hits: frozenset[int]) -> int:
        return min(state + len(hits), self.most)

    def classes(self, state: int) -> frozenset[str]:
        return frozenset((self.names[state],))


@final
@dataclass(frozen=True)
class PathLength(AbstractPartition[int]):
    """Classes by the number of edges of a path: `"1"`, `"2"`, ..., and `"{most}+"`.

    Arguments:
        most: from how many edges on paths share a class, at least 1.

    Raises:
        PatternError: `most` is less than 1.
    """

    most: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", _checked_most(self.most))

    @property
    def steps(self) -> tuple[Step, ...]:
        return ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*map(str, range(1, self.most)), f"{self.most}+")

    @property
    def start(self) -> int:
        return -1

    def advance(self, state: int, hits: frozenset[int]) -> int:
        del hits
        return min(state + 1, self.most)

    def classes(self, state: int) -> frozenset[str]:
        return frozenset(self.names[state - 1 : state] if state > 0 else ())


@final
class FirstOf(AbstractPartition[int | None]):
    """Classes by which of several steps a path meets first; the rest meets none.

    Where one node matches several of them, the one named first counts.

    Arguments:
        choices: the steps, or their texts, under the names of the classes.

    Raises:
        PatternError: there is no step, or a text is none.

    Example:
        `FirstOf({f"step {t}": f"h1@{t}" for t in range(5)})` sorts by where layer 1 is entered.
    """

    def __init__(self, choices: Mapping[str, StepLike]):
        if not choices:
            raise PatternError("choices is empty; give at least one step, as {'name': 'c1@2'}.")
        self._choices = {name: as_step(step) for name, step in choices.items()}

    @property
    def choices(self) -> dict[str, Step]:
        """The steps under the names of their classes."""
        return dict(self._choices)

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._choices.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._choices)

    @property
    def start(self) -> int | None:
        return None

    def advance(self, state: int | None, hits: frozenset[int]) -> int | None:
        return min(hits, default=None) if state is None else state

    def classes(self, state: int | None) -> frozenset[str]:
        return frozenset(() if state is None else (self.names[state],))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FirstOf):
            return NotImplemented
        return tuple(self._choices.items()) == tuple(other._choices.items())

    def __hash__(self) -> int:
        return hash(tuple(self._choices.items()))

    def __repr__(self) -> str:
        return f"FirstOf({ {name: str(step) for name, step in self._choices.items()} })"


PartitionLike = AbstractPartition | Mapping[str, PatternLike]


def as_partition(partition: PartitionLike) -> AbstractPartition:
    """A partition from one, or from patterns under names.

    Raises:
        PatternError: it is neither, or a text is no pattern.
    """
    if isinstance(partition, AbstractPartition):
        return partition
    if isinstance(partition, Mapping):
        return Patterns(partition)
    raise PatternError(
        f"partition={partition!r} is a {type(partition).__name__}; give patterns under names, as "
        "{'name': 'x .* qoi'}, or a partition such as pathflow.CountSteps."
    )


def as_step(step: StepLike) -> Step:
    """A single step from one or from its text.

    Raises:
        PatternError: it is a pattern of another kind, or no pattern.
    """
    pattern = as_pattern(step)
    if not isinstance(pattern, Step):
        raise PatternError(f"step={str(step)!r} is not a single step; give one, as in 'c1@2:'.")
    return pattern


def _steps(pattern: Pattern) -> Iterable[Step]:
    """The steps of a pattern but for the one that every node matches, as often as they occur."""
    if isinstance(pattern, Step):
        return () if pattern == Step.any() else (pattern,)
    return [step for part in parts_of(pattern) for step in _steps(part)]


def _checked_most(most: int) -> int:
    number = whole_number(most)
    if number is None or number < 1:
        raise PatternError(f"most={most!r} is no number of classes; give an integer from 1.")
    return number
