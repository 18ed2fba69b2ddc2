"""The study in one command: `python -m examples.lstm_agreement`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import jax

import pathflow as pf
from examples.lstm_agreement import figure
from examples.lstm_agreement.console.options import RULES, add_tables
from examples.lstm_agreement.console.progress import Advance, progress
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import show, write_csv, write_text
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.language_models.saturation import saturated_candidates
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


_Sentences = Mapping[str, Sequence[Sentence]]


def _sentences(run: Run) -> _Sentences:
    return {task.name: sentences_of(task, run.checkpoint, run.options) for task in TASKS}


def _measure(run: Run, sentences: _Sentences) -> None:
    options, checkpoint = run.options, run.checkpoint
    run.clear()
    storage = Storage(options.out, checkpoint.vocabulary, _settings(options))
    of_tables = {name: first_groups(s, options) for name, s in sentences.items()}
    accuracies = [
        a for s in of_tables.values() for a in evaluate(checkpoint.model, checkpoint.vocabulary, s)
    ]
    write_csv(options.out / "accuracy.csv", *report.accuracy_csv(accuracies))
    show(
        "Accuracy, by the numbers (S, P) of the subject and the noun between",
        report.accuracy_table(accuracies),
    )

    asked = [
        c for c in conditions(sentences, options.sentences) if c.sentences[0].task in options.tasks
    ]
    models = run.models()
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
    facts = _facts(run, models, sentences) | report.audit_facts(rows, found)
    facts["seconds"] = f"{run.seconds:.0f}, of this run alone"
    write_text(options.out / "tables.md", report.markdown(rows, sections, accuracies, facts))
    for name, value in facts.items():
        print(f"{name}: {value}")
    run.finish()


def _facts(
    run: Run, models: Mapping[str, LSTMLanguageModel], sentences: _Sentences
) -> dict[str, str]:
    """What a reader must know of the run, by name."""
    options = run.options
    return {
        "model": run.heading,
        "sentences": f"{options.tasks_dir or 'own generator'}, at most {options.sentences} per "
        f"condition in Table 1 ({options.control_sentences} of them for untrained models), "
        f"{options.accuracy_sentences} groups for accuracy and Table 2, seed {options.seed}",
        "points": f"{options.steps}, {options.rule}",
        "saturated candidate cells": _saturation(models, run.checkpoint, sentences[SIMPLE.name]),
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
        what = ["gates apart", options.seed, {role.value: found for role, found in paths.items()}]
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


COMMAND = Command(
    STEP,
    "examples.lstm_agreement",
    "Accuracy on number agreement tasks, the paper's tables, and a figure.",
    add_tables,
    OUTPUTS,
    _sentences,
    _measure,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
