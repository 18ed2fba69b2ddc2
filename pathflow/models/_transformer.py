"""Transformers: one that reads from left to right, and one that reads both ways.

Both are called on one sequence; `jax.vmap` makes a batch. What their values are called is told in
`TransformerDecoder`; `pathflow.models.residual_writers` and the functions beside it choose among
them.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float, Int

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models._transformer_layers import Layer, LayerNorm, along, normal
from pathflow.models._transformer_options import (
    NORMS,
    POSITIONS,
    AbstractNorm,
    AbstractPositions,
    PreNorm,
    as_option,
    check_size,
    check_tokens,
    option_to_json,
)
from pathflow.tracing import tag

Tokens = Int[Array | np.ndarray, " steps"]


class Stream(nnx.Module):
    """The residual stream of a transformer, from the words to the last layer's norm."""

    def __init__(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        positions: AbstractPositions,
        norm: AbstractNorm,
        *,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        self.positions, self.norm = positions, norm
        std = 1 / math.sqrt(width)
        self.embedding = nnx.Param(normal(rngs, (vocab_size, width), std, dtype))
        if positions.max_length is not None:
            self.position_table = nnx.Param(normal(rngs, (positions.max_length, width), std, dtype))
        self.layers = nnx.List(
            [
                Layer(i, width, n_heads, hidden_dim, n_layers, norm, dtype=dtype, rngs=rngs)
                for i in range(n_layers)
            ]
        )
        self.first_norm = None if norm.before else LayerNorm(width, norm.epsilon, dtype)
        self.last_norm = LayerNorm(width, norm.epsilon, dtype) if norm.before else None

    def __call__(self, tokens: Tokens, *, causal: bool) -> Float[Array, "steps width"]:
        """The stream after the last layer, normalised."""
        check_tokens(tokens, self.positions)
        steps = len(tokens)
        x = tag(self.embedding[...][jnp.asarray(tokens)], "tok")
        if self.positions.max_length is not None:
            x = x + tag(self.position_table[...][:steps], "pos")
        if self.first_norm is not None:
            x = self.first_norm(x)
        x = tag(x, "embed")
        seen = jnp.asarray(np.tril(np.ones((steps, steps), bool))) if causal else None
        for layer in self.layers:
            x = layer(x, self.positions, seen)
        return x if self.last_norm is None else self.last_norm(x)


class TransformerDecoder(nnx.Module):
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

    def __init__(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        positions: AbstractPositions | Mapping[str, Any],
        norm: AbstractNorm | Mapping[str, Any] = PreNorm(),  # noqa: B008  (immutable)
        *,
        tied: bool = True,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self._sizes = _checked_sizes(
            type(self).__name__, vocab_size, width, n_heads, n_layers, hidden_dim
        )
        where, norm = _checked_options(positions, norm, width // n_heads)
        self.tied = tied
        self.stream = Stream(
            vocab_size, width, n_heads, n_layers, hidden_dim, where, norm, dtype=dtype, rngs=rngs
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
        return tag(self.stream(tokens, causal=True)[-1] @ self.output_rows.T, "logits")

    def logits(self, tokens: Tokens) -> Float[Array, "steps vocab"]:
        """Logits after every word; arguments and errors are those of `__call__`."""
        return tag(self.stream(tokens, causal=True) @ self.output_rows.T, "logits")

    @property
    def output_rows(self) -> Float[Array, "vocab width"]:
        """The output weights, one row per word."""
        return self.stream.embedding[...] if self.tied else self.unembedding[...]

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments but `dtype` and `rngs`, as JSON has them."""
        return {**_config(self._sizes, self.stream), "tied": self.tied}


class TransformerEncoder(nnx.Module):
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

    def __init__(
        self,
        vocab_size: int,
        width: int,
        n_heads: int,
        n_layers: int,
        hidden_dim: int,
        n_outputs: int,
        positions: AbstractPositions | Mapping[str, Any],
        norm: AbstractNorm | Mapping[str, Any] = PreNorm(),  # noqa: B008  (immutable)
        *,
        read_at: int = 0,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        owner = type(self).__name__
        self._sizes = _checked_sizes(owner, vocab_size, width, n_heads, n_layers, hidden_dim)
        check_size(owner, "n_outputs", n_outputs)
        where, norm = _checked_options(positions, norm, width // n_heads)
        self.n_outputs, self.read_at = n_outputs, read_at
        self.stream = Stream(
            vocab_size, width, n_heads, n_layers, hidden_dim, where, norm, dtype=dtype, rngs=rngs
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
        stream = self.stream(tokens, causal=False)
        if not -len(stream) <= self.read_at < len(stream):
            raise ShapeError(
                f"tokens has {len(stream)} words, and the model reads at {self.read_at}; give a "
                "longer sequence."
            )
        return tag(self._project(stream[self.read_at]), "logits")

    def logits(self, tokens: Tokens) -> Float[Array, "steps outputs"]:
        """Logits at every position; arguments and errors are those of `__call__`."""
        return tag(self._project(self.stream(tokens, causal=False)), "logits")

    def _project(self, x: Float[Array, "*steps width"]) -> Float[Array, "*steps outputs"]:
        projected = x @ self.output[...]
        return projected + along(self.output_bias[...], projected)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments but `dtype` and `rngs`, as JSON has them."""
        own = {"n_outputs": self.n_outputs, "read_at": self.read_at}
        return {**_config(self._sizes, self.stream), **own}


def _config(sizes: Mapping[str, int], stream: Stream) -> dict[str, Any]:
    options = {"positions": stream.positions, "norm": stream.norm}
    return {**sizes, **{name: option_to_json(option) for name, option in options.items()}}


def _checked_sizes(
    owner: str, vocab_size: int, width: int, n_heads: int, n_layers: int, hidden_dim: int
) -> dict[str, int]:
    sizes = {"vocab_size": vocab_size, "width": width, "n_heads": n_heads, "n_layers": n_layers}
    for name, size in sizes.items():
        check_size(owner, name, size)
    check_size(owner, "hidden_dim", hidden_dim, least=0)
    if width % n_heads:
        raise ArgumentError(
            f"{owner}(width={width}, n_heads={n_heads}): every head has an equal part of the "
            "width; choose a width that is a multiple of the number of heads."
        )
    return {**sizes, "hidden_dim": hidden_dim}


def _checked_options(
    positions: Any, norm: Any, head_dim: int
) -> tuple[AbstractPositions, AbstractNorm]:
    where = as_option(positions, "positions", AbstractPositions, POSITIONS)
    where.check(head_dim)
    return where, as_option(norm, "norm", AbstractNorm, NORMS)
