"""What paths carry a concept, and whether the model has it at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

import pathflow as pf
from examples.lstm_agreement.concepts.concept import Concept, Example
from examples.lstm_agreement.tables.bootstrap import ratio_interval
from examples.lstm_agreement.tables.correlation import spearman
from examples.lstm_agreement.tables.measure import (
    Role,
    Settings,
    primary_path,
    quantity_under,
    word_influences,
)
from examples.lstm_agreement.tables.scored import Quantity
from examples.lstm_agreement.tables.table1 import Row, row_of
from pathflow import metrics
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel, Vocabulary

_N_FIRST = 10


@dataclass(frozen=True)
class Asked:
    """Examples of one frame and condition as arrays.

    Arguments:
        tokens: the words, (examples, steps).
        swapped: the same with the other form of the source word.
        position: of the source word.
        forms: both forms, (examples, 2).
        qoi: score of the words that agree above that of those that do not.
    """

    tokens: np.ndarray
    swapped: np.ndarray
    position: int
    forms: np.ndarray
    qoi: Quantity


def encoded(examples: Sequence[Example], vocabulary: Vocabulary) -> Asked:
    """Looks the words up; the examples are of one frame."""
    good, bad = [
        np.stack([vocabulary.encode(words) for words in side])
        for side in ([e.good for e in examples], [e.bad for e in examples])
    ]
    one_word = good.shape[1] == bad.shape[1] == 1
    return Asked(
        np.stack([vocabulary.encode(e.tokens) for e in examples]),
        np.stack([vocabulary.encode(e.swapped()) for e in examples]),
        examples[0].position,
        np.stack([vocabulary.encode(e.forms) for e in examples]),
        pf.LogitDifference(good[:, 0], bad[:, 0]) if one_word else pf.SetDifference(good, bad),
    )


def conditions(examples: Sequence[Example]) -> list[tuple[str, str, list[Example]]]:
    """Frame, condition and examples, in the order of first appearance."""
    key = {k: i for i, k in enumerate(dict.fromkeys((e.frame, e.condition) for e in examples))}
    ordered = sorted(examples, key=lambda e: key[e.frame, e.condition])
    groups = groupby(ordered, key=lambda e: (e.frame, e.condition))
    return [(frame, condition, list(group)) for (frame, condition), group in groups]


@dataclass(frozen=True)
class Known:
    """Whether a model has a concept, in one frame and condition.

    Arguments:
        concept: name of the concept.
        frame: kind of sentence.
        condition: values of the source word and of others.
        n_sentences: how many sentences.
        accuracy: fraction of them in which the words that agree have the higher score.
        moved: fraction of them in which that difference is larger than with the other form of the
            source word. A model that prefers one answer whatever stands there can be moved in all
            of them, and have an accuracy of 1 with one value and 0 with the other.
        shift: by how much it is larger, in logits, per word of the quantity.
    """

    concept: str
    frame: str
    condition: str
    n_sentences: int
    accuracy: Interval
    moved: Interval
    shift: Interval


def known(
    model: LSTMLanguageModel, vocabulary: Vocabulary, concept: str, examples: Sequence[Example]
) -> Known:
    """Asks about examples of one frame and condition."""
    asked = encoded(examples, vocabulary)
    as_it_is, other = [
        quantity_under(model, tokens, asked.qoi, {}) for tokens in (asked.tokens, asked.swapped)
    ]
    return Known(
        concept,
        examples[0].frame,
        examples[0].condition,
        len(examples),
        metrics.bootstrap_interval((as_it_is > 0).astype(np.float64)),
        metrics.bootstrap_interval((as_it_is > other).astype(np.float64)),
        metrics.bootstrap_interval((as_it_is - other) / len(examples[0].good)),
    )


@dataclass(frozen=True)
class Carried:
    """The paths that carry a concept, in one frame and condition.

    Arguments:
        concept: name of the concept.
        n_words: how many words' scores each side of the quantity sums up.
        row: the numbers of the primary path, as in Table 1; its task is the frame.
        exchanged: what the quantity loses with the other form of the source word, in logits.
        along_primary: the fraction of it that it loses when the primary path alone sees that form.
        chosen: the path of the largest mean influence in every second example, from the first on.
        along_largest: the fraction that is lost along that path, in the other examples; in the one
            that there is where there is no other.
    """

    concept: str
    n_words: int
    row: Row
    exchanged: Interval
    along_primary: Interval
    chosen: str
    along_largest: Interval


def carried(
    models: Mapping[str, LSTMLanguageModel],
    vocabulary: Vocabulary,
    concept: Concept,
    examples: Sequence[Example],
    settings: Settings,
    *,
    advance: Callable[[str], None] = lambda _what: None,
) -> Iterator[tuple[Carried, Float64[np.ndarray, " paths"]]]:
    """Measures all frames and conditions.

    Arguments:
        models: the trained model first; others to compare the magnitude with.
        vocabulary: the models' words.
        concept: the concept.
        examples: of it.
        settings: the quadrature.
        advance: called with what is asked next.

    Yields:
        What is found, and the mean influence of every path.
    """
    for frame, condition, some in conditions(examples):
        asked = encoded(some, vocabulary)
        last = asked.tokens.shape[1] - 1
        primary = primary_path(asked.position, last)
        for name, model in models.items():
            advance(f"{concept.name}, {frame} {condition}, {name}")
            result = word_influences(
                model, asked.tokens, asked.position, asked.forms, asked.qoi, settings
            )
            key = Role.SUBJECT, frame, condition
            row = row_of(name, key, primary, result)
            influences = np.asarray(result.influences, np.float64)
            chosen = str(result.space.unrank(int(influences[::2].mean(axis=0).argmax())))
            lost, along = _exchanged(model, asked, (primary, chosen))
            # A path that is measured where it was found looks larger than it is.
            apart = slice(1, None, 2) if len(lost) > 1 else slice(None)
            yield (
                Carried(
                    concept.name,
                    len(some[0].good),
                    row,
                    metrics.bootstrap_interval(lost),
                    ratio_interval(along[primary], lost),
                    chosen,
                    ratio_interval(along[chosen][apart], lost[apart]),
                ),
                influences.mean(axis=0),
            )


def _exchanged(
    model: LSTMLanguageModel, asked: Asked, paths: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What the quantity loses with the other form of the source word, example by example: where
    everything sees it, and where a path alone does.
    """
    clean = quantity_under(model, asked.tokens, asked.qoi, {})
    lost = clean - quantity_under(model, asked.swapped, asked.qoi, {})
    at = np.arange(len(asked.tokens)), np.full(len(asked.tokens), asked.position)
    other = jnp.asarray(model.embedding[...])[asked.swapped[at]]
    swap = {f"x@{asked.position}": pf.Fix(other)}
    return lost, {
        path: clean - quantity_under(model, asked.tokens, asked.qoi, swap, along=path)
        for path in dict.fromkeys(paths)
    }


@dataclass(frozen=True)
class Effect:
    """What another quantity changes on the same sentences.

    Arguments:
        frame: kind of sentence.
        condition: its condition.
        one: what is carried with the first quantity.
        other: with the other one.
        paths: Spearman's correlation of the mean influences of all paths.
        n_first: how many of the ten largest paths are the same.
    """

    frame: str
    condition: str
    one: Carried
    other: Carried
    paths: float
    n_first: int


def effect(one: tuple[Carried, np.ndarray], other: tuple[Carried, np.ndarray]) -> Effect:
    """Compares two quantities in one frame and condition."""
    (first, means), (second, others) = one, other
    top = [set(np.argsort(-m, kind="stable")[:_N_FIRST].tolist()) for m in (means, others)]
    return Effect(
        first.row.task,
        first.row.condition,
        first,
        second,
        spearman(means, others),
        len(top[0] & top[1]),
    )
