"""What either layout of a file gives: an object in inert values, and numbers by their key."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped

from pathflow._errors import CheckpointError
from pathflow.models.torch_file._objects import Storage, shown

Numbers = Shaped[np.ndarray, " numbers"]


@dataclass(frozen=True, eq=False)
class Opened:
    """An open file.

    Arguments:
        root: what its pickle describes.
        fetch: reads the numbers of the storages with the keys asked for.
    """

    root: Any
    fetch: Callable[[set[str]], dict[str, Numbers]]


def by_key(where: str, storages: Iterable[Storage]) -> dict[str, Storage]:
    """The storages by key, each once.

    Raises:
        CheckpointError: two tell different things of the same numbers.
    """
    found: dict[str, Storage] = {}
    for storage in storages:
        first = found.setdefault(storage.key, storage)
        if (first.dtype, first.total) != (storage.dtype, storage.total):
            raise CheckpointError(
                f"{where}: the storage {shown(storage.key)} has {first.total} numbers of type "
                f"{first.dtype} in one place and {storage.total} of type {storage.dtype} in "
                "another."
            )
    return found
