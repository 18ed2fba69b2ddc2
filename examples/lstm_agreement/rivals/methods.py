"""Ways to score how much each unit of the second layer's cell carries of the subject's number."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

import pathflow as pf
from examples.lstm_agreement.rivals.contextual import decompose
from examples.lstm_agreement.rivals.diagnosis import folds, unit_hits
from examples.lstm_agreement.rivals.finished import Finished
from examples.lstm_agreement.rivals.question import Question, Unit
from examples.lstm_agreement.rivals.rank_agreement import Agreement, agreement
from examples.lstm_agreement.tables.entries import plain, record_of
from examples.lstm_agreement.tables.measure import Role, noun_influences
from examples.lstm_agreement.tables.neurons import unit_influences
from examples.lstm_agreement.tables.scored import (
    SCORED_AXES,
    scored_arguments,
    scored_model,
    verb_difference,
)
from examples.lstm_agreement.tables.table1 import Condition

Scores = Float64[np.ndarray, "sentences units"]


def primary_path_scores(question: Question, units: Sequence[int]) -> Scores:
    """The influence of the subject along the primary path through each unit."""
    condition = Condition(Role.SUBJECT, question.sentences)
    found, _ = unit_influences(question.model, question.vocabulary, condition, question.settings)
    return found[:, list(units)]


def all_path_scores(question: Question, units: Sequence[int]) -> Scores:
    """The influence of the subject along all paths through each unit at the last word."""
    node = question.node
    found = noun_influences(
        question.model,
        question.vocabulary,
        question.sentences,
        Role.SUBJECT,
        question.settings,
        search=pf.Refine(f"x@{question.steps[0]} .* {node} .* qoi", at=node),
    )
    return found.by_part(node)[:, list(units)]


def guided_path(question: Question) -> tuple[pf.Path, pf.Ranked]:
    """The path that guided refinement finds through the last cell, and what was found.

    From node to node, it goes where most of the mean influence over all sentences still flows.
    """
    # In one block, so that one path is followed for all sentences.
    settings = replace(question.settings, chunk=len(question.sentences))
    found = noun_influences(
        question.model,
        question.vocabulary,
        question.sentences,
        Role.SUBJECT,
        settings,
        search=pf.Greedy(f"x@{question.steps[0]} .* {question.node} .* qoi"),
    )
    return found.rows[0].path, found


def guided_scores(question: Question, units: Sequence[int]) -> Scores:
    """The influence of the subject along the path of guided refinement, through each unit.

    Source: K. Lu et al., "Influence patterns for explaining information flow in BERT" (2021).
    """
    path, found = guided_path(question)
    return pf.refine(found, path, at=question.node).by_part(question.node)[:, list(units)]


def activation_scores(
    question: Question, units: Sequence[int], *, n_steps: int, rule: pf.AbstractRule
) -> Scores:
    """Gradient of the score difference by a unit times what the subject's number changes in it.

    The gradient is the mean over the line between what the second layer's cell holds in the
    swapped sentence and in the sentence: integrated gradients. One step of the right Riemann sum
    is the gradient in the sentence, as in attribution patching.

    Source: N. Nanda, "Attribution patching" (2023); A. Syed, C. Rager, A. Conmy, "Attribution
    patching outperforms automated circuit discovery" (2023); M. Sundararajan et al.
    (2017) for the line.
    """
    node, words = question.node, question.words
    traced, parameters = scored_model(question.model, words.tokens.shape[1])
    before = question.held([node], question.swapped_words)[node]
    found = pf.attribute(
        traced,
        (parameters, *scored_arguments(words.tokens, verb_difference(words))),
        source=node,
        doi=pf.Line(jnp.asarray(before, traced.node(node).dtype), n_steps=n_steps, rule=rule),
        in_axes=SCORED_AXES,
        search=pf.Refine(f"{node} .* qoi", at=node),
    )
    return found.by_part(node)[:, list(units)]


def attribution_patching_scores(question: Question, units: Sequence[int]) -> Scores:
    """One gradient, taken in the sentence as it is."""
    return activation_scores(question, units, n_steps=1, rule=pf.RightRiemann())


def integrated_gradient_scores(question: Question, units: Sequence[int]) -> Scores:
    """The gradient's mean over the line from the swapped sentence's cell."""
    settings = question.settings
    return activation_scores(question, units, n_steps=settings.n_steps, rule=settings.rule)


def contextual_scores(question: Question, units: Sequence[int]) -> Scores:
    """What of the score difference is due to the subject in each unit of the last hidden state."""
    model, words = question.model, question.words
    _, hidden = decompose(model, words.tokens, question.steps[0])
    rows = np.asarray(model.output_rows, np.float64)
    return (hidden.word * (rows[words.correct] - rows[words.wrong]))[:, list(units)]


def zero_scores(question: Question, units: Sequence[int]) -> Scores:
    """What the score difference loses with a unit at zero from the subject on.

    Source: Y. Lakretz et al., "The emergence of number and syntax units in LSTM language models"
    (2019), section 4.
    """
    return _losses(question, units, {t: pf.Zero() for t in question.steps})


def mean_scores(question: Question, units: Sequence[int]) -> Scores:
    """What the score difference loses with a unit at its mean over the sentences."""
    cells = question.held([f"c1@{t}" for t in question.steps], question.words.tokens)
    return _losses(question, units, _fixed(question, {n: c.mean(axis=0) for n, c in cells.items()}))


def interchange_scores(question: Question, units: Sequence[int]) -> Scores:
    """What the score difference loses with a unit as in the swapped sentence, step by step.

    Source: A. Geiger et al., "Causal abstractions of neural networks" (2021).
    """
    cells = question.held([f"c1@{t}" for t in question.steps], question.swapped_words)
    return _losses(question, units, _fixed(question, cells))


def _fixed(question: Question, cells: dict[str, np.ndarray]) -> dict[int, pf.AbstractIntervention]:
    dtype = question.model.embedding[...].dtype
    return {t: pf.Fix(jnp.asarray(cells[f"c1@{t}"], dtype)) for t in question.steps}


def _losses(
    question: Question, units: Sequence[int], instead: dict[int, pf.AbstractIntervention]
) -> Scores:
    whole = question.margins({})
    left = [
        question.margins({f"c1@{t}": Unit(unit, by) for t, by in instead.items()}) for unit in units
    ]
    return whole[:, None] - np.stack(left, axis=1)


def classifier_scores(question: Question, units: Sequence[int]) -> Scores:
    """Whether a threshold on the unit, set on other words, tells the subject's number: 0 or 1."""
    cell = question.held([question.node], question.words.tokens)[question.node]
    return unit_hits(cell[:, list(units)], question.plural, folds(question.sentences))


