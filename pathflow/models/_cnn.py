"""The convolutional network: convolutions, residual blocks and poolings as nodes."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, DTypeLike, Float

from pathflow._errors import ArgumentError, ShapeError
from pathflow.models._activations import AbstractActivation, Relu
from pathflow.models._dense import Dense, checked
from pathflow.models._parameters import check_sizes, checked_sizes, uniform
from pathflow.models._pooling import AbstractPooling, MaxPooling
from pathflow.models._reference import AbstractReferenceModel, register_model
from pathflow.tracing import tag

_Image = Float[Array, "height width channels"]


class Convolution(nnx.Module):
    """A convolution that keeps an image's height and width: zeros surround it."""

    def __init__(
        self, in_channels: int, out_channels: int, size: int, *, dtype: DTypeLike, rngs: nnx.Rngs
    ):
        shape = (size, size, in_channels, out_channels)
        self.kernel = nnx.Param(uniform(rngs, shape, size * size * in_channels, dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels, dtype))

    def __call__(
        self, image: Float[Array, "height width below"]
    ) -> Float[Array, "height width above"]:
        """The convolution of one image."""
        (out,) = jax.lax.conv_general_dilated(
            image[None],
            self.kernel[...],
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return out + jnp.broadcast_to(self.bias[...], out.shape)


class ResidualBlock(nnx.Module):
    """Two convolutions, the image added to what comes out (He et al. 2016)."""

    def __init__(self, channels: int, size: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.first = Convolution(channels, channels, size, dtype=dtype, rngs=rngs)
        self.second = Convolution(channels, channels, size, dtype=dtype, rngs=rngs)

    def __call__(self, image: _Image, activation: AbstractActivation, index: str) -> _Image:
        """The block of one image; `index` ends the names of its nodes."""
        branch = tag(self.second(activation(self.first(image))), f"branch{index}")
        return tag(activation(image + branch), f"block{index}")


class Stage(nnx.Module):
    """A convolution and the residual blocks on it."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        size: int,
        n_residual: int,
        *,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        self.convolution = Convolution(in_channels, channels, size, dtype=dtype, rngs=rngs)
        self.blocks = nnx.List(
            [ResidualBlock(channels, size, dtype=dtype, rngs=rngs) for _ in range(n_residual)]
        )


@register_model
class CNN(AbstractReferenceModel):
    """Stages of a convolution, residual blocks and a pooling, and an affine map to the outputs.

    Nodes: `x` (the image) and for every stage `s`, counted from 0, `conv{s}` (the convolution after
    the activation); for every residual block `b` of it `branch{s}.{b}` (what is added) and
    `block{s}.{b}` (the sum after the activation); and `pool{s}`. All are arrays of height, width
    and channels, so that `split={"pool1": pf.Axis(2)}` makes a node of every channel, and `Axis(0)`
    of every row. Paths pass a block through its branch or beside it: there are
    `2 ** (n_residual * len(channels))` of them.

    Arguments:
        image_shape: height, width and channels of an image.
        channels: of the stages.
        out_size: number of outputs.
        kernel_size: side of the convolutions' kernels in pixels.
        n_residual: residual blocks per stage.
        activation: after the convolutions and the sums.
        pooling: at the end of every stage.
        dtype: floating type of the parameters and of the computation.
        rngs: source of the initial parameters; the same seed gives the same parameters.

    Raises:
        ArgumentError: a size is no positive integer, or there is no stage.
        ShapeError: the pooling does not fit the images.

    Example:
        ```python
        model = CNN((8, 8, 1), (8, 16), 10, rngs=nnx.Rngs(0))
        image = jnp.ones((8, 8, 1))
        logits = model(image)  # (10,)
        graph = pf.trace(model, image, qoi=pf.LogitDifference(3, 8), split={"pool1": pf.Axis(2)})
        ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int],
        out_size: int,
        kernel_size: int = 3,
        n_residual: int = 1,
        activation: AbstractActivation = Relu(),  # noqa: B008  (immutable)
        pooling: AbstractPooling = MaxPooling(),  # noqa: B008  (immutable)
        *,
        dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        self.image_shape = checked_sizes("CNN(image_shape=...)", image_shape)
        self.channels = checked_sizes("CNN(channels=...)", channels)
        self.out_size = out_size
        self.kernel_size = kernel_size
        self.n_residual = n_residual
        self.activation = activation
        self.pooling = pooling
        self._check()
        widths = (self.image_shape[2], *self.channels)
        self.stages = nnx.List(
            [
                Stage(below, above, kernel_size, n_residual, dtype=dtype, rngs=rngs)
                for below, above in itertools.pairwise(widths)
            ]
        )
        shrunk = pooling.size ** len(self.channels)
        height, width = self.image_shape[0] // shrunk, self.image_shape[1] // shrunk
        self.readout = Dense(height * width * widths[-1], out_size, dtype=dtype, rngs=rngs)

    def __call__(
        self, image: Float[Array | np.ndarray, "height width channels"]
    ) -> Float[Array, " out"]:
        """Logits of one image.

        Raises:
            ShapeError: it has another shape or dtype than the model.
        """
        x = tag(checked("CNN: image", image, self.image_shape, self.readout.kernel), "x")
        for number, stage in enumerate(self.stages):
            x = tag(self.activation(stage.convolution(x)), f"conv{number}")
            for block_number, block in enumerate(stage.blocks):
                x = block(x, self.activation, f"{number}.{block_number}")
            x = tag(self.pooling(x), f"pool{number}")
        return self.readout(x.reshape(-1))

    def _check(self) -> None:
        if len(self.image_shape) != 3:
            raise ArgumentError(
                f"CNN(image_shape=...) takes height, width and channels, got {self.image_shape!r}."
            )
        if not self.channels:
            raise ArgumentError("CNN(channels=...) takes the channels of at least one stage.")
        check_sizes("CNN", out_size=self.out_size, kernel_size=self.kernel_size)
        if not isinstance(self.n_residual, int) or self.n_residual < 0:
            raise ArgumentError(
                f"CNN(n_residual=...) takes an int of at least 0, got {self.n_residual!r}."
            )
        shrunk = self.pooling.size ** len(self.channels)
        if self.image_shape[0] % shrunk or self.image_shape[1] % shrunk:
            raise ShapeError(
                f"CNN(image_shape={self.image_shape}): {len(self.channels)} poolings by "
                f"{self.pooling.size} need a height and a width that {shrunk} divides; pad the "
                "images, or use fewer stages or another pooling."
            )
