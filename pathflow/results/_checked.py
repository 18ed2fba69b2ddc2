"""What all results are checked for when they are made."""

import json
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pathflow._errors import ArgumentError, ShapeError


def check_floating(name: str, values: Any) -> None:
    """Refuses an array of other than floating numbers.

    Raises:
        ShapeError: it is one.
    """
    if not jnp.issubdtype(values.dtype, np.floating):
        raise ShapeError(f"{name} has dtype {values.dtype}; give floating numbers.")


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuses metadata that no file can hold.

    Raises:
        ArgumentError: JSON does not say it.
    """
    try:
        json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"metadata must be plain JSON: {error}.") from error
