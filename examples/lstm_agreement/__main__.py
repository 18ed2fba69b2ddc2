"""The study in one command: `python -m examples.lstm_agreement`."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import jax

import pathflow as pf
from examples.lstm_agreement import figure
from examples.lstm_agreement.console.command import carried_out, remove_outputs, stamp
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import RULES, folder, model_path, parser
from examples.lstm_agreement.console.progress import Advance, progress
from examples.lstm_agreement.console.text import show, write_csv, write_text
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.language_models.saturation import saturated_candidates
from examples.lstm_agreement.language_models.untrained import untrained
from examples.lstm_agreement.sentences.encoding import in_random_order, known_sentences
from examples.lstm_agreement.sentences.lakretz import read_task
from examples.lstm_agreement.sentences.tasks import (
    NOUN_PP,
    SIMPLE,
    TASKS,
    Sentence,
    Task,
    count_groups,
    generate,
)
from examples.lstm_agreement.tables import neurons, neurons_report, report, table2, table2_report
from examples.lstm_agreement.tables.measure import Role, Settings
from examples.lstm_agreement.tables.paired import Difference, between_rows
from examples.lstm_agreement.tables.storage import ROWS, Storage
from examples.lstm_agreement.tables.table1 import (
    Condition,
    Measured,
    Row,
    compute,
    conditions,
    numbers_of_sentences,
)
from pathflow.models import Checkpoint, LSTMLanguageModel

# The condition of the figure: with an attractor, the two primary paths pull in opposite directions.
_DRAWN = ("nounPP", "SP")
STEP = "tables"
OUTPUTS = (
    "tables.md",
    "table1.csv",
    "table2.csv",
    "differences.csv",
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
        goes on from the sentences that are done by then.
    """
    options = parser().parse_args(arguments)
    options.out = folder(options)
    message = f"; the same command goes on from what is kept in {options.out}"
    return carried_out(lambda: _run(options), message)


def _run(options: argparse.Namespace) -> None:
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    sentences = {task.name: sentences_of(task, checkpoint, options) for task in TASKS}
    options.out.mkdir(parents=True, exist_ok=True)
    with only_run(options.out, "python -m examples.lstm_agreement"):
        _measure(options, path, checkpoint, sentences)


def _measure(
    options: argparse.Namespace,
    path: Path,
    checkpoint: Checkpoint,
    sentences: Mapping[str, Sequence[Sentence]],
) -> None:
    start = time.monotonic()
    remove_outputs(options.out, OUTPUTS)
    storage = Storage(options.out, checkpoint.vocabulary, _settings(options))
    of_tables = {name: first_groups(s, options) for name, s in sentences.items()}
    accuracies = [
        a for s in of_tables.values() for a in evaluate(checkpoint.model, checkpoint.vocabulary, s)
    ]
    write_csv(options.out / "accuracy.csv", *report.accuracy_csv(accuracies))
    show("Accuracy", report.accuracy_table(accuracies))

    asked = [
        c for c in conditions(sentences, options.sentences) if c.sentences[0].task in options.tasks
    ]
    models = {"trained": checkpoint.model}
    for i in range(options.controls):
        models[f"untrained {i}"] = untrained(checkpoint.model, options.seed + i)
    few = [c.first(options.control_sentences) for c in asked]
    of_model = {name: asked if name == "trained" else few for name in models}
    every = [*chain.from_iterable(of_model.values()), *asked]
    with progress(sum(len(c.sentences) for c in every)) as advance:
        measured, drawn = _table(checkpoint, models, of_model, options, storage, advance)
        units, found = neurons.compute(
            checkpoint.model,
            checkpoint.vocabulary,
            asked,
            _settings(options),
            kept=lambda c: storage.of_units(checkpoint.model, c),
            advance=advance,
        )
    rows = [m.row for m in measured]
    for role, title in report.TITLES.items():
        show(title, report.short_path_table(rows, role))
    print(report.SHORT_LEGEND)
    differences = list(between_rows(measured))
    sections, of_schemes = _compressed(checkpoint, of_tables, rows, options, storage)
    differences += of_schemes
    sections += _neurons(checkpoint, of_tables, units, found, options, storage)
    write_csv(options.out / "differences.csv", *report.differences_csv(differences))
    show("Differences on the same sentences", report.difference_table(differences))
    sections += report.difference_section(differences)
    if drawn:
        _draw(asked, drawn, options.out)
    facts = _facts(options, path, checkpoint, models, sentences) | report.audit_facts(rows, found)
    facts["seconds"] = f"{time.monotonic() - start:.0f}, of this run alone"
    write_text(options.out / "tables.md", report.markdown(rows, sections, accuracies, facts))
    stamp(options.out, STEP, options, path, OUTPUTS, time.monotonic() - start)
    for name, value in facts.items():
        print(f"{name}: {value}")
    written = [name for name in OUTPUTS if (options.out / name).exists()]
    print(f"wrote {', '.join(written)} to {options.out}")


