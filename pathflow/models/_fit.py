"""A small trainer: any module, any loss of a batch, any optimizer of optax."""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from pathflow._compat import compiled
from pathflow._errors import ArgumentError, NonFiniteError, ShapeError
from pathflow.models._parameters import check_size
from pathflow.models._progress import Progress
from pathflow.models._update import descended

_Module = TypeVar("_Module", bound=nnx.Module)

# Losses are fetched from the device this often: to be looked at, and shown.
_FETCH_EVERY = 100


def fit(
    model: _Module,
    loss: Callable[[_Module, Any], Float[Array, ""]],
    batches: Iterable[Any],
    *,
    optimizer: optax.GradientTransformation,
    steps: int,
    progress: bool = True,
) -> Float[np.ndarray, " steps"]:
    """Trains a model in place.

    Everything random comes with the model and the batches, so the same ones give the same
    parameters, bit for bit on the same machine.

    Arguments:
        model: is changed: its parameters (`nnx.Param`) are, and nothing else of it.
        loss: from the model and a batch to a scalar.
        batches: pytrees of arrays, of equal shapes; at least `steps` of them, of which no more are
            taken.
        optimizer: the update rule.
        steps: number of updates.
        progress: whether to show a bar on a terminal.

    Returns:
        The loss of every batch before its update.

    Raises:
        ArgumentError: `steps` is no positive integer, or there are fewer batches; the model is then
            as it was before.
        NonFiniteError: the loss became NaN or infinite; the model is then as it was before.

    Example:
        ```python
        def loss(model, batch):
            inputs, labels = batch
            logits = jax.vmap(model)(inputs)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        source = shuffled((inputs, labels), 32, seed=0)
        losses = fit(model, loss, source, optimizer=optax.adam(1e-3), steps=1000)
        ```
    """
    check_size("fit(steps=...)", steps)
    graphdef, parameters, rest = nnx.split(model, nnx.Param, ...)

    def loss_of(parameters: Any, batch: Any) -> Float[Array, ""]:
        return loss(nnx.merge(graphdef, parameters, rest), batch)

    # The arrays are given away: their memory is reused for the result.
    @functools.partial(compiled, donate_argnums=(0, 1))
    def update(parameters: Any, state: Any, batch: Any) -> tuple[Any, Any, Array]:
        value, gradient = jax.value_and_grad(loss_of)(parameters, batch)
        return *descended(optimizer, gradient, state, parameters), value

    # Copies, because the first update gives its arrays away and the model keeps its own.
    parameters, state = jax.tree.map(jnp.copy, (parameters, optimizer.init(parameters)))
    losses: list[float] = []
    pending: list[Array] = []
    source = iter(batches)
    with Progress(steps, 0, progress) as shown:
        for step in range(1, steps + 1):
            try:
                batch = next(source)
            except StopIteration:
                raise ArgumentError(
                    f"fit(batches=...) ended after {step - 1} of steps={steps} batches; pass more, "
                    "an endless iterator, or fewer steps."
                ) from None
            parameters, state, value = update(parameters, state, batch)
            pending.append(value)
            shown.advance()
            if step % _FETCH_EVERY == 0 or step == steps:
                losses += _finite(pending, len(losses))
                pending = []
                shown.show({"step": step, "loss": float(np.mean(losses[-_FETCH_EVERY:]))})
    nnx.update(model, parameters)
    return np.array(losses)


def _finite(pending: list[Array], before: int) -> list[float]:
    losses = [float(value) for value in pending]
    for number, value in enumerate(losses, before):
        if not np.isfinite(value):
            raise NonFiniteError(
                f"fit(...): the loss of update {number} is {value}; use a smaller learning rate, "
                "or clip the gradient (optax.clip_by_global_norm)."
            )
    return losses


def shuffled(data: Any, batch_size: int, *, seed: int) -> Iterator[Any]:
    """Batches of examples without end, in an order that is drawn anew in every round.

    The examples at the end of a round that fill no batch are left out of it.

    Arguments:
        data: a pytree of arrays with the examples along their first axis.
        batch_size: examples per batch.
        seed: of the orders.

    Returns:
        An iterator of pytrees of NumPy arrays.

    Raises:
        ArgumentError: `batch_size` is no positive integer, or larger than the number of examples.
        ShapeError: the arrays hold different numbers of examples.
    """
    check_size("shuffled(batch_size=...)", batch_size)
    data = jax.tree.map(np.asarray, data)
    numbers = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(data)}
    if len(numbers) != 1 or () in numbers:
        raise ShapeError(
            "shuffled(data=...) takes arrays with the same number of examples along their first "
            f"axis, got shapes {[np.shape(leaf) for leaf in jax.tree.leaves(data)]}."
        )
    ((number,),) = numbers
    if batch_size > number:
        raise ArgumentError(
            f"shuffled(batch_size={batch_size}) is more than the {number} examples that there are."
        )
    return _rounds(data, number, batch_size, seed)


def _rounds(data: Any, number: int, batch_size: int, seed: int) -> Iterator[Any]:
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(number)
        for first in range(0, number - batch_size + 1, batch_size):
            chosen = order[first : first + batch_size]
            yield jax.tree.map(lambda leaf, chosen=chosen: leaf[chosen], data)
