"""Records as columns of a CSV file, the same way in every table of the study."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pathflow.metrics import Interval

# What a line is about comes first, in this order, then counts, then numbers, then the audit.
_FIRST = (
    "concept",
    "model",
    "task",
    "condition",
    "role",
    "scheme",
    "what",
    "units",
    "unit",
    "n_words",
)
_LAST = ("structural", "quadrature")

CsvTable = tuple[list[str], list[list[object]]]


def csv_table(records: Sequence[Any], more: Sequence[Mapping[str, Any]] = ()) -> CsvTable:
    """Header and lines: a field in one column, an interval in three (`x`, `x_low`, `x_high`).

    What a line is about comes first, then counts (`n_...`), other fields in their order, residuals
    of the audit, and at the end whatever else is given.

    Arguments:
        records: dataclasses, or mappings by field, of the same fields.
        more: further columns of each line, by name.
    """
    lines = []
    for i, record in enumerate(records):
        fields = record if isinstance(record, Mapping) else _fields(record)
        ordered = {name: fields[name] for name in sorted(fields, key=_place)}
        lines.append(dict(_columns((ordered | (more[i] if more else {})).items())))
    names = list(lines[0]) if lines else []
    return names, [[line[name] for name in names] for line in lines]


def _fields(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}


def _place(name: str) -> tuple[int, int]:
    # Fields of one kind keep their order, since sorting is stable.
    if name in _FIRST:
        return 0, _FIRST.index(name)
    if name.startswith("n_"):
        return 1, 0
    return (3, _LAST.index(name)) if name in _LAST else (2, 0)


def _columns(fields: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, object]]:
    for name, value in fields:
        if isinstance(value, Interval):
            for end, number in zip(("", "_low", "_high"), value, strict=True):
                yield name + end, f"{number:.6g}"
        elif isinstance(value, enum.Enum):
            yield name, value.value
        elif value is None:
            yield name, ""
        else:
            yield name, f"{value:.6g}" if isinstance(value, float) else value
