"""What is written beside a trained model: its log, its accuracies and its card."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.lstm_agreement.train.evaluation import FileAccuracy
from pathflow.models import ModelCard


def write_log(path: Path, records: Sequence[Mapping[str, float]]) -> None:
    """The records of a training as a table, one row per record."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    _write_rows(path, columns, ([record.get(c, "") for c in columns] for record in records))


def write_accuracies(path: Path, accuracies: Iterable[FileAccuracy]) -> None:
    """The accuracies beside those of the published model, one row per task file and condition."""
    columns = ["file", "condition", "sentences", "accuracy", "published_accuracy"]
    rows = (
        [
            a.file,
            a.condition,
            a.n_sentences,
            f"{a.value:.4f}",
            "" if a.published is None else f"{a.published:.4f}",
        ]
        for a in accuracies
    )
    _write_rows(path, columns, rows)


def markdown(card: ModelCard, accuracies: Sequence[FileAccuracy] = ()) -> str:
    """The model card as a page."""
    parts = [f"# {card.title}", card.description]
    for title, values in (("Training", card.training), ("Evaluation", card.evaluation)):
        if values:
            parts.append(f"## {title}")
            parts.append(_table(["what", "value"], ([k, _text(v)] for k, v in values.items())))
    if accuracies:
        parts.append("## Agreement")
        parts.append(
            "Fraction of the published sentences (Lakretz et al. 2019, NAACL) for which the verb "
            "that agrees has the higher score. The state is zero before the first word; the "
            "published model was started from a few unrelated sentences."
        )
        rows = (
            [
                a.file,
                a.condition,
                str(a.n_sentences),
                f"{a.value:.3f}",
                "" if a.published is None else f"{a.published:.3f}",
            ]
            for a in accuracies
        )
        columns = ["file", "condition", "sentences", "this model", "published model"]
        parts.append(_table(columns, rows))
    parts += ["## Licence and attribution", card.licence, card.attribution]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
