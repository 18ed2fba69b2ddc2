"""Everything about one model on one page: `python -m examples.lstm_agreement.report`.

What is missing of the tables, the rivals, the contexts, the clauses and the concepts is measured
first. The hypotheses are asked anew; the family, which is of many other models, is shown where it
is there. What is there is checked against the model, its words and the options.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.lstm_agreement.console.command import carried_out
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import add_model, add_out, folder, model_path
from examples.lstm_agreement.console.text import write_text
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.report.contents import gather, write_hypotheses
from examples.lstm_agreement.report.page import page
from examples.lstm_agreement.report.sections import FAMILY
from examples.lstm_agreement.report.steps import STEPS, Done, StepFailedError, ensure

OUTPUTS = ("report.html", "report.json")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.report",
        description="Everything that was measured of a model, on one page that stands alone; what "
        "is missing is measured first, but for the family.",
    )
    add_model(out)
    for step in STEPS:
        name = step.section.name
        out.add_argument(
            f"--{name}",
            default="",
            metavar="OPTIONS",
            help=f"options of `{step.section.command}`, as in --{name} '--sentences 600'",
        )
    out.add_argument(
        "--without",
        nargs="+",
        choices=[step.section.name for step in STEPS],
        default=[],
        help="what is not measured; what is there is shown all the same, with a remark where it is "
        "not what is asked for",
    )
    add_out(out)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what is missing, and writes `report.html` and `report.json`.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption.
    """
    options = parser().parse_args(arguments)
    options.out = folder(options)
    message = f"; the same command goes on from what is kept in {options.out}"
    try:
        return carried_out(lambda: _run(options), message)
    except StepFailedError as failed:
        return failed.code


def _run(options: argparse.Namespace) -> None:
    path = model_path(options)
    checkpoint = open_checkpoint(path, options.vocab)
    options.out.mkdir(parents=True, exist_ok=True)
    with only_run(options.out, "python -m examples.lstm_agreement.report"):
        steps: dict[str, Done] = {}
        for step in STEPS:
            name = step.section.name
            steps[name] = ensure(
                step,
                options.out,
                path,
                _choosing(options),
                getattr(options, name),
                wanted=name not in options.without,
                vocab=options.vocab,
            )
            print(f"{name}: {steps[name].how}", file=sys.stderr, flush=True)
        write_hypotheses(options.out, path, steps)
        contents = gather(options.out, path, checkpoint, steps, _command(options))
        for section in contents.missing:
            why = contents.faults.get(section.name, "nothing is there")
            command = contents.command_of(section)
            print(f"not there: {section.title}: {why} ({command})", file=sys.stderr)
        write_text(options.out / "report.html", page(contents, options.out))
        write_text(options.out / "report.json", contents.as_json())
    print(f"wrote {', '.join(OUTPUTS)} to {options.out}")


def _command(options: argparse.Namespace) -> dict[str, str]:
    """What is to be typed for the same: the arguments by the name of the command, the report's
    under "report".
    """
    chosen = [*_choosing(options), "--out", str(options.out)]
    found = {
        "report": list(chosen),
        "hypotheses": [str(options.out)],
        "family": ["--out", str(FAMILY.place(options.out))],
    }
    for step in STEPS:
        name = step.section.name
        text = getattr(options, name)
        found[name] = [*chosen, *shlex.split(text)]
        found["report"] += [f"--{name}", text] if text else []
    found["report"] += ["--without", *options.without] if options.without else []
    return {name: shlex.join(arguments) for name, arguments in found.items()}


def _choosing(options: argparse.Namespace) -> list[str]:
    """The arguments that choose the same model."""
    chosen: list[str | Path] = []
    if options.checkpoint is not None:
        chosen += ["--checkpoint", options.checkpoint]
    chosen += ["--decayed"] if options.decayed else []
    chosen += ["--tiny"] if options.tiny else []
    chosen += ["--vocab", options.vocab] if options.vocab is not None else []
    return [str(c) for c in chosen]


if __name__ == "__main__":
    sys.exit(main())
