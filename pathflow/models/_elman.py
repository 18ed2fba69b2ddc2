"""The simple recurrent network of Elman (1990), every hidden state a node."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow.models._activations import AbstractActivation, Tanh
from pathflow.models._parameters import uniform
from pathflow.models._reference import register_model
from pathflow.models._sequence import RecurrentModel
from pathflow.tracing import tag


class ElmanLayer(nnx.Module):
    """One layer."""

    def __init__(
        self,
        index: int,
        in_size: int,
        hidden_size: int,
        activation: AbstractActivation,
        *,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        self.index = index
        self.hidden_size = hidden_size
        self.activation = activation
        self.input_kernel = nnx.Param(uniform(rngs, (in_size, hidden_size), hidden_size, dtype))
        self.recurrent_kernel = nnx.Param(
            uniform(rngs, (hidden_size, hidden_size), hidden_size, dtype)
        )
        self.bias = nnx.Param(jnp.zeros(hidden_size, dtype))

    def step(
        self, x: Float[Array, " in"], hidden: Float[Array, " hidden"]
    ) -> Float[Array, " hidden"]:
        """The next hidden state."""
        preactivation = (
            x @ self.input_kernel[...] + hidden @ self.recurrent_kernel[...] + self.bias[...]
        )
        return tag(self.activation(preactivation), f"h{self.index}")


@register_model
class ElmanRNN(RecurrentModel):
    """Reads a sequence, and maps the last hidden state to outputs (Elman 1990).

    Formula, layer by layer, `x_t` being the input or the hidden state of the layer below:

        h_t = activation(x_t W + h_{t-1} U + b)

    Nodes per step: `x` (the input) and for every layer `l`, counted from 0, `h{l}`. From the input
    `n` steps before the last one, a path goes up `n_layers - 1` times and on in time `n` times, in
    any order: there are `binomial(n + n_layers - 1, n)`, and a single one in one layer.

    Arguments:
        in_size: length of an input.
        hidden_size: width of every layer.
        out_size: number of outputs.
        n_layers: number of layers.
        activation: of the hidden states.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer.

    Example:
        ```python
        model = ElmanRNN(3, 16, 2, rngs=nnx.Rngs(0))
        logits = model(jnp.ones((5, 3)))  # (2,)
        ```
    """

    def __init__(
        self,
        in_size: int,
        hidden_size: int,
        out_size: int,
        n_layers: int = 1,
        activation: AbstractActivation = Tanh(),  # noqa: B008  (immutable)
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.activation = activation
        self._build(
            in_size,
            hidden_size,
            out_size,
            n_layers,
            lambda i, width: ElmanLayer(i, width, hidden_size, activation, dtype=dtype, rngs=rngs),
            dtype=dtype,
            rngs=rngs,
        )
