"""Rows that an earlier run finished, so that the same command goes on where it was stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flax import nnx

from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries, plain, record_of
from examples.lstm_agreement.tables.measure import Settings
from examples.lstm_agreement.tables.table1 import Condition, Measured, Row
from pathflow.models import Vocabulary

# Of what a line holds: a row that was written otherwise is computed again.
_FORMAT = 2


class FinishedRows:
    """A file of rows, one per line, each under a key of everything that it depends on.

    A row is on the disk before the next one is begun. A line that was cut off is computed again.

    Arguments:
        path: the file; its folder exists.
        vocabulary: the models' words.
        settings: the quadrature.

    Raises:
        StudyError: the file holds something else.
    """

    def __init__(self, path: Path, vocabulary: Vocabulary, settings: Settings) -> None:
        self._keys = Keys(vocabulary, settings)
        self._rows = Entries(path, _read, "row")

    def find(self, model: nnx.Module, name: str, condition: Condition) -> Measured | None:
        """What is known of a model, under its name, in a condition, if it is there."""
        return self._rows.find(self.key(model, name, condition))

    def add(self, model: nnx.Module, condition: Condition, measured: Measured) -> None:
        """Keeps a row, and the numbers of its sentences."""
        fields = {
            "format": _FORMAT,
            "row": plain(measured.row),
            "sentences": {name: list(values) for name, values in measured.sentences.items()},
        }
        self._rows.add(self.key(model, measured.row.model, condition), measured, fields)

    def key(self, model: nnx.Module, name: str, condition: Condition) -> str:
        """Of everything that a row depends on."""
        sentences = [[s.tokens, s.correct, s.wrong] for s in condition.sentences]
        return self._keys.key(model, _FORMAT, name, condition.role.value, sentences)


def _read(fields: Mapping[str, Any]) -> Measured | None:
    if fields.get("format", 1) < _FORMAT:
        return None
    numbers = {name: tuple(values) for name, values in fields["sentences"].items()}
    return Measured(record_of(Row, fields["row"]), numbers)
