"""How far a training is: a bar on a terminal, log lines everywhere else."""

import logging
import sys
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

_log = logging.getLogger("pathflow.models")


class Progress:
    """Context manager that shows the step and the latest numbers.

    A bar needs `rich` and a terminal; without one of them, every record is one line of the logger
    `pathflow.models`.
    """

    def __init__(self, total: int, done: int, shown: bool):
        self._total = total
        self._done = done
        self._bar = _bar() if shown and sys.stderr.isatty() else None
        self._task = None

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("training", total=self._total, completed=self._done)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self) -> None:
        """One step more."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)

    def show(self, record: Mapping[str, int | float]) -> None:
        """The numbers of a record."""
        text = "  ".join(f"{name} {value:.6g}" for name, value in record.items())
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text)
        else:
            _log.info("%s of %d steps", text, self._total)


def _bar() -> "rich.progress.Progress | None":
    try:
        # An optional extra: training must run without it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415
    except ImportError:
        return None
    return Bar(console=Console(stderr=True))
