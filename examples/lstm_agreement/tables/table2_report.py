"""Table 2 as Markdown, CSV and terminal tables, beside the published numbers."""

from collections.abc import Sequence

from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table, as_markdown
from examples.lstm_agreement.tables import paper
from examples.lstm_agreement.tables.table2 import DRAWS, PUBLISHED, Compressed, Scheme

LEGEND = f"""\
measured/published accuracy. The gates of a scheme are computed, all other gates from the subject on
are held at their mean over all sentences of the task. Cs: candidate cells of both layers at the
subject, the gates of the primary path; Ci: the same at the intervening noun; Csi: both; C: all
gates, the model as it is. CFs, CFi, CFsi: gates on the paths that have rank 1 in this model. "all
but CR2": two gates drawn at random are held, mean of {DRAWS} draws; other sizes likewise."""


def compression_table(compressed: Sequence[Compressed], task: str) -> Table:
    """Table 2 for one task as text: schemes by conditions and their mean."""
    mine = [c for c in compressed if c.task == task]
    found = {(c.scheme, c.condition): c for c in mine}
    conditions = list(dict.fromkeys(c.condition for c in mine))
    lines = []
    for scheme in dict.fromkeys(c.scheme for c in mine):
        of_scheme = [found[scheme, c] for c in conditions]
        mean = sum(c.accuracy.mean for c in of_scheme) / len(of_scheme)
        numbers = dict(zip(conditions, (c.accuracy.mean for c in of_scheme), strict=True))
        lines.append(
            (
                str(scheme),
                str(of_scheme[0].n_kept),
                *(
                    _beside(number, _compressed_in_paper(task, condition, scheme))
                    for condition, number in (numbers | {"mean": mean}).items()
                ),
            )
        )
    return ("gates", "kept", *conditions, "mean"), lines


def _compressed_in_paper(task: str, condition: str, scheme: Scheme) -> float | None:
    if scheme not in PUBLISHED:
        return None
    return paper.COMPRESSION[task, condition][PUBLISHED.index(scheme)]


def _beside(measured: float, published: float | None) -> str:
    return f"{measured:.2f}" if published is None else f"{measured:.2f}/{published:.2f}"


def table2_csv(compressed: Sequence[Compressed]) -> CsvTable:
    """Every number of Table 2."""
    records = [vars(c) | {"scheme": str(c.scheme)} for c in compressed]
    published = [_compressed_in_paper(c.task, c.condition, c.scheme) for c in compressed]
    return csv_table(records, [{"paper_accuracy": p} for p in published])


def section(compressed: Sequence[Compressed]) -> list[str]:
    """The part of the report that is about Table 2, line by line."""
    tasks = dict.fromkeys(c.task for c in compressed)
    if not tasks:
        return []
    parts = ["## Accuracy with gates held at their means", ""]
    for task in tasks:
        parts += [f"### {task}", "", as_markdown(compression_table(compressed, task)), ""]
    return [*parts, LEGEND, ""]
