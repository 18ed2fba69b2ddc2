"""Bounds of time and memory around one call."""

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# Of the processor, which a busy machine does not use up; what hangs takes for ever.
SECONDS = 20.0
# Of the clock, for what waits and computes nothing, as for somebody to write into a pipe.
_WAITING = 15
# Again and again: an error inside a callback of the garbage collector is passed over.
_AGAIN = 1.0
# More than reading any of the small inputs takes by two orders of magnitude.
MEGABYTES = 400


class TooLongError(BaseException):
    """A call takes too long; no `except Exception` hides it."""


@contextmanager
def bounded(seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Iterator[None]:
    """Ends what takes too long, and refuses memory beyond what the process has and some more.

    Arguments:
        seconds: of the processor; of the clock, many times as many.
        megabytes: that the address space may grow by; Linux alone tells how large it is.

    Raises:
        TooLongError: the time is over.
    """

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError(f"longer than {seconds} s")

    timers = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
    before = {number: signal.signal(number, over) for number in timers.values()}
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limited = sys.platform == "linux"
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (_held() + megabytes * 2**20, hard))
    signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WAITING, _AGAIN)
    try:
        yield
    finally:
        for timer, number in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
        if limited:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _held() -> int:
    """The address space of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def most_held() -> int:
    """The largest memory that this process ever had at once, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
