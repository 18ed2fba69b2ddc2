"""The gated recurrent unit, gates and candidate as nodes."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow.models._parameters import uniform
from pathflow.models._reference import register_model
from pathflow.models._sequence import RecurrentModel
from pathflow.tracing import tag


class GRULayer(nnx.Module):
    """One layer; the kernels of gates and candidate are fused in the order r, z, n."""

    def __init__(
        self, index: int, in_size: int, hidden_size: int, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        self.index = index
        self.hidden_size = hidden_size
        self.input_kernel = nnx.Param(uniform(rngs, (in_size, 3 * hidden_size), hidden_size, dtype))
        self.recurrent_kernel = nnx.Param(
            uniform(rngs, (hidden_size, 3 * hidden_size), hidden_size, dtype)
        )
        self.bias = nnx.Param(jnp.zeros(3 * hidden_size, dtype))
        self.candidate_bias = nnx.Param(jnp.zeros(hidden_size, dtype))

    def step(
        self, x: Float[Array, " in"], hidden: Float[Array, " hidden"]
    ) -> Float[Array, " hidden"]:
        """The next hidden state."""
        size, layer = self.hidden_size, self.index
        fresh = x @ self.input_kernel[...] + self.bias[...]
        carried = hidden @ self.recurrent_kernel[...]
        gates = jax.nn.sigmoid(fresh[: 2 * size] + carried[: 2 * size])
        r, z = tag(gates[:size], f"r{layer}"), tag(gates[size:], f"z{layer}")
        candidate = jnp.tanh(
            fresh[2 * size :] + r * (carried[2 * size :] + self.candidate_bias[...])
        )
        n = tag(candidate, f"n{layer}")
        return tag(z * hidden + (1 - z) * n, f"h{layer}")


@register_model
class GRU(RecurrentModel):
    """Reads a sequence with gates, and maps the last hidden state to outputs (Cho et al. 2014).

    Formula, layer by layer, `x_t` being the input or the hidden state of the layer below; the reset
    gate stands behind the matrix product, as in cuDNN and PyTorch:

        r = sigmoid(x_t W_r + h_{t-1} U_r + b_r);  z = sigmoid(x_t W_z + h_{t-1} U_z + b_z)
        n = tanh(x_t W_n + b_n + r (h_{t-1} U_n + c));  h_t = z h_{t-1} + (1 - z) n

    Nodes per step: `x` (the input) and for every layer `l`, counted from 0, the reset gate `r{l}`,
    the update gate `z{l}`, the candidate `n{l}` and the hidden state `h{l}`. An input reaches the
    hidden state of its step on three ways, `z h`, `n h` and `r n h`; a hidden state reaches the
    next one on these and directly. From the input `n` steps before the last one there are
    `3**n_layers * 4**n * binomial(n + n_layers - 1, n)` paths.

    Arguments:
        in_size: length of an input.
        hidden_size: width of every layer.
        out_size: number of outputs.
        n_layers: number of layers.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer.

    Example:
        ```python
        model = GRU(3, 16, 2, rngs=nnx.Rngs(0))
        logits = model(jnp.ones((5, 3)))  # (2,)
        graph = pf.trace(model, jnp.ones((5, 3)), qoi=pf.Logit(0))
        assert graph.count_paths("x@0", "qoi") == 3 * 4**4
        ```
    """

    def __init__(
        self,
        in_size: int,
        hidden_size: int,
        out_size: int,
        n_layers: int = 1,
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self._build(
            in_size,
            hidden_size,
            out_size,
            n_layers,
            lambda i, width: GRULayer(i, width, hidden_size, dtype=dtype, rngs=rngs),
            dtype=dtype,
            rngs=rngs,
        )
