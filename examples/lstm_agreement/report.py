"""The study's numbers as Markdown, CSV and terminal tables, beside the published ones."""

import csv
import dataclasses
import importlib.util
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from examples.lstm_agreement import paper
from examples.lstm_agreement.evaluation import Accuracy
from examples.lstm_agreement.measure import Role
from examples.lstm_agreement.table1 import Row
from examples.lstm_agreement.table2 import PUBLISHED, Compressed, Scheme
from pathflow.metrics import Interval

_PUBLISHED = {Role.SUBJECT: paper.SUBJECT, Role.INTERVENING: paper.INTERVENING}
_TITLES = {
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

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


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
                f"{published.p_plus:.2f}",
                str(row.n_paths),
                _interval(row.share) + sign,
                f"{published.share:.2f}",
                f"{1 - row.share.mean:.2f}",
                _interval(row.t),
                f"{published.t:.2f}",
                _rank(row.rank),
                _interval(row.magnitude),
                _interval(spread) if spread else "-",
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
                f"{row.p_plus.mean:.2f}/{published.p_plus:.2f}",
                str(row.n_paths),
                f"{row.share.mean:.2f}/{published.share:.2f}",
                f"{row.t.mean:.2f}/{published.t:.2f}",
                f"{row.rank.mean:.0f}",
                f"{row.magnitude.mean:.2f}/{untrained}",
            )
        )
    return header, lines


def _measured(
    rows: Sequence[Row], role: Role
) -> Iterator[tuple[Row, paper.PathNumbers, Interval | None]]:
    """Each row of the trained model, the published numbers, and the magnitude without training.

    The latter is the mean over the untrained models, from the smallest to the largest.
    """
    mine = [r for r in rows if r.role is role]
    for row in mine:
        if row.model != "trained":
            continue
        key = row.task, row.condition
        others = [r for r in mine if r.model != "trained" and (r.task, r.condition) == key]
        means = [r.magnitude.mean for r in others]
        spread = Interval(sum(means) / len(means), min(means), max(means)) if means else None
        yield row, _PUBLISHED[role][key], spread


