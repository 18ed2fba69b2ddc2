"""Bounds of time and memory around one call."""

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# Generous, since a busy machine is slow; what hangs takes for ever.
SECONDS = 20.0
# More than reading any of the small inputs takes by two orders of magnitude.
MEGABYTES = 400


class TooLongError(BaseException):
    """A call takes too long; no `except Exception` hides it."""


@contextmanager
def bounded(seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Iterator[None]:
    """Ends what takes too long, and refuses memory beyond what the process has and some more.

    Arguments:
        seconds: of the clock on the wall.
        megabytes: that the address space may grow by; Linux alone tells how large it is.

    Raises:
        TooLongError: the time is over.
    """

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limited = sys.platform == "linux"
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (_held() + megabytes * 2**20, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if limited:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _held() -> int:
    """The address space of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def most_held() -> int:
    """The largest memory that this process ever had at once, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
