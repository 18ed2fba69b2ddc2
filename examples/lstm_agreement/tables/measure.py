"""Influences of all gate-level paths from a noun to the verb's number (Definitions 2 to 6)."""

import enum
from collections.abc import Callable, Mapping, Sequence
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
from pathflow.models import LSTMLanguageModel, Vocabulary

_Result = TypeVar("_Result")
# What `pathflow.do` takes.
Interventions = pf.AbstractChoice | Mapping[str, pf.AbstractIntervention]
# Words are compared one with one, or all of one set with all of another.
Quantity = pf.LogitDifference | pf.SetDifference
# A default cannot decide what a type variable stands for, so it has the type of any search.
_ENUMERATE = cast("Any", pf.Enumerate())


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
    up = [f"{name}@{position}" for name in ("x", "g0", "c0", "h0", "g1")]
    along = [f"c1@{t}" for t in range(position, last + 1)]
    return " ".join([*up, *along, f"h1@{last}", "qoi"])


def noun_influences(
    model: LSTMLanguageModel,
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    role: Role,
    settings: Settings = Settings(),
    *,
    search: pf.AbstractSearch[_Result] = _ENUMERATE,
    advance: Callable[[int], None] = lambda _n: None,
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

    Returns:
        What the search finds, with one example per sentence, in their order.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    encoded = encode(sentences, vocabulary)
    nouns = [role.noun(s) for s in sentences]
    return word_influences(
        model,
        encoded.tokens,
        nouns[0].position,
        encode_forms(nouns, vocabulary),
        pf.LogitDifference(encoded.correct, encoded.wrong),
        settings,
        search=search,
        advance=advance,
    )


def word_influences(
    model: LSTMLanguageModel,
    tokens: np.ndarray,
    position: int,
    forms: np.ndarray,
    qoi: Quantity,
    settings: Settings = Settings(),
    *,
    search: pf.AbstractSearch[_Result] = _ENUMERATE,
    advance: Callable[[int], None] = lambda _n: None,
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

    Returns:
        What the search finds, with one example per sentence, in their order.
    """
    n = len(tokens)
    traced, parameters = traced_model(model, tokens.shape[1], _n_words(qoi))
    embedding = model.embedding[...]
    results = []
    for start in range(0, n, settings.chunk):
        # Every chunk has the same shape, so that nothing is compiled twice; the last repeats a
        # sentence.
        at = np.arange(start, start + settings.chunk).clip(max=n - 1)
        result = pf.attribute(
            traced,
            (parameters, jnp.asarray(tokens[at])),
            source=f"x@{position}",
            doi=pf.Line(
                embedding[forms[at]].mean(axis=1), n_steps=settings.n_steps, rule=settings.rule
            ),
            qoi=type(qoi)(qoi.good[at], qoi.bad[at]),
            in_axes=(None, 0),
            search=search,
        )
        results.append(result)
        advance(min(settings.chunk, n - start))
    if settings.chunk == n:
        return results[0]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *results)


def _n_words(qoi: Quantity) -> tuple[int, int] | None:
    if isinstance(qoi, pf.LogitDifference):
        return None
    return qoi.good.shape[-1], qoi.bad.shape[-1]


def traced_model(
    model: LSTMLanguageModel, steps: int, n_words: tuple[int, int] | None = None
) -> tuple[pf.TracedGraph, nnx.State]:
    """The graph of a model for sentences of one length, and the parameters, its first argument.

    Arguments:
        model: the language model.
        steps: words of a sentence.
        n_words: where sets of words are compared, how many each has; None for one word each.
    """
    structure, parameters = nnx.split(model)
    return _trace(structure, _shapes(parameters), steps, n_words), parameters


def margins_under(
    model: LSTMLanguageModel,
    encoded: Encoded,
    interventions: Interventions,
    *,
    along: str | None = None,
) -> np.ndarray:
    """Score of the agreeing verb above the other when nodes are replaced, one per sentence; with
    `along`, the paths of a pattern alone see it.
    """
    qoi = pf.LogitDifference(encoded.correct, encoded.wrong)
    return quantity_under(model, encoded.tokens, qoi, interventions, along=along)


def quantity_under(
    model: LSTMLanguageModel,
    tokens: np.ndarray,
    qoi: Quantity,
    interventions: Interventions,
    *,
    along: str | None = None,
) -> np.ndarray:
    """A difference of scores when nodes are replaced, one per sentence; see `margins_under`."""
    traced, parameters = traced_model(model, tokens.shape[1], _n_words(qoi))
    found = pf.do(
        traced,
        (parameters, jnp.asarray(tokens)),
        interventions,
        along=along,
        qoi=qoi,
        in_axes=(None, 0),
    )
    return np.asarray(found, np.float64)


@lru_cache(16)
def _trace(
    structure: nnx.GraphDef,
    shapes: tuple[Any, ...],
    steps: int,
    n_words: tuple[int, int] | None,
) -> pf.TracedGraph:
    """The graph for sentences of one length.

    Models of the same sizes share it, and with it all that is compiled for it; so the parameters
    are arguments, of which only the shapes matter here.
    """
    qoi = pf.LogitDifference(jnp.int32(0), jnp.int32(1))
    if n_words is not None:
        qoi = pf.SetDifference(*[jnp.zeros(n, jnp.int32) for n in n_words])
    return pf.trace(
        lambda parameters, tokens: nnx.merge(structure, parameters)(tokens),
        jax.tree.unflatten(shapes[0], [jnp.zeros(*s) for s in shapes[1]]),
        jnp.zeros(steps, jnp.int32),
        qoi=qoi,
    )


def _shapes(parameters: nnx.State) -> tuple[Any, ...]:
    leaves, treedef = jax.tree.flatten(parameters)
    return treedef, tuple((x.shape, x.dtype) for x in leaves)
