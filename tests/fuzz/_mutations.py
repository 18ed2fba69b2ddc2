"""Changes of valid files, texts and JSON."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

# One edit comes further than many, and none must come through.
_EDITS = st.sampled_from((0, 1, 1, 1, 1, 2, 4))
_CHANGES = ("change", "flip", "remove", "repeat", "insert", "cut", "splice", "number")
_LARGE = (0, 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


@st.composite
def mutated(draw: Any, seeds: Mapping[str, bytes]) -> bytes:
    """A valid file with bytes changed, taken out, repeated, cut off or taken from another one, or
    with a large number in it.
    """
    names = sorted(seeds)
    content = bytearray(seeds[draw(st.sampled_from(names))])
    for _ in range(draw(_EDITS)):
        if not content:
            break
        at = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(_CHANGES)):
            case "change":
                content[at] = draw(st.integers(0, 255))
            case "flip":
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "remove":
                del content[at : at + draw(st.integers(1, 9))]
            case "repeat":
                content[at:at] = content[at : at + draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=6))
            case "cut":
                del content[at:]
            case "splice":
                other = seeds[draw(st.sampled_from(names))]
                start = draw(st.integers(0, len(other)))
                content[at:] = other[start:]
            case "number":
                width = draw(st.sampled_from((1, 2, 4, 8)))
                value = draw(st.sampled_from(_LARGE)) % 256**width
                content[at : at + width] = value.to_bytes(width, draw(st.sampled_from(_ORDERS)))
    return bytes(content)


_ORDERS = ("little", "big")

HOSTILE_TEXTS = (
    "", " ", "\0", "\x1b[2J", "\u202e", "\ud800", "../../etc/passwd", "/dev/zero", "a" * 5000,
    "</script><script>", "'; --", "__class__", "os.system", "NaN", "1" * 5000, "\N{PILE OF POO}",
    "{x.__class__}", "%s%n", "${jndi:x}",
)  # fmt: skip
HOSTILE_NUMBERS = (
    -1, 0, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, -(10**18), 1e308, -0.0, 1e-320, float("nan"),
    float("inf"), 0.5, True,
)  # fmt: skip


def deep(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def json_values() -> st.SearchStrategy[Any]:
    """JSON that is seldom what is expected."""
    plain = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=4)
        | st.sampled_from(HOSTILE_TEXTS)
        | st.sampled_from(HOSTILE_NUMBERS)
    )
    nested = st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=5,
    )
    return nested | st.sampled_from((20, 70, 400)).map(deep)


@st.composite
def edited_json(draw: Any, seeds: Sequence[Any]) -> Any:
    """A valid value with some of its parts replaced, left out, renamed, repeated or swapped."""
    root = [copy.deepcopy(draw(st.sampled_from(seeds)))]
    for _ in range(draw(_EDITS)):
        _edit(draw, root)
    return root[0]


def _edit(draw: Any, root: list[Any]) -> None:
    places = list(_places(root))
    holder, key = draw(st.sampled_from(places))
    # The outermost value is only replaced.
    match draw(st.sampled_from(("replace", "drop", "rename", "repeat", "move", "nudge"))):
        case "drop" if holder is not root:
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=3))] = holder.pop(key)
        case "repeat" if isinstance(holder, list) and holder is not root:
            holder[key:key] = [copy.deepcopy(holder[key])] * draw(st.integers(1, 3))
        case "move":
            other, where = draw(st.sampled_from(places))
            holder[key] = copy.deepcopy(other[where])
        case "nudge" if type(holder[key]) is int:
            holder[key] += draw(st.sampled_from((-1, 1, 7)))
        case _:
            holder[key] = draw(json_values())


def _places(holder: Any) -> Any:
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


_PIECES = (
    "[", "]", "{", "}", '"', ":", ",", "\\", "NaN", "-Infinity", "1e999", "-0", "0x10", "null",
    '"schema":1,', '"kind":"audit",', "\ufeff", "\\ud800", "9" * 5000, "[" * 70, '{"a":' * 3000,
)  # fmt: skip


@st.composite
def json_texts(draw: Any, seeds: Sequence[Any]) -> str:
    """JSON whose values were edited, and perhaps its text: entries twice, numbers that are none."""
    text = json.dumps(draw(edited_json(seeds)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        piece = draw(st.sampled_from(_PIECES))
        text = text[:at] + piece + text[at + draw(st.integers(0, 3)) :]
    return text


@st.composite
def edited_texts(draw: Any, seeds: Sequence[str], pieces: Sequence[str]) -> str:
    """A valid text with pieces put in, taken out or repeated; or one of pieces alone."""
    text = draw(st.sampled_from(seeds))
    if draw(st.integers(0, 4)) == 0:
        return draw(st.lists(st.sampled_from(pieces), max_size=30).map("".join) | st.text())
    for _ in range(draw(_EDITS)):
        at = draw(st.integers(0, len(text)))
        end = at + draw(st.integers(0, 6))
        some = st.sampled_from(pieces) | st.text(max_size=3) | st.just(text[at:end] * 2)
        text = text[:at] + draw(some) + text[end:]
    return text
