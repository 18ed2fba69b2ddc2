"""Which values become nodes.

Two ideas are kept apart. *Marks* say which values are given a name at all: those that a function
tags itself always are, and the outputs of modules, the gates of recurrent cells and the outputs of
single equations are where a selector asks for it. A *selector* then says which of the marked values
are nodes, and under which name.
"""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from pathflow._errors import TraceError
from pathflow.tracing._candidate import Candidate, EquationOutput, Tag
from pathflow.tracing._tag import check_name


@dataclass(frozen=True)
class Marks:
    """Which values are marked, besides those that the function tags itself.

    Arguments:
        methods: of modules, those whose outputs are marked.
        gates: whether the gates of known recurrent cells are.
        equations: whether the output of every equation is.
    """

    methods: frozenset[str] = frozenset()
    gates: bool = False
    equations: bool = False

    @property
    def any(self) -> bool:
        """Whether anything is marked."""
        return bool(self.methods) or self.gates or self.equations

    def __or__(self, other: "Marks") -> "Marks":
        return Marks(
            self.methods | other.methods,
            self.gates or other.gates,
            self.equations or other.equations,
        )


class AbstractNodeSelector(abc.ABC):
    """Decides which values of a function become nodes. `a | b` chooses what either chooses.

    Arguments:
        marks: which values it wants to be asked about, besides those that the function tags.
    """

    @property
    @abc.abstractmethod
    def marks(self) -> Marks:
        """Which values it wants to be asked about, besides those that the function tags."""

    @abc.abstractmethod
    def name_of(self, value: Candidate) -> str | None:
        """The name of the node that a value becomes (`value.name` is what it offers), or None
        where it is no node.
        """

    def __or__(self, other: "AbstractNodeSelector") -> "AbstractNodeSelector":
        if not isinstance(other, AbstractNodeSelector):
            return NotImplemented
        return EitherSelector(self, other)


@dataclass(frozen=True)
class EitherSelector(AbstractNodeSelector):
    """What one of two selectors chooses; the name is the first one's where both choose."""

    first: AbstractNodeSelector
    second: AbstractNodeSelector

    @property
    def marks(self) -> Marks:
        return self.first.marks | self.second.marks

    def name_of(self, value: Candidate) -> str | None:
        name = self.first.name_of(value)
        return self.second.name_of(value) if name is None else name


@dataclass(frozen=True)
class Tagged(AbstractNodeSelector):
    """Values marked by `pathflow.tag` (or `jax.ad_checkpoint.checkpoint_name`) under a name that
    matches a glob.
    """

    patterns: tuple[str, ...] = ("*",)

    @property
    def marks(self) -> Marks:
        return Marks()

    def name_of(self, value: Candidate) -> str | None:
        chosen = isinstance(value.origin, Tag) and matches(value.name, self.patterns)
        return value.name if chosen else None


def tagged(*patterns: str) -> Tagged:
    """The tagged values are the nodes: all of them, or those whose name matches one of the globs.

    Example:
        ```python
        pf.trace(fn, x, nodes=pf.tagged("c*", "h*"))  # a coarser graph of the same function
        ```
    """
    return Tagged(patterns or ("*",))


@dataclass(frozen=True)
class Primitives(AbstractNodeSelector):
    """The outputs of equations whose primitive matches a glob."""

    patterns: tuple[str, ...] = ("*",)

    @property
    def marks(self) -> Marks:
        return Marks(equations=True)

    def name_of(self, value: Candidate) -> str | None:
        origin = value.origin
        if isinstance(origin, EquationOutput) and matches(origin.primitive, self.patterns):
            return value.name
        return None


def primitives(*patterns: str) -> Primitives:
    """Every floating value that an equation computes from a node is a node: the finest grain.

    A node is named by the equation's primitive (`tanh`, `dot_general#3`), calls are inlined and all
    loops whose bodies compute such values are unrolled. A function with a derivative rule of its
    own (`jax.nn.relu`) is one equation.

    Arguments:
        patterns: globs on the primitive's name; every primitive by default.

    Example:
        ```python
        pf.trace(fn, x, nodes=pf.primitives("tanh", "logistic"))
        ```
    """
    return Primitives(patterns or ("*",))


@dataclass(frozen=True)
class By(AbstractNodeSelector):
    """What a function chooses."""

    choose: Callable[[Candidate], bool | str | None]

    @property
    def marks(self) -> Marks:
        return Marks(frozenset({"__call__"}), equations=True)

    def name_of(self, value: Candidate) -> str | None:
        chosen = self.choose(value)
        if isinstance(chosen, str):
            check_name(chosen, "by(choose)")
            return chosen
        if chosen is not None and not isinstance(chosen, bool | np.bool_):
            raise TraceError(
                f"by(choose): choose returned {chosen!r} for {value.name!r}; return True, False, "
                "None or a name."
            )
        return value.name if chosen else None


def by(choose: Callable[[Candidate], bool | str | None]) -> By:
    """A function chooses the nodes among all values that bear a name: tagged values, outputs of
    modules, and outputs of equations.

    Arguments:
        choose: is given a `Candidate` and returns whether it is a node, or the name under which it
            is one.

    Example:
        ```python
        def choose(value):
            origin = value.origin
            if isinstance(origin, pf.ModuleOutput) and issubclass(origin.module, nn.Dense):
                return True
            return isinstance(origin, pf.EquationOutput) and origin.primitive == "tanh"


        pf.trace(model, variables, x, nodes=pf.by(choose))
        ```
    """
    return By(choose)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is, or matches, one of the globs: brackets stand in names too."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)
