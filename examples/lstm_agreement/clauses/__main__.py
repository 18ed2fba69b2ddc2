"""How number is carried across a clause, and by which paths: `python -m
examples.lstm_agreement.clauses`.

Relative clauses, complements and conjoined predicates put a verb between a subject and its own
verb, or another subject before it. Accuracy is asked of both verbs, the numbers of Table 1 of the
second; and where an inner verb stands between, which paths carry the outer number across it, by
influence and by intervention.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

import pathflow as pf
from examples.lstm_agreement.clauses import figure, report
from examples.lstm_agreement.clauses.accuracy import Score, scores
from examples.lstm_agreement.clauses.across import Verdict, Way, across
from examples.lstm_agreement.clauses.sources import OWN, Sources, first_of_each
from examples.lstm_agreement.console.columns import csv_table
from examples.lstm_agreement.console.options import add_controls, add_seed, positive
from examples.lstm_agreement.console.progress import tell
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.clauses import CLAUSE_TASKS, ClauseTask
from examples.lstm_agreement.sentences.marvin_linzen import VERB_FILES
from examples.lstm_agreement.sentences.tasks import Sentence, Task
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries, plain, record_of
from examples.lstm_agreement.tables.measure import EXACT, Role
from examples.lstm_agreement.tables.table1 import Condition, Row, compute
from pathflow.models import LSTMLanguageModel

STEP = "clauses"
OUTPUTS = (
    "clauses.md",
    "clauses_accuracy.csv",
    "clauses_paths.csv",
    "clauses_across.csv",
    "clauses_verdicts.csv",
    "clauses.png",
)


def _add_options(out: argparse.ArgumentParser) -> None:
    out.add_argument("--sentences", type=positive, default=32, help="per condition (%(default)s)")
    out.add_argument(
        "--accuracy-sentences",
        type=positive,
        default=200,
        help="groups per task for the accuracy, of the own generator (%(default)s)",
    )
    add_controls(out, 3)
    out.add_argument(
        "--tasks",
        nargs="+",
        choices=[t.name for t in CLAUSE_TASKS],
        default=[t.name for t in CLAUSE_TASKS],
        help="some of the tasks (all)",
    )
    out.add_argument(
        "--tasks-dir",
        type=Path,
        help="folder of the published task files (Lakretz et al. 2019), to use their sentences",
    )
    out.add_argument(
        "--pairs-dir",
        type=Path,
        help="folder of published minimal pairs (Marvin and Linzen 2018), for the accuracy",
    )
    add_seed(out)


@dataclass
class _Found:
    """What a run has found, of one task or of all."""

    scores: list[Score] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def write(self, out: Path) -> None:
        """Writes the tables."""
        for name, rows in (
            ("accuracy", self.scores),
            ("paths", self.rows),
            ("across", self.ways),
            ("verdicts", self.verdicts),
        ):
            if rows:
                write_csv(out / f"clauses_{name}.csv", *csv_table(rows))

    def add(self, other: "_Found") -> None:
        """Takes in what was found of another task."""
        for name in _KINDS:
            getattr(self, name).extend(getattr(other, name))
        self.titles |= other.titles

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {name: [plain(r) for r in getattr(self, name)] for name in _KINDS} | {
            "titles": self.titles
        }

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> "_Found":
        """From what `as_json` returned."""
        lists = {n: [record_of(kind, f) for f in fields[n]] for n, kind in _KINDS.items()}
        return cls(**lists, titles=dict(fields["titles"]))


_KINDS: Mapping[str, type] = {"scores": Score, "rows": Row, "ways": Way, "verdicts": Verdict}


def _prepare(run: Run) -> Sources:
    options = run.options
    return Sources(
        run.checkpoint.vocabulary,
        max(options.sentences, options.accuracy_sentences),
        options.seed,
        options.tasks_dir,
        options.pairs_dir,
    )


def _make(run: Run, sources: Sources) -> None:
    options, checkpoint, models = run.options, run.checkpoint, run.models()
    found = _Found()
    kept = Entries(options.out / "clauses.jsonl", _Found.of_json, "task")
    keys = Keys(checkpoint.vocabulary, EXACT)
    chosen = [task for task in CLAUSE_TASKS if task.name in options.tasks]
    for task in sources.tasks(chosen):
        try:
            sentences, source = sources.sentences(task)
            few = first_of_each(sentences, task.conditions, options.sentences)
        except StudyError as error:
            tell(f"{task.name} is left out: {error}")
            continue
        words = [[[s.tokens, s.correct, s.wrong] for s in some] for some in (sentences, few)]
        key = keys.key(
            models["trained"],
            "clauses",
            task.name,
            source,
            words,
            sources.n_groups,
            options.controls,
            options.seed,
        )
        of_task = kept.find(key)
        if of_task is None:
            tell(f"{task.name}, {source}")
            of_task = _measure(task, sentences, source, few, models, sources)
            kept.add(key, of_task, of_task.as_json())
        else:
            tell(f"{task.name}, {source}, found")
        found.add(of_task)
    if not found.rows:
        raise StudyError("no task is left; ask a model that knows the words.")
    for file, pairs in sources.pairs(VERB_FILES):
        tell(f"{file.name}: the model knows {len(pairs)} sentences")
        if pairs:
            found.scores += scores(checkpoint.model, checkpoint.vocabulary, pairs, "minimal pairs")
    # Not before: what was there stays where nothing comes instead.
    run.clear()
    found.write(options.out)
    heading = f"# Across a clause: {run.heading}"
    write_text(options.out / "clauses.md", "\n\n".join([heading, *_report(found, options)]) + "\n")
    if found.ways:
        figure.draw(found.ways, found.titles, options.out / "clauses.png")
    run.finish()


def _measure(
    task: Task | ClauseTask,
    sentences: Sequence[Sentence],
    source: str,
    few: Sequence[Sentence],
    models: dict[str, LSTMLanguageModel],
    sources: Sources,
) -> _Found:
    """Everything about one task: accuracy of many sentences, paths of a few."""
    found = _Found()
    vocabulary = sources.vocabulary
    found.scores += scores(models["trained"], vocabulary, sentences, source)
    first = sources.first_verb(task)
    found.scores += scores(models["trained"], vocabulary, first, OWN) if first else []
    roles = (Role.SUBJECT,) if task.intervening is None else tuple(Role)
    asked = [
        Condition(role, tuple(s for s in few if s.condition == c))
        for role in roles
        for c in task.conditions
    ]
    found.rows += [row for _, row, _ in compute(models, vocabulary, asked, EXACT)]
    if isinstance(task, ClauseTask) and task.crossed is not None:
        ways, verdicts = across(models, vocabulary, few, task.crossed, EXACT)
        found.ways += ways
        found.verdicts += verdicts
        found.titles[task.name] = _title(task, few[0], verdicts[-1])
    return found


def _title(task: ClauseTask, sentence: Sentence, verdict: Verdict) -> str:
    """The task, its accuracy, and a sentence with a bar before the inner verb."""
    words = [*sentence.tokens, sentence.correct]
    text = f"{' '.join(words[: task.crossed])} | {' '.join(words[task.crossed :])}"
    return f"{task.name} (accuracy {verdict.accuracy.mean:.2f})\n{text}"


def _report(found: _Found, options: argparse.Namespace) -> list[str]:
    """Shows the tables and returns the report."""
    tables = (
        ("Accuracy", report.accuracy_table(found.scores), report.ACCURACY_LEGEND),
        (
            "The primary path from the verb's subject",
            report.path_table(found.rows, Role.SUBJECT),
            report.PATHS_LEGEND,
        ),
        (
            "The primary path from the other noun",
            report.path_table(found.rows, Role.INTERVENING),
            "Columns as above.",
        ),
        (
            "What the outer number is in before the inner verb",
            report.across_table(found.ways),
            report.ACROSS_LEGEND,
        ),
        (
            "By what it enters the step of the inner verb",
            report.entry_table(found.ways),
            report.ENTRY_LEGEND,
        ),
        (
            "And without training",
            report.size_table(found.ways),
            report.SIZE_LEGEND,
        ),
        (
            "Whether intervention agrees",
            report.verdict_table(found.verdicts, found.ways),
            report.VERDICT_LEGEND,
        ),
    )
    parts = []
    for title, table, legend in tables:
        if table[1]:
            show(title, table)
            parts += [f"## {title}", as_markdown(table), legend]
    worst = max((r.structural for r in (*found.rows, *found.verdicts)), default=0.0)
    parts.append(
        f"{options.sentences} sentences per condition for paths, up to "
        f"{max(options.sentences, options.accuracy_sentences)} for the accuracy; seed "
        f"{options.seed}; {options.controls} untrained models; {EXACT.n_steps} points, "
        f"Gauss-Legendre; structural residual {worst:.1e} at worst; pathflow {pf.__version__}, "
        f"jax {jax.__version__}."
    )
    return parts


COMMAND = Command(
    STEP,
    "examples.lstm_agreement.clauses",
    "Number agreement across a clause: accuracy, paths, and interventions.",
    _add_options,
    OUTPUTS,
    _prepare,
    _make,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
