"""A progress bar where someone watches, silence where not."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Advance = Callable[[str, int], None]


@contextmanager
def progress(total: int, *, shown: bool = True) -> Iterator[Advance]:
    """Yields a function that takes what is being done and how many sentences more are done.

    The bar needs `rich` and a terminal on standard error.
    """
    bar = _bar() if shown and sys.stderr.isatty() else None
    if bar is None:
        yield _ignore
        return
    with bar:
        task = bar.add_task("starting", total=total)
        yield lambda what, n: bar.update(task, description=what, advance=n)


def tell(what: str) -> None:
    """Says on standard error what is done next."""
    print(what, file=sys.stderr, flush=True)


def _ignore(what: str, n: int) -> None:
    """Shows nothing."""


def _bar() -> Any:
    try:
        from rich.console import Console  # noqa: PLC0415  (an optional extra)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        return None
    return Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
