"""The layers of a transformer, with a tag on every value that is worth naming.

Heads are computed together, and every head's value is tagged by itself: tracing follows a tag
through products and stacks back to what that one head read.
"""

import math
import operator
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, DTypeLike, Float

from pathflow.models._transformer_options import AbstractPositions
from pathflow.tracing import tag


class LayerNorm(nnx.Module):
    """`scale * (x - mean) / sqrt(variance + epsilon) + shift`, over the last axis.

    Source: J. Ba, J. Kiros, G. Hinton, "Layer Normalization" (2016).
    """

    def __init__(self, width: int, epsilon: float, dtype: DTypeLike):
        self.epsilon = epsilon
        self.scale = nnx.Param(jnp.ones(width, dtype))
        self.shift = nnx.Param(jnp.zeros(width, dtype))

    def __call__(self, x: Float[Array, "*steps width"]) -> Float[Array, "*steps width"]:
        centred = x - jnp.mean(x, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
        unit = centred * jax.lax.rsqrt(variance + self.epsilon)
        return unit * along(self.scale[...], x) + along(self.shift[...], x)


class Attention(nnx.Module):
    """Attention of several heads, each with kernels of its own.

    Nodes of head `h` in layer `l`: `l{l}.q{h}`, `l{l}.k{h}`, `l{l}.v{h}` (queries, keys, values),
    `l{l}.a{h}` (the pattern) and `l{l}.h{h}` (what the head writes).

    Source: A. Vaswani et al., "Attention Is All You Need" (2017), section 3.2.
    """

    def __init__(
        self, name: str, width: int, n_heads: int, scale: float, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.name = name
        head = width // n_heads
        shape = (n_heads, width, head)
        self.query, self.key, self.value = (
            nnx.Param(normal(rngs, shape, 1 / math.sqrt(width), dtype)) for _ in range(3)
        )
        self.query_bias, self.key_bias, self.value_bias = (
            nnx.Param(jnp.zeros((n_heads, head), dtype)) for _ in range(3)
        )
        self.output = nnx.Param(
            normal(rngs, (n_heads, head, width), scale / math.sqrt(width), dtype)
        )
        self.output_bias = nnx.Param(jnp.zeros(width, dtype))

    def __call__(
        self,
        x: Float[Array, "steps width"],
        positions: AbstractPositions,
        seen: Bool[Array, "steps steps"] | None,
    ) -> Float[Array, "steps width"]:
        """What all heads write, and the bias, which is no head's.

        Arguments:
            x: what the layer reads.
            positions: turns queries and keys.
            seen: which positions (columns) each one (rows) looks at; all where it is None.
        """
        pattern = self.pattern(x, positions, seen)
        v = self._each(_project(x, self.value[...], self.value_bias[...]), "v")
        mixed = jnp.einsum("hts,hsn->htn", pattern, v)
        written = self._tagged(jnp.einsum("htn,hnd->htd", mixed, self.output[...]), "h")
        return reduce(operator.add, written) + along(self.output_bias[...], x)

    def pattern(
        self,
        x: Float[Array, "steps width"],
        positions: AbstractPositions,
        seen: Bool[Array, "steps steps"] | None,
    ) -> Float[Array, "heads steps steps"]:
        """How much each position (rows) looks at each other one (columns); rows add up to 1."""
        q = self._each(_project(x, self.query[...], self.query_bias[...]), "q")
        k = self._each(_project(x, self.key[...], self.key_bias[...]), "k")
        scores = jnp.einsum("htn,hsn->hts", positions.turn(q), positions.turn(k))
        scores = scores / math.sqrt(q.shape[-1])
        if seen is not None:
            scores = jnp.where(jnp.broadcast_to(seen[None], scores.shape), scores, -jnp.inf)
        return self._each(_softmax(scores), "a")

    def _tagged(self, values: Float[Array, "heads ..."], kind: str) -> list[Array]:
        """The value of each head, tagged."""
        heads = enumerate(jnp.unstack(values))
        return [tag(value, f"{self.name}.{kind}{h}") for h, value in heads]

    def _each(self, values: Float[Array, "heads ..."], kind: str) -> Float[Array, "heads ..."]:
        """The values of all heads, each of them tagged."""
        return jnp.stack(self._tagged(values, kind))


class Perceptron(nnx.Module):
    """`output(activation(input(x)))`.

    Node in layer `l`: `l{l}.neurons`, `(steps, hidden)`, after the activation.
    """

    def __init__(self, name: str, sizes: Any, scale: float, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.name, self.activation = name, sizes.activation
        width, hidden = sizes.width, sizes.hidden_dim
        self.input = nnx.Param(normal(rngs, (width, hidden), 1 / math.sqrt(width), dtype))
        self.input_bias = nnx.Param(jnp.zeros(hidden, dtype))
        self.output = nnx.Param(normal(rngs, (hidden, width), scale / math.sqrt(hidden), dtype))
        self.output_bias = nnx.Param(jnp.zeros(width, dtype))

    def __call__(self, x: Float[Array, "steps width"]) -> Float[Array, "steps width"]:
        before = x @ self.input[...]
        before = before + along(self.input_bias[...], before)
        neurons = tag(self.activation(before), f"{self.name}.neurons")
        return neurons @ self.output[...] + along(self.output_bias[...], x)


class Layer(nnx.Module):
    """Attention, and a perceptron where `hidden_dim` is not 0, each added to the residual stream.

    Nodes of layer `l`, besides those inside: `l{l}.attn` and `l{l}.mlp` (what is written) and
    `l{l}.mid` and `l{l}.out` (the residual stream after each of them).
    """

    def __init__(self, index: int, sizes: Any, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.name, self.norm, self.hidden_dim = f"l{index}", sizes.norm, sizes.hidden_dim
        width, epsilon = sizes.width, sizes.norm.epsilon
        # What all layers write adds up to the size of one (Radford et al. 2019, section 2.3).
        scale = 1 / math.sqrt(sizes.n_layers * (2 if sizes.hidden_dim else 1))
        self.attention = Attention(self.name, width, sizes.n_heads, scale, dtype=dtype, rngs=rngs)
        self.attention_norm = LayerNorm(width, epsilon, dtype)
        if sizes.hidden_dim:
            self.perceptron = Perceptron(self.name, sizes, scale, dtype=dtype, rngs=rngs)
            self.perceptron_norm = LayerNorm(width, epsilon, dtype)

    def attention_input(self, x: Float[Array, "steps width"]) -> Float[Array, "steps width"]:
        """What the heads read of the residual stream."""
        return self.attention_norm(x) if self.norm.before else x

    def __call__(
        self,
        x: Float[Array, "steps width"],
        positions: AbstractPositions,
        seen: Bool[Array, "steps steps"] | None,
    ) -> Float[Array, "steps width"]:
        """The residual stream after the layer."""
        written = self.attention(self.attention_input(x), positions, seen)
        x = x + tag(written, f"{self.name}.attn")
        if not self.norm.before:
            x = self.attention_norm(x)
        x = tag(x, f"{self.name}.mid")
        if not self.hidden_dim:
            return x
        read = self.perceptron_norm(x) if self.norm.before else x
        x = x + tag(self.perceptron(read), f"{self.name}.mlp")
        if not self.norm.before:
            x = self.perceptron_norm(x)
        return tag(x, f"{self.name}.out")


def normal(rngs: nnx.Rngs, shape: tuple[int, ...], std: float, dtype: DTypeLike) -> Array:
    """Initial parameters."""
    return std * jax.random.normal(rngs.params(), shape, dtype)


def along(vector: Float[Array, " width"], x: Float[Array, "*steps width"]) -> Array:
    """A vector, repeated in the shape of `x`."""
    return jnp.broadcast_to(vector, x.shape)


def _project(x: Array, kernel: Array, bias: Array) -> Array:
    """`(heads, steps, head)` from `(steps, width)`."""
    projected = jnp.einsum("td,hdn->htn", x, kernel)
    return projected + jnp.broadcast_to(bias[:, None], projected.shape)


def _softmax(scores: Array) -> Array:
    # `jax.nn.softmax` has a derivative rule of its own, and a call with one is not taken apart: a
    # head would read all heads.
    top = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    powers = jnp.exp(scores - top)
    return powers / jnp.sum(powers, axis=-1, keepdims=True)
