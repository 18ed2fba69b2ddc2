"""Transformers: one that reads from left to right, and one that reads both ways.

Both are called on one sequence; `jax.vmap` makes a batch. What their values are called is told in
`TransformerDecoder`; `pathflow.models.residual_writers` and the functions beside it choose among
them.
"""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Int

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models._activations import AbstractActivation, Gelu
from pathflow.models._parameters import check_size, check_sizes
from pathflow.models._reference import AbstractReferenceModel, register_model
from pathflow.models._tokens import Tokens
from pathflow.models._transformer_layers import Layer, LayerNorm, along, normal
from pathflow.models._transformer_options import (
    AbstractNorm,
    AbstractPositions,
    PreNorm,
    check_length,
)
from pathflow.tracing import tag


class Stream(nnx.Module):
    """The residual stream of a transformer, from the words to the last layer's norm.

    Arguments:
        sizes: the model, whose arguments it is made by.
    """

    def __init__(self, sizes: Any, *, dtype: DTypeLike, rngs: nnx.Rngs):
        width, norm = sizes.width, sizes.norm
        self.positions = sizes.positions
        std = 1 / math.sqrt(width)
        self.embedding = nnx.Param(normal(rngs, (sizes.vocab_size, width), std, dtype))
        if (length := sizes.positions.max_length) is not None:
            self.position_table = nnx.Param(normal(rngs, (length, width), std, dtype))
        self.layers = nnx.List(
            [Layer(i, sizes, dtype=dtype, rngs=rngs) for i in range(sizes.n_layers)]
        )
        self.normalised_last = norm.before
        self.outer_norm = LayerNorm(width, norm.epsilon, dtype)

    def __call__(self, tokens: Tokens, *, causal: bool) -> Float[Array, "steps width"]:
        """The stream after the last layer, normalised."""
        return self._end(*self._start(tokens, causal))

    def packed(self, tokens: Tokens, keep: Float[Array, " steps"]) -> Float[Array, "steps width"]:
        """The same for sequences one after the other, none of which sees those before it.

        Arguments:
            tokens: the words of all sequences.
            keep: 0 at the first word of each sequence.
        """
        check_length(tokens, self.positions, len(self.embedding[...]))
        places = jnp.arange(len(tokens))
        fresh = keep == 0
        which = jnp.cumsum(fresh.astype(places.dtype))
        first = jax.lax.cummax(jnp.where(fresh, places, jnp.zeros_like(places)))
        seen = (which[:, None] == which[None]) & (places[:, None] >= places[None])
        return self._end(self._embedded(tokens, places - first), seen)

    def patterns(self, tokens: Tokens, *, causal: bool) -> Float[Array, "layers heads steps steps"]:
        """The attention patterns of all heads."""
        x, seen = self._start(tokens, causal)
        found = []
        for layer in self.layers:
            read = layer.attention_input(x)
            found.append(layer.attention.pattern(read, self.positions, seen))
            x = layer(x, self.positions, seen)
        return jnp.stack(found)

    def _start(self, tokens: Tokens, causal: bool) -> tuple[Array, Array | None]:
        """What the first layer reads, and which positions see which."""
        check_length(tokens, self.positions, len(self.embedding[...]))
        steps = len(tokens)
        seen = jnp.asarray(np.tril(np.ones((steps, steps), bool))) if causal else None
        return self._embedded(tokens, slice(steps)), seen

    def _embedded(self, tokens: Tokens, places: Array | slice) -> Float[Array, "steps width"]:
        """What the first layer reads; `places` are the words' positions."""
        x = tag(self.embedding[...][jnp.asarray(tokens)], "tok")
        if self.positions.max_length is not None:
            x = x + tag(self.position_table[...][places], "pos")
        if not self.normalised_last:
            x = self.outer_norm(x)
        return tag(x, "embed")

    def _end(
        self, x: Float[Array, "steps width"], seen: Array | None
    ) -> Float[Array, "steps width"]:
        """What the layers make of it, normalised."""
        for layer in self.layers:
            x = layer(x, self.positions, seen)
        return self.outer_norm(x) if self.normalised_last else x


class _Transformer(AbstractReferenceModel):
    """A residual stream; a subclass adds what reads it."""

    causal: ClassVar[bool]
    """Whether a position sees none after it."""

    def _build(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        positions: AbstractPositions,
        norm: AbstractNorm,
        activation: AbstractActivation,
        *,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ) -> None:
        """Keeps the arguments and makes the stream.

        Raises:
            ArgumentError: they make no transformer.
        """
        self.vocab_size, self.width, self.n_heads = vocab_size, width, n_heads
        self.n_layers, self.hidden_dim = n_layers, hidden_dim
        self.positions, self.norm, self.activation = positions, norm, activation
        _check(self)
        self.stream = Stream(self, dtype=dtype, rngs=rngs)

    def patterns(self, tokens: Tokens) -> Float[Array, "layers heads steps steps"]:
        """How much every head looks from each position (rows) at each other one (columns)."""
        return self.stream.patterns(tokens, causal=self.causal)


