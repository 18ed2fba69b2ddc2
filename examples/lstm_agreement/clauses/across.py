"""How the outer number crosses the inner verb: influence beside intervention, condition by
condition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from examples.lstm_agreement.clauses.crossing import ENTRIES, STATES, Crossing, cross
from examples.lstm_agreement.clauses.exchange import Exchange, exchange
from examples.lstm_agreement.sentences.tasks import Sentence, by_condition
from examples.lstm_agreement.tables.bootstrap import (
    mean_interval,
    ratio_interval,
    resampled_means,
)
from examples.lstm_agreement.tables.correlation import spearman
from examples.lstm_agreement.tables.measure import Settings
from pathflow.metrics import Interval
from pathflow.models import LSTMLanguageModel, Vocabulary

_NONE = Interval(float("nan"), float("nan"), float("nan"))
# All conditions together. Influence starts half way between a noun's two forms, and an exchange
# goes the whole way: only the sentences of both numbers together have all of its points.
ALL = "all"
_Key = tuple[str, str, int]


@dataclass(frozen=True)
class Way:
    """One way across the inner verb.

    Arguments:
        task: name of the task.
        condition: numbers of the outer and the inner noun, or "all".
        n_sentences: how many sentences.
        kind: "before" (the state that the number is in before the inner verb), "entry" (that state
            and what takes the number from it), "after" (the state behind the inner verb), "way"
            (entry and state behind) or "primary path".
        name: as in "h0", or "h0 > g0".
        influence: of the subject along these paths, in logits.
        fraction: of the total; fractions of one kind add up to 1.
        size: expected fraction of the sum of absolute influences of all ways of this kind.
        untrained: the same in untrained models: mean, smallest and largest.
        exchanged: what the score difference loses when these paths alone see the subject with the
            other number, in logits.
        exchanged_fraction: of what it loses when all paths do.
        accuracy: how often the agreeing verb has the higher score under that exchange.
        accuracy_but: the same when all paths but these see it.
    """

    task: str
    condition: str
    n_sentences: int
    kind: str
    name: str
    influence: Interval
    fraction: Interval
    size: Interval = _NONE
    untrained: Interval = _NONE
    exchanged: Interval = _NONE
    exchanged_fraction: Interval = _NONE
    accuracy: Interval = _NONE
    accuracy_but: Interval = _NONE


@dataclass(frozen=True)
class Verdict:
    """Whether intervention confirms what influence says carries the number.

    Arguments:
        task: name of the task.
        condition: numbers of the outer and the inner noun, or "all".
        n_sentences: how many sentences.
        accuracy: as the sentences are.
        accuracy_exchanged: with the whole state before the inner verb from the other sentence.
        total: influence of the subject along all paths, in logits.
        exchanged: what the score loses with the whole state, in logits.
        first: the state with the largest influence before the inner verb.
        lead: what exchanging it takes from the score more than exchanging any other state does, in
            logits.
        answer: "confirmed" where the interval of the lead is above zero, "refuted" where it is
            below, "open" where it holds zero.
        entries: Spearman's correlation of influence and exchange over the ten entries.
        largest: the way with the largest influence.
        structural: worst structural residual of the sums, all models included.
    """

    task: str
    condition: str
    n_sentences: int
    accuracy: Interval
    accuracy_exchanged: Interval
    total: Interval
    exchanged: Interval
    first: str
    lead: Interval
    answer: str
    entries: float
    largest: str
    structural: float


@dataclass(frozen=True)
class Drawn:
    """Intervals over sentences that are drawn group by group.

    Arguments:
        groups: of every sentence.
    """

    groups: np.ndarray

    def mean(self, values: np.ndarray) -> Interval:
        """Of a mean."""
        return mean_interval(values, self.groups)

    def ratio(self, part: np.ndarray, whole: np.ndarray) -> Interval:
        """Of one mean over another."""
        return ratio_interval(part, whole, self.groups)

    def accuracy(self, margins: np.ndarray) -> Interval:
        """Of how often a number is positive."""
        return self.mean((margins > 0).astype(np.float64))


def across(
    models: Mapping[str, LSTMLanguageModel],
    vocabulary: Vocabulary,
    sentences: Sequence[Sentence],
    verb: int,
    settings: Settings,
) -> tuple[list[Way], list[Verdict]]:
    """Measures all conditions of a task.

    Arguments:
        models: the trained model, and untrained ones to compare with.
        vocabulary: their words.
        sentences: of one task.
        verb: position of the inner verb, behind the subject.
        settings: the quadrature.

    Returns:
        The ways across, and a verdict per condition.

    Raises:
        StudyError: a word is unknown to the model, or the sentences are of more than one length.
    """
    trained, *untrained = [
        cross(model, vocabulary, sentences, verb, settings) for model in models.values()
    ]
    changed = exchange(models["trained"], vocabulary, sentences, verb)
    structural = max(c.structural for c in (trained, *untrained))
    ways, verdicts = [], []
    together = (ALL, np.ones(len(sentences), bool))
    groups = np.array([s.group for s in sentences])
    for condition, mine in (*by_condition(sentences), together):
        key = sentences[0].task, condition, int(mine.sum())
        # All conditions of a group are of the same words.
        drawn = Drawn(groups[mine])
        ways += _ways(key, trained, untrained, changed, mine, drawn)
        verdicts.append(_verdict(key, trained, changed, mine, drawn, structural))
    return ways, verdicts


def _ways(
    key: _Key,
    trained: Crossing,
    untrained: Sequence[Crossing],
    changed: Exchange,
    mine: np.ndarray,
    drawn: Drawn,
) -> list[Way]:
    kinds = {
        "before": (STATES, Crossing.by_state, changed.by_state, changed.but_state),
        "entry": (tuple(map(str, ENTRIES)), Crossing.by_entry, changed.by_entry, None),
    }
    if trained.verb != trained.last:
        kinds["after"] = (STATES, Crossing.by_state_after, None, None)
        kinds["way"] = (trained.names, lambda c: c.influences, None, None)
    clean, total = changed.clean[mine], trained.influences[mine].sum(axis=1)
    whole = clean - changed.all_states[mine]
    found = []
    for kind, (names, sums, alone, but) in kinds.items():
        mine_of = sums(trained)[mine]
        sizes, others = _sizes(mine_of), [_sizes(sums(c)[mine]).mean(axis=0) for c in untrained]
        for i, name in enumerate(names):
            exchanged = {}
            if alone is not None:
                lost = clean - alone[mine, i]
                exchanged = {
                    "exchanged": drawn.mean(lost),
                    "exchanged_fraction": drawn.ratio(lost, whole),
                    "accuracy": drawn.accuracy(alone[mine, i]),
                }
            if but is not None:
                exchanged["accuracy_but"] = drawn.accuracy(but[mine, i])
            spread = [o[i] for o in others]
            found.append(
                Way(
                    *key,
                    kind,
                    name,
                    drawn.mean(mine_of[:, i]),
                    drawn.ratio(mine_of[:, i], total),
                    drawn.mean(sizes[:, i]),
                    Interval(float(np.mean(spread)), min(spread), max(spread)) if spread else _NONE,
                    **exchanged,
                )
            )
    lost = clean - changed.primary[mine]
    found.append(
        Way(
            *key,
            "primary path",
            "primary path",
            drawn.mean(trained.primary[mine]),
            drawn.ratio(trained.primary[mine], total),
            exchanged=drawn.mean(lost),
            exchanged_fraction=drawn.ratio(lost, whole),
            accuracy=drawn.accuracy(changed.primary[mine]),
        )
    )
    return found


def _verdict(
    key: _Key,
    trained: Crossing,
    changed: Exchange,
    mine: np.ndarray,
    drawn: Drawn,
    structural: float,
) -> Verdict:
    clean = changed.clean[mine]
    influence = trained.by_state()[mine]
    lost = clean[:, None] - changed.by_state[mine]
    lead, top = lead_of(influence.mean(axis=0), lost, drawn.groups)
    by_entry = clean[:, None] - changed.by_entry[mine]
    return Verdict(
        *key,
        drawn.accuracy(clean),
        drawn.accuracy(changed.all_states[mine]),
        drawn.mean(influence.sum(axis=1)),
        drawn.mean(clean - changed.all_states[mine]),
        STATES[top],
        lead,
        "confirmed" if lead.low > 0 else "refuted" if lead.high < 0 else "open",
        spearman(trained.by_entry()[mine].mean(axis=0), by_entry.mean(axis=0)),
        trained.names[int(trained.influences[mine].mean(axis=0).argmax())],
        structural,
    )


def lead_of(
    influence: Float64[np.ndarray, " states"],
    lost: Float64[np.ndarray, "sentences states"],
    groups: np.ndarray | None = None,
) -> tuple[Interval, int]:
    """How far the state of the largest influence is ahead of the best other one, by exchange.

    Which other one is the best is asked of every resample anew.

    Arguments:
        influence: of each state.
        lost: what exchanging each state takes from the score.
        groups: of the sentences, which are drawn together; None to draw sentences.
    """
    top = int(influence.argmax())
    others = [i for i in range(len(influence)) if i != top]

    def ahead(means: np.ndarray) -> np.ndarray:
        return means[..., top] - means[..., others].max(axis=-1)

    low, high = np.quantile(ahead(resampled_means(lost, groups)), [0.025, 0.975])
    return Interval(float(ahead(lost.mean(axis=0))), float(low), float(high)), top


def _sizes(influences: np.ndarray) -> np.ndarray:
    size = np.abs(influences)
    return size / size.sum(axis=1, keepdims=True)
