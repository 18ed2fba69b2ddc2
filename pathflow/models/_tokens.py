"""What language models are called on."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from pathflow._errors import ShapeError

Tokens = Int[Array | np.ndarray, " steps"]


def check_tokens(tokens: Any) -> None:
    """Refuses what is no sequence of words.

    Raises:
        ShapeError: it is no vector of integers, or is empty.
    """
    if jnp.ndim(tokens) != 1 or jnp.size(tokens) == 0:
        raise ShapeError(
            "tokens must be a vector of at least one word number, got shape "
            f"{jnp.shape(tokens)}; for a batch of sequences of one length use jax.vmap(model)."
        )
    if not jnp.issubdtype(jnp.result_type(tokens), jnp.integer):
        raise ShapeError(f"tokens must be integers, got {jnp.result_type(tokens)}.")
