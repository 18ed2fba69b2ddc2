"""How many units of the candidate cells are saturated when a noun is read.

The primary path runs through the candidate cells, `g = tanh(z)`, of both layers. A unit with `|g|`
near 1 has a derivative near 0: what it does cannot depend on the noun's number, and the path
carries nothing.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.measure import Role
from pathflow.models import LSTMLanguageModel, Vocabulary

# The derivative of tanh is under 0.06 from here on.
_SATURATED = 0.97


def saturated_candidates(
    model: LSTMLanguageModel, vocabulary: Vocabulary, sentences: Sequence[Sentence]
) -> np.ndarray:
    """The fraction of units with `|g| > 0.97` at the subject, layer by layer.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: sentences of one task.

    Returns:
        One number per layer, the mean over the sentences.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    tokens = encode(sentences, vocabulary).tokens
    candidates = _candidates(model, tokens, Role.SUBJECT.noun(sentences[0]).position)
    return np.mean(np.abs(candidates) > _SATURATED, axis=(0, 2))


@nnx.jit(static_argnums=2)
def _candidates(model: LSTMLanguageModel, tokens: jax.Array, position: int) -> jax.Array:
    """The candidate cells of every sentence, layer and unit."""

    def of_one(words: jax.Array) -> jax.Array:
        _, state = model.logits(words[:position])
        x, found = model.embedding[...][words[position]], []
        for layer, before in zip(model.layers, state, strict=True):
            z = x @ layer.input_kernel[...] + before.hidden @ layer.recurrent_kernel[...]
            found.append(jnp.tanh((z + layer.bias[...])[-model.hidden_dim :]))
            x = layer.step(x, before).hidden
        return jnp.stack(found)

    return jax.vmap(of_one)(tokens)
