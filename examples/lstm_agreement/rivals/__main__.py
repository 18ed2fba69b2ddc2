"""Which units carry the subject's number, asked of paths and of other methods on the same
sentences: `python -m examples.lstm_agreement.rivals`.

Every method gives every unit of the second layer's cell a score. What they are compared with is
interchange: the unit alone takes, from the subject on, the values that it has in the sentence with
the other number of the subject, and the change of the score difference is measured. That is what
"carries the number to the verb" means without any derivative. It costs one run of the model per
unit, and does not say which way the number takes.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from examples.lstm_agreement.console.command import carried_out, remove_outputs, stamp
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import add_model, add_out, folder, model_path, positive
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.rivals import report
from examples.lstm_agreement.rivals.diagnosis import diagnose, logistic_regression
from examples.lstm_agreement.rivals.methods import compare, guided_path
from examples.lstm_agreement.rivals.question import Question
from examples.lstm_agreement.rivals.ways import ways
from examples.lstm_agreement.sentences.tasks import NOUN_PP, generate
from pathflow.models import Checkpoint

STEP = "rivals"
OUTPUTS = (
    "rivals.md",
    "rivals.csv",
    "rivals_methods.csv",
    "rivals_ways.csv",
    "rivals_nodes.csv",
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.rivals",
        description="Which units carry the subject's number: paths beside other methods.",
    )
    add_model(out)
    out.add_argument("--sentences", type=positive, default=32, help="per condition (%(default)s)")
    out.add_argument("--seed", type=int, default=0, help="of the sentences (%(default)s)")
    add_out(out)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares the methods and writes `rivals.md` and its tables.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption.
    """
    options = parser().parse_args(arguments)
    options.out = folder(options)
    return carried_out(lambda: _run(options), "; nothing was written")


def _run(options: argparse.Namespace) -> None:
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    sentences = generate(
        NOUN_PP, options.sentences, seed=options.seed, vocabulary=checkpoint.vocabulary
    )
    question = Question(checkpoint.model, checkpoint.vocabulary, sentences)
    options.out.mkdir(parents=True, exist_ok=True)
    with only_run(options.out, "python -m examples.lstm_agreement.rivals"):
        _compare(options, path, checkpoint, question)


def _compare(
    options: argparse.Namespace, path: Path, checkpoint: Checkpoint, question: Question
) -> None:
    start = time.monotonic()
    # Before anything else, since it may not be installed.
    logistic_regression()
    scored = list(compare(question, advance=_tell))
    _tell("classifiers of all nodes")
    diagnosed = diagnose(question)
    entered = ways(question, advance=_tell)
    remove_outputs(options.out, OUTPUTS)
    tables = {
        "Units that carry the subject's number": (
            report.unit_table(scored),
            f"{report.UNIT_LEGEND}\n\nGuided refinement goes along `{guided_path(question)[0]}`.",
        ),
        "How it comes into the first units": (
            report.way_table(scored, entered, NOUN_PP),
            report.WAY_LEGEND,
        ),
        "Where it can be read, and where its influence flows": (
            report.node_table(diagnosed, NOUN_PP),
            report.NODE_LEGEND,
        ),
    }
    parts = [f"# {checkpoint.card.title} ({path.name}), {len(question.sentences)} sentences"]
    for title, (table, legend) in tables.items():
        show(title, table)
        parts += [f"## {title}", as_markdown(table), legend]
    write_text(options.out / "rivals.md", "\n\n".join(parts) + "\n")
    write_csv(options.out / "rivals.csv", *report.units_csv(scored))
    write_csv(options.out / "rivals_methods.csv", *report.methods_csv(scored))
    write_csv(options.out / "rivals_ways.csv", *report.ways_csv(entered))
    write_csv(options.out / "rivals_nodes.csv", *report.nodes_csv(diagnosed))
    stamp(options.out, STEP, options, path, OUTPUTS, time.monotonic() - start)
    print(f"wrote {', '.join(OUTPUTS)} to {options.out}")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
