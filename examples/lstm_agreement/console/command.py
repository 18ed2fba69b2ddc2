"""What the study's commands share: how they end, and that they leave nothing old behind."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
# Files and folders whose contents count, and not where they are.
_INPUTS = ("vocab", "tasks_dir", "pairs_dir", "templates_dir")


def stamp(
    folder: Path,
    step: str,
    options: argparse.Namespace,
    model: Path | None,
    outputs: Sequence[str],
    seconds: float,
) -> None:
    """Writes down that a command finished, what it was asked, and what it wrote: `STEP.run.json`.

    Arguments:
        folder: where the outputs are.
        step: name of the command.
        options: of the command.
        model: file of the model; None where the command is about none that is given.
        outputs: names of files; those that were not written are left out.
        seconds: how long it took.
    """
    written = {name: _sha256(folder / name) for name in outputs if (folder / name).exists()}
    record = asked(options, model) | {"seconds": round(seconds, 1), "outputs": written}
    write_text(folder / stamp_name(step), json.dumps(record, indent=2) + "\n")


@dataclass(frozen=True)
class Checked:
    """What is known of the files that a command left in a folder.

    Arguments:
        record: what `stamp` wrote of it; None where there is nothing that can be read.
        fault: why the files are not what is asked for; None where they are.
        foreign: whether they are of another model or of other words.
    """

    record: dict[str, Any] | None
    fault: str | None = None
    foreign: bool = False


def check(
    folder: Path,
    step: str,
    model: Path | None,
    given: Mapping[str, Any],
    vocab: Path | None = None,
) -> Checked:
    """Compares what a command left with what is asked for.

    Arguments:
        folder: where the outputs are.
        step: name of the command.
        model: file of the model; None where the command is about none that is given.
        given: options that must have been the same, by name; others may have been any. Of files and
            folders the contents must have been the same.
        vocab: file of the words that come with the model, if they do.

    Raises:
        OSError: the file of the model or of its words cannot be read.
    """
    try:
        record = json.loads((folder / stamp_name(step)).read_text(encoding="utf-8"))
        whose, version = record["model"], record["versions"]["pathflow"]
        options, inputs = record["options"], record.get("inputs", {})
        written = dict(record["outputs"])
        words = inputs.get("vocab")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Checked(None, "nothing says which command wrote it, and of which model")
    if whose != (None if model is None else _sha256(model)):
        return Checked(record, "it is of another model", foreign=True)
    if words != (None if vocab is None else _contents(vocab)):
        return Checked(record, "it is of a model with other words", foreign=True)
    if version != VERSION:
        return Checked(record, f"pathflow {version} wrote it")
    if changed := [n for n, digest in written.items() if _digest_or_none(folder / n) != digest]:
        return Checked(record, f"changed or removed since it was written: {', '.join(changed)}")
    wanted = json.loads(json.dumps(dict(given), default=str))
    for name, value in wanted.items():
        if name in _INPUTS:
            same = inputs.get(name) == (None if value is None else _contents(Path(value)))
        else:
            same = options.get(name) == value
        if not same:
            return Checked(record, f"--{name.replace('_', '-')} was another")
    return Checked(record)


def finished(
    folder: Path,
    step: str,
    model: Path | None,
    given: Mapping[str, Any],
    vocab: Path | None = None,
) -> dict[str, Any] | None:
    """What `stamp` wrote of a command, if it was asked the same and its outputs are still there.

    Arguments:
        folder: as for `check`, and so the others.
        step: name of the command.
        model: its file.
        given: options.
        vocab: words.

    Returns:
        The record, or None where the command has to be run.
    """
    found = check(folder, step, model, given, vocab)
    return found.record if found.fault is None else None


def asked(options: argparse.Namespace, model: Path | None) -> dict[str, Any]:
    """All that the outputs of a command depend on, as JSON."""
    given = {k: v for k, v in vars(options).items() if k not in _NO_INPUTS}
    # Of what is known by its contents the name alone: where it lies is of this machine.
    given |= {k: given[k].name for k in _INPUTS if isinstance(given.get(k), Path)}
    # Through JSON, so that it compares equal with what was read.
    plain = json.loads(json.dumps(given, default=str))
    versions = {"pathflow": VERSION, "jax": jax.__version__}
    inputs = {n: _contents(v) for n in _INPUTS if (v := getattr(options, n, None)) is not None}
    whose = None if model is None else _sha256(model)
    return {"options": plain, "model": whose, "inputs": inputs, "versions": versions}


def stamp_name(step: str) -> str:
    """The file that `stamp` writes."""
    return f"{step}.run.json"


def _contents(path: Path) -> str:
    """Of a file, or of all files in a folder with their names."""
    if not path.is_dir():
        return _sha256(path)
    files = sorted(f for f in path.rglob("*") if f.is_file())
    lines = [f"{_sha256(f)} {f.relative_to(path).as_posix()}\n" for f in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest_or_none(path: Path) -> str | None:
    return _sha256(path) if path.exists() else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
