"""What is a random key, of JAX's typed ones and of its older arrays of words."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._described import described
from pathflow._errors import ArgumentError


def key_ndim(what: str, key: Any) -> int:
    """How many axes one key of this kind has.

    Arguments:
        what: the object that holds it, for the error.
        key: one key, or several along axes in front.

    Raises:
        ArgumentError: it is none.
    """
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return 0
    if isinstance(key, jax.Array | np.ndarray) and key.dtype == "uint32" and key.ndim:
        return 1
    raise ArgumentError(
        f"{what}(key={described(key)}) takes one random key, such as jax.random.key(0)."
    )


def check_key(what: str, key: Any) -> None:
    """Refuses what is not one random key.

    Raises:
        ArgumentError: it is none, or several.
    """
    if key_ndim(what, key) != jnp.ndim(key):
        raise ArgumentError(
            f"{what}(key=...) has shape {key.shape} and holds several random keys; {what} takes "
            "one random key, such as jax.random.key(0)."
        )
