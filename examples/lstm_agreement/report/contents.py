"""All that the report says, as plain data, before it is a page."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax

import pathflow as pf
from examples.lstm_agreement.console.command import check, remove_outputs
from examples.lstm_agreement.console.text import as_markdown, write_csv, write_text
from examples.lstm_agreement.hypotheses import HYPOTHESES as ASKED
from examples.lstm_agreement.hypotheses import Tables, summary, table
from examples.lstm_agreement.report.sections import (
    FAMILY,
    HYPOTHESES,
    SECTIONS,
    TABLES,
    Section,
)
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
        missing: sections that are not there, or are of another model.
        arguments: what follows the commands of the sections and of the report, by name.
        faults: why a section is left out, or not what was asked for, by its name.
    """

    model: Mapping[str, Any]
    versions: Mapping[str, str]
    steps: Mapping[str, Done]
    hypotheses: Lines
    tables: Mapping[str, Lines]
    texts: Mapping[str, str]
    missing: Sequence[Section]
    arguments: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def command_of(self, section: Section) -> str:
        """What writes a section, with its arguments."""
        return f"{section.command} {self.arguments.get(section.name, '')}".strip()

    def as_json(self) -> str:
        """All tables and facts, without the texts."""
        steps = {name: None if d.record is None else d.record for name, d in self.steps.items()}
        missing = [{"section": s.name, "command": self.command_of(s)} for s in self.missing]
        return (
            json.dumps(
                {
                    "schema": SCHEMA,
                    "model": self.model,
                    "versions": self.versions,
                    "steps": steps,
                    "missing": missing,
                    "faults": self.faults,
                    "hypotheses": self.hypotheses,
                    "tables": self.tables,
                },
                indent=1,
                allow_nan=False,
                ensure_ascii=False,
            )
            + "\n"
        )


def gather(
    folder: Path,
    path: Path,
    checkpoint: Checkpoint,
    steps: Mapping[str, Done],
    arguments: Mapping[str, str],
) -> Contents:
    """Reads everything that is there.

    What is known to be of another model is left out; what nothing is known of, or what was asked
    for otherwise, stays with a remark.

    Arguments:
        folder: of the run.
        path: file of the model.
        checkpoint: what is in it.
        steps: how the commands were done, by name.
        arguments: what follows the commands of the sections and of the report, by name.
    """
    known = {name: done.checked for name, done in steps.items()}
    known[FAMILY.name] = check(FAMILY.place(folder), FAMILY.name, None, {})
    if TABLES.name in known:
        # They are asked of the tables.
        known[HYPOTHESES.name] = known[TABLES.name]
    written = {s: text for s in SECTIONS if (text := s.text_in(folder)) is not None}
    faults = {
        s.name: fault
        for s in written
        if s.name in known and (fault := known[s.name].fault) is not None
    }
    there = [s for s in written if s.name not in known or not known[s.name].foreign]
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
        hypotheses=read_table(folder / HYPOTHESES.csvs[0]) if HYPOTHESES in there else [],
        tables=tables,
        texts={s.name: written[s] for s in there},
        missing=[s for s in SECTIONS if s not in there],
        arguments=arguments,
        faults=faults,
    )


def write_hypotheses(folder: Path, path: Path, steps: Mapping[str, Done]) -> None:
    """Asks them of the tables, and writes what comes out beside them.

    What was there is taken away where there are no tables of this model.

    Arguments:
        folder: of the run.
        path: file of the model.
        steps: how the commands were done, by name.
    """
    foreign = TABLES.name in steps and steps[TABLES.name].checked.foreign
    if foreign or not (folder / "differences.csv").exists():
        remove_outputs(folder, (HYPOTHESES.markdown, *HYPOTHESES.csvs))
        return
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
    write_csv(folder / HYPOTHESES.csvs[0], list(lines[0]), [list(line.values()) for line in lines])


_LEGEND = """\
How many conditions say yes, no and neither after Holm's correction for their number, and the same
uncorrected. A condition speaks where its p-value, by resampling its sentences, is under 0.05; two
numbers of the same sentences are compared by their difference in each. "own" and "control" are not
the paper's. The word follows the corrected counts: "open" where most conditions say neither,
"holds" where all say yes.
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
