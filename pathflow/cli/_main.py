"""The entry point: parses, runs a command, and turns what happens into an exit code."""

import contextlib
import importlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pathflow._errors import ArgumentError, MissingDependencyError, PathflowError
from pathflow._printable import printable
from pathflow._version import __version__

from ._text import Printable

_OK, _BAD_INPUT, _INTERRUPTED = 0, 1, 130
# What a shell says of a program that a closed pipe ended: 128 and the number of SIGPIPE.
_CLOSED = 141

_DESCRIPTION = """\
How much of a model's output flows along which path through its inner values.

A model is named as MODULE:FUNCTION, a function without parameters that returns a
pathflow.cli.Problem: a traced graph, its arguments, a source and a distribution of interest.
Results go to the standard output, everything else to the standard error.

Exit codes: 0 done, 1 an input that cannot be used, 2 a wrong command line, 130 interrupted,
141 nobody reads the results any more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Arguments:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code: 0; 1 after an input that cannot be used; 2 after a wrong command line; 130
        after an interruption; 141 where the reader of the results has closed its pipe.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _coded(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the results has enough; Python would say so once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED
    return code


def _coded(given: list[str]) -> int:
    if given == ["--version"]:
        print(f"pathflow {__version__}")  # noqa: T201
        return _OK
    debug = "--debug" in given
    try:
        return _run(given)
    except BrokenPipeError:
        raise
    except (PathflowError, OSError) as error:
        told = traceback.format_exc() if debug else f"pathflow: error: {error}\n"
        sys.stderr.write(printable(told))
        return _BAD_INPUT
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        sys.stderr.write("pathflow: interrupted\n")
        return _INTERRUPTED
    except SystemExit as end:
        # The parser's: 0 after a help text, 2 after a wrong command line.
        return end.code if isinstance(end.code, int) else _BAD_INPUT if end.code else _OK


def _run(given: list[str]) -> int:
    if given[:1] == ["agreement"]:
        return int(_command("agreement").run(given[1:]))
    options = _parsed(given)
    with _notes(quiet=options.quiet):
        try:
            _command(type(options).__name__.lower()).run(options)
        except SystemExit as end:
            # Of a function that the model calls back: no result, so no success.
            raise ArgumentError(f"the model ended the program (SystemExit: {end.code}).") from end
    return _OK


@contextmanager
def _notes(*, quiet: bool) -> Iterator[None]:
    """Notes and warnings go to the standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Printable("pathflow: %(message)s"))
    logger = logging.getLogger("pathflow")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        with warnings.catch_warnings():
            # As an error is told: without the line of this program that it came from.
            warnings.showwarning = lambda message, *_, **__: logger.warning("warning: %s", message)
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _parsed(given: list[str]) -> Any:
    try:
        import tyro  # noqa: PLC0415  (an optional dependency, and slow to import)

        from pathflow.cli._options import Command  # noqa: PLC0415
    except ImportError as error:
        if error.name != "tyro":
            raise
        raise MissingDependencyError(
            "the command line needs tyro, which is not installed; `pip install 'pathflow[cli]'`."
        ) from error
    with _repeated_as_text(given):
        return tyro.cli(
            Command,
            prog="pathflow",
            description=_DESCRIPTION,
            args=given or ["--help"],
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.EnumChoicesFromValues),
        )


@contextmanager
def _repeated_as_text(given: list[str]) -> Iterator[None]:
    """What the parser repeats of the arguments must not steer the terminal: a script may hand on a
    stranger's.
    """
    if all(printable(argument) == argument for argument in given):
        # It may colour its message.
        yield
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    finally:
        sys.stderr.write(printable(said.getvalue()))


def _command(name: str) -> Any:
    # Only now, since the commands import JAX.
    return importlib.import_module(f"pathflow.cli._{name}")
