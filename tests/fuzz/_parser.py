"""What a parser is, and what must hold of it."""

import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from pathflow import PathflowError
from tests.fuzz._bounds import bounded


@dataclass(frozen=True)
class Parser:
    """Something that reads what others wrote.

    Arguments:
        name: what it is called in a report.
        inputs: what it is given; made by a function, since making seeds takes time.
        read: reads one input in a new folder, and looks at what came of it: that it is what was
            written, or can at least be used. Raises an error where the input is refused.
        few: how many inputs the test suite tries.
        refusals: the errors that may come of an input.
        longest: characters of a message at most; what a user types may be repeated, and what a
            file holds is shortened.
    """

    name: str
    inputs: Callable[[], SearchStrategy[Any]]
    read: Callable[[Any, Path], None]
    few: int
    refusals: tuple[type[Exception], ...] = (PathflowError,)
    longest: int = 3000


@dataclass
class Tally:
    """What was tried.

    Arguments:
        whole: inputs that were read.
        refused: inputs that were not, by the name of the error.
        slowest: seconds that one took at most.
    """

    whole: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0

    @property
    def tried(self) -> int:
        return self.whole + sum(self.refused.values())


# In memory, where it can be: what is read, and not the disk, is tried.
_MEMORY = Path("/dev/shm")  # noqa: S108  (each input gets a folder of its own in it)
_QUICK = _MEMORY if _MEMORY.is_dir() else None


def try_inputs(parser: Parser, count: int, number: int | None, tally: Tally) -> None:
    """Tries inputs; the first at which the property fails is made small and raised.

    Arguments:
        parser: what reads them.
        count: how many.
        number: which ones are drawn: the same number, the same inputs. None for those that are the
            same on every machine.
        tally: counts them.
    """

    def holds(drawn: Any) -> None:
        with tempfile.TemporaryDirectory(dir=_QUICK) as folder:
            start = time.perf_counter()
            try:
                with bounded():
                    parser.read(drawn, Path(folder))
                tally.whole += 1
            except parser.refusals as error:
                check_message(error, parser.longest)
                name = type(error).__name__
                tally.refused[name] = tally.refused.get(name, 0) + 1
            tally.slowest = max(tally.slowest, time.perf_counter() - start)

    test = settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )(given(parser.inputs())(holds))
    (test if number is None else seed(number)(test))()


def check_message(error: Exception, longest: int) -> None:
    """A message is there, and does not repeat the whole of a large input."""
    text = str(error)
    # What a user types may be shown as it is.
    if longest <= 3000:
        assert all(unicodedata.category(c) not in ("Cc", "Cs") or c == "\n" for c in text), text
    assert text.strip(), f"{type(error).__name__} says nothing"
    assert len(text) <= longest, f"{type(error).__name__} says {len(text)} characters: {text[:300]}"