@dataclass(frozen=True)
class Method:
    """A way to score units.

    Arguments:
        name: as the table calls it.
        needs: what it has to compute.
        scores: of some units in every sentence.
        signed: whether a score says if the unit speaks for the verb that agrees or against it.
    """

    name: str
    needs: str
    scores: Callable[[Question, Sequence[int]], Scores]
    signed: bool = True


INTERCHANGE = Method("interchange", "run per unit", interchange_scores)
METHODS = (
    Method("paths, primary", "gradients", primary_path_scores),
    Method("paths, all", "gradients", all_path_scores),
    Method("paths, guided", "gradients", guided_scores),
    Method("gradient", "2 runs, gradient", attribution_patching_scores),
    Method("integrated gradients", "2 runs, gradients", integrated_gradient_scores),
    Method("decomposition", "1 run, 2 parts", contextual_scores),
    Method("held at zero", "run per unit", zero_scores),
    Method("held at mean", "run per unit", mean_scores),
    Method("classifier", "1 run, labels", classifier_scores, signed=False),
)


@dataclass(frozen=True)
class Scored:
    """What one method says.

    Arguments:
        method: the method.
        seconds: how long it took, after a first call that compiled.
        scores: of every unit, mean over the sentences.
        against: agreement with the reference.
    """

    method: Method
    seconds: float
    scores: Float64[np.ndarray, " units"]
    against: Agreement


def compare(
    question: Question,
    *,
    finished: Finished | None = None,
    advance: Callable[[str], None] = lambda _what: None,
) -> Iterator[Scored]:
    """Asks every method, the reference first.

    Arguments:
        question: the sentences and the model.
        finished: keeps what is found, and knows what was; by default nothing is kept.
        advance: called with the name of each method before it is asked.

    Yields:
        What a method says. The reference is compared with itself on other words: one half of the
        sentences with the other, which says how well it repeats itself.
    """
    reference: Float64[np.ndarray, " units"] | None = None
    for method in (INTERCHANGE, *METHODS):
        find = partial(_scored, method, question, reference, advance)
        if finished is None:
            scored = find()
        else:
            scored = finished.answer(method.name, find, _as_json, partial(_of_json, method))
        if reference is None:
            reference = scored.scores
        yield scored


def _scored(
    method: Method,
    question: Question,
    reference: Float64[np.ndarray, " units"] | None,
    advance: Callable[[str], None],
) -> Scored:
    advance(method.name)
    seconds, found = _timed(method, question)
    scores = found.mean(axis=0)
    if reference is None:
        half = folds(question.sentences)
        against = agreement(found[half == 0].mean(axis=0), found[half == 1].mean(axis=0))
    else:
        against = agreement(scores, reference, signed=method.signed)
    return Scored(method, seconds, scores, against)


def _as_json(scored: Scored) -> dict[str, Any]:
    scores = scored.scores.tolist()
    return {"seconds": scored.seconds, "scores": scores, "against": plain(scored.against)}


def _of_json(method: Method, fields: Mapping[str, Any]) -> Scored:
    against = record_of(Agreement, fields["against"])
    return Scored(method, fields["seconds"], np.array(fields["scores"], np.float64), against)


def _timed(method: Method, question: Question) -> tuple[float, Scores]:
    method.scores(question, [0])
    start = time.perf_counter()
    found = method.scores(question, range(question.model.hidden_dim))
    return time.perf_counter() - start, found
