"""Everything that a training needs to go on exactly where it stopped."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._errors import CheckpointError
from pathflow.models._config import TrainConfig
from pathflow.models._corpus import Position
from pathflow.models._tensor_file import read_tensors, write_tensors

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
        before = json.loads(metadata["config"])
        for name in _FIXED:
            if before[name] != getattr(config, name):
                raise CheckpointError(
                    f"{path} was trained with {name}={before[name]!r}, the config has "
                    f"{getattr(config, name)!r}; use that value to go on, or another folder."
                )
        return cls(
            arrays=_fill(path, like, tensors),
            step=json.loads(metadata["step"]),
            position=Position(*json.loads(metadata["position"])),
            seconds=json.loads(metadata["seconds"]),
            records=tuple(json.loads(metadata["records"])),
            pending=tuple(json.loads(metadata["pending"])),
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
            f"{path} belongs to another model or optimizer: {', '.join(differing[:5])} differ(s). "
            "Use the model that it was written with, or another folder."
        )
    return jax.tree.unflatten(treedef, [jnp.asarray(tensors[name]) for name in names])
