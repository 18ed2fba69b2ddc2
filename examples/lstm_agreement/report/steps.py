"""What the report runs itself where it is missing, and reuses where it is there.

The family is none of these: it is about many other models, and to train them takes hours.
"""

import argparse
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.lstm_agreement import __main__ as tables
from examples.lstm_agreement.clauses import __main__ as clauses
from examples.lstm_agreement.concepts import __main__ as concepts
from examples.lstm_agreement.console.command import Checked, check
from examples.lstm_agreement.context import __main__ as context
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.halves import __main__ as halves
from examples.lstm_agreement.report.sections import (
    CLAUSES,
    CONCEPTS,
    CONTEXT,
    HALVES,
    RIVALS,
    TABLES,
    Section,
)
from examples.lstm_agreement.rivals import __main__ as rivals


@dataclass(frozen=True)
class Step:
    """A command that the report runs.

    Arguments:
        section: what it writes.
        main: the command; takes its arguments, returns its exit code.
        parser: of its arguments.
    """

    section: Section
    main: Callable[[Sequence[str]], int]
    parser: Callable[[], argparse.ArgumentParser]


STEPS = (
    Step(TABLES, tables.main, tables.parser),
    Step(HALVES, halves.main, halves.parser),
    Step(RIVALS, rivals.main, rivals.parser),
    Step(CONTEXT, context.main, context.parser),
    Step(CLAUSES, clauses.main, clauses.parser),
    Step(CONCEPTS, concepts.main, concepts.parser),
)


@dataclass(frozen=True)
class Done:
    """How a step was done.

    Arguments:
        how: "run", "reused" or "left out".
        checked: what is known of the files that are there.
    """

    how: str
    checked: Checked

    @property
    def record(self) -> dict[str, Any] | None:
        """What the command wrote down of itself, where its files are what was asked for."""
        return self.checked.record if self.checked.fault is None else None


class StepFailedError(Exception):
    """A command did not end well; it has said why.

    Arguments:
        code: its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def ensure(
    step: Step,
    folder: Path,
    model: Path,
    choosing: Sequence[str],
    text: str,
    *,
    wanted: bool,
    vocab: Path | None = None,
) -> Done:
    """Runs a command, if its outputs are not there.

    Arguments:
        step: the command.
        folder: where it writes.
        model: file of the model.
        choosing: the arguments that choose the model.
        text: its other arguments, as on a command line. What is there counts only if it was asked
            with the same; arguments that are not given may have been any.
        wanted: whether it is run; what is there is taken all the same.
        vocab: file of the words that come with the model, if they do.

    Raises:
        StudyError: the text is no arguments of the command.
        StepFailedError: the command did not end well.
    """
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise StudyError(f"--{step.section.name} {text!r} is no command line: {error}.") from error
    name = step.section.name
    found = check(folder, name, model, _given(step, arguments), vocab)
    if found.fault is None:
        return Done("reused", found)
    if not wanted:
        return Done("left out", found)
    code = step.main([*choosing, "--out", str(folder), *arguments])
    if code:
        raise StepFailedError(code)
    return Done("run", check(folder, name, model, {}, vocab))


def _given(step: Step, arguments: Sequence[str]) -> dict[str, Any]:
    """The options that are named in arguments, without those that have their defaults."""
    parser = step.parser()
    for action in parser._actions:  # noqa: SLF001  (argparse has no other way to all of them)
        action.default = argparse.SUPPRESS
    return vars(parser.parse_args(arguments))
