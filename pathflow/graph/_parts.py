"""Parts of a node: its entries one by one, in groups, or slice by slice."""

import abc
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np
from jaxtyping import Integer

from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError
from pathflow._whole_number import whole_number

# What is in no group of a division into groups.
REST = "rest"
_NAME = re.compile(r"[^\s@\[\]]+")


@final
@dataclass(frozen=True, eq=False)
class Division:
    """The entries of an array, each in one of several parts.

    Attributes:
        names: the parts' names.
        owner: for each entry, in the order of the flattened array, the number of its part.
    """

    names: tuple[str, ...]
    owner: Integer[np.ndarray, " entries"]

    def entries(self, part: int) -> Integer[np.ndarray, " k"]:
        """The places of a part's entries in the flattened array."""
        return np.flatnonzero(self.owner == part)


class AbstractParts(abc.ABC):
    """A way to divide a node into parts: every entry belongs to one part.

    As projections, the parts add up to the identity, so that what is asked of the parts adds up to
    what is asked of the node.
    """

    @abc.abstractmethod
    def divide(self, shape: tuple[int, ...]) -> Division:
        """The parts of a node of this shape.

        Raises:
            ShapeError: a node of this shape has no such parts.
        """


@final
@dataclass(frozen=True)
class Components(AbstractParts):
    """Every entry a part of its own: the neurons of a layer.

    A part is named by its place, as in `c1@2[17]`, or `attn[2.17]` where the node has several axes.
    """

    def divide(self, shape: tuple[int, ...]) -> Division:
        places = np.ndindex(*shape)
        names = tuple(".".join(map(str, place)) if place else "0" for place in places)
        return Division(names, np.arange(prod(shape)))


@final
@dataclass(frozen=True)
class Axis(AbstractParts):
    """One part for each slice along an axis: heads, positions, channels.

    Arguments:
        axis: the axis; negative ones count from the end.
    """

    axis: int

    def divide(self, shape: tuple[int, ...]) -> Division:
        if not -len(shape) <= self.axis < len(shape):
            raise ShapeError(
                f"Axis({self.axis}) divides no node of shape {shape}; name one of its "
                f"{len(shape)} axes, or use Components()."
            )
        places = np.indices(shape)[self.axis]
        return Division(tuple(map(str, range(shape[self.axis]))), places.ravel())


@final
class Groups(AbstractParts):
    """Groups of entries; those in no group are the part `rest`.

    Arguments:
        groups: how many groups of equal size, one after the other; or the groups: arrays of the
            places of their entries in the flattened node, or boolean arrays of the node's shape or
            of the flattened node's. A mapping names them, a sequence numbers them.

    Raises:
        ArgumentError: there is no group, a name has a blank or one of `@[]` or comes twice, or a
            place is in two groups, or negative.

    Example:
        `Groups({"singular": [776], "plural": [988]})` has three parts, `Groups(10)` has ten.
    """

    def __init__(self, groups: int | Mapping[str, Any] | Iterable[Any]) -> None:
        self._groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
        self._masks: dict[str, tuple[int, ...]] = {}
        self._number = whole_number(groups)
        if self._number is not None:
            if self._number < 1:
                raise ArgumentError(f"groups={groups} leaves no group; give at least 1.")
            return
        if not isinstance(groups, Iterable):
            raise ArgumentError(
                f"groups={described(groups)} is neither a number of groups nor several groups; "
                "give a number, a list of places for each group, or a mapping from names to them."
            )
        named = groups if isinstance(groups, Mapping) else dict(enumerate(groups))
        self._groups = tuple((str(name), _places(name, at)) for name, at in named.items())
        arrays = {str(name): np.asarray(at) for name, at in named.items()}
        self._masks = {name: a.shape for name, a in arrays.items() if a.dtype == bool}
        self._check()

    def _check(self) -> None:
        if not self._groups:
            raise ArgumentError("groups is empty; give at least one group.")
        names = [name for name, _ in self._groups]
        if len(set(names)) < len(names):
            raise ArgumentError(f"groups has the names {names}, of which two are written alike.")
        for name, _ in self._groups:
            if name == REST or not _NAME.fullmatch(name):
                raise ArgumentError(
                    f"groups has the name {name!r}; a name has no blank and none of '@[]', and "
                    f"{REST!r} is what is in no group."
                )
        places = [at for _, group in self._groups for at in group]
        if len(set(places)) < len(places):
            twice = next(at for i, at in enumerate(places) if at in places[:i])
            raise ArgumentError(
                f"groups holds the place {twice} twice; parts add up to the node only if each "
                "entry is in one."
            )

    def divide(self, shape: tuple[int, ...]) -> Division:
        size = prod(shape)
        if self._number is not None:
            if size % self._number:
                raise ShapeError(
                    f"Groups({self._number}) divides no node of {size} entries into equal groups; "
                    "give a number that divides it, or the groups themselves."
                )
            names = tuple(map(str, range(self._number)))
            return Division(names, np.repeat(np.arange(self._number), size // self._number))
        for name, of in self._masks.items():
            # The places of another shape's entries would be those of other entries here.
            if of not in (shape, (size,)):
                raise ShapeError(
                    f"group {name!r} is a boolean array of shape {of}, but the node has shape "
                    f"{shape}; give a mask of the node's shape, or places."
                )
        owner = np.full(size, len(self._groups))
        for number, (name, places) in enumerate(self._groups):
            if places and max(places) >= size:
                raise ShapeError(
                    f"group {name!r} has the place {max(places)}, but the node has {size} entries, "
                    f"counted from 0 over its shape {shape}."
                )
            owner[list(places)] = number
        names = [name for name, _ in self._groups]
        if (owner == len(self._groups)).any():
            names.append(REST)
        return Division(tuple(names), owner)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Groups):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self._number, self._groups, tuple(self._masks.items())

    def __repr__(self) -> str:
        if self._number is not None:
            return f"Groups({self._number})"
        shown = [f"{name!r}: {len(places)} entries" for name, places in self._groups[:4]]
        return f"Groups({{{', '.join(shown)}{', ...' * (len(self._groups) > len(shown))}}})"


def _places(name: Any, at: Any) -> tuple[int, ...]:
    array = np.asarray(at)
    if array.dtype == bool:
        array = np.flatnonzero(array)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ArgumentError(
            f"group {name!r} holds {array.dtype}; give places as integers, or a boolean array of "
            "the node's shape."
        )
    places = tuple(map(int, array.ravel()))
    if places and min(places) < 0:
        raise ArgumentError(f"group {name!r} has the place {min(places)}; places count from 0.")
    return places


def as_parts(parts: Any) -> AbstractParts:
    """The parts, checked.

    Raises:
        ArgumentError: it is no way to divide a node.
    """
    if not isinstance(parts, AbstractParts):
        raise ArgumentError(
            f"parts={parts!r} is no way to divide a node; give Components(), Groups(...) or "
            "Axis(...)."
        )
    return parts
