"""The study in one command: `python -m examples.lstm_agreement`."""

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement import figure
from examples.lstm_agreement.console.command import carried_out, remove_outputs
from examples.lstm_agreement.console.options import RULES, folder, model_path, parser
from examples.lstm_agreement.console.progress import Advance, progress
from examples.lstm_agreement.console.text import show, write_csv, write_text
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.language_models.saturation import saturated_candidates
from examples.lstm_agreement.language_models.untrained import untrained
from examples.lstm_agreement.sentences.encoding import known_sentences
from examples.lstm_agreement.sentences.lakretz import read_task
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, TASKS, Sentence, Task, generate
from examples.lstm_agreement.tables import neurons, neurons_report, report, table2, table2_report
from examples.lstm_agreement.tables.finished import FinishedRows
from examples.lstm_agreement.tables.measure import Role, Settings
from examples.lstm_agreement.tables.table1 import Condition, Row, compute, conditions
from pathflow.models import Checkpoint, LSTMLanguageModel

# The condition of the figure: with an attractor, the two primary paths pull in opposite directions.
_DRAWN = ("nounPP", "SP")
_OUTPUTS = (
    "tables.md",
    "table1.csv",
    "table2.csv",
    "neurons.csv",
    "ablations.csv",
    "accuracy.csv",
    "paths.png",
    "paths.svg",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the study.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption; the same command
        goes on from the rows that are finished by then.
    """
    options = parser().parse_args(arguments)
    options.out = folder(options)
    rows = options.out / "rows.jsonl"
    message = f"; the same command goes on from the rows in {rows}"
    return carried_out(lambda: _run(options), message)


def _run(options: argparse.Namespace) -> None:
    start = time.monotonic()
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    sentences = {task.name: sentences_of(task, checkpoint, options) for task in TASKS}
    options.out.mkdir(parents=True, exist_ok=True)
    remove_outputs(options.out, _OUTPUTS)

    accuracies = [
        a for s in sentences.values() for a in evaluate(checkpoint.model, checkpoint.vocabulary, s)
    ]
    write_csv(options.out / "accuracy.csv", *report.accuracy_table(accuracies))
    show("Accuracy", report.accuracy_table(accuracies))

    asked = [
        c for c in conditions(sentences, options.sentences) if c.sentences[0].task in options.tasks
    ]
    models = {"trained": checkpoint.model}
    for i in range(options.controls):
        models[f"untrained {i}"] = untrained(checkpoint.model, options.seed + i)
    n_asked = sum(len(c.sentences) for c in asked)
    with progress((len(models) + 1) * n_asked) as advance:
        rows, drawn = _table(checkpoint, models, asked, options, advance)
        settings = _settings(options)
        units, found = neurons.compute(
            checkpoint.model, checkpoint.vocabulary, asked, settings, advance=advance
        )

    for role, title in (
        (Role.SUBJECT, "From the subject"),
        (Role.INTERVENING, "From the intervening noun"),
    ):
        show(title, report.short_path_table(rows, role))
    print(report.SHORT_LEGEND)
    sections = _compressed(checkpoint, sentences, rows, options)
    sections += _neurons(checkpoint, sentences, units, found, options)
    if drawn:
        _draw(asked, drawn, options.out)
    facts = {
        "model": f"{checkpoint.card.title} ({path.name})",
        "sentences": f"{options.tasks_dir or 'own generator'}, {options.sentences} per condition, "
        f"seed {options.seed}",
        "points": f"{options.steps}, {options.rule}",
        **report.audit_facts(rows, found),
        "saturated candidate cells": _saturation(models, checkpoint, sentences[SIMPLE.name]),
        "versions": f"pathflow {pf.__version__}, jax {jax.__version__}",
        "seconds": f"{time.monotonic() - start:.0f}",
    }
    text = report.markdown(rows, sections, accuracies, facts)
    write_text(options.out / "tables.md", text)
    for name, value in facts.items():
        print(f"{name}: {value}")
    written = [name for name in _OUTPUTS if (options.out / name).exists()]
    print(f"wrote {', '.join(written)} to {options.out}")


def sentences_of(
    task: Task, checkpoint: Checkpoint, options: argparse.Namespace
) -> tuple[Sentence, ...]:
    """The sentences of a task that the options ask for and the model knows."""
    if options.tasks_dir is not None:
        found = known_sentences(read_task(task, options.tasks_dir), checkpoint.vocabulary)
        # The files are sorted by their words, so that the first sentences would be all about
        # athletes.
        order = np.random.default_rng(options.seed).permutation(len(found))
        return tuple(
            sorted((found[i] for i in order), key=lambda s: task.conditions.index(s.condition))
        )
    return generate(
        task,
        max(options.sentences, options.accuracy_sentences),
        seed=options.seed,
        vocabulary=checkpoint.vocabulary,
    )


def _table(
    checkpoint: Checkpoint,
    models: Mapping[str, LSTMLanguageModel],
    asked: Sequence[Condition],
    options: argparse.Namespace,
    advance: Advance,
) -> tuple[list[Row], dict[Role, tuple[Row, pf.Attribution]]]:
    """The rows of Table 1, of which an earlier run may have left some, and what is drawn."""
    settings = _settings(options)
    finished = FinishedRows(options.out / "rows.jsonl", checkpoint.vocabulary, settings)
    found = {
        (c.name, name): row
        for c in asked
        for name, model in models.items()
        if (row := finished.find(model, name, c)) is not None
    }
    n_found, drawn = len(found), {}

    def is_drawn(name: str, condition: Condition) -> bool:
        first = condition.sentences[0]
        return (first.task, first.condition, name) == (*_DRAWN, "trained")

    def wanted(name: str, condition: Condition) -> bool:
        # The figure needs every path, and not the row alone.
        if is_drawn(name, condition) or (condition.name, name) not in found:
            return True
        advance(f"{condition.name}, {name}, found", len(condition.sentences))
        return False

    if n_found:
        print(f"{n_found} rows found in {options.out / 'rows.jsonl'}", file=sys.stderr)
    for condition, row, result in compute(
        models, checkpoint.vocabulary, asked, settings, wanted=wanted, advance=advance
    ):
        if (condition.name, row.model) not in found:
            finished.add(models[row.model], condition, row)
        found[condition.name, row.model] = row
        if is_drawn(row.model, condition):
            drawn[row.role] = row, result
        rows = _in_order(found, models, asked)
        write_csv(options.out / "table1.csv", *report.table1_csv(rows))
    return _in_order(found, models, asked), drawn


def _in_order(
    found: Mapping[tuple[str, str], Row], models: Iterable[str], asked: Sequence[Condition]
) -> list[Row]:
    keys = ((c.name, name) for c in asked for name in models)
    return [found[key] for key in keys if key in found]


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(options.steps, RULES[options.rule])


def _compressed(
    checkpoint: Checkpoint,
    sentences: Mapping[str, Sequence[Sentence]],
    rows: Sequence[Row],
    options: argparse.Namespace,
) -> list[str]:
    """Measures Table 2 and shows it; its part of the report."""
    compressed: list[table2.Compressed] = []
    for task in table2.TASKS:
        if task.name in options.tasks:
            compressed += table2.compress(
                checkpoint.model,
                checkpoint.vocabulary,
                sentences[task.name],
                table2.rank_1_paths(rows, task.name),
                seed=options.seed,
            )
            write_csv(options.out / "table2.csv", *table2_report.table2_csv(compressed))
            table = table2_report.compression_table(compressed, task.name)
            show(f"Accuracy with gates held at their means, {task.name}", table)
    return table2_report.section(compressed)


def _neurons(
    checkpoint: Checkpoint,
    sentences: Mapping[str, Sequence[Sentence]],
    units: Sequence[int],
    found: Sequence[neurons.Neuron],
    options: argparse.Namespace,
) -> list[str]:
    """Shows the primary neurons and what holding them does; their part of the report."""
    ablated = [
        a
        for task in (SIMPLE, NOUN_PP)
        if task.name in options.tasks
        for a in neurons.ablate(
            checkpoint.model,
            checkpoint.vocabulary,
            sentences[task.name],
            units,
            seed=options.seed,
        )
    ]
    write_csv(options.out / "neurons.csv", *neurons_report.neurons_csv(found))
    write_csv(options.out / "ablations.csv", *neurons_report.ablations_csv(ablated))
    show("Primary neurons", neurons_report.neuron_table(found))
    show("Without primary neurons", neurons_report.ablation_table(ablated))
    return neurons_report.section(found, ablated)


def _saturation(
    models: Mapping[str, LSTMLanguageModel], checkpoint: Checkpoint, sentences: Sequence[Sentence]
) -> str:
    """The saturated fraction of the first models' candidate cells, layer by layer."""
    texts = []
    for name in list(models)[:2]:
        found = saturated_candidates(models[name], checkpoint.vocabulary, sentences)
        texts.append(f"{name} " + ", ".join(f"g{i} {part:.0%}" for i, part in enumerate(found)))
    return f"{'; '.join(texts)} (units with |g| > 0.97 at the subject of Simple)"


def _draw(
    asked: Sequence[Condition],
    drawn: Mapping[Role, tuple[Row, pf.Attribution]],
    out: Path,
) -> None:
    paths = {}
    for condition in asked:
        first, role = condition.sentences[0], condition.role
        if (first.task, first.condition) == _DRAWN:
            paths[f"primary path from the {role.value}"] = condition.primary_path
    for role, (row, _) in drawn.items():
        # In some models another path carries more than the one that the paper calls primary.
        if row.largest not in paths.values():
            paths[f"largest path from the {role.value}"] = row.largest
    row, subject = drawn[Role.SUBJECT]
    _, intervening = drawn[Role.INTERVENING]
    figure.draw(
        subject,
        intervening,
        paths,
        words=("subject", "preposition", "the", "intervening noun", "verb"),
        title=f"{' '.join(_DRAWN)}: influence of the nouns' numbers, mean of {row.n_sentences} "
        "sentences",
        folder=out,
    )


if __name__ == "__main__":
    sys.exit(main())
