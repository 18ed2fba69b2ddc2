"""Models that score the words alone that a sentence is asked about, as graphs.

Of tens of thousands of words these are two, or two sets. With all of them, every sentence at every
point would take a product with all output weights, and as many logits.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import Encoded
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView

# Words are compared one with one, or all of one set with all of another.
Quantity = pf.LogitDifference | pf.SetDifference
# Parameters are the same for all sentences, tokens and verbs are not.
SCORED_AXES = (None, 0, 0)


def scored_model(
    model: nnx.Module,
    steps: int,
    view: AbstractView = LSTM_VIEW,
    words: tuple[int, int] | None = None,
) -> tuple[pf.TracedGraph, nnx.State]:
    """The same graph, but of a model that scores the words alone that a sentence is asked about.

    Of tens of thousands of words these are two, or two sets. With all of them, every sentence
    at every point would take a product with all output weights, and as many logits.

    Arguments:
        model: the language model.
        steps: how many words a sentence has.
        view: how the model is taken apart.
        words: where sets of words are compared, how many each has; None for one word each.

    Returns:
        The graph of a function of parameters, tokens and the numbers of the words, those first
        whose score counts for the quantity; and the parameters.
    """
    structure, parameters = nnx.split(model)
    split = None if view.split is None else tuple(view.split.items())
    shapes = shapes_of(parameters)
    graph = _trace_scored(structure, shapes, steps, view.nodes, split, view.scores, words)
    return graph, parameters


def scored_arguments(
    tokens: np.ndarray, qoi: Quantity, at: np.ndarray | slice = slice(None)
) -> tuple[jax.Array, jax.Array]:
    """What a scored model takes after its parameters, for the sentences with some places."""
    sides = [np.asarray(side)[at] for side in (qoi.good, qoi.bad)]
    if isinstance(qoi, pf.LogitDifference):
        sides = [side[..., None] for side in sides]
    return jnp.asarray(tokens[at]), jnp.asarray(np.concatenate(sides, axis=-1))


def verb_difference(encoded: Encoded) -> pf.LogitDifference:
    """The score of the agreeing verb above the other."""
    return pf.LogitDifference(encoded.correct, encoded.wrong)


def n_words(qoi: Quantity) -> tuple[int, int] | None:
    """How many words each of two sets has; None where words are compared one with one."""
    if isinstance(qoi, pf.LogitDifference):
        return None
    return qoi.good.shape[-1], qoi.bad.shape[-1]


@lru_cache(16)
def _trace_scored(
    structure: nnx.GraphDef,
    shapes: tuple[Any, ...],
    steps: int,
    nodes: pf.AbstractNodeSelector,
    split: tuple[tuple[str, pf.AbstractParts], ...] | None,
    score: Callable[[Any, jax.Array, jax.Array], jax.Array],
    words: tuple[int, int] | None,
) -> pf.TracedGraph:
    n_good, n_bad = (1, 1) if words is None else words
    qoi: Quantity = pf.LogitDifference(jnp.int32(0), jnp.int32(1))
    if words is not None:
        numbers = jnp.arange(n_good + n_bad, dtype=jnp.int32)
        qoi = pf.SetDifference(numbers[:n_good], numbers[n_good:])

    def scores(parameters: nnx.State, tokens: jax.Array, verbs: jax.Array) -> jax.Array:
        return score(nnx.merge(structure, parameters), tokens, verbs)

    return pf.trace(
        scores,
        zeros(shapes),
        jnp.zeros(steps, jnp.int32),
        jnp.zeros(n_good + n_bad, jnp.int32),
        nodes=nodes,
        split=None if split is None else dict(split),
        qoi=qoi,
    )


def zeros(shapes: tuple[Any, ...]) -> nnx.State:
    """Parameters of some shapes, to trace with."""
    return jax.tree.unflatten(shapes[0], [jnp.zeros(*s) for s in shapes[1]])


def shapes_of(parameters: nnx.State) -> tuple[Any, ...]:
    """The shapes of parameters, as a key."""
    leaves, treedef = jax.tree.flatten(parameters)
    return treedef, tuple((x.shape, x.dtype) for x in leaves)
