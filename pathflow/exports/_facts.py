"""What a file says of a result beside its numbers, in plain JSON."""

import json
import math
from typing import Any

import numpy as np

from pathflow.drawing import digits
from pathflow.results import Audit, Ranked, audit_parts


def facts_of(result: Any) -> dict[str, Any]:
    """What there is to say of a result beside its rows, in plain JSON: its kind (`result`), its
    `total`, `metadata` and `audit`, and of a list of paths its `certificate`.

    Arguments:
        result: what `pathflow.attribute` returns.

    Returns:
        An object of JSON; a number that is not finite is a text, which `float` reads.
    """
    facts = {
        "result": type(result).__name__,
        "total": json_number(result.total),
        "metadata": result.metadata,
        "audit": audit_facts(result.audit),
    }
    if isinstance(result, Ranked):
        known = result.certificate
        facts["certificate"] = {
            "exact": known.exact,
            "bound": json_number(known.bound),
            "unseen_sum": json_number(known.unseen_sum),
            "unseen_count": known.unseen_count,
            "followed": known.followed,
        }
    return facts


def audit_facts(audit: Audit) -> dict[str, Any]:
    """An audit, with one number or a list of one per example for each residual."""
    residuals, settings = audit_parts(audit)
    numbers = {name: None if v is None else json_number(v) for name, v in residuals.items()}
    return {**numbers, **settings}


def json_number(value: Any) -> Any:
    """A number, or a list of them, as JSON has them: one that is not finite is a text, which
    `float` reads (`"NaN"`, `"Infinity"`, `"-Infinity"`).
    """
    if np.ndim(value):
        return [json_number(v) for v in np.asarray(value).tolist()]
    plain = float(value)
    if math.isfinite(plain):
        return plain
    return "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"


def json_text(found: Any, indent: int | None = None) -> str:
    """Plain JSON as text. An integer of more digits than Python reads from a text (4,300, see
    `sys.get_int_max_str_digits`) is a text of all its digits.

    Raises:
        ValueError: a number is not finite.
    """
    try:
        return json.dumps(found, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_with_texts(found), allow_nan=False, indent=indent)


def _with_texts(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _with_texts(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [_with_texts(value) for value in found]
    return _readable(found) if isinstance(found, int) else found


def _readable(number: int) -> int | str:
    """The integer, or a text of its digits where Python refuses to write, and to read, so many."""
    try:
        str(number)
    except ValueError:
        return digits(number)
    return number