def _facts(
    options: argparse.Namespace,
    path: Path,
    checkpoint: Checkpoint,
    models: Mapping[str, LSTMLanguageModel],
    sentences: Mapping[str, Sequence[Sentence]],
) -> dict[str, str]:
    """What a reader must know of the run, by name."""
    return {
        "model": f"{checkpoint.card.title} ({path.name})",
        "sentences": f"{options.tasks_dir or 'own generator'}, at most {options.sentences} per "
        f"condition in Table 1 ({options.control_sentences} of them for untrained models), "
        f"{options.accuracy_sentences} groups for accuracy and Table 2, seed {options.seed}",
        "points": f"{options.steps}, {options.rule}",
        "saturated candidate cells": _saturation(models, checkpoint, sentences[SIMPLE.name]),
        "versions": f"pathflow {pf.__version__}, jax {jax.__version__}",
    }


def sentences_of(
    task: Task, checkpoint: Checkpoint, options: argparse.Namespace
) -> tuple[Sentence, ...]:
    """The sentences of a task that the options ask for, or all that the model knows."""
    if options.tasks_dir is not None:
        found = known_sentences(read_task(task, options.tasks_dir), checkpoint.vocabulary)
        mixed = in_random_order(found, options.seed)
        return tuple(sorted(mixed, key=lambda s: task.conditions.index(s.condition)))
    # Short sentences have few words to choose: no task has fewer than a few hundred groups.
    n_groups = min(
        max(options.sentences, options.accuracy_sentences),
        max(1, count_groups(task, vocabulary=checkpoint.vocabulary)),
    )
    return generate(task, n_groups, seed=options.seed, vocabulary=checkpoint.vocabulary)


def first_groups(
    sentences: Sequence[Sentence], options: argparse.Namespace
) -> tuple[Sentence, ...]:
    """The sentences that the accuracy and Table 2 are asked about: all published ones, and of the
    own ones as many groups as the options say.
    """
    own = options.tasks_dir is None
    return tuple(s for s in sentences if not own or s.group < options.accuracy_sentences)


