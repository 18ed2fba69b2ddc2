"""Reading and writing safetensors files, every failure a `CheckpointError`."""

import dataclasses
import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from pathflow._errors import CheckpointError, MissingDependencyError, told
from pathflow.storage import write_file

try:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save
except ImportError as error:  # pragma: no cover - the tests run with safetensors
    raise MissingDependencyError(
        "pathflow.models reads and writes files with safetensors, which is not installed; "
        "`pip install 'pathflow[models]'`."
    ) from error

Tensors = Mapping[str, Shaped[np.ndarray, "..."]]


@dataclasses.dataclass(frozen=True)
class FileFormat:
    """What says, in a file's metadata, what the file is.

    Arguments:
        name: of the format.
        version: of the format.
        refusal: what a file of another format is not, as in "is no language model".
        remedy: which function reads which files.
    """

    name: str
    version: str
    refusal: str
    remedy: str

    @property
    def stamp(self) -> dict[str, str]:
        """The entries of the metadata."""
        return {"format": self.name, "format_version": self.version}

    def check(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Looks for the stamp.

        Raises:
            CheckpointError: the file is of another format, or of another version.
        """
        if metadata.get("format") != self.name:
            raise CheckpointError(
                f"{path} {self.refusal} (format {metadata.get('format')!r}); {self.remedy}."
            )
        version = metadata.get("format_version")
        if version != self.version:
            raise CheckpointError(
                f"{path} has format version {version!r}, this pathflow reads {self.version!r}; "
                "install the version of pathflow that wrote it."
            )


def write_tensors(path: Path, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Writes arrays and text in one safetensors file, atomically.

    The metadata gains `sha256`, the digest of the arrays, so that `read_tensors` sees a changed
    byte.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    content = save(arrays, {**metadata, "sha256": _digest(arrays)})
    write_file(path, content)


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Reads what `write_tensors` wrote.

    Raises:
        CheckpointError: the file is missing, truncated, no safetensors file, or its arrays are not
            those that were written.
    """
    try:
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"{path} is no file; name the file that was written.")
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint at {path}.") from None
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no complete safetensors file ({told(error)}); it is damaged or was cut "
            "short. Fetch or write it again."
        ) from error
    if "sha256" in metadata and metadata["sha256"] != _digest(tensors):
        raise CheckpointError(
            f"The arrays in {path} are not those that were written (their digest differs); the "
            "file is damaged. Fetch or write it again."
        )
    return tensors, metadata


def _digest(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