def largest_table(rows: Sequence[Row]) -> Table:
    """The path of rank 1 in every condition of the trained model: header and lines."""
    header = ("task", "C", "from", "share", "path")
    lines = [
        (r.task, r.condition, r.role.value, _interval(r.largest_share), r.largest)
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


def compression_table(compressed: Sequence[Compressed], task: str) -> Table:
    """Table 2 for one task as text: conditions, and their mean, by scheme."""
    mine = [c for c in compressed if c.task == task]
    schemes = list(dict.fromkeys(c.scheme for c in mine))
    found = {(c.condition, c.scheme): c.accuracy for c in mine}
    conditions = list(dict.fromkeys(c.condition for c in mine))
    lines = [
        (task, c, *(_beside(found[c, s].mean, _compressed_in_paper(task, c, s)) for s in schemes))
        for c in conditions
    ]
    means = []
    for scheme in schemes:
        published = [_compressed_in_paper(task, c, scheme) for c in conditions]
        known = [p for p in published if p is not None]
        mean = sum(found[c, scheme].mean for c in conditions) / len(conditions)
        means.append(_beside(mean, sum(known) / len(known) if known else None))
    if lines:
        lines.append((task, "mean", *means))
    return ("task", "C", *map(str, schemes)), lines


def _compressed_in_paper(task: str, condition: str, scheme: Scheme) -> float | None:
    if scheme not in PUBLISHED:
        return None
    return paper.COMPRESSION[task, condition][PUBLISHED.index(scheme)]


def _beside(measured: float, published: float | None) -> str:
    return f"{measured:.2f}" if published is None else f"{measured:.2f}/{published:.2f}"


def compression_csv(compressed: Sequence[Compressed]) -> tuple[list[str], list[list[object]]]:
    """Every number of Table 2, an interval in three columns."""
    names = ["task", "condition", "scheme", "n_kept"]
    for field in ("accuracy", "margin"):
        names += [field, f"{field}_low", f"{field}_high"]
    lines: list[list[object]] = []
    for c in compressed:
        published = _compressed_in_paper(c.task, c.condition, c.scheme)
        numbers = [f"{v:.6g}" for v in (*c.accuracy, *c.margin)]
        start = [c.task, c.condition, str(c.scheme), c.n_kept]
        lines.append([*start, *numbers, "" if published is None else published])
    return [*names, "paper_accuracy"], lines


def markdown(
    rows: Sequence[Row],
    compressed: Sequence[Compressed],
    accuracies: Sequence[Accuracy],
    facts: Mapping[str, str],
) -> str:
    """The whole report.

    Arguments:
        rows: of Table 1.
        compressed: of Table 2.
        accuracies: per task and condition.
        facts: what a reader must know of the run, by name.
    """
    parts = ["# Influence paths of number agreement", ""]
    for role, title in _TITLES.items():
        table = path_table(rows, role)
        parts += [f"## {title}", "", _as_markdown(table), ""] if table[1] else []
    parts += [_LEGEND, "", "## The path of rank 1", "", _as_markdown(largest_table(rows)), ""]
    tasks = dict.fromkeys(c.task for c in compressed)
    if tasks:
        parts += ["## Accuracy with gates held at their means", ""]
        for task in tasks:
            parts += [_as_markdown(compression_table(compressed, task)), ""]
        parts += [COMPRESSION_LEGEND, ""]
    parts += ["## Accuracy", "", _as_markdown(accuracy_table(accuracies)), ""]
    parts += ["## This run", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(parts) + "\n"


SHORT_LEGEND = (
    "a/b: measured/published; magnitude, the fraction of the sum of absolute influences: "
    "trained/untrained"
)
_LEGEND = """\
C: numbers of subject and intervening noun. P+: fraction of sentences whose total influence from the
noun is positive. |P|: number of paths. Share: expected fraction that the primary path has of all
influence of its sign, positive from subjects and helpful nouns (+), negative from attractors (-);
rest: what all other paths of that sign have. t: probability that the primary path exceeds another
path, drawn uniformly. Rank: place by mean influence, from the end of the sign. Magnitude: expected
fraction of the sum of all absolute influences. Brackets hold 95% bootstrap intervals over
sentences. "paper" is Table 1 of Lu et al. (ACL 2020), for another, larger model. "untrained" is the
magnitude in models of the same sizes with initial parameters, on the same sentences: their mean,
and the smallest and the largest. That part needs no training."""

COMPRESSION_LEGEND = """\
measured/published accuracy. The gates of a scheme are computed, all other gates from the subject on
are held at their mean over all sentences of the task. Cs: candidate cells of both layers at the
subject, the gates of the primary path; Ci: the same at the intervening noun; Csi: both; C: all
gates, the model as it is. CFs, CFi, CFsi: gates on the paths that have rank 1 in this model. CR: as
many gates as in Csi, drawn at random, mean of 5 draws."""


def audit_facts(rows: Sequence[Row]) -> dict[str, str]:
    """The worst residuals of all rows, by name."""
    trained = [r for r in rows if r.model == "trained"]
    if not trained:
        return {}
    return {
        "structural residual": f"{max(r.structural for r in rows):.1e} at worst (sum of paths "
        "against the derivative of the untouched model, relative to the sum of absolute values)",
        "quadrature residual": f"{max(r.quadrature for r in trained):.1%} at worst (mean of a "
        "condition, relative to the change of the quantity of interest)",
    }


def write_csv(path: Path, header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Writes a CSV file whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def table1_csv(rows: Sequence[Row]) -> tuple[list[str], list[list[object]]]:
    """Every number of every row, one column each: an interval takes three."""
    names, lines = [], []
    for row in rows:
        names, values = [], []
        for field in dataclasses.fields(Row):
            value = getattr(row, field.name)
            if isinstance(value, Interval):
                names += [field.name, f"{field.name}_low", f"{field.name}_high"]
                values += [f"{v:.6g}" for v in value]
            else:
                names.append(field.name)
                values.append(value.value if isinstance(value, Role) else value)
        published = _PUBLISHED[row.role][row.task, row.condition]
        names += [f"paper_{f.name}" for f in dataclasses.fields(published)]
        lines.append(values + list(dataclasses.astuple(published)))
    return names, lines


def show(title: str, table: Table) -> None:
    """Prints a table on standard output, in colours where `rich` and a terminal are there."""
    header, lines = table
    if not lines:
        return
    if importlib.util.find_spec("rich") is None:
        print(f"\n{title}\n\n{_as_markdown(table)}")
        return
    from rich import box  # noqa: PLC0415  (an optional extra)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415

    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for i, name in enumerate(header):
        shown.add_column(name, justify="left" if i < 2 else "right", no_wrap=True)
    for line in lines:
        shown.add_row(*line)
    Console().print(shown)


def _as_markdown(table: Table) -> str:
    header, lines = table
    # A bar inside a cell would end it.
    cells = [[c.replace("|", "\\|") for c in line] for line in (header, *lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    rule = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    rows = [cells[0], rule, *cells[1:]]
    padded = [
        [
            c.ljust(w) if i < 2 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in padded)


def _interval(estimate: Interval) -> str:
    return f"{estimate.mean:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _rank(estimate: Interval) -> str:
    value, low, high = (round(v) for v in (estimate.mean, estimate.low, estimate.high))
    return str(value) if low == high == value else f"{value} [{low}, {high}]"
