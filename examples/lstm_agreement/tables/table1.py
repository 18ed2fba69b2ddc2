"""Table 1 of the paper: how much of a noun's influence on the verb's number takes the primary path.

Rows are computed for the trained model and, on the same sentences, for untrained models of the same
sizes: the primary path passes the candidate cells, and what passes another gate is multiplied by a
cell or a candidate, which random parameters leave near zero; so they already favour it. What
training can add is the sign, the same in all sentences, and the magnitude.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import (
    ADV,
    NAME_PP,
    NOUN_PP,
    NOUN_PP_ADV,
    SIMPLE,
    Sentence,
)
from examples.lstm_agreement.tables.blocks import Block, Kept, collected
from examples.lstm_agreement.tables.bootstrap import p_of_zero, rank_interval
from examples.lstm_agreement.tables.measure import Role, Settings, influence_blocks, primary_path
from examples.lstm_agreement.tables.scored import scored_model
from examples.lstm_agreement.tables.view import LSTM_VIEW, AbstractView
from pathflow import metrics
from pathflow.models import Vocabulary

# What the table asks, in its order. The paper has no rows of Adv and namePP; the model's accuracy
# in them is published.
QUESTIONS = (
    (SIMPLE, Role.SUBJECT),
    (ADV, Role.SUBJECT),
    (NAME_PP, Role.SUBJECT),
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
        primary_p: probability, by resampling, of a mean that far on one side of zero if it were
            zero.
        share: expected fraction of the influence of this sign.
        t: probability to exceed a path drawn uniformly.
        rank: place by mean influence, from the end of this sign; 1 is the first.
        first: fraction of resamples in which it is the first.
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
    primary_p: float
    share: metrics.Interval
    t: metrics.Interval
    rank: metrics.Interval
    first: float
    magnitude: metrics.Interval
    largest: str
    largest_share: metrics.Interval
    structural: float
    quadrature: float


@dataclass(frozen=True)
class Measured:
    """A row, and numbers of its sentences, to compare rows of the same sentences with.

    Arguments:
        row: the row.
        sentences: by name, one number per sentence: `primary`, the influence along the primary path
            in logits, and `magnitude`, its fraction of the sum of absolute influences.
    """

    row: Row
    sentences: Mapping[str, tuple[float, ...]]


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

    def first(self, n: int) -> "Condition":
        """The same of at most the first `n` sentences."""
        return replace(self, sentences=self.sentences[:n])

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
    models: Mapping[str, nnx.Module],
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    settings: Settings,
    *,
    view: AbstractView = LSTM_VIEW,
    wanted: Callable[[str, Condition], bool] = lambda _name, _condition: True,
    kept: Callable[[nnx.Module, str, Condition], Kept] | None = None,
    advance: Callable[[str, int], None] = lambda _what, _n: None,
) -> Iterator[tuple[Condition, Row, pf.Attribution]]:
    """Measures condition after condition, so that what is done survives an interruption.

    Arguments:
        models: by the name that the rows give them.
        vocabulary: the models' words.
        asked: the conditions.
        settings: the quadrature.
        view: how the models are taken apart.
        wanted: whether a model, by its name, is measured in a condition.
        kept: where, and under which key, the influences of a model, by its name, in a condition are
            kept block by block; by default they are held in memory, and in one piece.
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
            place = None if kept is None else kept(model, name, condition)
            result = _influences(model, vocabulary, condition, settings, view, place, step)
            yield condition, summarise(name, condition, result, view), result


def _influences(
    model: nnx.Module,
    vocabulary: Vocabulary,
    condition: Condition,
    settings: Settings,
    view: AbstractView,
    kept: Kept | None,
    advance: Callable[[int], None],
) -> pf.Attribution:
    """The influences of all paths; on disk where they are kept."""
    first = condition.sentences[0]
    graph, _ = scored_model(model, len(first.tokens), view)
    space = graph.paths(view.source(condition.role.noun(first).position), "qoi")

    def blocks(skip: Callable[[range], bool]) -> Iterator[Block]:
        for places, result in influence_blocks(
            model, vocabulary, condition.sentences, condition.role, settings, skip=skip, view=view
        ):
            n, audit = len(places), result.audit
            facts = {name: np.asarray(getattr(audit, name), float)[:n] for name in _AUDITED}
            yield Block(places, result.influences[:n], facts)

    shape = len(condition.sentences), space.count
    dtype = view.embedding(model).dtype
    found = collected(kept, shape, blocks, dtype=dtype, advance=advance)
    audit = pf.Audit(**found.facts, n_steps=settings.n_steps, dtype=str(found.values.dtype))
    return pf.Attribution(space, found.values, audit)


