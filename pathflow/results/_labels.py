"""The labels of all paths, in the order of their ranks."""

from collections.abc import Iterator

from pathflow.graph import Node, PathSpace

# Endings up to this number are written once for each node and joined to every beginning.
_KEPT = 256


def path_labels(space: PathSpace) -> Iterator[str]:
    """`str(path)` of every path, one at a time; far faster than one `unrank` for each."""
    text = {n: str(n) for n in space.nodes}
    endings: dict[Node, list[str]] = {}
    for n in reversed(space.nodes):
        if n == space.target:
            endings[n] = [text[n]]
        elif space.suffix_count(n) <= _KEPT:
            endings[n] = [f"{text[n]} {e}" for v in space.successors(n) for e in endings[v]]
    stack = [("", source) for source in reversed(space.sources)]
    while stack:
        beginning, n = stack.pop()
        if n in endings:
            for ending in endings[n]:
                yield beginning + ending
        else:
            onward = f"{beginning}{text[n]} "
            stack += [(onward, v) for v in reversed(space.successors(n))]
