"""Rows that an earlier run finished, so that the same command goes on where it was stopped."""

import dataclasses
import json
from pathlib import Path

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.blocks import Keys, append_line, complete_lines
from examples.lstm_agreement.tables.measure import Role, Settings
from examples.lstm_agreement.tables.table1 import Condition, Measured, Row
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel, Vocabulary

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
        self._path = path
        self._keys = Keys(vocabulary, settings)
        self._rows = dict(_read(path)) if path.exists() else {}

    def find(self, model: LSTMLanguageModel, name: str, condition: Condition) -> Measured | None:
        """What is known of a model, under its name, in a condition, if it is there."""
        return self._rows.get(self.key(model, name, condition))

    def add(self, model: LSTMLanguageModel, condition: Condition, measured: Measured) -> None:
        """Keeps a row, and the numbers of its sentences."""
        row = measured.row
        key = self.key(model, row.model, condition)
        entry = {
            "format": _FORMAT,
            "key": key,
            "row": dataclasses.asdict(row) | {"role": row.role.value},
            "sentences": {name: list(values) for name, values in measured.sentences.items()},
        }
        append_line(self._path, json.dumps(entry))
        self._rows[key] = measured

    def key(self, model: LSTMLanguageModel, name: str, condition: Condition) -> str:
        """Of everything that a row depends on."""
        sentences = [[s.tokens, s.correct, s.wrong] for s in condition.sentences]
        return self._keys.key(model, _FORMAT, name, condition.role.value, sentences)


def _read(path: Path) -> list[tuple[str, Measured]]:
    rows = []
    for number, line in enumerate(complete_lines(path), 1):
        try:
            entry = json.loads(line)
            if entry.get("format", 1) < _FORMAT:
                continue
            fields = {
                f.name: Interval(*entry["row"][f.name])
                if f.type is Interval
                else entry["row"][f.name]
                for f in dataclasses.fields(Row)
            }
            row = Row(**fields | {"role": Role(fields["role"])})
            numbers = {name: tuple(values) for name, values in entry["sentences"].items()}
            rows.append((entry["key"], Measured(row, numbers)))
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"{path}:{number} is no row of this study ({error}); remove the file to compute "
                "everything again."
            ) from error
    return rows
