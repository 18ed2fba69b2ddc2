"""Lengths that an earlier run finished, so that the same command goes on where it was stopped."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.lstm_agreement.context.lengths import Length
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.blocks import Keys, append_line, complete_lines
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel


class FinishedLengths:
    """A file of what was found at each length and condition, under a key of what it depends on.

    Arguments:
        path: the file; its folder exists.
        keys: of the model's words and the quadrature.
        model: the model.
        draws: how many paths are drawn.
        seed: of the draws.

    Raises:
        StudyError: the file holds something else.
    """

    def __init__(
        self, path: Path, keys: Keys, model: LSTMLanguageModel, draws: int, seed: int
    ) -> None:
        self._path, self._keys, self._model = path, keys, model
        self._drawn = [draws, seed]
        self._found = dict(_read(path)) if path.exists() else {}

    def find(self, sentences: Sequence[Sentence]) -> Length | None:
        """What is known of the sentences of one condition."""
        return self._found.get(self._key(sentences))

    def add(self, sentences: Sequence[Sentence], length: Length) -> None:
        """Keeps what was found of them, if it is not known."""
        key = self._key(sentences)
        if key not in self._found:
            line = {"key": key, "length": dataclasses.asdict(length)}
            append_line(self._path, json.dumps(line))
            self._found[key] = length

    def _key(self, sentences: Sequence[Sentence]) -> str:
        asked = [[s.tokens, s.correct, s.wrong] for s in sentences]
        return self._keys.key(self._model, "length", self._drawn, asked)


def _read(path: Path) -> list[tuple[str, Length]]:
    found = []
    for number, line in enumerate(complete_lines(path), 1):
        try:
            entry = json.loads(line)
            fields = {name: _interval(v) for name, v in entry["length"].items()}
            fields["classes"] = {n: _interval(v) for n, v in fields["classes"].items()}
            found.append((entry["key"], Length(**fields)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(
                f"{path}:{number} is no length of this study ({error}); remove the file to compute "
                "everything again."
            ) from error
    return found


def _interval(value: Any) -> Any:
    """JSON has lists alone."""
    return Interval(*value) if isinstance(value, list) else value
