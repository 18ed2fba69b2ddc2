"""All tables of one model, kept in a folder under what they depend on."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import write_csv, write_text
from examples.lstm_agreement.family.amounts import KEY, Amounts, key_of
from examples.lstm_agreement.family.members import Member
from examples.lstm_agreement.family.patching import Patch, swap_subjects
from examples.lstm_agreement.family.views import TransformerView
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.sentences.tasks import NOUN_PP, NOUN_PP_ADV, SIMPLE, TASKS, generate
from examples.lstm_agreement.tables import halves, report, table2, table2_report
from examples.lstm_agreement.tables.entries import Entries
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences
from examples.lstm_agreement.tables.paired import between_rows
from examples.lstm_agreement.tables.storage import BLOCKS, ROWS, Storage
from examples.lstm_agreement.tables.table1 import (
    Condition,
    Measured,
    compute,
    conditions,
    numbers_of_sentences,
)
from examples.lstm_agreement.tables.view import AbstractView
from pathflow import metrics
from pathflow.models import Vocabulary

FILES = (
    "accuracy.csv",
    "table1.csv",
    "routes.csv",
    "table2.csv",
    "differences.csv",
    "patches.csv",
)
VERDICTS = "verdicts.csv"
_TABLES = "tables.jsonl"
_WITH_NOUN = (NOUN_PP.name, NOUN_PP_ADV.name)


def of_all_models(name: str) -> str:
    """The file that holds the lines of all models: its name tells it from those of one model."""
    return f"family_{name}"


@dataclass(frozen=True)
class Route:
    """A class of paths from the subject.

    Arguments:
        task: name of the task.
        condition: the nouns' numbers.
        route: name of the class.
        n_paths: how many paths.
        influence: mean influence of all of them, in logits.
        total: mean influence of all paths.
        structural: worst structural residual.
    """

    task: str
    condition: str
    route: str
    n_paths: int
    influence: metrics.Interval
    total: float
    structural: float


def measure(
    member: Member,
    model: nnx.Module,
    amounts: Amounts,
    folder: Path,
    advance: Callable[[str], None] = lambda _what: None,
) -> bool:
    """Writes the tables of a model to a folder, where they are not there yet.

    Arguments:
        member: which model.
        model: trained.
        amounts: how much is measured.
        folder: of the tables.
        advance: called with what is done next.

    Returns:
        Whether anything was measured.
    """
    vocabulary = member.language.vocabulary
    key = key_of(model, vocabulary, amounts)
    known = folder / KEY
    if known.exists() and json.loads(known.read_text(encoding="utf-8")) == key:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    known.unlink(missing_ok=True)
    for name, table in _tables(member, model, amounts, folder, advance).items():
        write_csv(folder / name, *table)
    write_text(known, json.dumps(key))
    # What the tables were made from is of no more use.
    for name in (ROWS, _TABLES):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / BLOCKS, ignore_errors=True)
    return True


def _tables(
    member: Member,
    model: nnx.Module,
    amounts: Amounts,
    folder: Path,
    advance: Callable[[str], None],
) -> dict[str, CsvTable]:
    """All tables of a model, by the names of their files.

    What is finished is kept in the folder: rows of Table 1 and other tables one by one, and what is
    computed of many sentences block by block.
    """
    vocabulary, n_groups = member.language.vocabulary, max(amounts.sentences, amounts.groups)
    sentences = {
        task.name: generate(task, n_groups, seed=amounts.seed, vocabulary=vocabulary)
        for task in TASKS
    }
    storage = Storage(folder, vocabulary, amounts.settings)
    entries: Entries[CsvTable] = Entries(
        folder / _TABLES, lambda f: (f["header"], f["lines"]), "table"
    )

    def kept(name: str, make: Callable[[], CsvTable]) -> CsvTable:
        key = json.dumps([name, key_of(model, vocabulary, amounts)])
        if (found := entries.find(key)) is None:
            found = make()
            entries.add(key, found, {"header": found[0], "lines": found[1]})
        return found

    advance("accuracy")
    accuracy = kept(
        "accuracy",
        lambda: report.accuracy_csv(
            [a for s in sentences.values() for a in evaluate(model, vocabulary, s)]
        ),
    )
    asked = conditions(sentences, amounts.sentences)
    view = member.kind.view
    if isinstance(view, TransformerView):
        asked, finding = _halves(asked)
        view = view.with_paths(find(model, vocabulary, finding, view, amounts.settings, advance))
    models = {"trained": model, "untrained": member.untrained()}
    measured = _rows(models, vocabulary, asked, view, amounts.settings, storage, advance)
    rows = [m.row for m in measured]
    held = []
    for task in table2.TASKS:
        paths, of_task = table2.rank_1_paths(rows, task.name), sentences[task.name]
        what = ["gates", {role.value: found for role, found in paths.items()}]
        held.append(
            table2.hold(
                model,
                vocabulary,
                of_task,
                paths,
                view=view,
                kept=storage.of_held(model, of_task, what),
                advance=lambda _n, name=task.name: advance(f"{name}, nodes held"),
            )
        )
    of_schemes, settings = [d for h in held for d in table2.differences(h)], amounts.settings
    return {
        "accuracy.csv": accuracy,
        "table1.csv": report.table1_csv(rows),
        "routes.csv": kept(
            "routes",
            lambda: csv_table(list(_routes(model, vocabulary, asked, view, settings, advance))),
        ),
        "table2.csv": table2_report.table2_csv([c for h in held for c in table2.accuracies(h)]),
        "differences.csv": report.differences_csv([*between_rows(measured), *of_schemes]),
        "patches.csv": kept(
            "patches",
            lambda: csv_table(list(_patches(model, vocabulary, asked, view, settings, advance))),
        ),
    }


def _rows(
    models: Mapping[str, nnx.Module],
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    view: AbstractView,
    settings: Settings,
    storage: Storage,
    advance: Callable[[str], None],
) -> list[Measured]:
    """The rows of Table 1, of which an earlier run may have left some."""

    def find_row(name: str, condition: Condition) -> Measured | None:
        return storage.rows.find(models[name], name, condition)

    for condition, row, result in compute(
        models,
        vocabulary,
        asked,
        settings,
        view=view,
        wanted=lambda name, condition: find_row(name, condition) is None,
        kept=storage.of_row,
        advance=lambda what, _n: advance(what),
    ):
        model = models[row.model]
        measured = Measured(row, numbers_of_sentences(condition, result, view))
        storage.rows.add(model, condition, measured)
        storage.blocks.drop(storage.of_row(model, row.model, condition).key)
    found = (find_row(name, condition) for condition in asked for name in models)
    return [measured for measured in found if measured is not None]


def find(
    model: nnx.Module,
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    view: AbstractView,
    settings: Settings,
    advance: Callable[[str], None] = lambda _what: None,
) -> dict[tuple[int, int], str]:
    """The path of each task and noun that carries most, in the mean over all conditions.

    Influence of an attractor counts against the verb, as in Table 1.

    Returns:
        Labels by the positions of the noun and of the word before the verb.
    """
    sums: dict[tuple[int, int], list[np.ndarray]] = {}
    spaces = {}
    for condition in asked:
        advance(f"finding paths, {condition.name}")
        first = condition.sentences[0]
        ends = condition.role.noun(first).position, len(first.tokens) - 1
        result = noun_influences(
            model, vocabulary, condition.sentences, condition.role, settings, view=view
        )
        helpful = condition.role is Role.SUBJECT or len(set(first.condition)) == 1
        mean = np.asarray(result.influences, np.float64).mean(axis=0)
        sums.setdefault(ends, []).append(mean if helpful else -mean)
        spaces[ends] = result.space
    found = {ends: int(np.sum(means, axis=0).argmax()) for ends, means in sums.items()}
    return {ends: str(spaces[ends].unrank(rank)) for ends, rank in found.items()}


def _halves(asked: Sequence[Condition]) -> tuple[list[Condition], list[Condition]]:
    """Every condition with the second half of its sentences, and with the first."""
    halves = [(c, len(c.sentences) // 2) for c in asked]
    second = [dataclasses.replace(c, sentences=c.sentences[n:]) for c, n in halves]
    return second, [dataclasses.replace(c, sentences=c.sentences[:n]) for c, n in halves]


def _routes(
    model: nnx.Module,
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    view: AbstractView,
    settings: Settings,
    advance: Callable[[str], None],
) -> Iterator[Route]:
    for condition in asked:
        first = condition.sentences[0]
        if condition.role is not Role.SUBJECT or first.task not in _WITH_NOUN:
            continue
        advance(f"routes, {condition.name}")
        patterns = view.routes(first.subject.position, len(first.tokens) - 1)
        sums = noun_influences(
            model,
            vocabulary,
            condition.sentences,
            condition.role,
            settings,
            search=pf.Aggregate(patterns),
            view=view,
        )
        for name in (*patterns, "rest"):
            yield Route(
                first.task,
                first.condition,
                name,
                int(sums.counts[name]),
                metrics.bootstrap_interval(np.asarray(sums[name], np.float64)),
                float(np.mean(sums.total)),
                float(np.max(sums.audit.structural)),
            )


def _patches(
    model: nnx.Module,
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    view: AbstractView,
    settings: Settings,
    advance: Callable[[str], None],
) -> Iterator[Patch]:
    for condition in asked:
        first = condition.sentences[0]
        if condition.role is not Role.SUBJECT or first.task not in (SIMPLE.name, *_WITH_NOUN):
            continue
        advance(f"patching, {condition.name}")
        at, last = first.subject.position, len(first.tokens) - 1
        sets = {"primary": view.primary_path(at, last)}
        if first.task in _WITH_NOUN:
            sets |= view.routes(at, last)
        yield from swap_subjects(model, vocabulary, condition.sentences, sets, view)
        # The path of rank 1 is chosen by sentences, and measured on others.
        half = halves.find(model, vocabulary, condition, settings, view=view)
        others = halves.measured_half(condition).sentences
        yield from swap_subjects(model, vocabulary, others, {"rank 1": half.path}, view)