def _table(
    checkpoint: Checkpoint,
    models: Mapping[str, LSTMLanguageModel],
    of_model: Mapping[str, Sequence[Condition]],
    options: argparse.Namespace,
    storage: Storage,
    advance: Advance,
) -> tuple[list[Measured], dict[Role, tuple[Row, pf.Attribution]]]:
    """The rows of Table 1, of which an earlier run may have left some, and what is drawn.

    Every model, by its name, has sentences of its own, in the same conditions.
    """
    finished = storage.rows
    found = {
        (c.name, name): row
        for name, asked in of_model.items()
        for c in asked
        if (row := finished.find(models[name], name, c)) is not None
    }
    n_found, drawn = len(found), {}

    def is_drawn(name: str, condition: Condition) -> bool:
        first = condition.sentences[0]
        return (first.task, first.condition, name) == (*_DRAWN, "trained")

    def wanted(name: str, condition: Condition) -> bool:
        # The figure needs every path, and not the row alone; its blocks are kept.
        if is_drawn(name, condition) or (condition.name, name) not in found:
            return True
        advance(f"{condition.name}, {name}, found", len(condition.sentences))
        return False

    if n_found:
        print(f"{n_found} rows found in {options.out / ROWS}", file=sys.stderr)
    rows_of = partial(
        compute,
        vocabulary=checkpoint.vocabulary,
        settings=_settings(options),
        wanted=wanted,
        kept=storage.of_row,
        advance=advance,
    )
    computed = chain.from_iterable(
        rows_of({name: models[name]}, asked=asked) for name, asked in of_model.items()
    )
    for condition, row, result in computed:
        model = models[row.model]
        measured = Measured(row, numbers_of_sentences(condition, result))
        if (condition.name, row.model) not in found:
            finished.add(model, condition, measured)
        found[condition.name, row.model] = measured
        if is_drawn(row.model, condition):
            drawn[row.role] = row, result.mean()
        else:
            storage.blocks.drop(storage.of_row(model, row.model, condition).key)
        rows = _in_order(found, of_model)
        write_csv(options.out / "table1.csv", *report.table1_csv([m.row for m in rows]))
    return _in_order(found, of_model), drawn


def _in_order(
    found: Mapping[tuple[str, str], Measured], of_model: Mapping[str, Sequence[Condition]]
) -> list[Measured]:
    """Condition by condition, the trained model's row first."""
    names = (c.name for c in of_model["trained"])
    keys = ((condition, name) for condition in names for name in of_model)
    return [found[key] for key in keys if key in found]


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(options.steps, RULES[options.rule])


def _compressed(
    checkpoint: Checkpoint,
    sentences: Mapping[str, Sequence[Sentence]],
    rows: Sequence[Row],
    options: argparse.Namespace,
    storage: Storage,
) -> tuple[list[str], list[Difference]]:
    """Measures Table 2 and shows it; its part of the report, and what differs."""
    compressed: list[table2.Compressed] = []
    differences: list[Difference] = []
    for task in table2.TASKS:
        if task.name not in options.tasks:
            continue
        paths = table2.rank_1_paths(rows, task.name)
        what = ["gates", options.seed, {role.value: found for role, found in paths.items()}]
        asked = sentences[task.name]
        with progress(len(asked)) as advance:
            held = table2.hold(
                checkpoint.model,
                checkpoint.vocabulary,
                asked,
                paths,
                seed=options.seed,
                kept=storage.of_held(checkpoint.model, asked, what),
                advance=partial(advance, f"{task.name}, gates held"),
            )
        compressed += table2.accuracies(held)
        differences += table2.differences(held)
        write_csv(options.out / "table2.csv", *table2_report.table2_csv(compressed))
        table = table2_report.compression_table(compressed, task.name)
        show(f"Accuracy with gates held at their means, {task.name}", table)
    return table2_report.section(compressed), differences


def _neurons(
    checkpoint: Checkpoint,
    sentences: Mapping[str, Sequence[Sentence]],
    units: Sequence[int],
    found: Sequence[neurons.Neuron],
    options: argparse.Namespace,
    storage: Storage,
) -> list[str]:
    """Shows the primary neurons and what holding them does; their part of the report."""
    ablated: list[neurons.Ablated] = []
    for task in (SIMPLE, NOUN_PP):
        if task.name not in options.tasks:
            continue
        asked = sentences[task.name]
        what = ["units", options.seed, list(units)]
        with progress(len(asked)) as advance:
            ablated += neurons.ablate(
                checkpoint.model,
                checkpoint.vocabulary,
                asked,
                units,
                seed=options.seed,
                kept=storage.of_held(checkpoint.model, asked, what),
                advance=partial(advance, f"{task.name}, units held"),
            )
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
