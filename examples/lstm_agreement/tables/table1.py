"""Table 1 of the paper: how much of a noun's influence on the verb's number takes the primary path.

Rows are computed for the trained model and, on the same sentences, for untrained models of the same
sizes: the primary path passes the candidate cells, and what passes another gate is multiplied by a
cell or a candidate, which random parameters leave near zero; so they already favour it. What
training can add is the sign, the same in all sentences, and the magnitude.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import NOUN_PP, NOUN_PP_ADV, SIMPLE, Sentence
from examples.lstm_agreement.tables.bootstrap import rank_interval
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences, primary_path
from pathflow import metrics
from pathflow.models import LSTMLanguageModel, Vocabulary

# What the table asks, in its order.
QUESTIONS = (
    (SIMPLE, Role.SUBJECT),
    (NOUN_PP, Role.SUBJECT),
    (NOUN_PP_ADV, Role.SUBJECT),
    (NOUN_PP, Role.INTERVENING),
    (NOUN_PP_ADV, Role.INTERVENING),
)


@dataclass(frozen=True)
class Row:
    """Numbers of the primary path in one condition.

    Arguments:
        model: "trained", or "untrained" with a number.
        role: which noun the paths start from.
        task: name of the task.
        condition: the nouns' numbers.
        n_sentences: how many sentences.
        n_paths: how many paths (`|P|`).
        sign: 1 for a subject or helpful noun, -1 for an attractor, whose influence goes against the
            verb.
        p_plus: fraction of sentences with a positive total.
        total: mean total influence, in logits.
        primary: mean influence of the primary path.
        share: expected fraction of the influence of this sign.
        t: probability to exceed a path drawn uniformly.
        rank: place by mean influence, from the end of this sign; 1 is the first.
        magnitude: expected fraction of the sum of absolute influences.
        largest: the path with the rank 1.
        largest_share: its share, as above.
        structural: worst structural residual of the audit.
        quadrature: mean absolute quadrature residual over the mean absolute difference that it
            should give.
    """

    model: str
    role: Role
    task: str
    condition: str
    n_sentences: int
    n_paths: int
    sign: int
    p_plus: metrics.Interval
    total: metrics.Interval
    primary: metrics.Interval
    share: metrics.Interval
    t: metrics.Interval
    rank: metrics.Interval
    magnitude: metrics.Interval
    largest: str
    largest_share: metrics.Interval
    structural: float
    quadrature: float


@dataclass(frozen=True)
class Condition:
    """The sentences of one task and condition, asked about one noun."""

    role: Role
    sentences: tuple[Sentence, ...]

    @property
    def name(self) -> str:
        """As in "nounPP SP, subject"."""
        first = self.sentences[0]
        return f"{first.task} {first.condition}, {self.role.value}"

    @property
    def primary_path(self) -> str:
        """The primary path from the noun."""
        first = self.sentences[0]
        return primary_path(self.role.noun(first).position, len(first.tokens) - 1)


def conditions(sentences: Mapping[str, Sequence[Sentence]], limit: int) -> list[Condition]:
    """What the table asks, condition by condition.

    Arguments:
        sentences: of every task, by its name.
        limit: how many sentences of a condition to take, from the first on.

    Raises:
        StudyError: a condition has no sentence.
    """
    asked = []
    for task, role in QUESTIONS:
        for c in task.conditions:
            of_condition = tuple(s for s in sentences[task.name] if s.condition == c)[:limit]
            if not of_condition:
                raise StudyError(
                    f"no {task.name} sentence of condition {c} has only words that the model "
                    "knows; take other sentences or another model."
                )
            asked.append(Condition(role, of_condition))
    return asked


def compute(
    models: Mapping[str, LSTMLanguageModel],
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    settings: Settings,
    *,
    wanted: Callable[[str, Condition], bool] = lambda _name, _condition: True,
    advance: Callable[[str, int], None] = lambda _what, _n: None,
) -> Iterator[tuple[Condition, Row, pf.Attribution]]:
    """Measures condition after condition, so that what is done survives an interruption.

    Arguments:
        models: by the name that the rows give them.
        vocabulary: the models' words.
        asked: the conditions.
        settings: the quadrature.
        wanted: whether a model, by its name, is measured in a condition.
        advance: called with what is being done and the number of sentences done since the last
            call.

    Yields:
        A condition, its row, and the influences that it sums up.
    """
    for condition in asked:
        for name, model in models.items():
            if not wanted(name, condition):
                continue
            step = partial(advance, f"{condition.name}, {name}")
            # The first sentences take longest, since they wait for the compiler.
            step(0)
            result = noun_influences(
                model,
                vocabulary,
                condition.sentences,
                condition.role,
                settings,
                advance=step,
            )
            yield condition, summarise(name, condition, result), result


def summarise(model: str, condition: Condition, result: pf.Attribution) -> Row:
    """The row of one condition.

    Arguments:
        model: what the row calls the model.
        condition: the sentences.
        result: the influences of all paths, one example per sentence.
    """
    first = condition.sentences[0]
    helpful = condition.role is Role.SUBJECT or len(set(first.condition)) == 1
    key = condition.role, first.task, first.condition
    return row_of(model, key, condition.primary_path, result, helpful=helpful)


def row_of(
    model: str,
    key: tuple[Role, str, str],
    primary: str,
    result: pf.Attribution,
    *,
    helpful: bool = True,
) -> Row:
    """The row of any influences.

    Arguments:
        model: what the row calls the model.
        key: role, task and condition.
        primary: the primary path.
        result: the influences of all paths, one example per sentence.
        helpful: whether influence for the quantity is what is asked about, or against it.
    """
    influences = np.asarray(result.influences, np.float64)
    path = result.space.rank(primary)
    role, task, condition = key
    # Influence against the verb, seen from its own end, is influence for it.
    signed = influences if helpful else -influences
    largest = int(np.argmax(signed.mean(axis=0)))
    total = influences.sum(axis=1)
    residual = np.abs(np.asarray(result.audit.quadrature))
    return Row(
        model=model,
        role=role,
        task=task,
        condition=condition,
        n_sentences=len(influences),
        n_paths=result.space.count,
        sign=1 if helpful else -1,
        p_plus=metrics.bootstrap_interval((total > 0).astype(np.float64)),
        total=metrics.bootstrap_interval(total),
        primary=metrics.bootstrap_interval(influences[:, path]),
        share=metrics.bootstrap_interval(metrics.positive_shares(signed, path)),
        t=metrics.bootstrap_interval(metrics.t_values(influences, path)),
        rank=rank_interval(signed, path),
        magnitude=metrics.bootstrap_interval(metrics.positive_shares(np.abs(influences), path)),
        largest=str(result.space.unrank(largest)),
        largest_share=metrics.bootstrap_interval(metrics.positive_shares(signed, largest)),
        structural=float(np.max(result.audit.structural)),
        quadrature=float(residual.mean() / np.abs(total - result.audit.quadrature).mean()),
    )
