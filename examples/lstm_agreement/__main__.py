"""The study in one command: `python -m examples.lstm_agreement`."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from flax import nnx

import pathflow as pf
from examples.lstm_agreement import figure, report
from examples.lstm_agreement.checkpoint import open_checkpoint
from examples.lstm_agreement.encoding import known_sentences
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.evaluation import evaluate
from examples.lstm_agreement.lakretz import read_task
from examples.lstm_agreement.measure import Role, Settings
from examples.lstm_agreement.progress import Advance, progress
from examples.lstm_agreement.saturation import saturated_candidates
from examples.lstm_agreement.table1 import QUESTIONS, Condition, Row, compute, conditions
from examples.lstm_agreement.tasks import SIMPLE, TASKS, Sentence, Task, generate
from pathflow.models import Checkpoint, LSTMLanguageModel

_CHECKPOINTS = Path(__file__).with_name("checkpoints")
ENGLISH = _CHECKPOINTS / "english.safetensors"
TINY = _CHECKPOINTS / "tiny.safetensors"
RULES = {
    "right-riemann": pf.RightRiemann(),
    "midpoint": pf.Midpoint(),
    "trapezoid": pf.Trapezoid(),
    "gauss-legendre": pf.GaussLegendre(),
}
TABLE_TASKS = tuple(dict.fromkeys(task for task, _ in QUESTIONS))
# The condition of the figure: with an attractor, the two primary paths pull in opposite directions.
_DRAWN = ("nounPP", "SP")
_OUTPUTS = ("table1.md", "table1.csv", "accuracy.csv", "paths.png", "paths.svg")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement",
        description="Accuracy on the number agreement tasks, Table 1 of the paper, and a figure.",
    )
    model = out.add_mutually_exclusive_group()
    model.add_argument(
        "--checkpoint",
        type=Path,
        help="another language model than the shipped one, from pathflow or from PyTorch",
    )
    model.add_argument(
        "--tiny", action="store_true", help="the small model of the template grammar"
    )
    out.add_argument("--vocab", type=Path, help="the words of a model from PyTorch, one per line")
    out.add_argument(
        "--tasks-dir", type=Path, help="folder of the published task files, to use their sentences"
    )
    out.add_argument(
        "--sentences",
        type=_positive,
        default=32,
        help="sentences per condition in Table 1 (%(default)s)",
    )
    out.add_argument(
        "--accuracy-sentences",
        type=_positive,
        default=200,
        help="groups per task for the accuracy (%(default)s)",
    )
    out.add_argument(
        "--steps", type=_positive, default=50, help="points on the line of interest (%(default)s)"
    )
    out.add_argument(
        "--rule",
        choices=RULES,
        default="right-riemann",
        help="quadrature rule (%(default)s, the paper's)",
    )
    out.add_argument(
        "--tasks",
        nargs="+",
        choices=[t.name for t in TABLE_TASKS],
        default=[t.name for t in TABLE_TASKS],
        help="tasks of Table 1 (all)",
    )
    out.add_argument(
        "--controls",
        type=_not_negative,
        default=3,
        help="untrained models of the same sizes to compare with (%(default)s)",
    )
    out.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the sentences and of the untrained models (%(default)s)",
    )
    out.add_argument(
        "--out", type=Path, default=Path("out/lstm_agreement"), help="output folder (%(default)s)"
    )
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the study.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption; the rows finished
        until then are in `table1.csv`.
    """
    options = parser().parse_args(arguments)
    try:
        _run(options)
    except (StudyError, pf.PathflowError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"interrupted; the finished rows are in {options.out / 'table1.csv'}", file=sys.stderr
        )
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    start = time.monotonic()
    path = options.checkpoint or (TINY if options.tiny else ENGLISH)
    checkpoint = open_checkpoint(path, options.vocab)
    sentences = {task.name: sentences_of(task, checkpoint, options) for task in TASKS}
    options.out.mkdir(parents=True, exist_ok=True)
    # What an earlier run left would pass for this one's if this one is interrupted.
    for name in _OUTPUTS:
        (options.out / name).unlink(missing_ok=True)

    accuracies = [
        a for s in sentences.values() for a in evaluate(checkpoint.model, checkpoint.vocabulary, s)
    ]
    report.write_csv(options.out / "accuracy.csv", *report.accuracy_table(accuracies))
    report.show("Accuracy", report.accuracy_table(accuracies))

    asked = [
        c for c in conditions(sentences, options.sentences) if c.sentences[0].task in options.tasks
    ]
    models = {"trained": checkpoint.model}
    for i in range(options.controls):
        models[f"untrained {i}"] = untrained(checkpoint.model, options.seed + i)
    total = len(models) * sum(len(c.sentences) for c in asked)
    with progress(total) as advance:
        rows, drawn = _table(checkpoint, models, asked, options, advance)

    for role, title in (
        (Role.SUBJECT, "From the subject"),
        (Role.INTERVENING, "From the intervening noun"),
    ):
        report.show(title, report.short_path_table(rows, role))
    print(report.SHORT_LEGEND)
    if drawn:
        _draw(asked, drawn, options.out)
    facts = {
        "model": f"{checkpoint.card.title} ({path.name})",
        "sentences": f"{options.tasks_dir or 'own generator'}, {options.sentences} per condition, "
        f"seed {options.seed}",
        "points": f"{options.steps}, {options.rule}",
        **report.audit_facts(rows),
        "saturated candidate cells": _saturation(models, checkpoint, sentences[SIMPLE.name]),
        "versions": f"pathflow {pf.__version__}, jax {jax.__version__}",
        "seconds": f"{time.monotonic() - start:.0f}",
    }
    report.write_text(options.out / "table1.md", report.markdown(rows, accuracies, facts))
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


def untrained(model: LSTMLanguageModel, seed: int) -> LSTMLanguageModel:
    """A model of the same sizes with its initial parameters."""
    return LSTMLanguageModel(
        model.vocab_size,
        model.embed_dim,
        model.hidden_dim,
        model.n_layers,
        model.tied,
        rngs=nnx.Rngs(seed),
    )


def _table(
    checkpoint: Checkpoint,
    models: Mapping[str, LSTMLanguageModel],
    asked: Sequence[Condition],
    options: argparse.Namespace,
    advance: Advance,
) -> tuple[list[Row], dict[Role, tuple[Row, pf.Attribution]]]:
    settings = Settings(options.steps, RULES[options.rule])
    rows, drawn = [], {}
    for row, result in compute(models, checkpoint.vocabulary, asked, settings, advance=advance):
        rows.append(row)
        report.write_csv(options.out / "table1.csv", *report.table1_csv(rows))
        if (row.task, row.condition, row.model) == (*_DRAWN, "trained"):
            drawn[row.role] = row, result
    return rows, drawn


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


def _positive(text: str) -> int:
    return _at_least(1, text)


def _not_negative(text: str) -> int:
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    if (number := int(text)) < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
