"""Data as text inside a page: numbers as base64, everything else as JSON that can close no tag."""

import base64
import json
import re
from typing import Any

import numpy as np

# Inside a script element these could end it, open a comment, or (the separators) end a line.
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def numbers(array: np.ndarray, dtype: str) -> dict[str, Any]:
    """An array as little-endian floats in base64; rows follow each other.

    Arguments:
        array: floating numbers.
        dtype: `"float32"` or `"float64"`.
    """
    plain = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    return {"dtype": dtype, "data": base64.b64encode(plain.tobytes()).decode("ascii")}


def numbers_size(entries: int, dtype: str) -> int:
    """How many characters `numbers` takes."""
    return -(-entries * np.dtype(dtype).itemsize // 3) * 4


def safe_json(value: Any) -> str:
    """JSON that is data wherever it stands in HTML; all but ASCII is escaped.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
