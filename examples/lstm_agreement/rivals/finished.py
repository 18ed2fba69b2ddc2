"""What an earlier run found out about units, so that the same command goes on from there."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from examples.lstm_agreement.rivals.question import Question
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries

T = TypeVar("T")


class Finished:
    """A file of answers to one question, each under a key of everything that it depends on.

    Arguments:
        path: the file; its folder exists.
        question: the model and the sentences.

    Raises:
        StudyError: the file holds something else.
    """

    def __init__(self, path: Path, question: Question) -> None:
        self._question = question
        self._keys = Keys(question.vocabulary, question.settings)
        self._answers: Entries[Mapping[str, Any]] = Entries(path, _read, "answer")

    def answer(
        self,
        what: str,
        find: Callable[[], T],
        as_json: Callable[[T], Mapping[str, Any]],
        of_json: Callable[[Mapping[str, Any]], T],
    ) -> T:
        """What is kept under a name, or found now and kept.

        Arguments:
            what: the name.
            find: finds it.
            as_json: makes plain JSON of it.
            of_json: and the other way round.
        """
        asked = [[s.tokens, s.correct, s.wrong] for s in self._question.sentences]
        key = self._keys.key(self._question.model, "rivals", what, asked)
        if (fields := self._answers.find(key)) is not None:
            return of_json(fields)
        value = find()
        fields = as_json(value)
        self._answers.add(key, fields, {"answer": fields})
        return value


def _read(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return fields["answer"]
