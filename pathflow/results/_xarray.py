"""Results as xarray datasets."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pathflow._optional import optional_module

from ._audit import Audit, audit_parts
from ._table import widened

EXAMPLE = "example"


def data_set(
    metadata: Mapping[str, Any],
    audit: Audit,
    *,
    batched: bool,
    values: Mapping[str, tuple[str, Any]],
    examples: Mapping[str, Any],
    labels: Mapping[str, tuple[str, Any]],
) -> Any:
    """An xarray dataset, with the audit's residuals as variables and all else of it as attributes.

    Attributes are text and numbers, which every format of files takes; what is neither is JSON.

    Arguments:
        metadata: of the result.
        audit: of the result.
        batched: whether there is an axis of examples.
        values: by name, what the last axis is called and the numbers; the first axis is that of the
            examples where there is one.
        examples: by name, one number, or one per example.
        labels: by name, which axis they are of and the labels.
    """
    xarray = optional_module("xarray", "to_xarray", "export")
    leading = (EXAMPLE,) if batched else ()
    residuals, settings = audit_parts(audit)
    variables: dict[str, tuple[tuple[str, ...], Any]] = {
        name: ((*leading, axis), widened(array)) for name, (axis, array) in values.items()
    }
    for name, value in {**examples, **residuals}.items():
        if value is None:
            continue
        # A residual may be one number for a whole batch.
        variables[name] = (leading if np.ndim(value) else (), widened(value))
    facts = {**metadata, **{f"audit_{name}": value for name, value in settings.items()}}
    coordinates: dict[str, Any] = dict(labels)
    if batched:
        count = len(next(iter(values.values()))[1])
        coordinates[EXAMPLE] = (EXAMPLE, np.arange(count))
    attributes = {name: plain_value(value) for name, value in facts.items()}
    return xarray.Dataset(variables, coordinates, attributes)


def plain_value(value: Any) -> str | int | float:
    """A text or a number, which the attributes of every format of files take; what is neither, and
    what is true or false, as JSON.
    """
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if plain else json.dumps(value)


def text_array(labels: Any) -> np.ndarray:
    """Labels as an array of Python's texts, whatever their number (none, too)."""
    listed = list(labels)
    out = np.empty(len(listed), object)
    out[:] = listed
    return out


def integer_array(numbers: Any) -> np.ndarray:
    """Exact integers: int64 where all fit, else Python's."""
    listed = list(numbers)
    small = all(abs(n) <= np.iinfo(np.int64).max for n in listed)
    return np.array(listed, np.int64 if small else object)
