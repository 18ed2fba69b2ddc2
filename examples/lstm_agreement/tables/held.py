"""What a model prefers when parts of it are held, for many ways to hold them and many sentences."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import Encoded, encode
from examples.lstm_agreement.sentences.tasks import Sentence
from examples.lstm_agreement.tables.blocks import Block, Kept, collected
from examples.lstm_agreement.tables.measure import Interventions, blocks
from examples.lstm_agreement.tables.scored import (
    SCORED_AXES,
    scored_arguments,
    scored_model,
    verb_difference,
)
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow.models import Vocabulary

# Sentences at a time: at 2 x 650 units, all nodes of so many take under 100 MB.
_BLOCK = 256


def margins_of(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    ways: Sequence[Interventions],
    *,
    view: AbstractView = LSTM_VIEW,
    kept: Kept | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> np.ndarray:
    """Score of the agreeing verb above the other under each of some interventions.

    Sentences go through in blocks, so that an intervention must not ask for their mean; give it
    (`node_means`).

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: of one length.
        ways: the interventions.
        view: how the model is taken apart.
        kept: where, and under which key, the numbers are kept block by block.
        advance: called with the number of sentences done since the last call.

    Returns:
        (sentences, ways).

    Raises:
        StudyError: a word is unknown, or the sentences are of more than one length.
    """
    encoded = encode(sentences, vocabulary)
    qoi = verb_difference(encoded)
    traced, parameters = scored_model(model, encoded.tokens.shape[1], view)

    def measured(skip: Callable[[range], bool]) -> Iterator[Block]:
        for places, at in _places(len(sentences)):
            if skip(places):
                continue
            arguments = parameters, *scored_arguments(encoded.tokens, qoi, at)
            margins = [pf.do(traced, arguments, way, in_axes=SCORED_AXES) for way in ways]
            yield Block(places, np.stack(margins, axis=1)[: len(places)], {})

    shape = len(sentences), len(ways)
    dtype = view.embedding(model).dtype
    return np.asarray(collected(kept, shape, measured, dtype=dtype, advance=advance).values)


def grouped(margins: np.ndarray, counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The columns of `margins_of` under names, each (draws, sentences) in float64.

    Arguments:
        margins: (sentences, ways).
        counts: how many ways have each name, in the order of the ways.
    """
    ends = np.cumsum(list(counts.values()))
    parts = np.split(margins.T.astype(np.float64), ends[:-1])
    return dict(zip(counts, parts, strict=True))


def node_means(
    model: nnx.Module, encoded: Encoded, nodes: Sequence[str], view: AbstractView = LSTM_VIEW
) -> dict[str, jnp.ndarray]:
    """The mean of nodes over all sentences."""
    traced, parameters = scored_model(model, encoded.tokens.shape[1], view)
    qoi, sums = verb_difference(encoded), dict.fromkeys(nodes, np.zeros(()))
    for places, at in _places(len(encoded.tokens)):
        arguments = parameters, *scored_arguments(encoded.tokens, qoi, at)
        values = pf.activations(traced, arguments, nodes, in_axes=SCORED_AXES)
        for node, value in values.items():
            mine = np.asarray(value, np.float64)[: len(places)].sum(axis=0)
            sums[str(node)] = sums[str(node)] + mine
    n, dtypes = len(encoded.tokens), {node: traced.node(node).dtype for node in nodes}
    return {node: jnp.asarray(total / n, dtypes[node]) for node, total in sums.items()}


def _places(n: int) -> Iterator[tuple[range, np.ndarray]]:
    """Blocks of places; and the same filled up with the last one, so that all have one shape."""
    size = min(_BLOCK, n)
    for places in blocks(n, size):
        yield places, np.arange(places.start, places.start + size).clip(max=n - 1)
