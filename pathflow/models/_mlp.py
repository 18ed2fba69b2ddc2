"""The multilayer perceptron, every hidden layer a node."""

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow.models._activations import AbstractActivation, Relu
from pathflow.models._dense import Dense, checked
from pathflow.models._parameters import check_sizes, checked_sizes
from pathflow.models._reference import AbstractReferenceModel, register_model
from pathflow.tracing import tag


@register_model
class MLP(AbstractReferenceModel):
    """Fully connected layers, one after the other.

    Nodes: `x` (the input) and for every hidden layer `l`, counted from 0, `h{l}` (its values after
    the activation). As they stand they make one path, `x h0 h1 ... qoi`. Split into single entries
    (`split={"x": pf.Components(), "h*": pf.Components()}`) there is one for every choice of an
    entry in each, so that their number is the product of the widths.

    Arguments:
        in_size: length of the input.
        hidden: widths of the hidden layers.
        out_size: number of outputs.
        activation: between the layers.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer.

    Example:
        ```python
        model = MLP(4, (16, 16), 2, rngs=nnx.Rngs(0))
        logits = model(jnp.ones(4))  # (2,)
        graph = pf.trace(model, jnp.ones(4), qoi=pf.Logit(0), split={"h*": pf.Components()})
        ```
    """

    def __init__(
        self,
        in_size: int,
        hidden: Sequence[int],
        out_size: int,
        activation: AbstractActivation = Relu(),  # noqa: B008  (immutable)
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        check_sizes("MLP", in_size=in_size, out_size=out_size)
        self.in_size = in_size
        self.hidden = checked_sizes("MLP(hidden=...)", hidden)
        self.out_size = out_size
        self.activation = activation
        widths = (in_size, *self.hidden, out_size)
        self.layers = nnx.List(
            [
                Dense(below, above, dtype=dtype, rngs=rngs)
                for below, above in itertools.pairwise(widths)
            ]
        )

    def __call__(self, inputs: Float[Array | np.ndarray, " in"]) -> Float[Array, " out"]:
        """Logits of one example.

        Raises:
            ShapeError: it has another shape or dtype than the model.
        """
        h = tag(checked("MLP: inputs", inputs, (self.in_size,), self.layers[0].kernel), "x")
        for number, layer in enumerate(self.layers[:-1]):
            h = tag(self.activation(layer(h)), f"h{number}")
        return self.layers[-1](h)
