"""What the study's commands share: how they end, and that they leave nothing old behind."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

import pathflow as pf
from examples.lstm_agreement.console.text import write_text
from examples.lstm_agreement.errors import StudyError


def carried_out(run: Callable[[], None], interrupted: str) -> int:
    """Does what a command is for.

    Arguments:
        run: the whole of it.
        interrupted: what to say after an interruption.

    Returns:
        The exit code: 0, or 1 after an input that cannot be used, or 130 after an interruption.
    """
    try:
        run()
    except (StudyError, pf.PathflowError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted{interrupted}", file=sys.stderr)
        return 130
    return 0


def remove_outputs(folder: Path, names: Sequence[str]) -> None:
    """Takes away what an earlier run left, which would pass for this one's if this one stops."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


VERSION = pf.__version__
# What does not change the numbers of a run, or is named by its contents.
_NO_INPUTS = ("out", "checkpoint", "tiny", "decayed", "vocab")


def stamp(
    folder: Path,
    step: str,
    options: argparse.Namespace,
    model: Path,
    outputs: Sequence[str],
    seconds: float,
) -> None:
    """Writes down that a command finished, what it was asked, and what it wrote: `STEP.run.json`.

    Arguments:
        folder: where the outputs are.
        step: name of the command.
        options: of the command.
        model: file of the model.
        outputs: names of files; those that were not written are left out.
        seconds: how long it took.
    """
    written = {name: _sha256(folder / name) for name in outputs if (folder / name).exists()}
    record = asked(options, model) | {"seconds": round(seconds, 1), "outputs": written}
    write_text(_stamp_file(folder, step), json.dumps(record, indent=2) + "\n")


def finished(
    folder: Path, step: str, model: Path, given: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What `stamp` wrote of a command, if it was asked the same and its outputs are still there.

    Arguments:
        folder: where the outputs are.
        step: name of the command.
        model: file of the model.
        given: options that must have been the same, by name; others may have been any.

    Returns:
        The record, or None where the command has to be run.
    """
    try:
        record = json.loads(_stamp_file(folder, step).read_text(encoding="utf-8"))
        same = record["model"] == _sha256(model) and record["versions"]["pathflow"] == VERSION
        options = record["options"]
        files = {name: _sha256(folder / name) for name in record["outputs"]}
        whole = files == record["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    wanted = json.loads(json.dumps(dict(given), default=str))
    agree = all(options.get(name) == value for name, value in wanted.items())
    return record if same and whole and agree else None


def asked(options: argparse.Namespace, model: Path) -> dict[str, Any]:
    """All that the outputs of a command depend on, as JSON."""
    given = {k: v for k, v in vars(options).items() if k not in _NO_INPUTS}
    # Through JSON, so that it compares equal with what was read.
    plain = json.loads(json.dumps(given, default=str))
    versions = {"pathflow": VERSION, "jax": jax.__version__}
    return {"options": plain, "model": _sha256(model), "versions": versions}


def _stamp_file(folder: Path, step: str) -> Path:
    return folder / f"{step}.run.json"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
