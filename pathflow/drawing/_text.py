"""Texts short enough to stand in a picture."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from ._labelled import Labelled, index_text

_ELLIPSIS = "…"


def shortened(text: str, length: int) -> str:
    """A text of at most `length` characters, at least 3: an ellipsis stands for the middle.

    The beginning and the end are what tells labels apart: the module, and the step.

    Example:
        >>> shortened("encoder.block_11.attention.out@17", 17)
        'encoder.…n.out@17'
    """
    if len(text) <= length:
        return text
    head = length // 2
    return text[:head] + _ELLIPSIS + text[len(text) - (length - head - 1) :]


def compact(path: Iterable[Labelled]) -> str:
    """A path with every index written once, and steps along a loop as a range.

    Example:
        >>> from pathflow.drawing import Key
        >>> steps = [Key("x", (1,)), Key("c0", (1,)), Key("c0", (2,)), Key("c0", (3,)), Key("qoi")]
        >>> compact(steps)
        'x@1 c0@1:3 qoi'
    """
    words: list[str] = []
    index: tuple[int, ...] = ()
    # Visits of one name in a row are steps along the loop.
    for name, group in groupby(path, key=lambda node: node.name):
        nodes = list(group)
        first, last = nodes[0].index, nodes[-1].index
        if _is_range(nodes):
            words.append(f"{name}@{index_text(first)}:{first[0] + len(nodes) - 1}")
        elif len(nodes) > 1:
            words.extend(map(str, nodes))
        else:
            words.append(name if first in (index, ()) else str(nodes[0]))
        index = last or index
    return " ".join(words)


def _is_range(nodes: Sequence[Labelled]) -> bool:
    first = nodes[0].index
    return (
        len(nodes) > 1
        and len(first) == 1
        and [n.index for n in nodes] == [(first[0] + i,) for i in range(len(nodes))]
    )
