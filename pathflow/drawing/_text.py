"""Texts short enough to stand in a picture."""

from collections.abc import Iterable
from decimal import Decimal

from ._labelled import Labelled

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
    """A path with every index written once, and steps along a loop as a range with both its ends.

    The page writes paths in the same way. In patterns `c0@1:3` is another range, which leaves its
    end out.

    Example:
        >>> from pathflow.drawing import Key
        >>> steps = [Key("x", (1,)), Key("c0", (1,)), Key("c0", (2,)), Key("c0", (3,)), Key("qoi")]
        >>> compact(steps)
        'x@1 c0@1…3 qoi'
    """
    words: list[str] = []
    index: tuple[int, ...] = ()
    for nodes in _runs(path):
        first, last = nodes[0], nodes[-1]
        if len(nodes) > 1:
            words.append(f"{first.name}@{first.index[0]}{_ELLIPSIS}{last.index[0]}")
        else:
            words.append(first.name if first.index in (index, ()) else str(first))
        index = last.index or index
    return " ".join(words)


def _runs(path: Iterable[Labelled]) -> list[list[Labelled]]:
    """The longest runs of visits of one name that go one iteration on at a time."""
    runs: list[list[Labelled]] = []
    for node in path:
        before = runs[-1][-1] if runs else None
        if (
            before is not None
            and before.name == node.name
            and len(before.index) == 1
            and node.index == (before.index[0] + 1,)
        ):
            runs[-1].append(node)
        else:
            runs.append([node])
    return runs


def short_integer(n: int) -> str:
    """An exact integer where it is short, else its first digits and its power of ten."""
    # Python refuses to write integers of thousands of digits, and floats end at 1e308.
    return f"{n:,}" if n < 10**9 else f"{Decimal(n):.3e}"


def count_text(n: int) -> str:
    """An exact integer as a message may have it: in groups up to the digits of a line."""
    return f"{n:,}" if n < _A_LINE else short_integer(n)


_A_LINE = 10**60


def digits(n: int) -> str:
    """All digits of an exact integer, however many: Python's `str` refuses more than thousands."""
    return format(Decimal(n), "f")


def short_number(x: float) -> str:
    """A number with its sign and three digits, without a power of ten where it is of a handy size.

    Example:
        >>> short_number(11912.3), short_number(-0.00123), short_number(2e-9)
        ('+11,900', '-0.00123', '+2e-09')
    """
    if x == 0:
        return "0"
    # From where three digits round to a thousand.
    if 999.5 <= abs(x) < 1e7:
        digits = 3 - len(str(int(abs(x))))
        return f"{round(x, digits):+,.0f}"
    return f"{x:+.3g}"
