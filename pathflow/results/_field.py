"""What the fields of a saved result must be, so that a folder that somebody made up is refused when
it is loaded, and not when its numbers are used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._errors import StorageError
from pathflow.graph import Node

_SHOWN = 60


@dataclass(frozen=True)
class Field:
    """A field of a saved result.

    Arguments:
        what: what it is, in words.
        fits: whether a value is one.
    """

    what: str
    fits: Callable[[Any], bool]

    def check(self, place: str, value: Any) -> None:
        """Refuses a value of another kind.

        Raises:
            StorageError: it is none of this field's.
        """
        if not self.fits(value):
            raise StorageError(f"{place} is {repr(value)[:_SHOWN]}, where {self.what} belongs")


def an(cls: type, what: str) -> Field:
    """A field that holds an object."""
    return Field(what, lambda value: isinstance(value, cls))


def optional(field: Field) -> Field:
    """A field that may be None."""
    return Field(f"{field.what}, or None,", lambda value: value is None or field.fits(value))


def several(field: Field, what: str) -> Field:
    """A field that holds a tuple of values."""
    return Field(what, lambda value: isinstance(value, tuple) and all(map(field.fits, value)))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or isinstance(value, float | np.floating) or _has_floats(value, 0)


def _has_floats(value: Any, *axes: int) -> bool:
    """Whether it is an array of floating numbers, with one of some numbers of axes."""
    fits = isinstance(value, np.ndarray | np.generic) and jnp.issubdtype(value.dtype, np.floating)
    return fits and (not axes or value.ndim in axes)


def _is_edge(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(n, Node) for n in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _are_known(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        COUNT.fits(rank) and _has_floats(numbers, 1) for rank, numbers in value.items()
    )


TEXT = an(str, "a text")
FLAG = Field("true or false", lambda v: isinstance(v, bool | np.bool_))
COUNT = Field("an integer of at least 0", lambda v: _is_integer(v) and v >= 0)
POSITIVE = Field("an integer of at least 1", lambda v: _is_integer(v) and v >= 1)
NUMBER = Field("a number", _is_number)
# For one example or each of a batch.
NUMBERS = Field("a number, or one per example,", lambda v: _is_number(v) or _has_floats(v, 1))
FLOATS = Field("an array of floating numbers", _has_floats)
INTEGERS = Field(
    "an array of integers", lambda v: isinstance(v, np.ndarray) and v.dtype.kind in "iu"
)
TEXTS = several(TEXT, "a tuple of texts")
COUNTS = several(COUNT, "a tuple of integers of at least 0")
NODES = several(an(Node, "a node"), "a tuple of nodes")
EDGES = several(Field("an edge", _is_edge), "a tuple of edges")
CLASSES = several(
    Field("a set of texts", lambda v: isinstance(v, frozenset) and all(map(TEXT.fits, v))),
    "a tuple of sets of texts",
)
TABLE = Field("a table of names and values", _is_table)
KNOWN = Field("a table of ranks and numbers", _are_known)
