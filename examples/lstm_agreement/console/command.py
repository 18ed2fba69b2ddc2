"""What the study's commands share: how they end, and that they leave nothing old behind."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pathflow as pf
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
