"""Influences of all gate-level paths from a noun to the verb's number (Definitions 2 to 6)."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.sentences.encoding import Encoded, encode, encode_forms
from examples.lstm_agreement.sentences.tasks import Noun, Sentence
from examples.lstm_agreement.tables.scored import (
    SCORED_AXES,
    Quantity,
    n_words,
    scored_arguments,
    scored_model,
    shapes_of,
    verb_difference,
    zeros,
)
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow.models import Vocabulary

_Result = TypeVar("_Result")
# What `pathflow.do` takes.
Interventions = pf.AbstractChoice | Mapping[str, pf.AbstractIntervention]
# A default cannot decide what a type variable stands for, so it has the type of any search.
_ENUMERATE = cast("Any", pf.Enumerate())
# Whether the sentences with some places are left out.
Skip = Callable[[range], bool]


def _none(_places: range) -> bool:
    """Leaves nothing out."""
    return False


class Role(enum.Enum):
    """Which noun's number is followed; the value is how the tables call it."""

    SUBJECT = "subject"
    INTERVENING = "intervening noun"

    def noun(self, sentence: Sentence) -> Noun:
        """The noun of a sentence with this role."""
        noun = sentence.subject if self is Role.SUBJECT else sentence.intervening
        if noun is None:
            raise ValueError(f"{sentence.task} sentences have no {self.value}.")
        return noun


@dataclass(frozen=True)
class Settings:
    """How influences are computed.

    Arguments:
        n_steps: points on the line from the number-neutral word to the word.
        rule: the quadrature rule; the paper takes right end points.
        chunk: how many sentences go through at a time.
    """

    n_steps: int = 50
    rule: pf.AbstractRule = pf.RightRiemann()  # noqa: RUF009  (immutable)
    chunk: int = 16


# Twelve points are as exact as float32 on these lines.
EXACT = Settings(12, pf.GaussLegendre())


def primary_path(position: int, last: int) -> str:
    """The primary path from one word to the verb that follows another (section 4.2).

    It takes the candidate cell of both layers at the word, and then stays in the cell of the second
    layer.

    Arguments:
        position: of the first word.
        last: position of the word before the verb.

    Example:
        >>> primary_path(1, 2)
        'x@1 g0@1 c0@1 h0@1 g1@1 c1@1 c1@2 h1@2 qoi'
    """
    return LSTM_VIEW.primary_path(position, last)


