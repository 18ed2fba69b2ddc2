"""The study's numbers as Markdown, CSV and terminal tables, beside the published ones."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table, as_markdown, interval
from examples.lstm_agreement.language_models.evaluation import Accuracy
from examples.lstm_agreement.tables import paper
from examples.lstm_agreement.tables.bootstrap import holm
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.neurons import Neuron
from examples.lstm_agreement.tables.paired import Difference
from examples.lstm_agreement.tables.table1 import Row
from examples.lstm_agreement.tables.without_training import TRAINED, magnitudes
from pathflow.metrics import Interval

_PUBLISHED = {Role.SUBJECT: paper.SUBJECT, Role.INTERVENING: paper.INTERVENING}
TITLES = {
    Role.SUBJECT: "From the subject",
    Role.INTERVENING: "From the intervening noun",
}
_HEADER = (
    "task",
    "C",
    "P+",
    "paper",
    "|P|",
    "share",
    "paper",
    "rest",
    "t",
    "paper",
    "rank",
    "magnitude",
    "untrained",
)


def path_table(rows: Sequence[Row], role: Role) -> Table:
    """The rows of one half of Table 1 as text: header and lines."""
    lines = []
    for row, published, spread in _measured(rows, role):
        sign = "" if role is Role.SUBJECT else {1: " (+)", -1: " (-)"}[row.sign]
        lines.append(
            (
                row.task,
                row.condition,
                f"{row.p_plus.mean:.2f}",
                _published(published, "p_plus"),
                str(row.n_paths),
                interval(row.share) + sign,
                _published(published, "share"),
                f"{1 - row.share.mean:.2f}",
                interval(row.t),
                _published(published, "t"),
                rank_text(row.rank),
                interval(row.magnitude),
                interval(spread) if spread else "-",
            )
        )
    return _HEADER, lines


def short_path_table(rows: Sequence[Row], role: Role) -> Table:
    """The same without intervals, narrow enough for a terminal."""
    header = ("task", "C", "P+", "|P|", "share", "t", "rank", "magnitude")
    lines = []
    for row, published, spread in _measured(rows, role):
        untrained = f"{spread.mean:.2f}" if spread else "-"
        lines.append(
            (
                row.task,
                row.condition,
                f"{row.p_plus.mean:.2f}/{_published(published, 'p_plus')}",
                str(row.n_paths),
                f"{row.share.mean:.2f}/{_published(published, 'share')}",
                f"{row.t.mean:.2f}/{_published(published, 't')}",
                f"{row.rank.mean:.0f}",
                f"{row.magnitude.mean:.2f}/{untrained}",
            )
        )
    return header, lines


def _measured(
    rows: Sequence[Row], role: Role
) -> Iterator[tuple[Row, paper.PathNumbers | None, Interval | None]]:
    """Each row of the trained model, the published numbers, and the magnitude without training.

    The latter is the mean over the untrained models, from the smallest to the largest.
    """
    spreads = magnitudes(rows)
    for row in (r for r in rows if (r.role, r.model) == (role, TRAINED)):
        key = row.task, row.condition
        yield row, _PUBLISHED[role].get(key), spreads.get((role, *key))


def _published(numbers: paper.PathNumbers | None, name: str) -> str:
    return "-" if numbers is None else f"{getattr(numbers, name):.2f}"


def largest_table(rows: Sequence[Row]) -> Table:
    """The path of rank 1 in every condition of the trained model: header and lines."""
    header = ("task", "C", "from", "share", "path")
    lines = [
        (r.task, r.condition, r.role.value, interval(r.largest_share), r.largest)
        for r in rows
        if r.model == "trained"
    ]
    return header, lines


def accuracy_table(accuracies: Sequence[Accuracy]) -> Table:
    """Accuracy per task and condition as text: header and lines."""
    header = ("task", "C", "sentences", "accuracy", "published model")
    lines = [
        (
            a.task,
            a.condition,
            str(a.n_sentences),
            f"{a.value:.3f}",
            f"{paper.ACCURACY[a.task, a.condition]:.3f}",
        )
        for a in accuracies
    ]
    return header, lines


def markdown(
    rows: Sequence[Row],
    sections: Sequence[str],
    accuracies: Sequence[Accuracy],
    facts: Mapping[str, str],
) -> str:
    """The whole report.

    Arguments:
        rows: of Table 1.
        sections: Markdown of what else was measured.
        accuracies: per task and condition.
        facts: what a reader must know of the run, by name.
    """
    parts = ["# Influence paths of number agreement", ""]
    for role, title in TITLES.items():
        table = path_table(rows, role)
        parts += [f"## {title}", "", as_markdown(table), ""] if table[1] else []
    parts += [_LEGEND, "", "## The path of rank 1", "", as_markdown(largest_table(rows)), ""]
    parts += sections
    parts += ["## Accuracy", "", as_markdown(accuracy_table(accuracies)), ""]
    parts += ["## This run", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(parts) + "\n"


DIFFERENCE_LEGEND = """\
The same sentences in both numbers, so that the difference of each sentence is resampled, with its
95% interval. p: twice the fraction of resamples on the other side of zero; Holm: p corrected for
the number of conditions of the same kind. Magnitudes are compared with the mean of the untrained
models, on the sentences that those were asked about, models and sentences resampled. Sizes: a
noun's path counts with the sign of its mean."""


