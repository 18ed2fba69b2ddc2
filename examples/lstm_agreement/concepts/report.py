"""Concepts as tables."""

from collections.abc import Sequence

from examples.lstm_agreement.concepts.measure import Carried, Effect, Known
from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table, interval
from examples.lstm_agreement.tables.report import rank_text
from examples.lstm_agreement.tables.without_training import TRAINED, without_training

KNOWN_LEGEND = """\
C: value of the source word, and of the other one. Accuracy: fraction of sentences in which the
words that agree have the higher score. Moved: fraction in which their lead is larger than with the
other form of the source word: whether the model takes the word into account at all, whatever it
prefers. Shift: by how much, in logits, per word of the quantity. Brackets hold 95% bootstrap
intervals over sentences."""
CARRIED_LEGEND = """\
Total: mean influence of the source word along all paths, in logits, per word of the quantity. P+:
fraction of sentences with a positive total. |P|: number of paths. Share: expected fraction of the
positive influence that the primary path has. t: probability that it exceeds another path. Rank:
place by mean influence. Magnitude: expected fraction of the sum of absolute influences; untrained:
the same in models with initial parameters, their mean. Exchanged: what the quantity loses with the
other form of the source word, per word; primary, largest: the fractions of it that it loses when
the primary path, or the path of rank 1, alone sees that form, found by running the model. There the
path of rank 1 is that of every second sentence, and what it loses is measured in the others; *
where this is another path than that of all sentences."""
EFFECT_LEGEND = """\
a / b: one verb / all verbs of each number, on the same sentences. Total: in logits, per verb.
Paths: Spearman's correlation of the mean influences of all paths; of 10: how many of the ten
largest paths are the same; same first: whether the path of rank 1 is."""


def known_table(found: Sequence[Known]) -> Table:
    """A line per frame and condition."""
    lines = [
        (
            k.concept,
            k.frame,
            k.condition,
            str(k.n_sentences),
            interval(k.accuracy),
            interval(k.moved),
            f"{k.shift.mean:+.2f}",
        )
        for k in found
    ]
    return ("concept", "frame", "C", "sentences", "accuracy", "moved", "shift"), lines


def carried_table(found: Sequence[Carried]) -> Table:
    """A line per frame and condition of the trained model."""
    spreads = without_training(
        (c.row.model, (c.concept, c.row.task, c.row.condition), c.row.magnitude.mean) for c in found
    )
    lines = []
    for c in found:
        row = c.row
        if row.model != TRAINED:
            continue
        key = c.concept, row.task, row.condition
        lines.append(
            (
                *key,
                f"{row.p_plus.mean:.2f}",
                f"{row.total.mean / c.n_words:+.2f}",
                str(row.n_paths),
                interval(row.share),
                interval(row.t),
                rank_text(row.rank),
                f"{row.magnitude.mean:.2f}",
                f"{spreads[key].mean:.2f}" if key in spreads else "-",
                row.largest,
                f"{row.largest_share.mean:.2f}",
                f"{c.exchanged.mean / c.n_words:+.2f}",
                f"{c.along_primary.mean:.2f}",
                f"{c.along_largest.mean:.2f}{'' if c.chosen == row.largest else ' *'}",
            )
        )
    header = ("concept", "frame", "C", "P+", "total", "|P|", "share", "t", "rank", "magnitude")
    header = (*header, "untrained", "path of rank 1", "its share", "exchanged", "primary")
    return (*header, "largest"), lines


def effect_table(effects: Sequence[Effect]) -> Table:
    """A line per frame and condition."""
    lines = []
    for e in effects:
        both = e.one, e.other
        rows = [c.row for c in both]
        lines.append(
            (
                e.frame,
                e.condition,
                " / ".join(f"{c.row.total.mean / c.n_words:+.2f}" for c in both),
                " / ".join(f"{r.share.mean:.3f}" for r in rows),
                " / ".join(f"{r.t.mean:.2f}" for r in rows),
                " / ".join(rank_text(r.rank) for r in rows),
                f"{e.paths:.2f}",
                str(e.n_first),
                "yes" if rows[0].largest == rows[1].largest else "no",
            )
        )
    header = ("frame", "C", "total", "share", "t", "rank", "paths", "of 10", "same first")
    return header, lines


def carried_csv(found: Sequence[Carried]) -> CsvTable:
    """Every number; totals are those of the whole quantity."""
    # The frame is the row's task, and its role says nothing here.
    lines = [
        {k: v for k, v in (vars(c) | vars(c.row)).items() if k not in ("row", "role")}
        for c in found
    ]
    return csv_table(lines)


def effect_csv(effects: Sequence[Effect]) -> tuple[list[str], list[list[object]]]:
    """Both quantities beside each other."""
    names = ["frame", "condition", "verbs", "total_one", "total_all", "share_one", "share_all"]
    names += ["t_one", "t_all", "rank_one", "rank_all", "paths", "of_10"]
    lines: list[list[object]] = []
    for e in effects:
        numbers = [
            f"{getattr(c.row, name).mean:.6g}"
            for name in ("total", "share", "t", "rank")
            for c in (e.one, e.other)
        ]
        lines.append([e.frame, e.condition, e.other.n_words, *numbers, f"{e.paths:.6g}", e.n_first])
    return names, lines
