"""Files as `torch.save` writes them, put together from the description of the layouts.

Shares no code with the reader: the pickles are those of the standard library's pickler, which is
told what to write for the names, calls and storages that a file of PyTorch has in it.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {
    "protocol_version": 1001,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
KINDS = {"<f4": "Float", "<f8": "Double", "<f2": "Half", "<i8": "Long", "|u1": "Byte"}


@dataclass(eq=False)
class Name:
    module: str
    name: str


@dataclass(eq=False)
class Call:
    function: Name
    arguments: tuple
    state: Any = None


@dataclass(eq=False)
class Object:
    cls: Any
    state: Any


@dataclass(eq=False)
class Source:
    """A class of modules, which PyTorch before 1.6 stored with its text."""

    cls: Name
    text: str = "class RNNModel(nn.Module): ..."


@dataclass(eq=False)
class Storage:
    key: str
    values: np.ndarray
    kind: str = ""
    view: tuple | None = None
    location: str = "cpu"
    declared: int | None = None
    layout: str = field(default="legacy")

    @property
    def identity(self) -> tuple:
        kind = self.kind or f"{KINDS[self.values.dtype.str]}Storage"
        size = len(self.values) if self.declared is None else self.declared
        common = ("storage", Name("torch", kind), self.key, self.location, size)
        return common if self.layout == "archive" else (*common, self.view)


class Pickler(pickle._Pickler):
    """The standard library's pickler, with an instruction or two for each class above."""

    def __init__(self, file, protocol=2, layout="legacy"):
        super().__init__(file, protocol)
        self.layout = layout
        self.storages: dict[str, Storage] = {}
        self.kept = []

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Name):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
        elif id(obj) in self.memo and isinstance(obj, Call | Object):
            self.write(self.get(self.memo[id(obj)][0]))
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(b"R")
            self.memoize(obj)
            self.build(obj.state)
        elif isinstance(obj, Object):
            self.save(obj.cls)
            self.write(b")\x81")
            self.memoize(obj)
            self.build(obj.state)
        elif isinstance(obj, Source):
            self.persistent(("module", obj.cls, "/home/someone/model.py", obj.text))
        elif isinstance(obj, Storage):
            obj.layout = self.layout
            self.storages.setdefault(obj.key, obj)
            self.persistent(obj.identity)
        elif isinstance(obj, OrderedDict):
            # As Python 3 writes it, without looking the class up.
            self.save(Name("collections", "OrderedDict"))
            self.write(b")R")
            self.memoize(obj)
            self._batch_setitems(obj.items())
        else:
            super().save(obj)

    def build(self, state):
        if state is not None:
            self.save(state)
            self.write(b"b")

    def persistent(self, identity):
        self.kept.append(identity)
        self.save(identity)
        self.write(b"Q")


def pickled(obj, protocol=2, layout="legacy"):
    """The pickle of an object, and the storages that it names."""
    file = io.BytesIO()
    pickler = Pickler(file, protocol, layout)
    pickler.dump(obj)
    return file.getvalue(), pickler.storages


def legacy(obj, system=SYSTEM, magic=MAGIC, version=1001, keys=None, tail=b""):
    """A file of PyTorch before 1.6; `obj` may be the bytes of a pickle."""
    content, storages = (obj, {}) if isinstance(obj, bytes) else pickled(obj)
    keys = sorted(storages) if keys is None else keys
    parts = [pickled(value)[0] for value in (magic, version, system)]
    parts += [content, pickled(keys)[0]]
    for key in keys:
        if key in storages:
            values = storages[key].values
            parts += [struct.pack("<q", len(values)), values.tobytes()]
    return b"".join([*parts, tail])


def archive(obj, folder="archive", extra=(), without=(), compress=(), order=b"little"):
    """A file of PyTorch since 1.6."""
    content, storages = (obj, {}) if isinstance(obj, bytes) else pickled(obj, layout="archive")
    entries = {
        "data.pkl": content,
        "byteorder": order,
        **{
            f"data/{key}": (
                s.values if order == b"little" else s.values.astype(s.values.dtype.newbyteorder())
            ).tobytes()
            for key, s in storages.items()
        },
        "version": b"3\n",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name, data in [
            *((f"{folder}/{name}", data) for name, data in entries.items() if name not in without),
            *extra,
        ]:
            kind = zipfile.ZIP_DEFLATED if name in compress else zipfile.ZIP_STORED
            out.writestr(zipfile.ZipInfo(name), data, kind)
    return file.getvalue()


def tensor(storage, shape, offset=0, strides=None):
    """A tensor as PyTorch 0.4 and later write it."""
    if strides is None:
        strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    function = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(function, (storage, offset, tuple(shape), strides, False, OrderedDict()))
