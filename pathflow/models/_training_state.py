"""Everything that a training needs to go on exactly where it stopped."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._errors import CheckpointError
from pathflow.models._config import TrainConfig
from pathflow.models._corpus import Position
from pathflow.models._parameters import few
from pathflow.models._tensor_file import read_tensors, write_tensors
from pathflow.storage import parsed

_FORMAT = "pathflow.training-state"
_VERSION = "1"
# What fixes which words the next update sees; the learning rate, say, may change on the way.
_FIXED = ("batch_size", "n_steps", "reset_at_end", "seed")

Record = Mapping[str, int | float]


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """A training after `step` updates.

    `arrays` is a pytree: parameters, the optimizer's state, and the recurrent state that the next
    batch goes on from. `pending` are the losses since the last record. Random draws need no state
    of their own, they are made from the seed and the step.
    """

    arrays: Any
    step: int = 0
    position: Position = dataclasses.field(default_factory=Position)
    seconds: float = 0.0
    records: tuple[Record, ...] = ()
    pending: tuple[Any, ...] = ()

    def save(self, path: Path, config: TrainConfig) -> None:
        """Writes the state, atomically."""
        leaves = jax.tree.leaves(self.arrays)
        metadata = {
            "format": _FORMAT,
            "format_version": _VERSION,
            "step": json.dumps(self.step),
            "position": json.dumps(dataclasses.astuple(self.position)),
            "seconds": json.dumps(self.seconds),
            "records": json.dumps([dict(record) for record in self.records]),
            "pending": json.dumps([float(loss) for loss in self.pending]),
            "config": json.dumps({name: getattr(config, name) for name in _FIXED}),
        }
        names = _names(self.arrays)
        arrays = {name: np.asarray(leaf) for name, leaf in zip(names, leaves, strict=True)}
        write_tensors(path, arrays, metadata)

    @classmethod
    def load(cls, path: Path, config: TrainConfig, like: Any) -> "TrainingState":
        """Reads the state that `save` wrote.

        Arguments:
            path: the file.
            config: of the training that goes on.
            like: arrays of the same structure, as at the start of the training.

        Raises:
            CheckpointError: the file is damaged, or belongs to another model or config.
        """
        tensors, metadata = read_tensors(path)
        if (metadata.get("format"), metadata.get("format_version")) != (_FORMAT, _VERSION):
            raise CheckpointError(
                f"{path} is no training state of this version of pathflow; train in another "
                "folder, or remove it to start anew."
            )
        facts = _facts(path, metadata)
        before = facts["config"]
        for name in _FIXED:
            if before[name] != getattr(config, name):
                raise CheckpointError(
                    f"{path} was trained with {name}={before[name]!r:.60}, the config has "
                    f"{getattr(config, name)!r}; use that value to go on, or another folder."
                )
        return cls(
            arrays=_fill(path, like, tensors),
            step=facts["step"],
            position=Position(*facts["position"]),
            seconds=facts["seconds"],
            records=tuple(facts["records"]),
            pending=tuple(facts["pending"]),
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _is_loss(value: Any) -> bool:
    # A training that went wrong has losses that are not finite, and its state can be read.
    return _is_number(value) or isinstance(value, float)


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_loss, value.values()))


# What each entry of a state must be.
_FITS: Mapping[str, Callable[[Any], bool]] = {
    "step": _is_count,
    "position": lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_count, v)),
    "seconds": lambda v: _is_number(v) and v >= 0,
    "records": lambda v: isinstance(v, list) and all(map(_is_record, v)),
    "pending": lambda v: isinstance(v, list) and all(map(_is_loss, v)),
    "config": lambda v: isinstance(v, dict) and v.keys() >= set(_FIXED),
}


def _facts(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What a state says beside its arrays.

    Raises:
        CheckpointError: an entry is missing, or is none of a state's.
    """
    found = {}
    for name, fits in _FITS.items():
        try:
            found[name] = parsed(metadata[name])
        except (KeyError, ValueError) as error:
            raise _damaged(path, name) from error
        if not fits(found[name]):
            raise _damaged(path, name)
    return found


def _damaged(path: Path, name: str) -> CheckpointError:
    return CheckpointError(
        f"{path} holds no {name} of a training; it is damaged. Go on from another state, or remove "
        "it to start anew."
    )


def _names(arrays: Any) -> list[str]:
    paths = jax.tree_util.tree_flatten_with_path(arrays)[0]
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths]


def _fill(path: Path, like: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    leaves, treedef = jax.tree.flatten(like)
    names = _names(like)
    shapes = {n: (leaf.shape, leaf.dtype) for n, leaf in zip(names, leaves, strict=True)}
    found = {name: (array.shape, array.dtype) for name, array in tensors.items()}
    if shapes != found:
        differing = sorted(n for n in shapes | found if shapes.get(n) != found.get(n))
        raise CheckpointError(
            f"{path} belongs to another model or optimizer: {few(differing)} differ. Use the model "
            "that it was written with, or another folder."
        )
    return jax.tree.unflatten(treedef, [jnp.asarray(tensors[name]) for name in names])
