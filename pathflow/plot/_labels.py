"""Paths as short texts."""

from itertools import groupby

from pathflow.graph import Node, Path


def compact(path: Path) -> str:
    """A path with every index written once, and steps along a loop as a range.

    Example:
        >>> compact(Path.parse("x@1 g0@1 c0@1 c0@2 c0@3 h0@3 qoi"))
        'x@1 g0 c0@1:3 h0 qoi'
    """
    words, index = [], ()
    # Visits of one name in a row are steps along the loop.
    for name, group in groupby(path, key=lambda node: node.name):
        nodes = list(group)
        first, last = nodes[0].index, nodes[-1].index
        if _is_range(nodes):
            words.append(f"{name}@{_text(first)}:{first[0] + len(nodes) - 1}")
        elif len(nodes) > 1:
            words.extend(map(str, nodes))
        else:
            words.append(name if first in (index, ()) else str(nodes[0]))
        index = last or index
    return " ".join(words)


def _is_range(nodes: list[Node]) -> bool:
    first = nodes[0].index
    return (
        len(nodes) > 1
        and len(first) == 1
        and [n.index for n in nodes] == [(first[0] + i,) for i in range(len(nodes))]
    )


def _text(index: tuple[int, ...]) -> str:
    return ".".join(map(str, index))
