"""Models that have learnt nothing, to compare with."""

from flax import nnx

from pathflow.models import LSTMLanguageModel


def untrained(model: LSTMLanguageModel, seed: int) -> LSTMLanguageModel:
    """A model of the same sizes with its initial parameters."""
    return LSTMLanguageModel(
        model.vocab_size,
        model.embed_dim,
        model.hidden_dim,
        model.n_layers,
        model.tied,
        rngs=nnx.Rngs(seed),
    )
