"""What language models are called on."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Int

from pathflow._errors import ShapeError, UnknownWordError

Tokens = Int[Array | np.ndarray, " steps"]


def check_tokens(tokens: Any, n_words: int) -> None:
    """Refuses what is no sequence of words.

    Arguments:
        tokens: word numbers; while a function is traced their values are not known, and JAX then
            takes the nearest word for one outside.
        n_words: of the model.

    Raises:
        ShapeError: it is no vector of integers, or is empty.
        UnknownWordError: a number is none of the model's words.
    """
    try:
        shape = np.shape(tokens)
    except ValueError:
        # What NumPy says of lists of different lengths.
        raise ShapeError(
            "tokens holds sentences of several lengths, and a model reads one sentence; call it "
            "on each, or put those of one length into one array and use jax.vmap(model)."
        ) from None
    if len(shape) != 1 or 0 in shape:
        raise ShapeError(
            "tokens must be a vector of at least one word number, got shape "
            f"{shape}; for a batch of sequences of one length use jax.vmap(model)."
        )
    if not jnp.issubdtype(jnp.result_type(tokens), jnp.integer):
        raise ShapeError(f"tokens must be integers, got {jnp.result_type(tokens)}.")
    if isinstance(tokens, Tracer):
        return
    values = np.asarray(tokens)
    outside = values[(values < 0) | (values >= n_words)]
    if outside.size:
        raise UnknownWordError(
            f"tokens holds {outside[0]}, and the model has {n_words} words, from 0 on; encode the "
            "sentence with the model's own vocabulary.",
            int(outside[0]),
        )
