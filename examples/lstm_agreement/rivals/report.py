"""Methods beside each other as Markdown, CSV and terminal tables."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table
from examples.lstm_agreement.rivals.diagnosis import Diagnosed
from examples.lstm_agreement.rivals.methods import Scored
from examples.lstm_agreement.rivals.rank_agreement import N_FIRST
from examples.lstm_agreement.rivals.ways import Ways
from examples.lstm_agreement.sentences.tasks import Task

_N_SHOWN = 3
UNIT_LEGEND = """\
Units of the second layer's cell, by their absolute mean score over all sentences. Needs: for all
units together, but one run for each where it says so; gradients: one per point of a line. Seconds:
after compilation. First: three units; in brackets how many come into question where scores are
equal. Size, sign: Spearman's correlation with the interchange over all units, of absolute scores
and of signed ones (- where a score has no sign). Of 5: how many of the first five are the
interchange's, too; the expected number where scores are equal.

- interchange: a unit is replaced from the subject on by what it holds in the sentence with the
  other number. Its own line compares one half of the subjects' words with the other half: how well
  it repeats itself on other words.
- paths: influence on the line from the noun's neutral embedding, along the primary path; along all
  paths through the unit at the last word; and along the path of guided refinement, which goes from
  node to node where most of the influence on all ways still flows.
- gradient, integrated gradients: of the score difference by the cell at the last word, times the
  cell's difference from the sentence with the other number.
- decomposition: the part of the last hidden state that contextual decomposition gives the subject.
- held: a unit is zero, or its mean over all sentences, from the subject on.
- classifier: accuracy of a threshold on the unit at the last word, about subjects that it was not
  set on."""
NODE_LEGEND = """\
accuracy / share. Accuracy: of a logistic regression that reads the subject's number from all units
of the node, about subjects that it was not set on; chance is 0.50. Share: influence of the subject
that flows through the node, as a fraction of the total; a path counts at every node that it passes,
so that shares overlap. - where no path from the subject to the verb leads through the node."""

WAY_LEGEND = """\
The interchange's first units, in logits. All: influence of the subject through the unit's cell at
the last word, and then the same by the word at which it enters this cell for the last time, however
it came there; largest: the gate that takes most of it in. The words' numbers add up to "all".
Influence starts from the noun's neutral embedding; interchange goes about twice as far."""


def unit_table(scored: Sequence[Scored]) -> Table:
    """A line per method."""
    lines = [
        (
            s.method.name,
            s.method.needs,
            f"{s.seconds:.2f}",
            first_units(s.scores),
            f"{s.against.size:.2f}",
            "-" if math.isnan(s.against.signed) else f"{s.against.signed:.2f}",
            f"{s.against.n_first:.2g}",
        )
        for s in scored
    ]
    return ("method", "needs", "seconds", "first", "size", "sign", "of 5"), lines


def first_units(scores: Float64[np.ndarray, " units"]) -> str:
    """The three first units by absolute score, and how many there are if equal ones count."""
    size = np.abs(scores)
    order = np.argsort(-size, kind="stable")[:_N_SHOWN]
    units = ", ".join(map(str, order))
    n_candidates = int((size >= size[order[-1]]).sum())
    return units if n_candidates <= _N_SHOWN else f"{units} ({n_candidates})"


def node_table(diagnosed: Sequence[Diagnosed], task: Task) -> Table:
    """A line per kind of node, a column per word."""
    steps = sorted({d.node.index[0] for d in diagnosed})
    found = {(d.node.name, d.node.index[0]): d for d in diagnosed}
    lines = [
        (name, *(_accuracy_and_share(found[name, step]) for step in steps))
        for name in dict.fromkeys(d.node.name for d in diagnosed)
    ]
    return ("node", *(_word(task, step) for step in steps)), lines


def _word(task: Task, step: int) -> str:
    return f"{task.slots[step].value.removesuffix('s')}@{step}"


def _accuracy_and_share(d: Diagnosed) -> str:
    return f"{d.accuracy:.2f} / " + ("-" if d.share is None else f"{d.share:.2f}")


def way_table(scored: Sequence[Scored], found: Ways, task: Task) -> Table:
    """A line for each of the first units of the first method."""
    reference = scored[0]
    steps = sorted({entry.index[0] for entry in found.entries})
    words, total = found.by_word(), found.influences.sum(axis=0)
    lines = []
    for unit in np.argsort(-np.abs(reference.scores), kind="stable")[:N_FIRST]:
        entry, most = found.largest(int(unit))
        numbers = [reference.scores[unit], total[unit], *words[:, unit]]
        lines.append((str(unit), *(f"{v:+.3f}" for v in numbers), f"{entry} {most:+.3f}"))
    names = [_word(task, step) for step in steps]
    return ("unit", reference.method.name, "all", *names, "largest"), lines


def methods_csv(scored: Sequence[Scored]) -> CsvTable:
    """Every method's cost and its agreement with the first one."""
    return csv_table(
        [
            {
                "what": s.method.name,
                "needs": s.method.needs,
                "seconds": s.seconds,
                "first": first_units(s.scores),
                "size": s.against.size,
                "sign": None if math.isnan(s.against.signed) else s.against.signed,
                "of_5": s.against.n_first,
            }
            for s in scored
        ]
    )


def units_csv(scored: Sequence[Scored]) -> tuple[list[str], list[list[object]]]:
    """The score of every unit by every method."""
    lines: list[list[object]] = [
        [s.method.name, unit, f"{score:.6g}"] for s in scored for unit, score in enumerate(s.scores)
    ]
    return ["method", "unit", "score"], lines


def nodes_csv(diagnosed: Sequence[Diagnosed]) -> tuple[list[str], list[list[object]]]:
    """Both numbers of every node."""
    lines: list[list[object]] = [
        [str(d.node), f"{d.accuracy:.6g}", "" if d.share is None else f"{d.share:.6g}"]
        for d in diagnosed
    ]
    return ["node", "accuracy", "share"], lines


def ways_csv(found: Ways) -> tuple[list[str], list[list[object]]]:
    """The influence into every unit by every entry."""
    lines: list[list[object]] = [
        [str(entry), unit, f"{value:.6g}"]
        for entry, row in zip(found.entries, found.influences, strict=True)
        for unit, value in enumerate(row)
    ]
    return ["entry", "unit", "influence"], lines
