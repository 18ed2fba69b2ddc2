"""Methods beside each other as Markdown, CSV and terminal tables."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from examples.lstm_agreement.diagnosis import Diagnosed
from examples.lstm_agreement.methods import Scored
from examples.lstm_agreement.tasks import Task
from examples.lstm_agreement.text import Table

_N_SHOWN = 3
UNIT_LEGEND = """\
Units of the second layer's cell, by their absolute mean score over all sentences. Needs: for all
units together, but one run for each where it says so; gradients: one per point of a line. Seconds:
after compilation. First units: in brackets how many come into question where scores are equal.
Size, sign: Spearman's correlation with the interchange over all units, of absolute scores and of
signed ones (- where a score has no sign). Of 5: how many of the first five are the interchange's,
too; the expected number where scores are equal.

- interchange: a unit is replaced from the subject on by what it holds in the sentence with the
  other number. Its own line compares one half of the subjects' words with the other half: a method
  that agrees as well cannot be told from it.
- paths: influence on the line from the noun's neutral embedding, along the primary path, and along
  all paths through the unit at the last word.
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
    return ("method", "needs", "seconds", "first units", "size", "sign", "of 5"), lines


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
    words = [task.slots[step].value.removesuffix("s") for step in steps]
    lines = [
        (name, *(_accuracy_and_share(found[name, step]) for step in steps))
        for name in dict.fromkeys(d.node.name for d in diagnosed)
    ]
    return ("node", *(f"{word}@{step}" for word, step in zip(words, steps, strict=True))), lines


def _accuracy_and_share(d: Diagnosed) -> str:
    return f"{d.accuracy:.2f} / " + ("-" if d.share is None else f"{d.share:.2f}")


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
