"""The LSTM language model, every gate a node.

One step of the model is written out with tags; `__call__` and `logits` scan it over the words of
one sentence, so that labels read `x@2`, `g0@2`, `c1@5`. `features` is the same network without
tags, layer by layer over a batch: the form that training uses.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Int

from pathflow._errors import ArgumentError
from pathflow.models._parameters import check_sizes, layer_widths, uniform
from pathflow.models._recurrence import LayerState, recurrence, split_gates
from pathflow.models._reference import AbstractReferenceModel, register_model
from pathflow.models._tokens import Tokens, check_tokens
from pathflow.tracing import tag

LSTMState = tuple[LayerState, ...]


class LSTMLayer(nnx.Module):
    """One layer; the kernels of its four gates are fused in the order f, i, o, g."""

    def __init__(
        self, index: int, input_dim: int, hidden_dim: int, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.index = index
        self.hidden_dim = hidden_dim
        self.input_kernel = nnx.Param(uniform(rngs, (input_dim, 4 * hidden_dim), hidden_dim, dtype))
        self.recurrent_kernel = nnx.Param(
            uniform(rngs, (hidden_dim, 4 * hidden_dim), hidden_dim, dtype)
        )
        # A forget gate that starts open lets the gradient reach distant words from the first
        # update on (Jozefowicz et al. 2015, section 2.2).
        self.bias = nnx.Param(jnp.zeros(4 * hidden_dim, dtype).at[:hidden_dim].set(1))

    def step(self, x: Float[Array, " input"], state: LayerState) -> LayerState:
        """One word: the tagged form of the layer."""
        layer = self.index
        preactivation = (
            x @ self.input_kernel[...] + state.hidden @ self.recurrent_kernel[...] + self.bias[...]
        )
        f, i, o, g = split_gates(preactivation)
        f, i, o, g = (
            tag(gate, f"{name}{layer}") for name, gate in zip("fiog", (f, i, o, g), strict=True)
        )
        cell = tag(f * state.cell + i * g, f"c{layer}")
        return LayerState(tag(o * jnp.tanh(cell), f"h{layer}"), cell)

    def over(
        self,
        inputs: Float[Array, "steps batch input"],
        keep: Float[Array, "steps batch"],
        state: LayerState,
    ) -> tuple[Float[Array, "steps batch hidden"], LayerState]:
        """All words of a batch of sequences: the untagged form for training."""
        projected = inputs @ self.input_kernel[...] + self.bias[...][None, None]
        return recurrence(projected, self.recurrent_kernel[...], keep, state)


@register_model
class LSTMLanguageModel(AbstractReferenceModel):
    """Predicts the next word from the words before it.

    Nodes per word: `x` (its embedding) and for every layer `l` the gates `f{l}`, `i{l}`, `o{l}`,
    the candidate `g{l}`, the cell `c{l}` and the hidden state `h{l}`.

    Arguments:
        vocab_size: number of words.
        embed_dim: width of the word embeddings.
        hidden_dim: width of every layer.
        n_layers: number of layers.
        tied: whether the output weights are the embeddings (Press and Wolf 2017); needs
            `embed_dim == hidden_dim`.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer, or `tied` with two different widths.

    Example:
        ```python
        model = LSTMLanguageModel(10_000, 200, 200, 2, tied=True, rngs=nnx.Rngs(0))
        logits = model(jnp.array([17, 4, 250]))  # (10000,), the word after the third
        ```
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        hidden_dim: int,
        n_layers: int,
        tied: bool,
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        _check_sizes(vocab_size, embed_dim, hidden_dim, n_layers, tied)
        self.vocab_size = vocab_size
        self.embed_dim = embed_dim
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.tied = tied
        self.embedding = nnx.Param(uniform(rngs, (vocab_size, embed_dim), 100, dtype))
        widths = layer_widths(embed_dim, hidden_dim, n_layers)
        self.layers = nnx.List(
            [
                LSTMLayer(i, width, hidden_dim, dtype=dtype, rngs=rngs)
                for i, width in enumerate(widths)
            ]
        )
        if not tied:
            self.output_kernel = nnx.Param(
                uniform(rngs, (vocab_size, hidden_dim), hidden_dim, dtype)
            )
        self.output_bias = nnx.Param(jnp.zeros(vocab_size, dtype))

    def __call__(self, tokens: Tokens, state: LSTMState | None = None) -> Float[Array, " vocab"]:
        """Logits of the word after the last one.

        Arguments:
            tokens: word numbers of one sentence; `jax.vmap` makes a batch.
            state: the state before the first word; zeros where it is None.

        Raises:
            ShapeError: `tokens` is no vector of at least one integer.
            UnknownWordError: a number is none of the model's words.
        """
        check_tokens(tokens, len(self.embedding[...]))
        state, _ = jax.lax.scan(
            lambda s, word: (self._step(word, s), None), *self._at(tokens, state)
        )
        return self._project(state[-1].hidden)

    def logits(
        self, tokens: Tokens, state: LSTMState | None = None
    ) -> tuple[Float[Array, "steps vocab"], LSTMState]:
        """Logits after every word, and the state after the last one, to go on from.

        Arguments and errors are those of `__call__`.
        """
        check_tokens(tokens, len(self.embedding[...]))

        def step(state: LSTMState, word: Array) -> tuple[LSTMState, Array]:
            state = self._step(word, state)
            return state, state[-1].hidden

        state, hidden = jax.lax.scan(step, *self._at(tokens, state))
        return self._project(hidden), state

    def features(
        self,
        tokens: Int[Array, "steps batch"],
        keep: Float[Array, "steps batch"],
        state: LSTMState,
    ) -> tuple[Float[Array, "steps batch hidden"], LSTMState]:
        """Top hidden states of a batch of sequences, time first, without tags.

        Arguments:
            tokens: word numbers.
            keep: 0 where the state starts anew before the word, 1 elsewhere.
            state: the state before the first words, from `initial_state(batch)`.

        Returns:
            The hidden states of the last layer, and the state after the last words.
        """
        x = self.embedding[...][tokens]
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, last = layer.over(x, keep, before)
            after.append(last)
        return x, tuple(after)

    def initial_state(self, *batch: int) -> LSTMState:
        """Zeros, with the leading axes `batch` (none for a single sentence)."""
        zeros = jnp.zeros((*batch, self.hidden_dim), self.output_bias[...].dtype)
        return tuple(LayerState(zeros, zeros) for _ in range(self.n_layers))

    @property
    def output_rows(self) -> Float[Array, "vocab hidden"]:
        """The output weights, one row per word."""
        return self.embedding[...] if self.tied else self.output_kernel[...]

    def _at(self, tokens: Tokens, state: LSTMState | None) -> tuple[LSTMState, Array]:
        return self.initial_state() if state is None else state, jnp.asarray(tokens)

    def _step(self, word: Int[Array, ""], state: LSTMState) -> LSTMState:
        x = tag(self.embedding[...][word], "x")
        after = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            after.append(layer.step(x, layer_state))
            x = after[-1].hidden
        return tuple(after)

    def _project(self, hidden: Float[Array, "*steps hidden"]) -> Float[Array, "*steps vocab"]:
        logits = hidden @ self.output_rows.T
        return logits + jnp.broadcast_to(self.output_bias[...], logits.shape)


def _check_sizes(
    vocab_size: int, embed_dim: int, hidden_dim: int, n_layers: int, tied: bool
) -> None:
    check_sizes(
        "LSTMLanguageModel",
        vocab_size=vocab_size,
        embed_dim=embed_dim,
        hidden_dim=hidden_dim,
        n_layers=n_layers,
    )
    if tied and embed_dim != hidden_dim:
        raise ArgumentError(
            f"LSTMLanguageModel(tied=True) uses the embeddings as output weights, so embed_dim "
            f"({embed_dim}) must equal hidden_dim ({hidden_dim}); make them equal or pass "
            "tied=False."
        )
