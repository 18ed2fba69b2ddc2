"""The layout before PyTorch 1.6: pickle after pickle, and then storage after storage.

Magic number, version, facts of the machine, the object, the keys of its storages; then for every
key how many numbers there are (8 bytes) and the numbers themselves.

Source: `_save` in `torch/serialization.py` of PyTorch 0.3 and 0.4, `_legacy_save` since 1.6.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from pathflow.models.torch_file._bytes import Source
from pathflow.models.torch_file._machine import read_pickle
from pathflow.models.torch_file._objects import Storage, shown
from pathflow.models.torch_file._opened import Numbers, Opened, by_key

# A pickle of protocol 2 or higher begins with its protocol.
LEGACY_START = b"\x80"

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001


def open_legacy(source: Source) -> Opened:
    """Reads the pickles.

    Raises:
        CheckpointError: the file is cut short, damaged, or was written with another byte order.
    """
    if read_pickle(source, "the magic number").root != _MAGIC:
        raise source.refusal("there is a pickle, but not the one that torch.save begins with.")
    version = read_pickle(source, "the version of the layout").root
    if version != _VERSION:
        raise source.refusal(f"the layout has version {shown(version)}, and {_VERSION} is read.")
    machine = read_pickle(source, "the description of the machine").root
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise source.refusal(
            "the file does not say that it was written on a machine that puts the lowest byte "
            "first; load it and save it again on such a one."
        )
    described = read_pickle(source, "the object")
    storages = by_key(source.where, described.storages)
    keys = _keys(source, storages)
    start = source.position

    def fetch(wanted: set[str]) -> dict[str, Numbers]:
        source.go(start, "the list of storages")
        return dict(_numbers(source, keys, storages, wanted))

    return Opened(described.root, fetch)


def _keys(source: Source, storages: Mapping[str, Storage]) -> list[str]:
    """The keys in the order of the numbers."""
    keys = read_pickle(source, "the list of storages").root
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise source.refusal(f"the list of storages is {shown(keys)}, and not one of texts.")
    if len(set(keys)) != len(keys):
        raise source.refusal("the list of storages names one twice.")
    for listed, named, what in (
        (storages.keys(), set(keys), "used, and not in the file"),
        (set(keys), storages.keys(), "in the file, and nothing says what it holds"),
    ):
        if missing := sorted(listed - named):
            raise source.refusal(f"the storage {shown(missing[0])} is {what}.")
    return keys


def _numbers(
    source: Source, keys: list[str], storages: Mapping[str, Storage], wanted: set[str]
) -> Iterator[tuple[str, Numbers]]:
    for key in keys:
        storage, what = storages[key], f"the storage {shown(key)}"
        count = int.from_bytes(source.take(8, f"the size of {what}"), "little", signed=True)
        if count != storage.total:
            raise source.refusal(
                f"{what} has {count} numbers, and the object says {storage.total}."
            )
        size = count * storage.dtype.itemsize
        if key in wanted:
            yield key, np.frombuffer(source.take(size, what), storage.dtype)
        else:
            source.go(source.position + size, what)
    if source.position != source.size:
        raise source.refusal(f"there are {source.size - source.position} bytes too many.")
