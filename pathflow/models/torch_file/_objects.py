"""What the pickle of a PyTorch file is read as: names, inert objects, and places of numbers."""

import reprlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxother = _SHORT.maxstring = 60


@dataclass(frozen=True, eq=False)
class Global:
    """The name of a class or function. Nothing is imported for it."""

    module: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Module and name."""
        return self.module, self.name

    def __str__(self) -> str:
        # Shown in messages, where it must not steer the terminal that they appear on.
        return ascii(f"{self.module}.{self.name}"[:200])[1:-1]


@dataclass(eq=False)
class Inert:
    """What stands for an object of a class: its name and what the file says it holds."""

    made_by: Global
    state: Any = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Storage:
    """A run of numbers somewhere in the file.

    Arguments:
        key: its name in the file.
        dtype: of the numbers.
        total: how many numbers the file holds under this name.
        start: the first of the numbers that are meant.
        size: how many are meant.
    """

    key: str
    dtype: np.dtype
    total: int
    start: int
    size: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """A strided view of a storage, in numbers and not in bytes; inside it, as `checked` saw to."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def shown(value: Any) -> str:
    """A value for an error message, short however large it is."""
    if isinstance(value, Inert):
        return f"an object of {value.made_by}"
    if isinstance(value, Global):
        return f"the name {value}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    if isinstance(value, Storage):
        return f"the storage {_SHORT.repr(value.key)}"
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return _SHORT.repr(value)
    # A nested value may be deeper than any recursion reaches.
    return f"a {type(value).__name__} of {len(value)} entries"
