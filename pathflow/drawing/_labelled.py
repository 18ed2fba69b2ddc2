"""What is drawn: anything with a name and loop iterations."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol, TypeVar, final, runtime_checkable


@runtime_checkable
class Labelled(Hashable, Protocol):
    """A key of a node: hashable, with a name and the loop iterations that made it."""

    @property
    def name(self) -> str:
        """What the node is called."""
        ...

    @property
    def index(self) -> tuple[int, ...]:
        """The loop iterations, outermost first; empty outside loops."""
        ...


@final
@dataclass(frozen=True, order=True)
class Key:
    """The plainest key: a name and loop iterations."""

    name: str
    index: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}@{index_text(self.index)}" if self.index else self.name


K = TypeVar("K", bound=Labelled)


def index_text(index: tuple[int, ...]) -> str:
    """Loop iterations as labels have them: `5.2`."""
    return ".".join(map(str, index))
