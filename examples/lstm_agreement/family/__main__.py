"""Seeds, sizes and other architectures: `python -m examples.lstm_agreement.family`."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from examples.lstm_agreement.console.command import (
    carried_out,
    remove_outputs,
    stamp,
    stamp_name,
)
from examples.lstm_agreement.console.lock import only_run
from examples.lstm_agreement.console.options import RULES, not_negative, positive
from examples.lstm_agreement.console.text import show, write_csv, write_text
from examples.lstm_agreement.family import report
from examples.lstm_agreement.family.amounts import Amounts, measured_so, versions_of
from examples.lstm_agreement.family.figure import draw
from examples.lstm_agreement.family.languages import GRAMMAR, English
from examples.lstm_agreement.family.measuring import (
    FILES,
    VERDICTS,
    measure,
    of_all_models,
)
from examples.lstm_agreement.family.members import Member, members
from examples.lstm_agreement.family.summary import Measured
from examples.lstm_agreement.tables.measure import Settings

STEP = "family"
OUTPUTS = ("family.md", "family.png", *(of_all_models(name) for name in (VERDICTS, *FILES)))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="python -m examples.lstm_agreement.family",
        description="Trains models of several seeds, sizes and architectures on one text, makes "
        "the study's tables of each, and sums them up.",
    )
    out.add_argument(
        "--data",
        type=Path,
        help="data folder: trains on its English text and not on the template grammar",
    )
    out.add_argument(
        "--sizes",
        nargs="+",
        type=positive,
        default=[64, 32, 128],
        help="units of the LSTMs' layers (64 32 128)",
    )
    out.add_argument("--seeds", type=positive, default=4, help="LSTMs of each size (%(default)s)")
    out.add_argument(
        "--other-seeds", type=not_negative, default=3, help="GRUs and transformers (%(default)s)"
    )
    out.add_argument("--updates", type=positive, help="of a training (6000)")
    out.add_argument(
        "--sentences", type=positive, default=24, help="per condition in Table 1 (%(default)s)"
    )
    out.add_argument(
        "--accuracy-sentences",
        type=positive,
        default=100,
        help="groups per task for accuracies and held gates (%(default)s)",
    )
    out.add_argument(
        "--rule", choices=RULES, default="gauss-legendre", help="quadrature rule (%(default)s)"
    )
    out.add_argument(
        "--steps", type=positive, default=12, help="points on the line of interest (%(default)s)"
    )
    out.add_argument("--seed", type=int, default=0, help="of the sentences (%(default)s)")
    out.add_argument(
        "--only-measured",
        action="store_true",
        help="sums up the models that are trained and measured already",
    )
    out.add_argument(
        "--out",
        type=Path,
        help="folder (out/lstm_agreement/family; family_english with --data)",
    )
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, measures and sums up.

    Returns:
        0, or 1 after an input that cannot be used, or 130 after an interruption; the same command
        goes on from the updates and the tables that are finished by then.
    """
    options = parser().parse_args(arguments)
    if options.out is None:
        name = "family" if options.data is None else "family_english"
        options.out = Path("out/lstm_agreement") / name
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return carried_out(lambda: _run(options), "; the same command goes on from here")


def _run(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    with only_run(options.out, "python -m examples.lstm_agreement.family"):
        _make(options)


def _make(options: argparse.Namespace) -> None:
    start = time.monotonic()
    language = GRAMMAR if options.data is None else English(options.data)
    family = members(options.sizes, options.seeds, options.other_seeds, language)
    amounts = Amounts(
        options.sentences,
        options.accuracy_sentences,
        Settings(options.steps, RULES[options.rule], -(-options.sentences // 2)),
        options.seed,
    )
    tables = options.out / "tables"
    if options.only_measured:
        family = measured_so(family, amounts, tables)
    else:
        for number, member in enumerate(family, 1):
            _one(member, f"{number}/{len(family)} {member.name}", amounts, options)
    found = [Measured.read(member, tables / member.name) for member in family]
    versions = sorted({versions_of(tables / member.name) for member in family})
    facts = {
        "sentences": f"own generator, {options.sentences} per condition, "
        f"{options.accuracy_sentences} groups per task for accuracies and held nodes, seed "
        f"{options.seed}",
        "points": f"{options.steps}, {options.rule}",
        **report.audit_facts(found),
        "versions": " and ".join(versions),
        "seconds": f"{time.monotonic() - start:.0f}, without what was trained and measured before",
    }
    # Not before: what was there stays where nothing comes instead.
    remove_outputs(options.out, [*OUTPUTS, stamp_name(STEP)])
    for name in FILES:
        write_csv(options.out / of_all_models(name), *report.all_lines(found, name))
    write_csv(options.out / of_all_models(VERDICTS), *report.answers_csv(found))
    draw(found, options.out / "family.png")
    write_text(options.out / "family.md", report.markdown(found, facts))
    show("Models", report.models_table(found))
    show("The paper's observations, by models", report.observations_table(found))
    show("Where the number waits", report.routes_table(found))
    stamp(options.out, STEP, options, None, OUTPUTS, time.monotonic() - start)
    print(f"wrote {', '.join(OUTPUTS)} to {options.out}")


def _one(member: Member, title: str, amounts: Amounts, options: argparse.Namespace) -> None:
    """Trains and measures one model, as far as that is not done."""

    def say(what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{title}: {what}", end="", file=sys.stderr, flush=True)

    say("training")
    model = member.trained(options.out / "models", options.updates)
    measured = measure(member, model, amounts, options.out / "tables" / member.name, say)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(f"{title}: {'measured' if measured else 'measured before'}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
