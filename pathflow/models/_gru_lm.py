"""The language model of gated recurrent units, every gate a node."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Int

from pathflow.models._gru import GRULayer
from pathflow.models._parameters import check_sizes, layer_widths, uniform
from pathflow.models._reference import AbstractReferenceModel, register_model
from pathflow.models._tokens import Tokens, check_tokens
from pathflow.tracing import tag

GRUState = tuple[Float[Array, "*batch hidden"], ...]


@register_model
class GRULanguageModel(AbstractReferenceModel):
    """Predicts the next word from the words before it, with gated recurrent units.

    Nodes per word: `x` (its embedding) and for every layer `l` the reset gate `r{l}`, the update
    gate `z{l}`, the candidate `n{l}` and the hidden state `h{l}`; the formula, and how many paths
    there are, is told in `GRU`. It is trained by `train`.

    Arguments:
        vocab_size: number of words.
        embed_dim: width of the word embeddings.
        hidden_dim: width of every layer.
        n_layers: number of layers.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer.

    Example:
        ```python
        model = GRULanguageModel(10_000, 200, 200, 2, rngs=nnx.Rngs(0))
        logits = model(jnp.array([17, 4, 250]))  # (10000,), the word after the third
        ```
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        hidden_dim: int,
        n_layers: int,
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        check_sizes(
            "GRULanguageModel",
            vocab_size=vocab_size,
            embed_dim=embed_dim,
            hidden_dim=hidden_dim,
            n_layers=n_layers,
        )
        self.vocab_size = vocab_size
        self.embed_dim = embed_dim
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.embedding = nnx.Param(uniform(rngs, (vocab_size, embed_dim), 100, dtype))
        widths = layer_widths(embed_dim, hidden_dim, n_layers)
        self.layers = nnx.List(
            [
                GRULayer(i, width, hidden_dim, dtype=dtype, rngs=rngs)
                for i, width in enumerate(widths)
            ]
        )
        self.output_kernel = nnx.Param(uniform(rngs, (vocab_size, hidden_dim), hidden_dim, dtype))
        self.output_bias = nnx.Param(jnp.zeros(vocab_size, dtype))

    def __call__(self, tokens: Tokens) -> Float[Array, " vocab"]:
        """Logits of the word after the last one.

        Arguments:
            tokens: word numbers of one sentence; `jax.vmap` makes a batch.

        Raises:
            ShapeError: `tokens` is no vector of at least one integer.
            UnknownWordError: a number is none of the model's words.
        """
        check_tokens(tokens, len(self.embedding[...]))
        last, _ = jax.lax.scan(
            lambda state, word: (self._step(word, state), None),
            self.initial_state(),
            jnp.asarray(tokens),
        )
        return self.output_rows @ last[-1] + self.output_bias[...]

    def features(
        self,
        tokens: Int[Array, "steps batch"],
        keep: Float[Array, "steps batch"],
        state: GRUState,
    ) -> tuple[Float[Array, "steps batch hidden"], GRUState]:
        """Top hidden states of a batch of sequences, time first; see `LanguageModel.features`."""

        def step(state: GRUState, inputs: tuple[Array, Array]) -> tuple[GRUState, Array]:
            words, kept = inputs
            state = tuple(hidden * kept[:, None] for hidden in state)
            state = jax.vmap(self._step)(words, state)
            return state, state[-1]

        after, hidden = jax.lax.scan(step, state, (tokens, keep))
        return hidden, after

    def initial_state(self, *batch: int) -> GRUState:
        """Zeros, with the leading axes `batch` (none for a single sentence)."""
        zeros = jnp.zeros((*batch, self.hidden_dim), self.output_bias[...].dtype)
        return (zeros,) * self.n_layers

    @property
    def output_rows(self) -> Float[Array, "vocab hidden"]:
        """The output weights, one row per word."""
        return self.output_kernel[...]

    def _step(self, word: Int[Array, ""], state: GRUState) -> GRUState:
        x = tag(self.embedding[...][word], "x")
        after = []
        for layer, hidden in zip(self.layers, state, strict=True):
            x = layer.step(x, hidden)
            after.append(x)
        return tuple(after)
