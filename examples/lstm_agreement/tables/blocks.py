"""Numbers of sentences, kept on disk block after block, so that a run that is killed loses the
block in flight and nothing else, and no more than a block need be in memory.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.console.text import write_text
from examples.lstm_agreement.tables.measure import Settings
from pathflow.models import Vocabulary

Facts = Mapping[str, list[float]]


class Block(NamedTuple):
    """Numbers of some sentences.

    Attributes:
        places: which sentences.
        values: a row for each.
        facts: more numbers by name, one for each sentence.
    """

    places: range
    values: np.ndarray
    facts: Facts


class Collected(NamedTuple):
    """Numbers of all sentences.

    Attributes:
        values: a row for each; on disk where they were collected there.
        facts: more numbers by name, one for each sentence.
    """

    values: np.ndarray
    facts: dict[str, np.ndarray]


# Computes the blocks that are not there: it is told which places to skip.
Compute = Callable[[Callable[[range], bool]], Iterable[Block]]


class Blocks:
    """A folder of numbers of sentences, each array under a key of all that it depends on.

    A block counts once its line is in the list beside the array, and the line holds the block's
    checksum: what a kill or a full disk left half written is computed again.

    Arguments:
        folder: where; made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(
        self,
        key: str,
        shape: tuple[int, int],
        compute: Compute,
        *,
        dtype: Any = np.float32,
        found: Callable[[range], None] = lambda _places: None,
    ) -> Collected:
        """Numbers of all sentences, of which blocks may be there from an earlier run.

        Arguments:
            key: of everything that they depend on, the size of blocks included.
            shape: sentences, and numbers of each.
            compute: yields the blocks that it is not told to skip.
            dtype: of the numbers.
            found: called with the places of every block that is there.
        """
        array_file, list_file = self._files(key)
        self._folder.mkdir(parents=True, exist_ok=True)
        array, lines = _opened(array_file, list_file, shape, np.dtype(dtype))
        done: dict[tuple[int, int], Facts] = {}
        for line in lines:
            places = range(*line["places"])
            if line["sha256"] == _checksum(array[places.start : places.stop]):
                done[places.start, places.stop] = line["facts"]

        def skip(places: range) -> bool:
            if (places.start, places.stop) not in done:
                return False
            found(places)
            return True

        for block in compute(skip):
            at = block.places
            array[at.start : at.stop] = block.values
            array.flush()
            facts = {name: [float(v) for v in values] for name, values in block.facts.items()}
            line = {
                "places": [at.start, at.stop],
                "sha256": _checksum(array[at.start : at.stop]),
                "facts": facts,
            }
            append_line(list_file, json.dumps(line))
            done[at.start, at.stop] = facts
        in_order = [done[at] for at in sorted(done)]
        names = in_order[0] if in_order else {}
        return Collected(
            array,
            {name: np.array([v for facts in in_order for v in facts[name]]) for name in names},
        )

    def drop(self, key: str) -> None:
        """Removes what is kept under a key."""
        for file in self._files(key):
            file.unlink(missing_ok=True)

    def _files(self, key: str) -> tuple[Path, Path]:
        return self._folder / f"{key[:32]}.npy", self._folder / f"{key[:32]}.jsonl"


class Kept(NamedTuple):
    """Where numbers are kept, and under which key."""

    blocks: Blocks
    key: str


def collected(
    kept: Kept | None,
    shape: tuple[int, int],
    compute: Compute,
    *,
    dtype: Any = np.float32,
    advance: Callable[[int], None] = lambda _n: None,
) -> Collected:
    """Numbers of all sentences: kept on disk, or held in memory.

    Arguments:
        kept: where; None for memory.
        shape: sentences, and numbers of each.
        compute: yields the blocks that it is not told to skip.
        dtype: of the numbers.
        advance: called with the number of sentences done, or found, since the last call.
    """

    def counted(skip: Callable[[range], bool]) -> Iterator[Block]:
        for block in compute(skip):
            yield block
            advance(len(block.places))

    if kept is not None:
        return kept.blocks.collect(
            kept.key, shape, counted, dtype=dtype, found=lambda places: advance(len(places))
        )
    parts = list(counted(lambda _places: False))
    return Collected(
        np.concatenate([np.asarray(b.values) for b in parts]),
        {name: np.concatenate([b.facts[name] for b in parts]) for name in parts[0].facts},
    )


def _opened(
    array_file: Path, list_file: Path, shape: tuple[int, int], dtype: np.dtype
) -> tuple[np.memmap, list[dict[str, Any]]]:
    """The array on disk, and the lines of its list; both are begun anew where they do not fit."""
    if array_file.exists() and list_file.exists():
        try:
            array = np.lib.format.open_memmap(array_file, mode="r+")
            lines = [json.loads(line) for line in complete_lines(list_file)]
        except (ValueError, OSError):
            lines = None
        else:
            if (array.shape, array.dtype) == (shape, dtype):
                return array, lines
    list_file.unlink(missing_ok=True)
    return np.lib.format.open_memmap(array_file, mode="w+", dtype=dtype, shape=shape), []


def complete_lines(file: Path) -> list[str]:
    """The lines of a file that is written line by line; one that was cut off is taken away."""
    text = file.read_text(encoding="utf-8")
    *lines, last = text.split("\n")
    if last:
        # What follows would stand on the same line.
        write_text(file, "".join(line + "\n" for line in lines))
    return lines


def append_line(file: Path, line: str) -> None:
    """Puts a line on the disk."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _checksum(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


class Keys:
    """Keys of what is computed from models.

    Arguments:
        vocabulary: the models' words.
        settings: the quadrature.
    """

    def __init__(self, vocabulary: Vocabulary, settings: Settings) -> None:
        self._vocabulary = vocabulary.sha256
        self._settings = settings
        # The models themselves are held on to, so that no other one gets the number of one that
        # is gone.
        self._digests: dict[int, tuple[nnx.Module, str]] = {}

    def key(self, model: nnx.Module, *what: Any) -> str:
        """The key of something that is made from a model.

        Arguments:
            model: the model.
            what: all else that it depends on, as plain JSON.
        """
        settings = self._settings
        everything = [
            self._digest_of(model),
            self._vocabulary,
            [settings.n_steps, repr(settings.rule), settings.chunk],
            [pf.__version__, jax.__version__, jax.default_backend()],
            *what,
        ]
        return hashlib.sha256(json.dumps(everything).encode()).hexdigest()

    def _digest_of(self, model: nnx.Module) -> str:
        if id(model) not in self._digests:
            self._digests[id(model)] = model, digest_of(model)
        return self._digests[id(model)][1]


def digest_of(model: nnx.Module) -> str:
    """The SHA-256 of a model's kind, sizes and parameters."""
    # Not every architecture says its sizes but in the parameters' shapes.
    sizes = getattr(model, "config", type(model).__name__)
    digest = hashlib.sha256(json.dumps(sizes, default=str).encode())
    for leaf in jax.tree.leaves(nnx.state(model)):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
