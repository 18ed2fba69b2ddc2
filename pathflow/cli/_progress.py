"""How far a search is: a bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """A function that is told the fraction done; None where nothing is shown.

    Arguments:
        what: stands before the bar.
        quiet: shows nothing.
    """
    # The standard error may be a terminal where the results go to a file.
    if quiet or not sys.stderr.isatty():
        yield None
        return
    try:
        # An optional extra, and not needed where nothing is shown.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415
    except ImportError:
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)

        def told(done: float) -> None:
            bar.update(task, completed=done)

        yield told
