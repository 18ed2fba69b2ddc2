"""Nodes that are split into parts when a function is traced, each part a node of its own.

The value is taken apart where it is tagged, every part is tagged, and what reads the value reads
the parts put together again. That is only movement of entries, which is followed entry by entry, so
whatever reads some entries depends on their parts alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from jax import lax

from pathflow._errors import ArgumentError, TraceError
from pathflow.graph import AbstractParts, Division, Node, Step, as_parts, as_step
from pathflow.tracing._ir import Atom, Const, Equation
from pathflow.tracing._select import Selector
from pathflow.tracing._sites import QOI_NAME, TagSite

SplitLike = Mapping[str | Step, AbstractParts]


@dataclass(frozen=True)
class Splits:
    """Which tagged values are split, and into what; the first step that matches counts.

    Arguments:
        choices: steps with parts.
    """

    choices: tuple[tuple[Step, AbstractParts], ...] = ()

    def of(self, node: Node) -> Division | None:
        """How a tagged value is split, or None; the quantity of interest never is."""
        if node.name == QOI_NAME:
            return None
        for step, parts in self.choices:
            if step.matches(node):
                return parts.divide(node.shape)
        return None


def part_name(name: str, part: str) -> str:
    """The name of a part's node: `c1[17]`, whose label is `c1[17]@3`."""
    return f"{name}[{part}]"


@dataclass(frozen=True, eq=False)
class Place:
    """Where a node's value is among those of a tag.

    Arguments:
        entries: the places of its entries in the flattened value; None for all of them.
    """

    entries: np.ndarray | None

    def replaced(self, value: Any, new: Any) -> Any:
        """The tagged value with the node's entries replaced."""
        if self.entries is None:
            return new
        return value.ravel().at[self.entries].set(new.ravel()).reshape(value.shape)

    def taken(self, value: Any, node: Node) -> Any:
        """The node's value among those of the tagged value."""
        return value if self.entries is None else value.ravel()[self.entries].reshape(node.shape)


def place_at(node: Node, site: TagSite, splits: Splits) -> Place | None:
    """Where the node is at a tag; None where the tag does not make it."""
    if site.makes(node):
        return Place(None)
    base, _, part = node.name.removesuffix("]").rpartition("[")
    whole = Node(base or node.name, node.index, site.shape, site.dtype)
    if part_name(base, part) != node.name or not site.makes(whole):
        return None
    division = splits.of(whole)
    if division is None or part not in division.names:
        return None
    return Place(division.entries(division.names.index(part)))


def make_splits(split: SplitLike | None, inputs: Sequence[Node]) -> Splits:
    """The splits that `trace` was asked for.

    Raises:
        TraceError: a step matches an input.
        ArgumentError: `split` is no mapping, or its values are no parts.
        PatternError: a text is no step.
    """
    if split is None:
        return Splits()
    if not isinstance(split, Mapping):
        raise ArgumentError(
            f"trace(split={split!r}) takes a mapping from steps to parts, as in "
            "{'c1': pathflow.Components()}."
        )
    choices = tuple((as_step(which), as_parts(parts)) for which, parts in split.items())
    for step, _ in choices:
        if any(map(step.matches, inputs)):
            raise TraceError(
                f"trace(split=...): {str(step)!r} names an input; tag it inside the function under "
                "a name of its own, and split that."
            )
    return Splits(choices)


def check_used(
    splits: Splits, split: Sequence[Node], tagged: Sequence[Node], elsewhere: Sequence[str] = ()
) -> None:
    """Refuses steps that no tagged value matches.

    Arguments:
        splits: what was asked for.
        split: the tagged values that were split.
        tagged: the nodes of the others.
        elsewhere: the names of tags in branches that are not taken.

    Raises:
        TraceError: nothing matches one of the steps.
    """
    for step, _ in splits.choices:
        if not any(map(step.matches, split)) and not any(map(step.matches_name, elsewhere)):
            shown = " ".join(map(str, tagged[:20])) + " ..." * (len(tagged) > 20)
            raise TraceError(
                f"trace(split=...): {str(step)!r} matches no tagged value; there are {shown}."
            )


def split_value(
    selector: Selector, source: Atom, division: Division, mark: Callable[[str, Atom], Atom]
) -> Atom:
    """The value put together again from its parts, each of them marked.

    Arguments:
        selector: follows parts of values.
        source: the value.
        division: its parts, not all of them empty; empty ones are left out.
        mark: from a part's name and value to the variable that is read in its place.
    """
    shape, builder = source.shape, selector.builder
    axis, owner = _axis_of(division, shape)
    if axis is None:
        source, axis = builder.reshape(source, (source.size,)), 0
    runs = list(_runs(owner))
    single = all(n == 1 for n in np.bincount(owner))
    marked: dict[int, Atom] = {}
    for number, name in enumerate(division.names):
        own = [_box(source, axis, run) for owned, run in runs if owned == number]
        if own:
            part = builder.concatenate([selector.select(source, box) for box in own], axis)
            kept = tuple(n for a, n in enumerate(part.shape) if a != axis or not single)
            marked[number] = mark(name, builder.reshape(part, kept))
    whole = {
        number: builder.reshape(part, _lengths(source, axis, int((owner == number).sum())))
        for number, part in marked.items()
    }
    used, pieces = dict.fromkeys(marked, 0), []
    for number, run in runs:
        begin, used[number] = used[number], used[number] + len(run)
        local = range(begin, begin + len(run))
        pieces.append(selector.select(whole[number], _box(whole[number], axis, local)))
    return builder.reshape(builder.concatenate(pieces, axis), shape)


def _axis_of(division: Division, shape: tuple[int, ...]) -> tuple[int | None, np.ndarray]:
    """The axis along which alone the parts differ, with the part of each of its places; None and
    the part of each entry where there is none.
    """
    owner = division.owner.reshape(shape)
    for axis in range(len(shape)):
        along = np.moveaxis(owner, axis, 0).reshape(shape[axis], -1)
        if (along == along[:, :1]).all():
            return axis, along[:, 0]
    return None, division.owner


def _runs(owner: np.ndarray) -> Iterator[tuple[int, range]]:
    """Stretches of places with one owner, in order."""
    begin = 0
    for number, run in groupby(owner.tolist()):
        end = begin + len(list(run))
        yield number, range(begin, end)
        begin = end


def _box(atom: Atom, axis: int, run: range) -> list[range]:
    return [run if a == axis else range(n) for a, n in enumerate(atom.shape)]


def _lengths(atom: Atom, axis: int, length: int) -> tuple[int, ...]:
    return tuple(length if a == axis else n for a, n in enumerate(atom.shape))


def loosened(equations: Sequence[Equation], starts: dict[int, Const]) -> list[Equation]:
    """The equations with every slice at a place that is context, not part of what is computed.

    Parts of one node then compute the same, and share what is compiled.

    Arguments:
        equations: what a part computes.
        starts: the context that stands for a place, shared between parts and extended here.
    """
    return [_dynamic(e, starts) if e.primitive is lax.slice_p else e for e in equations]


def _dynamic(e: Equation, starts: dict[int, Const]) -> Equation:
    p = e.params
    if p["strides"] is not None and any(s != 1 for s in p["strides"]):
        return e
    places = [starts.setdefault(i, Const(np.int32(i))) for i in map(int, p["start_indices"])]
    sizes = {"slice_sizes": e.outputs[0].shape}
    return Equation(lax.dynamic_slice_p, sizes, (*e.inputs, *places), e.outputs, e.position)
