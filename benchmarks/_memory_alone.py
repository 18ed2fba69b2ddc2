"""The growth of one configuration's memory: `python -m benchmarks._memory_alone NAME`.

Writes its row as JSON to standard output.
"""

import ctypes
import gc
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pathflow as pf
from benchmarks._memory_cases import CASES, OUTSIDE

# Allocations of at least so many bytes go back to the system as soon as they are freed.
_MMAP_THRESHOLD, _BYTES = -3, 2**16
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def grown(run: Callable[[], Any]) -> int:
    """By how many bytes the resident memory of this process grows at most while something runs.

    It runs once before, so that what is compiled and loaded is there already; then what it freed
    goes back to the system, and the kernel forgets the largest size so far.

    Raises:
        OSError: this is no Linux, whose kernel alone forgets it.
    """
    run()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    _RESET.write_text("5")
    before = _kilobytes("VmRSS")
    found = run()
    most = _kilobytes("VmHWM")
    del found
    return (most - before) * 1024


def _kilobytes(field: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(field + ":"))


def measure(name: str) -> dict[str, Any]:
    """What is predicted of a configuration, and what it takes."""
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _BYTES)
    asked = (CASES | OUTSIDE)[name]()
    predicted = pf.predict_memory(**asked)
    measured = grown(lambda: pf.attribute(**asked))
    return {
        "configuration": name,
        "paths": asked["graph"].count_paths(asked["source"], "qoi"),
        "points": predicted.n_points,
        "tile": f"{predicted.examples} x {predicted.points}",
        "predicted MB": predicted.peak / 1e6,
        "measured MB": measured / 1e6,
        "ratio": predicted.peak / measured,
    }


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    json.dump([measure(arguments[0])], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