def difference_section(differences: Sequence[Difference]) -> list[str]:
    """The part of the report that is about paired differences, line by line."""
    if not differences:
        return []
    table = as_markdown(difference_table(differences))
    return ["## Differences on the same sentences", "", table, "", DIFFERENCE_LEGEND, ""]


SHORT_LEGEND = """\
C: numbers of subject and intervening noun. P+: fraction of sentences with a positive influence.
|P|: number of paths. Share: what the primary path has of the influence of its sign. t: how often it
exceeds another path. a/b: measured/published; magnitude, the fraction of the sum of absolute
influences: trained/untrained. These tables and the next ones are explained in tables.md."""
_LEGEND = """\
C: numbers of subject and intervening noun. P+: fraction of sentences whose total influence from the
noun is positive. |P|: number of paths. Share: expected fraction that the primary path has of all
influence of its sign, positive from subjects and helpful nouns (+), negative from attractors (-);
rest: what all other paths of that sign have. t: probability that the primary path exceeds another
path, drawn uniformly. Rank: place by mean influence, from the end of the sign. Magnitude: expected
fraction of the sum of all absolute influences. Brackets hold 95% bootstrap intervals over
sentences. "paper" is Table 1 of Lu et al. (ACL 2020), for another, larger model; it has no rows of
Adv and namePP. "untrained" is the
magnitude in models of the same sizes with initial parameters, on the same sentences or the first of
them: their mean, and the smallest and the largest. That part needs no training."""


def audit_facts(rows: Sequence[Row], neurons: Sequence[Neuron] = ()) -> dict[str, str]:
    """The worst residuals of all rows and units, by name."""
    trained = [r for r in rows if r.model == "trained"]
    if not trained:
        return {}
    return {
        "structural residual": f"{max(r.structural for r in (*rows, *neurons)):.1e} at worst, "
        f"{max(r.structural for r in trained):.1e} in Table 1 of the trained model (sum of paths "
        "against the derivative of the untouched model, relative to the sum of absolute values)",
        "quadrature residual": f"{max(r.quadrature for r in trained):.1%} at worst (mean of a "
        "condition, relative to the change of the quantity of interest)",
    }


def table1_csv(rows: Sequence[Row]) -> CsvTable:
    """Every number of every row, beside the published ones where there are any."""
    published = []
    for row in rows:
        numbers = _PUBLISHED[row.role].get((row.task, row.condition))
        published.append(
            {
                f"paper_{f.name}": None if numbers is None else getattr(numbers, f.name)
                for f in dataclasses.fields(paper.PathNumbers)
            }
        )
    return csv_table(rows, published)


def accuracy_csv(accuracies: Sequence[Accuracy]) -> CsvTable:
    """Every accuracy, beside that of the published model."""
    numbers = [
        {"task": a.task, "condition": a.condition, "n_sentences": a.n_sentences}
        | {"accuracy": a.value, "paper_accuracy": paper.ACCURACY[a.task, a.condition]}
        for a in accuracies
    ]
    return csv_table(numbers)


def differences_csv(differences: Sequence[Difference]) -> CsvTable:
    """Every paired difference."""
    return csv_table(differences)


def difference_table(differences: Sequence[Difference]) -> Table:
    """Paired differences, and their p-values corrected for the number of conditions."""
    lines = []
    for what in dict.fromkeys(d.what for d in differences):
        mine = [d for d in differences if d.what == what]
        for d, corrected in zip(mine, holm([d.p for d in mine]), strict=True):
            number = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*d.difference)
            lines.append((what, d.task, d.condition, number, f"{d.p:.3f}", f"{corrected:.3f}"))
    return ("difference", "task", "C", "mean", "p", "Holm"), lines


def rank_text(estimate: Interval) -> str:
    """As in "3 [2, 5]", or "1" where all resamples agree."""
    value, low, high = (round(v) for v in (estimate.mean, estimate.low, estimate.high))
    return str(value) if low == high == value else f"{value} [{low}, {high}]"
