"""The primary neurons as Markdown, CSV and terminal tables."""

from collections.abc import Sequence

from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table, as_markdown, interval
from examples.lstm_agreement.tables import paper
from examples.lstm_agreement.tables.neurons import DRAWS, Ablated, Neuron

LEGEND = f"""\
The primary path, unit by unit of the second layer's cell. The units with the largest mean share of
the subject's paths were found on half of the sentences; these numbers are from the other half, and
where t is about one half there, what was found is chance. t: probability to exceed another unit,
drawn uniformly, the found ones left out; paper: that of the published model's units
{paper.UNITS[0]} and {paper.UNITS[1]}. Logits: mean influence. Share: expected fraction of the sum
of absolute influences of all units. In the second table units are held at zero from the subject on,
in all sentences; "others" are as many units drawn at random, mean of {DRAWS} draws."""


def neuron_table(neurons: Sequence[Neuron]) -> Table:
    """The found units, condition by condition."""
    lines = [
        (
            n.task,
            n.condition,
            n.role.value.removesuffix(" noun"),
            str(n.unit),
            interval(n.t),
            ", ".join("-" if v is None else f"{v:.2f}" for v in _published(n).values()),
            f"{n.influence.mean:+.2g}",
            interval(n.share),
        )
        for n in neurons
    ]
    return ("task", "C", "from", "unit", "t", "paper", "logits", "share"), lines


def ablation_table(ablated: Sequence[Ablated]) -> Table:
    """Accuracy and mean score difference without units."""
    lines = [
        (a.task, a.condition, a.units, interval(a.accuracy), f"{a.margin.mean:+.2f}")
        for a in ablated
    ]
    return ("task", "C", "held at zero", "accuracy", "score difference"), lines


def neurons_csv(neurons: Sequence[Neuron]) -> CsvTable:
    """Every number of the found units, beside the published t of the paper's two."""
    numbers = [_published(n) for n in neurons]
    return csv_table(neurons, [{f"paper_t_{u}": v for u, v in n.items()} for n in numbers])


def ablations_csv(ablated: Sequence[Ablated]) -> CsvTable:
    """Every number of the ablations."""
    return csv_table(ablated)


def _published(neuron: Neuron) -> dict[int, float | None]:
    found = paper.NEURONS.get((neuron.role, neuron.task, neuron.condition))
    return {u: None if found is None else found[i] for i, u in enumerate(paper.UNITS)}


def section(neurons: Sequence[Neuron], ablated: Sequence[Ablated]) -> list[str]:
    """The part of the report that is about primary neurons, line by line."""
    parts = ["## Primary neurons", "", as_markdown(neuron_table(neurons)), ""]
    return [*parts, as_markdown(ablation_table(ablated)), "", LEGEND, ""]
