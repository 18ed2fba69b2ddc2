"""Clauses as tables."""

import math
from collections.abc import Sequence

from examples.lstm_agreement.clauses.accuracy import Score
from examples.lstm_agreement.clauses.across import ALL, Verdict, Way
from examples.lstm_agreement.clauses.crossing import ENTRIES, STATES
from examples.lstm_agreement.console.text import Table, interval
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.report import rank_text
from examples.lstm_agreement.tables.table1 import Row
from examples.lstm_agreement.tables.without_training import TRAINED, magnitudes

ACCURACY_LEGEND = """\
C: numbers of the verb's subject and of the other noun that stands before the verb. "first verb":
the sentence ends before its first verb, and this one is asked about. Brackets hold 95% bootstrap
intervals over sentences."""
PATHS_LEGEND = """\
As in Table 1 of the study. C: numbers of the verb's subject and of the other noun. P+: fraction of
sentences whose total influence from the noun is positive; total in logits. |P|: number of paths.
Share: expected fraction that the primary path has of all influence of its sign, positive from
subjects and helpful nouns (+), negative from attractors (-). t: probability that the primary path
exceeds another one. Rank: place by mean influence, from the end of the sign. Magnitude: expected
fraction of the sum of all absolute influences; untrained: the same in models with initial
parameters, the mean, the smallest and the largest. Then the path of rank 1 and its share. In
"complement" the other noun stands before the subject."""
ACROSS_LEGEND = """\
Every path from the outer subject enters the step of the inner verb once, from a cell (c) or a
hidden state (h) of layer 0 or 1. a / b: a is the exact sum of the influences of these paths, as a
fraction of the total; b is what the score difference loses when this state alone, before the inner
verb, is the one of the sentence with the other number of the subject, as a fraction of what it
loses with the whole state; b is found by running the model, without derivatives. Influence starts
half way between the noun's two forms, and an exchange goes the whole way, so that the lines for all
conditions together are the ones to compare. Intervals are by resampling: sentences within a
condition, and groups of the same words, each with all of its sentences, over all conditions."""
ENTRY_LEGEND = """\
The same by what takes the number into the step: a cell into itself, a hidden state into a gate of
its layer."""
SIZE_LEGEND = """\
a / b: expected fraction of the sum of the absolute values of the four sums, all conditions
together; a: of the trained model; b: of untrained models of the same sizes, mean of them."""
VERDICT_LEGEND = """\
First: the state with the largest influence before the inner verb. Lead: what exchanging it takes
from the score difference more than exchanging any other state alone does, in logits; confirmed
where the interval is above zero, refuted where it is below, open where it holds zero. Entries:
Spearman's correlation of influence and exchange over the ten ways in. Exchanged: accuracy with the
whole state of the other sentence; a model that uses the subject's number then prefers the other
verb. Largest way: entry, and state behind the inner verb. Primary: fraction of the total influence,
and of what an exchange of the whole state takes, that the primary path has."""


def accuracy_table(scores: Sequence[Score]) -> Table:
    """A line per task and condition."""
    lines = [
        (s.task, s.condition, s.source, str(s.n_sentences), interval(s.accuracy)) for s in scores
    ]
    return ("task", "C", "source", "sentences", "accuracy"), lines


def path_table(rows: Sequence[Row], role: Role) -> Table:
    """The primary path from one noun, a line per task and condition of the trained model."""
    header = ("task", "C", "P+", "total", "|P|", "share", "t", "rank")
    header = (*header, "magnitude", "untrained", "path of rank 1", "its share")
    lines, spreads = [], magnitudes(rows)
    for row in rows:
        if row.model != TRAINED or row.role is not role:
            continue
        spread = spreads.get((row.role, row.task, row.condition))
        sign = "" if role is Role.SUBJECT else {1: " (+)", -1: " (-)"}[row.sign]
        lines.append(
            (
                row.task,
                row.condition,
                f"{row.p_plus.mean:.2f}",
                f"{row.total.mean:+.2f}",
                str(row.n_paths),
                interval(row.share) + sign,
                interval(row.t),
                rank_text(row.rank),
                interval(row.magnitude),
                interval(spread) if spread else "-",
                row.largest,
                f"{row.largest_share.mean:.2f}",
            )
        )
    return header, lines


def across_table(ways: Sequence[Way]) -> Table:
    """What the number is in before the inner verb, a line per task and condition."""
    return ("task", "C", *STATES), _lines(ways, "before", STATES)


def entry_table(ways: Sequence[Way]) -> Table:
    """What takes it into the step, a line per task and condition."""
    names = tuple(map(str, ENTRIES))
    return ("task", "C", *names), _lines(ways, "entry", names)


def size_table(ways: Sequence[Way]) -> Table:
    """The states before the inner verb in the trained model and in untrained ones."""
    found = {(w.task, w.name): w for w in ways if w.kind == "before" and w.condition == ALL}
    lines = []
    for task in dict.fromkeys(key[0] for key in found):
        of_task = [found[task, state] for state in STATES]
        sizes = (f"{w.size.mean:.2f} / {_number(w.untrained.mean)}" for w in of_task)
        lines.append((task, ALL, *sizes))
    return ("task", "C", *STATES), lines


def _lines(ways: Sequence[Way], kind: str, names: Sequence[str]) -> list[tuple[str, ...]]:
    found = {(w.task, w.condition, w.name): w for w in ways if w.kind == kind}
    return [
        (task, condition, *(_fractions(found[task, condition, name]) for name in names))
        for task, condition in dict.fromkeys(key[:2] for key in found)
    ]


def _fractions(way: Way) -> str:
    return f"{way.fraction.mean:.2f} / {way.exchanged_fraction.mean:.2f}"


def verdict_table(verdicts: Sequence[Verdict], ways: Sequence[Way]) -> Table:
    """Whether intervention agrees, a line per task and condition."""
    primary = {(w.task, w.condition): w for w in ways if w.kind == "primary path"}
    lines = []
    for v in verdicts:
        along = primary[v.task, v.condition]
        numbers = (along.fraction.mean, along.exchanged_fraction.mean)
        lines.append(
            (
                v.task,
                v.condition,
                f"{v.accuracy.mean:.2f}",
                f"{v.accuracy_exchanged.mean:.2f}",
                f"{v.total.mean:+.2f}",
                v.first,
                interval(v.lead),
                v.answer,
                f"{v.entries:.2f}",
                v.largest,
                " / ".join(f"{n:.3f}" for n in numbers),
            )
        )
    header = ("task", "C", "accuracy", "exchanged", "total", "first", "lead", "intervention")
    return (*header, "entries", "largest way", "primary"), lines


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
