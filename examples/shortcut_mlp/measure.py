"""How much of a decision runs through the shortcut, and what fixing its hidden units does."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import pathflow as pf
from examples.ablation import AgainstAll, against_all
from examples.shortcut_mlp.task import SHORTCUT, Points, neutral
from examples.shortcut_mlp.train import WIDTH
from pathflow.models import MLP

_POINTS = 20
SOURCES = ("x[shortcut]", "x[rest]")


def _split(units: str = "h0") -> dict[str, pf.AbstractParts]:
    return {"x": pf.Groups({"shortcut": [SHORTCUT]}), units: pf.Components()}


def influences(model: MLP, asked: Points, units: str = "h0") -> pf.Attribution:
    """How much the logit of the label, above the other's, owes to each path.

    The line leads from a point in the same direction on the middle between the rings, with a
    shortcut that says nothing. Both sources move on it together: the total is all that speaks for
    the label, by the shortcut and by the ring.

    Arguments:
        model: the model.
        asked: the points.
        units: layers whose units are told apart: the first one, or `"h*"` for both.

    Returns:
        One example per point.
    """
    graph = pf.trace(
        model,
        jnp.asarray(asked.inputs[0]),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
        split=_split(units),
    )
    start = neutral(asked)
    baseline = (jnp.asarray(start[:, SHORTCUT:]), jnp.asarray(start[:, :SHORTCUT]))
    labels = jnp.asarray(asked.labels)
    return pf.attribute(
        graph,
        (jnp.asarray(asked.inputs),),
        source=SOURCES,
        doi=pf.Line(baseline, n_steps=_POINTS),
        qoi=pf.LogitDifference(labels, 1 - labels),
        in_axes=0,
    )


def by_unit(result: pf.Attribution, source: str) -> Float[np.ndarray, " units"]:
    """The mean influence of a source through each unit of the first hidden layer."""
    return np.array([np.mean(result.through(source, f"h0[{unit}]")) for unit in range(WIDTH)])


class Closing:
    """Ways to close the shortcut, with no training: what is right then on some points.

    Arguments:
        model: the model.
        asked: the points that are to be answered.
        seen: points as in training, over which means are taken; their labels are not used.
    """

    def __init__(self, model: MLP, asked: Points, seen: Points) -> None:
        self._graph = pf.trace(model, jnp.asarray(asked.inputs[0]), split=_split())
        self._asked = asked
        self._seen = (jnp.asarray(seen.inputs),)

    def right(self, interventions: Any, **along: Any) -> Float[np.ndarray, " points"]:
        """1 where a point is answered right under interventions, else 0."""
        inputs = (jnp.asarray(self._asked.inputs),)
        logits = np.asarray(pf.do(self._graph, inputs, interventions, in_axes=0, **along))
        return (logits.argmax(axis=-1) == self._asked.labels).astype(float)

    def as_it_is(self) -> float:
        """The accuracy with nothing changed."""
        return float(self.right({}).mean())

    def without_feature(self) -> float:
        """The accuracy where the shortcut says nothing."""
        return float(self.right({"x[shortcut]": pf.Zero()}).mean())

    def without_units(self, units: tuple[int, ...]) -> Float[np.ndarray, " points"]:
        """What is right where some units are fixed at their mean."""
        fixed = pf.Ablate([f"h0[{unit}]" for unit in units], pf.Mean(self._seen))
        return self.right(fixed)

    def without_paths(self, units: tuple[int, ...]) -> Float[np.ndarray, " points"]:
        """What is right where the shortcut says nothing to some units, and the rings go on."""
        paths = " | ".join(f"x[shortcut] h0[{unit}] .* output" for unit in units)
        return self.right({"x[shortcut]": pf.Zero()}, along=paths)

    def errors_without(self, by: Float[np.ndarray, " units"], size: int) -> AgainstAll:
        """What is wrong where the first units of an order are fixed, against all sets as large."""
        return against_all(by, size, lambda units: 1 - self.without_units(units))
