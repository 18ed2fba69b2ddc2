"""What came for an argument, in the few words that a message has room for."""

from typing import Any

import numpy as np


def described(value: Any) -> str:
    """A value as messages name it: never its numbers, and never a page of it."""
    if isinstance(value, type):
        return f"the class {value.__name__} and not an instance: call it, {value.__name__}(...)"
    if callable(value) and isinstance(name := getattr(value, "__name__", None), str):
        return f"the function {name}, which is not called"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array of shape {tuple(np.shape(value))}"
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