_AUDITED = ("structural", "reference_total", "quadrature")
# Sentences at a time: bounds what statistics of the paths of a sentence take.
_ROWS = 64


def summarise(
    model: str, condition: Condition, result: pf.Attribution, view: AbstractView = LSTM_VIEW
) -> Row:
    """The row of one condition.

    Arguments:
        model: what the row calls the model.
        condition: the sentences.
        result: the influences of all paths, one example per sentence; may be on disk.
        view: how the model was taken apart.
    """
    first = condition.sentences[0]
    position = condition.role.noun(first).position
    helpful = condition.role is Role.SUBJECT or len(set(first.condition)) == 1
    return row_of(
        model,
        (condition.role, first.task, first.condition),
        view.primary_path(position, len(first.tokens) - 1),
        result,
        helpful=helpful,
        living=view.living(result.space, position),
    )


def row_of(
    model: str,
    key: tuple[Role, str, str],
    primary: str,
    result: pf.Attribution,
    *,
    helpful: bool = True,
    living: np.ndarray | None = None,
) -> Row:
    """The row of any influences.

    Neither all influences nor the resampled means of all paths are held in memory at a time.

    Arguments:
        model: what the row calls the model.
        key: role, task and condition.
        primary: the primary path.
        result: the influences of all paths, one example per sentence.
        helpful: whether influence for the quantity is what is asked about, or against it.
        living: ranks of the paths that can carry anything; all by default.
    """
    influences, living, path = _living(result, primary, living)
    role, task, condition = key
    # Influence against the verb, seen from its own end, is influence for it.
    sign = 1 if helpful else -1
    largest = int(np.argmax(sign * _mean_of_rows(influences)))
    of = _numbers_of_sentences(influences, path, largest, sign)
    residual = np.abs(np.asarray(result.audit.quadrature))
    rank = rank_interval(influences, path, sign=sign)
    interval = metrics.bootstrap_interval
    return Row(
        model=model,
        role=role,
        task=task,
        condition=condition,
        n_sentences=len(influences),
        n_paths=len(living),
        sign=sign,
        p_plus=interval((of["total"] > 0).astype(np.float64)),
        total=interval(of["total"]),
        primary=interval(of["primary"]),
        primary_p=p_of_zero(of["primary"]),
        share=interval(of["share"]),
        t=interval(of["t"]),
        rank=rank.place,
        first=rank.first,
        magnitude=interval(of["magnitude"]),
        largest=str(result.space.unrank(int(living[largest]))),
        largest_share=interval(of["largest_share"]),
        structural=float(np.max(result.audit.structural)),
        quadrature=float(residual.mean() / np.abs(of["total"] - result.audit.quadrature).mean()),
    )


def numbers_of_sentences(
    condition: Condition, result: pf.Attribution, view: AbstractView = LSTM_VIEW
) -> dict[str, tuple[float, ...]]:
    """The numbers that `Measured` has of every sentence."""
    first = condition.sentences[0]
    position = condition.role.noun(first).position
    primary = view.primary_path(position, len(first.tokens) - 1)
    influences, _, path = _living(result, primary, view.living(result.space, position))
    of = _numbers_of_sentences(influences, path, path, 1)
    return {name: tuple(of[name].tolist()) for name in ("primary", "magnitude")}


def _living(
    result: pf.Attribution, primary: str, living: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """The influences of the paths that can carry anything, their ranks, and the place of the
    primary path among them.
    """
    living = np.arange(result.space.count) if living is None else living
    # Where every path lives, what is on disk stays there.
    everything = len(living) == result.space.count
    influences = result.influences if everything else result.influences[:, living]
    return influences, living, int(np.searchsorted(living, result.space.rank(primary)))


def _mean_of_rows(influences: np.ndarray) -> np.ndarray:
    total = np.zeros(influences.shape[1])
    for start in range(0, len(influences), _ROWS):
        total += influences[start : start + _ROWS].sum(axis=0, dtype=np.float64)
    return total / len(influences)


def _numbers_of_sentences(
    influences: np.ndarray, path: int, largest: int, sign: int
) -> dict[str, np.ndarray]:
    """One number per sentence, by name."""
    parts = []
    for start in range(0, len(influences), _ROWS):
        rows = np.asarray(influences[start : start + _ROWS], np.float64)
        parts.append(
            {
                "total": rows.sum(axis=1),
                "primary": rows[:, path],
                "share": metrics.positive_shares(sign * rows, path),
                "t": metrics.t_values(rows, path),
                "magnitude": metrics.positive_shares(np.abs(rows), path),
                "largest_share": metrics.positive_shares(sign * rows, largest),
            }
        )
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