@register_model
class TransformerDecoder(_Transformer):
    """Predicts the next word from the words before it, by attention to them.

    Nodes, each an array of `steps` rows unless another shape is given:

    | name | what it is |
    | --- | --- |
    | `tok`, `pos` | the words' vectors, and those of their positions (`LearnedPositions`) |
    | `embed` | what the first layer reads: their sum |
    | `l3.q5`, `l3.k5`, `l3.v5` | queries, keys and values of head 5 in layer 3 |
    | `l3.a5` | its pattern, `(steps, steps)`: from each position (row) to each (column) |
    | `l3.h5` | what it writes to the residual stream |
    | `l3.attn` | what the heads of layer 3 write together |
    | `l3.mid` | the residual stream after that |
    | `l3.neurons` | the hidden layer of the perceptron, after its nonlinearity |
    | `l3.mlp` | what the perceptron writes |
    | `l3.out` | the residual stream after layer 3 |
    | `logits` | the output |

    All of them are nodes unless `nodes=` chooses: `pathflow.models.residual_writers()`,
    `residual_sums()`, `attention_parts()`, `mlp_neurons()`, and sums of them by `|`. Positions,
    neurons and channels become nodes of their own by `split=`, as in
    `split={"l*.h*": pf.Axis(0)}`.

    Arguments:
        vocab_size: number of words.
        width: of the residual stream.
        n_heads: heads of every layer; `width` is a multiple of it.
        n_layers: number of layers.
        hidden_dim: width of the perceptrons' hidden layers; 0 for layers of attention alone.
        positions: `LearnedPositions(length)` or `Rotary()`.
        norm: `PreNorm()` or `PostNorm()`.
        activation: the nonlinearity of the perceptrons; `Gelu(approximate=True)` is GPT-2's.
        tied: whether the output weights are the embeddings (Press and Wolf 2017).
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer, `width` is no multiple of `n_heads`, or an
            option is none.

    Example:
        ```python
        model = TransformerDecoder(
            10_000, 128, 4, 2, 512, LearnedPositions(64), tied=True, rngs=nnx.Rngs(0)
        )
        logits = model(jnp.array([17, 4, 250]))  # (10000,), the word after the third
        graph = pf.trace(model, tokens, nodes=residual_writers(), qoi=pf.LogitDifference(3, 5))
        ```

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).

    Sharp edge: a position looks at none after it because its weight there is zero, not because
    there is no edge. Split into positions, the graph has edges backwards in time, which carry
    exactly zero.
    """

    causal = True

    def __init__(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        positions: AbstractPositions,
        norm: AbstractNorm = PreNorm(),  # noqa: B008  (immutable)
        activation: AbstractActivation = Gelu(approximate=True),  # noqa: B008
        *,
        tied: bool = True,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.tied = tied
        self._build(
            vocab_size,
            width,
            n_heads,
            n_layers,
            hidden_dim,
            positions,
            norm,
            activation,
            dtype=dtype,
            rngs=rngs,
        )
        if not tied:
            self.unembedding = nnx.Param(
                normal(rngs, (vocab_size, width), 1 / math.sqrt(width), dtype)
            )

    def __call__(self, tokens: Tokens) -> Float[Array, " vocab"]:
        """Logits of the word after the last one.

        Arguments:
            tokens: word numbers of one sequence; `jax.vmap` makes a batch.

        Raises:
            ShapeError: `tokens` is no vector of at least one integer, or is longer than the
                learned positions.
        """
        return tag(self.stream(tokens, causal=self.causal)[-1] @ self.output_rows.T, "logits")

    def logits(self, tokens: Tokens) -> Float[Array, "steps vocab"]:
        """Logits after every word; arguments and errors are those of `__call__`."""
        return tag(self.stream(tokens, causal=self.causal) @ self.output_rows.T, "logits")

    def features(
        self,
        tokens: Int[Array, "steps batch"],
        keep: Float[Array, "steps batch"],
        state: tuple[()] = (),
    ) -> tuple[Float[Array, "steps batch width"], tuple[()]]:
        """The normalised stream of a batch of rows, time first; see `LanguageModel.features`.

        A row may hold several sequences one after the other: no word sees the words of another
        sequence, and positions count from a sequence's first word. Nothing is carried over to the
        next call, so that a sequence which is cut is read from the cut on.
        """
        read = jax.vmap(self.stream.packed, in_axes=1, out_axes=1)
        return read(jnp.asarray(tokens), jnp.asarray(keep)), state

    def initial_state(self, *batch: int) -> tuple[()]:  # noqa: ARG002
        """Nothing is carried from one batch to the next."""
        return ()

    @property
    def output_rows(self) -> Float[Array, "vocab width"]:
        """The output weights, one row per word."""
        return self.stream.embedding[...] if self.tied else self.unembedding[...]

    @property
    def output_bias(self) -> Float[Array, " vocab"]:
        """Zeros: no word has a score of its own."""
        rows = self.output_rows
        return jnp.zeros(len(rows), rows.dtype)


@register_model
class TransformerEncoder(_Transformer):
    """Reads a sequence both ways, and says something about every position of it.

    Its nodes are those of `TransformerDecoder`, of which it is the twin without the mask.

    Arguments:
        vocab_size: number of words.
        width: of the residual stream.
        n_heads: heads of every layer; `width` is a multiple of it.
        n_layers: number of layers.
        hidden_dim: width of the perceptrons' hidden layers; 0 for layers of attention alone.
        n_outputs: number of classes.
        positions: `LearnedPositions(length)` or `Rotary()`.
        norm: `PreNorm()` or `PostNorm()`.
        activation: the nonlinearity of the perceptrons; `Gelu(approximate=True)` is GPT-2's.
        read_at: the position that `__call__` reads, counted from the end where it is negative.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer, `width` is no multiple of `n_heads`, or an
            option is none.

    Example:
        ```python
        model = TransformerEncoder(
            100, 32, 2, 2, 64, n_outputs=2, positions=LearnedPositions(10), rngs=nnx.Rngs(0)
        )
        logits = model(jnp.array([0, 17, 4, 25]))  # (2,), read at the first position
        ```

    Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding" (2018).
    """

    causal = False

    def __init__(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        n_outputs: int,
        positions: AbstractPositions,
        norm: AbstractNorm = PreNorm(),  # noqa: B008  (immutable)
        activation: AbstractActivation = Gelu(approximate=True),  # noqa: B008
        *,
        read_at: int = 0,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        check_sizes("TransformerEncoder", n_outputs=n_outputs)
        self.n_outputs, self.read_at = n_outputs, read_at
        self._build(
            vocab_size,
            width,
            n_heads,
            n_layers,
            hidden_dim,
            positions,
            norm,
            activation,
            dtype=dtype,
            rngs=rngs,
        )
        self.output = nnx.Param(normal(rngs, (width, n_outputs), 1 / math.sqrt(width), dtype))
        self.output_bias = nnx.Param(jnp.zeros(n_outputs, dtype))

    def __call__(self, tokens: Tokens) -> Float[Array, " outputs"]:
        """Logits at the position `read_at`.

        Arguments:
            tokens: word numbers of one sequence; `jax.vmap` makes a batch.

        Raises:
            ShapeError: `tokens` is no vector of at least one integer, is longer than the learned
                positions, or has no position `read_at`.
        """
        stream = self.stream(tokens, causal=self.causal)
        if not -len(stream) <= self.read_at < len(stream):
            raise ShapeError(
                f"tokens has {len(stream)} words, and the model reads at {self.read_at}; give a "
                "longer sequence."
            )
        return tag(self._project(stream[self.read_at]), "logits")

    def logits(self, tokens: Tokens) -> Float[Array, "steps outputs"]:
        """Logits at every position; arguments and errors are those of `__call__`."""
        return tag(self._project(self.stream(tokens, causal=self.causal)), "logits")

    def _project(self, x: Float[Array, "*steps width"]) -> Float[Array, "*steps outputs"]:
        projected = x @ self.output[...]
        return projected + along(self.output_bias[...], projected)


def _check(model: Any) -> None:
    """Refuses arguments that make no transformer.

    Raises:
        ArgumentError: they do not.
    """
    owner = type(model).__name__
    sizes = ("vocab_size", "width", "n_heads", "n_layers")
    check_sizes(owner, **{name: getattr(model, name) for name in sizes})
    if model.hidden_dim != 0:
        check_size(f"{owner}(hidden_dim=...) other than 0", model.hidden_dim)
    if model.width % model.n_heads:
        raise ArgumentError(
            f"{owner}(width={model.width}, n_heads={model.n_heads}): every head has an equal part "
            "of the width; choose a width that is a multiple of the number of heads."
        )
    options = {
        "positions": (AbstractPositions, "LearnedPositions(length) or Rotary()"),
        "norm": (AbstractNorm, "PreNorm() or PostNorm()"),
        "activation": (AbstractActivation, "Gelu(), Relu() or Tanh()"),
    }
    for name, (abstract, shown) in options.items():
        if not isinstance(value := getattr(model, name), abstract):
            raise ArgumentError(f"{owner}({name}={value!r}) is none; give {shown}.")
    model.positions.check(model.width // model.n_heads)
