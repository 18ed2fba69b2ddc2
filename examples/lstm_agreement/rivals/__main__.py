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
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pathflow as pf
from examples.lstm_agreement.console.options import add_seed, positive
from examples.lstm_agreement.console.progress import tell
from examples.lstm_agreement.console.run import Command, Run
from examples.lstm_agreement.console.text import as_markdown, show, write_csv, write_text
from examples.lstm_agreement.rivals import report
from examples.lstm_agreement.rivals.diagnosis import Diagnosed, diagnose, logistic_regression
from examples.lstm_agreement.rivals.finished import Finished
from examples.lstm_agreement.rivals.methods import compare, guided_path
from examples.lstm_agreement.rivals.question import Question
from examples.lstm_agreement.rivals.ways import Ways, ways
from examples.lstm_agreement.sentences.tasks import NOUN_PP, generate

STEP = "rivals"
OUTPUTS = (
    "rivals.md",
    "rivals.csv",
    "rivals_methods.csv",
    "rivals_ways.csv",
    "rivals_nodes.csv",
)


def _add_options(out: argparse.ArgumentParser) -> None:
    out.add_argument("--sentences", type=positive, default=32, help="per condition (%(default)s)")
    add_seed(out, "of the sentences")


def _question(run: Run) -> Question:
    # Before anything else, since it may not be installed.
    logistic_regression()
    checkpoint, options = run.checkpoint, run.options
    sentences = generate(
        NOUN_PP, options.sentences, seed=options.seed, vocabulary=checkpoint.vocabulary
    )
    return Question(checkpoint.model, checkpoint.vocabulary, sentences)


def _compare(run: Run, question: Question) -> None:
    finished = Finished(run.out / "rivals.jsonl", question)
    scored = list(compare(question, finished=finished, advance=tell))
    diagnosed = finished.answer(
        "nodes", partial(_diagnosed, question), _nodes_as_json, _nodes_of_json
    )
    entered = finished.answer(
        "ways", partial(ways, question, advance=tell), Ways.as_json, Ways.of_json
    )
    guided = finished.answer(
        "guided path",
        lambda: str(guided_path(question)[0]),
        lambda path: {"path": path},
        lambda fields: fields["path"],
    )
    # Not before: what was there stays where nothing comes instead.
    run.clear()
    tables = {
        "Units that carry the subject's number": (
            report.unit_table(scored),
            f"{report.UNIT_LEGEND}\n\nGuided refinement goes along `{guided}`.",
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
    parts = [f"# {run.heading}, {len(question.sentences)} sentences"]
    for title, (table, legend) in tables.items():
        show(title, table)
        parts += [f"## {title}", as_markdown(table), legend]
    write_text(run.out / "rivals.md", "\n\n".join(parts) + "\n")
    write_csv(run.out / "rivals.csv", *report.units_csv(scored))
    write_csv(run.out / "rivals_methods.csv", *report.methods_csv(scored))
    write_csv(run.out / "rivals_ways.csv", *report.ways_csv(entered))
    write_csv(run.out / "rivals_nodes.csv", *report.nodes_csv(diagnosed))
    run.finish()


def _diagnosed(question: Question) -> tuple[Diagnosed, ...]:
    tell("classifiers of all nodes")
    return diagnose(question)


def _nodes_as_json(found: Sequence[Diagnosed]) -> dict[str, Any]:
    return {"nodes": [[str(d.node), d.accuracy, d.share] for d in found]}


def _nodes_of_json(fields: Mapping[str, Any]) -> tuple[Diagnosed, ...]:
    return tuple(Diagnosed(pf.Node.parse(node), *numbers) for node, *numbers in fields["nodes"])


COMMAND = Command(
    STEP,
    "examples.lstm_agreement.rivals",
    "Which units carry the subject's number: paths beside other methods.",
    _add_options,
    OUTPUTS,
    _question,
    _compare,
)
parser, main = COMMAND.parser, COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
