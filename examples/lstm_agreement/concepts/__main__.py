"""Other concepts than the number of a verb, and another quantity for that: `python -m
examples.lstm_agreement.concepts`.

Each is an entry of `catalogue.py`: where its sentences come from, which word the paths start from,
which forms the line of interest joins, and whose scores are compared. First comes how well the
model has the concept, then what the paths carry of it.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pathflow as pf
from examples.lstm_agreement.concepts import figure, report
from examples.lstm_agreement.concepts.catalogue import CONCEPTS, NUMBER, NUMBER_ALL, published
from examples.lstm_agreement.concepts.concept import Concept, Example
from examples.lstm_agreement.concepts.measure import (
    Carried,
    Effect,
    Known,
    carried,
    conditions,
    effect,
    known,
)
from examples.lstm_agreement.console.columns import csv_table
from examples.lstm_agreement.console.options import (
    RULES,
    add_controls,
    add_quadrature,
    add_seed,
    positive,
)
from examples.lstm_agreement.console.progress import tell
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.tables.blocks import Keys
from examples.lstm_agreement.tables.entries import Entries, plain, record_of
from examples.lstm_agreement.tables.measure import Settings
from pathflow.models import Vocabulary

# Concepts with their examples, and why others are left out.
_Examples = tuple[list[tuple[Concept, tuple[Example, ...]]], list[str]]
STEP = "concepts"
OUTPUTS = (
    "concepts.md",
    "concepts_known.csv",
    "concepts_paths.csv",
    "concepts_quantity.csv",
    "concepts.png",
)
# Of what a kept line holds: what was written otherwise is measured again.
_FORMAT = 2


def _add_options(out: argparse.ArgumentParser) -> None:
    out.add_argument("--sentences", type=positive, default=32, help="per condition (%(default)s)")
    out.add_argument(
        "--accuracy-sentences",
        type=positive,
        default=100,
        help="per condition for the accuracy, where there are as many (%(default)s)",
    )
    names = list(dict.fromkeys(c.name for c in CONCEPTS))
    out.add_argument(
        "--concepts", nargs="+", choices=names, default=names, help="some of the concepts (all)"
    )
    add_controls(out, 1)
    out.add_argument(
        "--pairs-dir",
        type=Path,
        help="folder of published minimal pairs (Marvin and Linzen 2018), for their reflexives",
    )
    out.add_argument(
        "--templates-dir",
        type=Path,
        help="folder of published templates (Rudinger et al. 2018), for their pronouns",
    )
    out.add_argument(
        "--longest",
        type=positive,
        default=5,
        help="most words from the source on whose paths are listed; of longer sentences only the "
        "accuracy is measured (%(default)s)",
    )
    add_quadrature(out)
    add_seed(out)


@dataclass(frozen=True)
class _PathsOf:
    """The paths of one concept, frame and condition.

    Arguments:
        carried: of every model, the trained one first.
        mean: influence of every path of the trained model.
    """

    carried: list[Carried]
    mean: np.ndarray

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        carried = [plain(c) for c in self.carried]
        return {"format": _FORMAT, "carried": carried, "mean": self.mean.tolist()}

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> "_PathsOf | None":
        """From what `as_json` returned; None where an older version wrote it."""
        if fields.get("format", 1) < _FORMAT:
            return None
        found = [record_of(Carried, c) for c in fields["carried"]]
        return cls(found, np.array(fields["mean"], np.float64))


def _prepare(run: Run) -> _Examples:
    return _examples(run.checkpoint.vocabulary, run.options)


def _make(run: Run, prepared: _Examples) -> None:
    (asked, left_out), options, models = prepared, run.options, run.models()
    model, vocabulary = run.checkpoint.model, run.checkpoint.vocabulary
    knows: list[Known] = [
        known(model, vocabulary, concept.name, some)
        for concept, examples in asked
        for *_, some in conditions(examples)
    ]
    show("Does the model have the concept?", report.known_table(knows))
    kept = Entries(options.out / "concepts.jsonl", _PathsOf.of_json, "condition")
    settings = Settings(options.steps, RULES[options.rule])
    keys = Keys(vocabulary, settings)
    found: list[Carried] = []
    means: dict[tuple[str, str, str], tuple[Carried, np.ndarray]] = {}
    for concept, examples in asked:
        few = [
            e
            for *_, some in conditions(examples)
            for e in some[: options.sentences]
            if len(e.tokens) - e.position <= options.longest
        ]
        for frame, condition, some in conditions(few):
            what = [_FORMAT, concept.name, [plain(e) for e in some], options.controls, options.seed]
            key = keys.key(model, "concepts", what)
            paths = kept.find(key)
            if paths is None:
                measured = list(carried(models, vocabulary, concept, some, settings, advance=tell))
                paths = _PathsOf([one for one, _ in measured], measured[0][1])
                kept.add(key, paths, paths.as_json())
            else:
                tell(f"{concept.name}, {frame} {condition}, found")
            found += paths.carried
            means[concept.name, frame, condition] = paths.carried[0], paths.mean
    effects = _effects(means)
    # Not before: what was there stays where nothing comes instead.
    run.clear()
    write_csv(options.out / "concepts_known.csv", *csv_table(knows))
    if found:
        write_csv(options.out / "concepts_paths.csv", *report.carried_csv(found))
    if effects:
        write_csv(options.out / "concepts_quantity.csv", *report.effect_csv(effects))
    heading = f"# Other concepts: {run.heading}"
    parts = [heading, *_report(knows, found, effects, left_out, options)]
    write_text(options.out / "concepts.md", "\n\n".join(parts) + "\n")
    figure.draw(knows, found, options.out / "concepts.png")
    run.finish()


def _examples(vocabulary: Vocabulary, options: argparse.Namespace) -> _Examples:
    """The examples of every concept that the model knows the words of, and what is left out.

    Raises:
        StudyError: none is left.
    """
    asked, left_out = [], []
    n = max(options.sentences, options.accuracy_sentences)
    every = (*CONCEPTS, *published(options.pairs_dir, options.templates_dir))
    for concept in (c for c in every if c.name in options.concepts):
        try:
            asked.append((concept, concept.source.examples(vocabulary, n, options.seed)))
        except StudyError as error:
            left_out.append(f"{concept.name} is left out: {error}")
            tell(left_out[-1])
    if not asked:
        raise StudyError(" ".join(left_out))
    return asked, left_out


def _effects(means: dict[tuple[str, str, str], tuple[Carried, np.ndarray]]) -> list[Effect]:
    """One verb beside all verbs, wherever both were asked about."""
    return [
        effect(one, means[NUMBER_ALL.name, frame, condition])
        for (name, frame, condition), one in means.items()
        if name == NUMBER.name and (NUMBER_ALL.name, frame, condition) in means
    ]


def _report(
    knows: Sequence[Known],
    found: Sequence[Carried],
    effects: Sequence[Effect],
    left_out: Sequence[str],
    options: argparse.Namespace,
) -> list[str]:
    """Shows the tables of paths and returns the report."""
    parts = ["## Does the model have the concept?", as_markdown(report.known_table(knows))]
    parts += [report.KNOWN_LEGEND, *left_out]
    for title, table, legend in (
        ("The primary path", report.carried_table(found), report.CARRIED_LEGEND),
        ("One verb and all verbs", report.effect_table(effects), report.EFFECT_LEGEND),
    ):
        if table[1]:
            show(title, table)
            parts += [f"## {title}", as_markdown(table), legend]
    worst = max((c.row.structural for c in found), default=0.0)
    gap = max((c.row.quadrature for c in found if c.row.model == "trained"), default=0.0)
    parts.append(
        f"Up to {options.sentences} sentences per condition for paths, of {options.longest} words "
        f"at most from the source on; seed {options.seed}; "
        f"{options.controls} untrained models; {options.steps} points, {options.rule}; structural "
        f"residual {worst:.1e}, quadrature residual {gap:.1%} at worst; pathflow "
        f"{pf.__version__}, jax {jax.__version__}."
    )
    return parts


COMMAND = Command(
    STEP,
    "examples.lstm_agreement.concepts",
    "Paths of other concepts: reflexives, gender, and other quantities.",
    _add_options,
    OUTPUTS,
    _prepare,
    _make,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
