"""Nodes: the named activations that a graph is made of."""

import operator
import re
import unicodedata
from dataclasses import dataclass

from pathflow._errors import GraphError

# Digits of ASCII, and few: other scripts' are digits to Python too, and it refuses very many.
_LABEL = re.compile(r"(?P<name>[^@\s]+)(?:@(?P<index>[0-9]{1,18}(?:\.[0-9]{1,18})*))?")
_NAME = re.compile(r"[^@\s]+")
# Control characters, format characters (which change the order that a text is read in, or are not
# seen at all) and halves of surrogate pairs: terminals, figures and files each fail at them.
_HIDDEN = frozenset(("Cc", "Cf", "Cs"))


def hidden_characters(text: str) -> list[str]:
    """The characters that no name may hold because they are not seen: those of Unicode's categories
    Cc, Cf and Cs, each once.
    """
    if text.isprintable():
        return []
    return sorted({c for c in text if unicodedata.category(c) in _HIDDEN})


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A named activation: an array computed inside a model.

    Its label, `str(node)`, is `name@index`: `index` holds the loop iterations that made it,
    outermost first, and is left out where there is none. A tag that occurs again in the same
    iteration gets `#k` at the end of its name. Nodes are equal when name and index are: shape and
    dtype are facts about the activation, not its identity.

    Arguments:
        name: the tag, without blanks, `@` and characters that are not seen (control and format
            characters).
        index: loop iterations, outermost first, each at least 0.
        shape: the activation's shape.
        dtype: the activation's dtype, by name.

    Raises:
        GraphError: the name or the index cannot be written as a label.

    Example:
        >>> str(Node("block.attn", (5, 2)))
        'block.attn@5.2'
    """

    name: str
    index: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise GraphError(
                f"name={self.name!r} cannot be a node's name: blanks separate labels and '@' "
                "starts the index, so use a name that is not empty and has neither."
            )
        if hidden := hidden_characters(self.name):
            raise GraphError(
                f"name={self.name!r} cannot be a node's name: it holds "
                f"{' '.join(map(ascii, hidden))}, which is not seen; leave out control and format "
                "characters."
            )
        # NumPy integers pass for Python's here, but not in JSON, nor in exact arithmetic.
        object.__setattr__(self, "index", tuple(operator.index(i) for i in self.index))
        object.__setattr__(self, "shape", tuple(operator.index(n) for n in self.shape))
        if any(i < 0 for i in self.index):
            raise GraphError(
                f"index={self.index} of node {self.name!r} has a negative entry; "
                "loop iterations count from 0."
            )

    @classmethod
    def parse(cls, label: str) -> "Node":
        """The node that a label names, with no shape (a graph's `node(label)` knows the shape too).

        Arguments:
            label: `name` or `name@index`, as in `"c1@5.2"`.

        Raises:
            GraphError: the text is no label.
        """
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise GraphError(
                f"{label!r} is no node label; a label is `name` or `name@index`, "
                "as in 'qoi', 'c1@3' or 'h@5.2'."
            )
        index = match["index"]
        return cls(match["name"], tuple(map(int, index.split("."))) if index else ())

    def __str__(self) -> str:
        return f"{self.name}@{'.'.join(map(str, self.index))}" if self.index else self.name

    def __repr__(self) -> str:
        return f"Node({str(self)!r}, shape={self.shape}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self.name == other.name and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.name, self.index))
