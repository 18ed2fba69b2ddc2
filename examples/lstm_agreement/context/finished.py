"""Lengths that an earlier run finished, so that the same command goes on where it was stopped."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.lstm_agreement.context.lengths import Length
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries
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
        self._keys, self._model = keys, model
        self._drawn = [draws, seed]
        self._found = Entries(path, _read, "length")

    def find(self, sentences: Sequence[Sentence]) -> Length | None:
        """What is known of the sentences of one condition."""
        return self._found.find(self._key(sentences))

    def add(self, sentences: Sequence[Sentence], length: Length) -> None:
        """Keeps what was found of them, if it is not known."""
        key = self._key(sentences)
        if self._found.find(key) is None:
            self._found.add(key, length, {"length": dataclasses.asdict(length)})

    def _key(self, sentences: Sequence[Sentence]) -> str:
        asked = [[s.tokens, s.correct, s.wrong] for s in sentences]
        return self._keys.key(self._model, "length", self._drawn, asked)


def _read(fields: Mapping[str, Any]) -> Length:
    found = {name: _interval(v) for name, v in fields["length"].items()}
    found["classes"] = {n: _interval(v) for n, v in found["classes"].items()}
    return Length(**found)


def _interval(value: Any) -> Any:
    """JSON has lists alone."""
    return Interval(*value) if isinstance(value, list) else value
