"""What tells one digit from another, by blocks and by channels, and what swapping these does."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

import pathflow as pf
from examples.ablation import AgainstAll, against_all
from examples.digits_cnn.task import digits
from examples.digits_cnn.train import CHANNELS
from pathflow.models import CNN

_POINTS = 20
N_CHANNELS = CHANNELS[0]
# Paths go through a stage's residual block or beside it; channels are told apart behind the stages.
BY_BLOCK: dict[str, pf.AbstractParts] = {}
BY_CHANNEL: dict[str, pf.AbstractParts] = {"pool*": pf.Axis(2)}


class Contrast(NamedTuple):
    """Images of two digits, each with what it is held against.

    Arguments:
        images: of one digit or the other, none of them seen in training.
        shown: the digit that each shows.
        other: the digit that it does not show.
        opposite: the mean image, in training, of the digit that it does not show.
    """

    images: Float[np.ndarray, "images height width 1"]
    shown: Int[np.ndarray, " images"]
    other: Int[np.ndarray, " images"]
    opposite: Float[np.ndarray, "images height width 1"]

    @property
    def qoi(self) -> pf.LogitDifference:
        """The logit of what is shown above that of the other digit."""
        return pf.LogitDifference(jnp.asarray(self.shown), jnp.asarray(self.other))

    @property
    def swap(self) -> pf.OtherInput:
        """What a node holds at the other digit's mean image."""
        return pf.OtherInput((jnp.asarray(self.opposite),), in_axes=0)


def contrast(first: int, second: int, n: int) -> Contrast:
    """The first `n` held-out images of each of two digits."""
    training, held_out = digits()
    of_each = [held_out.of(digit) for digit in (first, second)]
    images = np.concatenate([some.images[:n] for some in of_each])
    shown = np.concatenate([some.labels[:n] for some in of_each])
    other = (first + second - shown).astype(shown.dtype)
    means = {digit: training.of(digit).images.mean(axis=0) for digit in (first, second)}
    return Contrast(images, shown, other, np.stack([means[digit] for digit in other.tolist()]))


def traced(model: CNN, split: dict[str, pf.AbstractParts]) -> pf.TracedGraph:
    """The model as a graph, for any two digits."""
    image = jnp.asarray(digits().held_out.images[0])
    return pf.trace(model, image, qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)), split=split)


def influences(graph: pf.TracedGraph, asked: Contrast) -> pf.Attribution:
    """How much an image's logit of what it shows, above the other digit's, owes to each path.

    The line leads from the other digit's mean image, so that the total is all by which the image
    differs from that, and not what any stroke of ink does.
    """
    return pf.attribute(
        graph,
        (jnp.asarray(asked.images),),
        source="x",
        doi=pf.Line(jnp.asarray(asked.opposite), n_steps=_POINTS),
        qoi=asked.qoi,
        in_axes=0,
    )


def margins(
    graph: pf.TracedGraph, asked: Contrast, interventions: Any, **along: Any
) -> Float[np.ndarray, " images"]:
    """The logit of what is shown above the other digit's, under interventions."""
    images = (jnp.asarray(asked.images),)
    found = pf.do(graph, images, interventions, qoi=asked.qoi, in_axes=0, **along)
    return np.asarray(found)


def channel_influences(result: pf.Attribution) -> Float[np.ndarray, " channels"]:
    """The mean influence through each channel behind the first stage."""
    return np.array([np.mean(result.through(f"pool0[{c}]")) for c in range(N_CHANNELS)])


def swapped(
    graph: pf.TracedGraph, asked: Contrast, by: Float[np.ndarray, " channels"], size: int
) -> AgainstAll:
    """The margins where the channels of the largest influence hold what they hold at the other
    digit's mean image, against every other set of so many.
    """

    def without(channels: tuple[int, ...]) -> Float[np.ndarray, " images"]:
        chosen = pf.Ablate([f"pool0[{c}]" for c in channels], asked.swap)
        return margins(graph, asked, chosen)

    return against_all(by, size, without)
