"""The tensors of a PyTorch file by name, and what else its modules say of themselves."""

import dataclasses
import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from pathflow._errors import CheckpointError
from pathflow.models.torch_file._archive import ARCHIVE_START, open_archive
from pathflow.models.torch_file._bytes import Source
from pathflow.models.torch_file._legacy import LEGACY_START, open_legacy
from pathflow.models.torch_file._objects import Inert, Tensor, shown
from pathflow.models.torch_file._opened import Opened

_DEEPEST = 32
_LONGEST_NAME = 200
_MOST_ENTRIES = 100_000

Setting = bool | int | float | str | None


@dataclasses.dataclass(frozen=True)
class TorchFile:
    """What a file says of a model.

    Arguments:
        tensors: the parameters and buffers by name, as `state_dict` names them. Read-only, and
            views of shared memory where the model shares it.
        settings: where the file holds a whole module, the plain attributes of it and of its parts,
            as in `rnn.hidden_size`; empty where it holds a `state_dict`.
    """

    tensors: Mapping[str, Shaped[np.ndarray, "..."]]
    settings: Mapping[str, Setting]


def read_torch_file(path: Path) -> TorchFile:
    """Reads a whole module or a `state_dict` that `torch.save` wrote, and runs nothing of it.

    Both layouts are read: pickles with the numbers after them (before PyTorch 1.6), and zip
    archives. PyTorch itself is not used.

    Arguments:
        path: the file.

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else; a tensor reaches
            outside of its storage, or a storage outside of the file.
    """
    with _opened(path) as content:
        found, settings = _Walk(path).of(content.root)
        numbers = content.fetch({tensor.storage.key for tensor in found.values()})
    return TorchFile(
        {name: _array(path, name, t, numbers[t.storage.key]) for name, t in found.items()}, settings
    )


@contextmanager
def _opened(path: Path) -> Iterator[Opened]:
    """Opens a file of either layout, every failure a `CheckpointError`."""
    try:
        # Other things than files (a pipe) may never end, or never begin.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path} is no file; name the file that torch.save wrote.")
        with io.FileIO(path) as raw:
            start = raw.read(len(ARCHIVE_START))
            if start == ARCHIVE_START:
                with open_archive(raw, path) as content:
                    yield content
            elif start.startswith(LEGACY_START):
                raw.seek(0)
                size = os.fstat(raw.fileno()).st_size
                with io.BufferedReader(raw) as file:
                    yield open_legacy(Source(file, size, str(path)))
            else:
                raise CheckpointError(
                    f"{path} starts with {start!r}, and a file of torch.save with a pickle or a "
                    "zip archive. A file of PyTorch before 0.1.10 must be loaded and saved again; "
                    "safetensors files are read by load_checkpoint and load_gpt2."
                )
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint at {path}.") from None
    except (OSError, MemoryError) as error:
        raise CheckpointError(f"{path} cannot be read ({error!r}).") from error


class _Walk:
    """Collects the tensors of an object.

    Modules may share parts, so that there can be more names than entries in the file, and may hold
    themselves; both end at a limit.
    """

    def __init__(self, path: Path):
        self.path = path
        self.tensors: dict[str, Tensor] = {}
        self.settings: dict[str, Setting] = {}
        self.seen = 0

    def of(self, root: Any) -> tuple[dict[str, Tensor], dict[str, Setting]]:
        """Tensors and settings by name."""
        if isinstance(root, dict) and root:
            self._add_tensors("", root)
        elif isinstance(root, Inert) and isinstance(root.state, dict):
            self._add_module("", root, 0)
        else:
            raise CheckpointError(
                f"{self.path} holds {shown(root)}, and neither a module nor a state_dict; save one "
                "of them alone."
            )
        return self.tensors, self.settings

    def _add_module(self, prefix: str, module: Any, depth: int) -> None:
        state = module.state if isinstance(module, Inert) else None
        if not isinstance(state, dict) or "_parameters" not in state or depth > _DEEPEST:
            raise CheckpointError(
                f"{self.path}: {prefix.rstrip('.') or 'the object'} is {shown(module)}, and "
                f"no module, or one nested more than {_DEEPEST} deep; save a model's state_dict()."
            )
        for name, value in self._entries(state, prefix):
            if isinstance(value, str):
                self.settings[prefix + name] = value[:_LONGEST_NAME]
            elif value is None or isinstance(value, bool | int | float):
                self.settings[prefix + name] = value
        for group in ("_parameters", "_buffers"):
            present = {k: v for k, v in self._group(state, group, prefix) if v is not None}
            self._add_tensors(prefix, present)
        for name, part in self._group(state, "_modules", prefix):
            if part is not None:
                self._add_module(f"{prefix}{name}.", part, depth + 1)

    def _add_tensors(self, prefix: str, group: dict[Any, Any]) -> None:
        for name, value in self._entries(group, prefix):
            full = prefix + name
            if not isinstance(value, Tensor):
                raise CheckpointError(f"{self.path}: {full} is {shown(value)}, no tensor.")
            if full in self.tensors:
                raise CheckpointError(f"{self.path}: there are two tensors {full}.")
            self.tensors[full] = value

    def _group(self, state: dict[Any, Any], group: str, prefix: str) -> Iterator[tuple[str, Any]]:
        entries = state.get(group, {})
        if not isinstance(entries, dict):
            raise CheckpointError(
                f"{self.path}: {prefix + group} is {shown(entries)}, no dictionary."
            )
        return self._entries(entries, prefix)

    def _entries(self, entries: dict[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, value in entries.items():
            self.seen += 1
            if self.seen > _MOST_ENTRIES:
                raise CheckpointError(
                    f"{self.path} has more than {_MOST_ENTRIES} entries in its modules; some hold "
                    "the same parts again and again."
                )
            # A name is shown in messages, and must not steer the terminal that they appear on.
            if not (isinstance(name, str) and name.isprintable()) or (
                len(prefix) + len(name) > _LONGEST_NAME
            ):
                raise CheckpointError(
                    f"{self.path}: {prefix or 'the object'} has the entry {shown(name)}, "
                    "which is no name."
                )
            yield name, value


def _array(path: Path, name: str, tensor: Tensor, numbers: np.ndarray) -> np.ndarray:
    storage = tensor.storage
    try:
        if 0 in tensor.shape:
            return np.empty(tensor.shape, storage.dtype)
        return np.lib.stride_tricks.as_strided(
            numbers[storage.start :][tensor.offset :],
            tensor.shape,
            [step * storage.dtype.itemsize for step in tensor.strides],
            writeable=False,
        )
    except ValueError as error:
        raise CheckpointError(
            f"{path}: {name} of shape {list(tensor.shape)} is no array ({error})."
        ) from error
