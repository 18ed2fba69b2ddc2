"""How well a model predicts a text."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int, Integer

from pathflow._errors import ShapeError
from pathflow.models._language_model import LanguageModel
from pathflow.models._objectives import FullSoftmax
from pathflow.models._parameters import check_size


def perplexity(
    model: LanguageModel,
    words: Integer[np.ndarray, " words"],
    end: int,
    *,
    batch_size: int = 32,
    window: int = 32,
) -> float:
    """The exponential of the mean negative log-likelihood, every word of the text counted once.

    As in training, the state starts from zeros after a sentence's end. A sentence's first word is
    predicted from the end of the sentence before.

    Arguments:
        model: the model.
        words: sentences one after the other, each closed by `end`.
        end: the number of the word that ends a sentence.
        batch_size: how many parts of the text are read side by side; it changes the speed, and
            the result only through the first words of the parts.
        window: how many words are read at a time. A model that carries a state on from one window
            to the next gives one result for all; one that does not, as a transformer, sees no word
            of another window, and one with learned positions reads no more words than they are.

    Raises:
        ArgumentError: `window` is no positive integer.
        ShapeError: the text does not end with `end`, or the model cannot read as many words as a
            window has.
    """
    check_size("perplexity(window=...)", window)
    if not len(words) or words[-1] != end:
        raise ShapeError(f"perplexity(words=...) must close every sentence with end={end}.")
    inputs, targets, weights = _rows(words, end, batch_size, window)
    keep = np.ones(inputs.shape, np.float32)
    keep[1:] = inputs[:-1] != end
    keep[0] = 0
    state = model.initial_state(inputs.shape[1])
    total = 0.0
    for k in range(0, len(inputs), window):
        x, y, kept, counted = (
            jnp.asarray(rows[k : k + window]) for rows in (inputs, targets, keep, weights)
        )
        try:
            loss, state = _loss(model, x, y, kept, counted, state)
        except ShapeError as error:
            raise ShapeError(
                f"perplexity(window={window}) reads {window} words at a time, which the model "
                f"refuses; give a smaller window. The model says: {error}"
            ) from error
        total += float(loss)
    return math.exp(total / len(words))


@nnx.jit
def _loss(
    model: LanguageModel,
    inputs: Int[Array, "steps batch"],
    targets: Int[Array, "steps batch"],
    keep: Float[Array, "steps batch"],
    weights: Float[Array, "steps batch"],
    state: Any,
) -> tuple[Float[Array, ""], Any]:
    features, state = model.features(inputs, keep.astype(model.output_bias[...].dtype), state)
    flat = features.reshape(-1, features.shape[-1])
    objective = FullSoftmax()
    nothing = objective.candidates(np.random.default_rng(0))
    losses = objective.losses(model, flat, targets.reshape(-1), nothing)
    return jnp.sum(losses * weights.reshape(-1).astype(losses.dtype)), state


def _rows(words: np.ndarray, end: int, batch_size: int, window: int) -> tuple[np.ndarray, ...]:
    """Cuts the text at sentence ends into columns of about equal length, padded to a window."""
    ends = np.flatnonzero(words == end) + 1
    wanted = np.linspace(0, len(words), batch_size + 1)[1:]
    cuts = np.unique(ends[np.searchsorted(ends, wanted - 0.5)])
    parts = np.split(words, cuts[:-1])
    length = math.ceil(max(map(len, parts)) / window) * window
    inputs = np.full((length, len(parts)), end, np.int32)
    targets = np.full((length, len(parts)), end, np.int32)
    weights = np.zeros((length, len(parts)), np.float32)
    for column, part in enumerate(parts):
        inputs[1 : len(part), column] = part[:-1]
        targets[: len(part), column] = part
        weights[: len(part), column] = 1
    return inputs, targets, weights