def noun_influences(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    role: Role,
    settings: Settings = Settings(),
    *,
    search: pf.AbstractSearch[_Result] = _ENUMERATE,
    advance: Callable[[int], None] = lambda _n: None,
    view: AbstractView = LSTM_VIEW,
) -> _Result:
    """The influences of paths from a noun of each sentence on `score(correct) - score(wrong)`.

    The distribution of interest is the line from the mean of the noun's two forms to the form that
    stands there (Definition 3); the words before the noun are context.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: sentences of one task.
        role: which noun.
        settings: the quadrature.
        search: what is asked of the paths; by default the influence of each. Results that hold more
            than numbers of examples (`pathflow.Sample`) need a chunk for all sentences at once.
        advance: called with the number of sentences done since the last call.
        view: how the model is taken apart.

    Returns:
        What the search finds, with one example per sentence, in their order.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    found = influence_blocks(model, vocabulary, sentences, role, settings, search=search, view=view)
    return _together(found, len(sentences), settings, advance)


def influence_blocks(
    model: nnx.Module,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    role: Role,
    settings: Settings,
    *,
    search: pf.AbstractSearch[_Result] = _ENUMERATE,
    skip: Skip = _none,
    view: AbstractView = LSTM_VIEW,
) -> Iterator[tuple[range, _Result]]:
    """The same, block after block of sentences.

    Arguments:
        model: the language model.
        vocabulary: its words.
        sentences: sentences of one task.
        role: which noun.
        settings: the quadrature.
        search: what is asked of the paths.
        skip: whether the sentences with some places are left out.
        view: how the model is taken apart.

    Yields:
        The places of the sentences, and what the search finds; examples beyond them repeat the last
        sentence.
    """
    encoded = encode(sentences, vocabulary)
    nouns = [role.noun(s) for s in sentences]
    yield from _word_blocks(
        model,
        encoded.tokens,
        nouns[0].position,
        encode_forms(nouns, vocabulary),
        verb_difference(encoded),
        settings,
        search,
        skip,
        view,
    )


def word_influences(
    model: nnx.Module,
    tokens: np.ndarray,
    position: int,
    forms: np.ndarray,
    qoi: Quantity,
    settings: Settings = Settings(),
    *,
    search: pf.AbstractSearch[_Result] = _ENUMERATE,
    advance: Callable[[int], None] = lambda _n: None,
    view: AbstractView = LSTM_VIEW,
) -> _Result:
    """The influences of paths from a word of each sentence on a difference of scores.

    Arguments:
        model: the language model.
        tokens: the words before the one asked about, (sentences, steps).
        position: of the word that the paths start from.
        forms: the forms that the word could have, (sentences, forms); the line of interest starts
            at the mean of their embeddings.
        qoi: the quantity, with an entry per sentence.
        settings: the quadrature.
        search: as of `noun_influences`.
        advance: called with the number of sentences done since the last call.
        view: how the model is taken apart.

    Returns:
        What the search finds, with one example per sentence, in their order.
    """
    found = _word_blocks(model, tokens, position, forms, qoi, settings, search, _none, view)
    return _together(found, len(tokens), settings, advance)


def _together(
    found: Iterator[tuple[range, _Result]],
    n: int,
    settings: Settings,
    advance: Callable[[int], None],
) -> _Result:
    results = []
    for places, result in found:
        results.append(result)
        advance(len(places))
    if settings.chunk == n:
        return results[0]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *results)


def _word_blocks(
    model: nnx.Module,
    tokens: np.ndarray,
    position: int,
    forms: np.ndarray,
    qoi: Quantity,
    settings: Settings,
    search: pf.AbstractSearch[_Result],
    skip: Skip,
    view: AbstractView,
) -> Iterator[tuple[range, _Result]]:
    n = len(tokens)
    traced, parameters = scored_model(model, tokens.shape[1], view, n_words(qoi))
    embedding = view.embedding(model)
    for places in blocks(n, settings.chunk):
        if skip(places):
            continue
        # Every block has the same shape, so that nothing is compiled twice; the last repeats a
        # sentence.
        at = np.arange(places.start, places.start + settings.chunk).clip(max=n - 1)
        result = pf.attribute(
            traced,
            (parameters, *scored_arguments(tokens, qoi, at)),
            source=view.source(position),
            doi=pf.Line(
                embedding[forms[at]].mean(axis=1), n_steps=settings.n_steps, rule=settings.rule
            ),
            in_axes=SCORED_AXES,
            search=search,
        )
        yield places, result


def blocks(n: int, size: int) -> list[range]:
    """Places from 0 to `n` in blocks."""
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def traced_model(
    model: nnx.Module, steps: int, view: AbstractView = LSTM_VIEW
) -> tuple[pf.TracedGraph, nnx.State]:
    """The graph of a model for sentences of one length, and the parameters, its first argument."""
    structure, parameters = nnx.split(model)
    split = None if view.split is None else tuple(view.split.items())
    return _trace(structure, shapes_of(parameters), steps, view.nodes, split), parameters


def margins_under(
    model: nnx.Module,
    encoded: Encoded,
    interventions: Interventions,
    *,
    view: AbstractView = LSTM_VIEW,
    along: Any = None,
    sparing: Any = None,
) -> np.ndarray:
    """Score of the agreeing verb above the other when nodes are replaced, one per sentence.

    All sentences go through together, so that an intervention may ask for their mean. With
    `along`, these paths alone see the replacement, and with `sparing` all others.
    """
    qoi = verb_difference(encoded)
    return quantity_under(
        model, encoded.tokens, qoi, interventions, view=view, along=along, sparing=sparing
    )


def quantity_under(
    model: nnx.Module,
    tokens: np.ndarray,
    qoi: Quantity,
    interventions: Interventions,
    *,
    view: AbstractView = LSTM_VIEW,
    along: Any = None,
    sparing: Any = None,
) -> np.ndarray:
    """A difference of scores when nodes are replaced, one per sentence; see `margins_under`."""
    traced, parameters = scored_model(model, tokens.shape[1], view, n_words(qoi))
    found = pf.do(
        traced,
        (parameters, *scored_arguments(tokens, qoi)),
        interventions,
        along=along,
        sparing=sparing,
        in_axes=SCORED_AXES,
    )
    return np.asarray(found, np.float64)


@lru_cache(16)
def _trace(
    structure: nnx.GraphDef,
    shapes: tuple[Any, ...],
    steps: int,
    nodes: pf.AbstractNodeSelector,
    split: tuple[tuple[str, pf.AbstractParts], ...] | None,
) -> pf.TracedGraph:
    """The graph for sentences of one length.

    Models of the same sizes share it, and with it all that is compiled for it; so the parameters
    are arguments, of which only the shapes matter here.
    """
    return pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        zeros(shapes),
        jnp.zeros(steps, jnp.int32),
        nodes=nodes,
        split=None if split is None else dict(split),
        qoi=pf.LogitDifference(jnp.int32(0), jnp.int32(1)),
    )
