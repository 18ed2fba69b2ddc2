"""One step of an optimizer."""

from typing import Any

import jax
import optax


def descended(
    optimizer: optax.GradientTransformation, gradient: Any, state: Any, parameters: Any
) -> tuple[Any, Any]:
    """Parameters and the optimizer's state after one step."""
    # Optax multiplies floats by step counts, which strict promotion refuses.
    with jax.numpy_dtype_promotion("standard"):
        change, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, change), state
