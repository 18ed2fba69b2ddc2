"""The primary neurons as Markdown, CSV and terminal tables."""

from collections.abc import Sequence

from examples.lstm_agreement.console.text import Table, as_markdown, interval
from examples.lstm_agreement.tables.neurons import DRAWS, Ablated, Neuron

LEGEND = f"""\
The primary path, unit by unit of the second layer's cell. The units with the largest mean share of
the subject's paths were found on half of the sentences; these numbers are from the other half, and
where t is about one half there, what was found is chance. t: probability to exceed another unit,
drawn uniformly, the found ones left out. Logits: mean influence. Share: expected fraction of the
sum of absolute influences of all units. In the second table units are held at zero from the subject
on, in all sentences; "others" are as many units drawn at random, mean of {DRAWS} draws."""


def neuron_table(neurons: Sequence[Neuron]) -> Table:
    """The found units, condition by condition."""
    lines = [
        (
            n.task,
            n.condition,
            n.role.value.removesuffix(" noun"),
            str(n.unit),
            interval(n.t),
            f"{n.influence.mean:+.2g}",
            interval(n.share),
        )
        for n in neurons
    ]
    return ("task", "C", "from", "unit", "t", "logits", "share"), lines


def ablation_table(ablated: Sequence[Ablated]) -> Table:
    """Accuracy and mean score difference without units."""
    lines = [
        (a.task, a.condition, a.units, interval(a.accuracy), f"{a.margin.mean:+.2f}")
        for a in ablated
    ]
    return ("task", "C", "held at zero", "accuracy", "score difference"), lines


def neurons_csv(neurons: Sequence[Neuron]) -> tuple[list[str], list[list[object]]]:
    """Every number of the found units, an interval in three columns."""
    names = ["task", "condition", "role", "unit", "n_sentences", "structural"]
    for field in ("t", "influence", "share"):
        names += [field, f"{field}_low", f"{field}_high"]
    lines: list[list[object]] = []
    for n in neurons:
        numbers = [f"{v:.6g}" for v in (n.structural, *n.t, *n.influence, *n.share)]
        lines.append([n.task, n.condition, n.role.value, n.unit, n.n_sentences, *numbers])
    return names, lines


def ablations_csv(ablated: Sequence[Ablated]) -> tuple[list[str], list[list[object]]]:
    """Every number of the ablations, an interval in three columns."""
    names = ["task", "condition", "units"]
    for field in ("accuracy", "margin"):
        names += [field, f"{field}_low", f"{field}_high"]
    lines: list[list[object]] = []
    for a in ablated:
        numbers = [f"{v:.6g}" for v in (*a.accuracy, *a.margin)]
        lines.append([a.task, a.condition, a.units, *numbers])
    return names, lines


def section(neurons: Sequence[Neuron], ablated: Sequence[Ablated]) -> list[str]:
    """The part of the report that is about primary neurons, line by line."""
    parts = ["## Primary neurons", "", as_markdown(neuron_table(neurons)), ""]
    return [*parts, as_markdown(ablation_table(ablated)), "", LEGEND, ""]
