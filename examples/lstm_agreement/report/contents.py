"""All that the report says, as plain data, before it is a page."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax

import pathflow as pf
from examples.lstm_agreement.console.text import as_markdown, write_csv, write_text
from examples.lstm_agreement.hypotheses import HYPOTHESES as ASKED
from examples.lstm_agreement.hypotheses import Tables, summary, table
from examples.lstm_agreement.report.sections import HYPOTHESES, SECTIONS, Section
from examples.lstm_agreement.report.steps import Done
from pathflow.models import Checkpoint

SCHEMA = 1
Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Contents:
    """What the report says.

    Arguments:
        model: what is known of the model.
        versions: of the software that writes the report.
        steps: how the commands were done, by name.
        hypotheses: observation, statement and verdict.
        tables: every table that is there, by the name of its file.
        texts: the Markdown of every section that is there, by its name.
        missing: sections that are not there, with the commands that make them.
    """

    model: Mapping[str, Any]
    versions: Mapping[str, str]
    steps: Mapping[str, Done]
    hypotheses: Lines
    tables: Mapping[str, Lines]
    texts: Mapping[str, str]
    missing: Sequence[Section]

    def as_json(self) -> str:
        """All tables and facts, without the texts."""
        steps = {name: None if d.record is None else d.record for name, d in self.steps.items()}
        missing = [{"section": s.name, "command": s.command} for s in self.missing]
        return (
            json.dumps(
                {
                    "schema": SCHEMA,
                    "model": self.model,
                    "versions": self.versions,
                    "steps": steps,
                    "missing": missing,
                    "hypotheses": self.hypotheses,
                    "tables": self.tables,
                },
                indent=1,
                allow_nan=False,
                ensure_ascii=False,
            )
            + "\n"
        )


def gather(folder: Path, path: Path, checkpoint: Checkpoint, steps: Mapping[str, Done]) -> Contents:
    """Reads everything that is there, and asks the hypotheses.

    Arguments:
        folder: of the run.
        path: file of the model.
        checkpoint: what is in it.
        steps: how the commands were done, by name.
    """
    hypotheses = _hypotheses(folder, path)
    there = [s for s in SECTIONS if (folder / s.markdown).exists()]
    tables = {f.stem: read_table(f) for s in there for f in s.tables_in(folder)}
    model = checkpoint.model
    return Contents(
        model={
            "file": path.name,
            "words": model.vocab_size,
            "embedding": model.embed_dim,
            "units": model.hidden_dim,
            "layers": model.n_layers,
            **_plain(asdict(checkpoint.card)),
        },
        versions={"pathflow": pf.__version__, "jax": jax.__version__},
        steps=steps,
        hypotheses=hypotheses,
        tables=tables,
        texts={s.name: (folder / s.markdown).read_text(encoding="utf-8") for s in there},
        missing=[s for s in SECTIONS if s not in there],
    )


def _hypotheses(folder: Path, path: Path) -> Lines:
    """Asks them of the tables, if those are there, and writes what comes out beside them."""
    if not (folder / "differences.csv").exists():
        return []
    tables = Tables.read(folder)
    write_text(
        folder / HYPOTHESES.markdown, as_markdown(table({path.stem: tables})) + "\n\n" + _LEGEND
    )
    lines = [
        {
            "observation": h.observation,
            "statement": h.statement,
            "found": summary(list(h.ask(tables))),
        }
        for h in ASKED
    ]
    write_csv(folder / "hypotheses.csv", list(lines[0]), [list(line.values()) for line in lines])
    return lines


_LEGEND = """\
How many conditions say yes, no and neither, and the same after Holm's correction for their number.
A condition speaks where its p-value, by resampling its sentences, is under 0.05; two numbers of the
same sentences are compared by their difference in each. "own" and "control" are not the paper's.
The word is "open" where most conditions say neither, "holds" where all say yes.
"""


def read_table(file: Path) -> Lines:
    """A CSV file with its numbers as numbers; what is no number of JSON is null."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [{k: _value(v) for k, v in line.items()} for line in csv.DictReader(stream)]


def _value(text: str) -> Any:
    if not text:
        return None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return text


def _plain(value: Any) -> Any:
    """Without numbers that JSON has not."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
