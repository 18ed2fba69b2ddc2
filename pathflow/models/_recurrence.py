"""One LSTM layer over a batch of sequences, with a derivative written out by hand.

The recurrence is the only part of an LSTM that must run step by step. Everything else (the input
projections before it, the weight gradients after it) is one matrix product over all steps, which
is what makes training on a processor fast. Reverse-mode differentiation of a `scan` would add up
the weight gradient inside the loop, one small product per step.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class LayerState(NamedTuple):
    """The state of one layer between two steps; both arrays end in the layer's width."""

    hidden: Float[Array, "*batch hidden"]
    cell: Float[Array, "*batch hidden"]


def split_gates(preactivation: Float[Array, "*batch gates"]) -> tuple[Array, Array, Array, Array]:
    """Cuts the fused pre-activation into the gates f, i, o and g, activated.

    The order puts the three sigmoid gates side by side, so that they are one elementwise call.
    """
    width = preactivation.shape[-1] // 4
    sigmoids = jax.nn.sigmoid(preactivation[..., : 3 * width])
    candidate = jnp.tanh(preactivation[..., 3 * width :])
    return (
        sigmoids[..., :width],
        sigmoids[..., width : 2 * width],
        sigmoids[..., 2 * width :],
        candidate,
    )


@jax.custom_vjp
def recurrence(
    projected: Float[Array, "steps batch gates"],
    kernel: Float[Array, "hidden gates"],
    keep: Float[Array, "steps batch"],
    state: LayerState,
) -> tuple[Float[Array, "steps batch hidden"], LayerState]:
    """Runs one layer over `steps` positions of `batch` sequences.

    Formula (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), where
    `k_t` is `keep` and `z_t` is `projected`:

        f, i, o, g = split(z_t + (k_t h_{t-1}) W);  c_t = f k_t c_{t-1} + i g;  h_t = o tanh(c_t)

    Arguments:
        projected: input projections plus bias, `gates = 4 hidden`.
        kernel: the recurrent weights `W`.
        keep: 1 to carry the state into a step, 0 to start that step from zeros.
        state: the state before the first step.

    Returns:
        The hidden state after every step, and the state after the last one.

    Sharp edge: reverse mode only; `keep` is taken as a constant. The tagged step of the model is
    differentiable in every way.
    """
    return _forward(projected, kernel, keep, state)[0]


def _forward(
    projected: Array, kernel: Array, keep: Array, state: LayerState
) -> tuple[tuple[Array, LayerState], tuple[Any, ...]]:
    def step(state: LayerState, inputs: tuple[Array, Array]) -> tuple[LayerState, tuple]:
        z, k = inputs
        hidden, cell = state.hidden * k[:, None], state.cell * k[:, None]
        f, i, o, g = split_gates(z + hidden @ kernel)
        cell = f * cell + i * g
        hidden = o * jnp.tanh(cell)
        return LayerState(hidden, cell), (hidden, cell, jnp.concatenate([f, i, o, g], axis=-1))

    last, (hidden, cells, gates) = jax.lax.scan(step, state, (projected, keep))
    return (hidden, last), (kernel, keep, state, hidden, cells, gates)


def _backward(
    residuals: tuple[Any, ...], cotangents: tuple[Array, LayerState]
) -> tuple[Array, Array, Array, LayerState]:
    kernel, keep, state, hidden, cells, gates = residuals
    hidden_bar, last_bar = cotangents
    mask = keep[..., None]
    hidden_before = jnp.concatenate([state.hidden[None], hidden[:-1]]) * mask
    cells_before = jnp.concatenate([state.cell[None], cells[:-1]]) * mask

    def step(bar: LayerState, inputs: tuple[Array, ...]) -> tuple[LayerState, Array]:
        h_bar, cell, before, gates, k = inputs
        f, i, o, g = jnp.split(gates, 4, axis=-1)
        squashed = jnp.tanh(cell)
        h_bar = bar.hidden + h_bar
        c_bar = bar.cell + h_bar * o * (1 - squashed * squashed)
        z_bar = jnp.concatenate(
            [
                c_bar * before * f * (1 - f),
                c_bar * g * i * (1 - i),
                h_bar * squashed * o * (1 - o),
                c_bar * i * (1 - g * g),
            ],
            axis=-1,
        )
        return LayerState((z_bar @ kernel.T) * k, c_bar * f * k), z_bar

    state_bar, z_bar = jax.lax.scan(
        step, last_bar, (hidden_bar, cells, cells_before, gates, mask), reverse=True
    )
    # One product over all steps and sequences instead of one per step.
    kernel_bar = jnp.einsum("tbh,tbg->hg", hidden_before, z_bar)
    return z_bar, kernel_bar, jnp.zeros_like(keep), state_bar


recurrence.defvjp(_forward, _backward)
