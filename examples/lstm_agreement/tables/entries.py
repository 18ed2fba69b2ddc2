"""What an earlier run finished, line by line in a file, so that the same command goes on where it
was stopped.
"""

import dataclasses
import enum
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.blocks import append_line, complete_lines
from pathflow.metrics import Interval

T = TypeVar("T")
R = TypeVar("R")


class Entries(Generic[T]):
    """A file of what is finished, one line each, under a key of everything that it depends on.

    A line is on the disk before anything else is begun. One that was cut off is taken away.

    Arguments:
        path: the file; its folder exists.
        read: makes the value of a line's fields; None where the line is to be computed again.
        what: a word for the values, for messages.

    Raises:
        StudyError: the file holds something else.
    """

    def __init__(
        self, path: Path, read: Callable[[Mapping[str, Any]], T | None], what: str
    ) -> None:
        self._path = path
        self._found: dict[str, T] = {}
        for number, line in enumerate(complete_lines(path) if path.exists() else (), 1):
            try:
                fields = json.loads(line)
                value = read(fields)
                if value is not None:
                    self._found[fields["key"]] = value
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise StudyError(
                    f"{path}:{number} is no {what} of this study ({error}); remove the file to "
                    "compute everything again."
                ) from error

    def find(self, key: str) -> T | None:
        """What is kept under a key, if it is there."""
        return self._found.get(key)

    def add(self, key: str, value: T, fields: Mapping[str, Any]) -> None:
        """Keeps a value.

        Arguments:
            key: of everything that it depends on.
            value: what `find` returns from now on.
            fields: the value as plain JSON, from which `read` makes it again.
        """
        append_line(self._path, json.dumps({"key": key, **fields}))
        self._found[key] = value


def plain(record: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON has them; `record_of` makes it again."""
    return {f.name: _plain(getattr(record, f.name)) for f in dataclasses.fields(record)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return plain(value)
    return value.value if isinstance(value, enum.Enum) else value


def record_of(kind: type[R], fields: Mapping[str, Any]) -> R:
    """A dataclass from what `plain` made of it.

    Arguments:
        kind: the dataclass.
        fields: its fields; others are left aside.

    Raises:
        KeyError, TypeError, ValueError: they are no fields of it.
    """
    return kind(**{f.name: _value(f.type, fields[f.name]) for f in dataclasses.fields(kind)})  # type: ignore[arg-type]


def _value(kind: Any, value: Any) -> Any:
    if kind is Interval:
        return Interval(*value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    nested = isinstance(kind, type) and dataclasses.is_dataclass(kind)
    return record_of(kind, value) if nested else value
