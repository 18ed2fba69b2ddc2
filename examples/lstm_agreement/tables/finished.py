"""Rows that an earlier run finished, so that the same command goes on where it was stopped."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.measure import Role, Settings
from examples.lstm_agreement.tables.table1 import Condition, Row
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel, Vocabulary


class FinishedRows:
    """A file of rows, one per line, each under a key of everything that it depends on.

    A row is on the disk before the next one is begun, so that a run that is killed loses the row in
    flight and nothing else. A line that was cut off is computed again.

    Arguments:
        path: the file; its folder exists.
        vocabulary: the models' words.
        settings: the quadrature.

    Raises:
        StudyError: the file holds something else.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary, settings: Settings) -> None:
        self._path = path
        self._vocabulary = vocabulary.sha256
        self._settings = settings
        self._digests: dict[int, str] = {}
        self._rows = dict(_read(path)) if path.exists() else {}

    def find(self, model: LSTMLanguageModel, name: str, condition: Condition) -> Row | None:
        """The row of a model, under its name, in a condition, if it is there."""
        return self._rows.get(self._key(model, name, condition))

    def add(self, model: LSTMLanguageModel, condition: Condition, row: Row) -> None:
        """Keeps a row."""
        key = self._key(model, row.model, condition)
        line = json.dumps({"key": key, "row": dataclasses.asdict(row) | {"role": row.role.value}})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._rows[key] = row

    def _key(self, model: LSTMLanguageModel, name: str, condition: Condition) -> str:
        if id(model) not in self._digests:
            self._digests[id(model)] = _digest_of(model)
        what: list[Any] = [
            name,
            self._digests[id(model)],
            self._vocabulary,
            condition.role.value,
            [[s.tokens, s.correct, s.wrong] for s in condition.sentences],
            [self._settings.n_steps, repr(self._settings.rule), self._settings.chunk],
            [pf.__version__, jax.__version__, jax.default_backend()],
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _digest_of(model: LSTMLanguageModel) -> str:
    digest = hashlib.sha256(json.dumps(model.config, default=str).encode())
    for leaf in jax.tree.leaves(nnx.state(model)):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> list[tuple[str, Row]]:
    text = path.read_text(encoding="utf-8")
    *lines, last = text.split("\n")
    if last:
        # A write was cut off. What follows would stand on the same line.
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            fields = {
                f.name: Interval(*entry["row"][f.name])
                if f.type is Interval
                else entry["row"][f.name]
                for f in dataclasses.fields(Row)
            }
            rows.append((entry["key"], Row(**fields | {"role": Role(fields["role"])})))
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"{path}:{number} is no row of this study ({error}); remove the file to compute "
                "everything again."
            ) from error
    return rows
