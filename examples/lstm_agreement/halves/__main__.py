"""Whether what holds of paths of rank 1 holds where they were not found: `python -m
examples.lstm_agreement.halves`.

In the paper's tables the path of rank 1 of a condition is found on the sentences on which its share
is given, and the gates on such paths are held in sentences among which they were found. Here every
path is found on the groups of even numbers; its share, its rank, and what holding the gates of
these paths costs are measured on the others.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pathflow as pf
from examples.lstm_agreement.__main__ import first_groups, sentences_of
from examples.lstm_agreement.console.columns import csv_table
from examples.lstm_agreement.console.options import add_seed, add_sentences
from examples.lstm_agreement.console.progress import progress, tell
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import (
    Table,
    as_markdown,
    interval,
    show,
    write_csv,
    write_text,
)
from examples.lstm_agreement.sentences.tasks import TASKS, Sentence
from examples.lstm_agreement.tables import table2
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries, plain, record_of
from examples.lstm_agreement.tables.halves import Half, find, halves
from examples.lstm_agreement.tables.measure import EXACT, Role
from examples.lstm_agreement.tables.paired import Difference, scheme_pair
from examples.lstm_agreement.tables.report import difference_table
from examples.lstm_agreement.tables.table1 import conditions
from examples.lstm_agreement.tables.table2_report import compression_table, table2_csv

STEP = "halves"
OUTPUTS = ("halves.md", "halves.csv", "halves_held.csv", "halves_differences.csv")
# What the own hypothesis asks.
OWN = scheme_pair("C", "all but CFsi")
_Sentences = Mapping[str, Sequence[Sentence]]
_LEGEND = """\
Found: sentences of even groups, on which the path has rank 1. Measured: sentences of the other
groups; share: expected fraction of the influence of the condition's sign, and rank: place by mean
influence, both in these. All: whether the path has rank 1 in all sentences together, too."""
_HELD_LEGEND = """\
Accuracy in the sentences of odd groups, where the gates on the paths that were found on the even
ones (CFs, CFi, CFsi) are held at their means, or all others are."""


def _add_options(out: argparse.ArgumentParser) -> None:
    add_sentences(out)
    add_seed(out, "of the sentences")


def _sentences(run: Run) -> _Sentences:
    return {task.name: sentences_of(task, run.checkpoint, run.options) for task in TASKS}


def _measure(run: Run, sentences: _Sentences) -> None:
    options, model, vocabulary = run.options, run.checkpoint.model, run.checkpoint.vocabulary
    asked = [
        c for c in conditions(sentences, options.sentences) if c.sentences[0].task in options.tasks
    ]
    kept = Entries(run.out / "halves.jsonl", _read, "half")
    keys, found = Keys(vocabulary, EXACT), list[Half]()
    with progress(sum(len(c.sentences) for c in asked)) as advance:
        for condition in asked:
            words = [[s.tokens, s.correct, s.wrong, s.group] for s in condition.sentences]
            key = keys.key(model, "half", condition.role.value, words)
            if (half := kept.find(key)) is None:
                tell(condition.name)
                half = find(
                    model,
                    vocabulary,
                    condition,
                    EXACT,
                    advance=lambda n, name=condition.name: advance(name, n),
                )
                kept.add(key, half, {"half": plain(half)})
            found.append(half)
    compressed, differences = _held(run, sentences, found)
    run.clear()
    write_csv(run.out / "halves.csv", *csv_table(found))
    write_csv(run.out / "halves_held.csv", *table2_csv(compressed))
    write_csv(run.out / "halves_differences.csv", *csv_table(differences))
    parts = [f"# Where paths of rank 1 were not found: {run.heading}"]
    show("Paths of rank 1, found on even groups", table(found))
    parts += [as_markdown(table(found)), _LEGEND]
    for task in dict.fromkeys(c.task for c in compressed):
        of_task = compression_table(compressed, task)
        show(f"Gates of these paths held, {task}", of_task)
        parts += [f"## {task}", as_markdown(of_task), _HELD_LEGEND]
    if differences:
        parts += ["## Differences", as_markdown(difference_table(differences))]
    parts.append(
        f"At most {options.sentences} sentences per condition, {options.accuracy_sentences} groups "
        f"for held gates, seed {options.seed}; {EXACT.n_steps} points, Gauss-Legendre; pathflow "
        f"{pf.__version__}."
    )
    write_text(run.out / "halves.md", "\n\n".join(parts) + "\n")
    run.finish()


def _held(
    run: Run, sentences: _Sentences, found: Sequence[Half]
) -> tuple[list[table2.Compressed], list[Difference]]:
    """Accuracy of odd groups with the gates of the paths found on even ones held."""
    compressed, differences = list[table2.Compressed](), list[Difference]()
    for task in table2.TASKS:
        paths: dict[Role, tuple[str, ...]] = {}
        for half in (h for h in found if h.task == task.name):
            paths[half.role] = (*paths.get(half.role, ()), half.path)
        if not paths:
            continue
        _, odd = halves(first_groups(sentences[task.name], run.options))
        model, vocabulary = run.checkpoint.model, run.checkpoint.vocabulary
        tell(f"{task.name}, gates held")
        held = table2.hold(model, vocabulary, odd, paths, seed=run.options.seed)
        wanted = {"", "Fs", "Fi", "Fsi"}
        compressed += [c for c in table2.accuracies(held) if c.scheme.name in wanted]
        differences += [d for d in table2.differences(held) if d.what == OWN]
    return compressed, differences


def table(found: Sequence[Half]) -> Table:
    """A line per condition."""
    lines = [
        (
            h.task,
            h.condition,
            h.role.value,
            str(h.n_found),
            str(h.n_sentences),
            interval(h.share),
            str(h.rank),
            "yes" if h.every else "no",
            h.path,
        )
        for h in found
    ]
    return ("task", "C", "from", "found", "measured", "share", "rank", "all", "path"), lines


def _read(fields: Mapping[str, Any]) -> Half:
    return record_of(Half, fields["half"])


COMMAND = Command(
    STEP,
    "examples.lstm_agreement.halves",
    "Paths of rank 1, found on one half of the sentences and measured on the other.",
    _add_options,
    OUTPUTS,
    _sentences,
    _measure,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
