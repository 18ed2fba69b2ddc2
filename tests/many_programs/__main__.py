"""Random programs, thousands of them, asked by every search and compared with brute force.

`python -m tests.many_programs --programs 10000 --out out/random_programs.json`.

It goes in batches, as many at a time as there are processors, and writes what came of all batches
after each: a run that was stopped goes on where it was when it is started again with the same file.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter

from tests.many_programs._batches import batches
from tests.many_programs._tally import resumed, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs, tells how far it is after each batch, and writes the figures.

    Returns:
        0, or 1 where something was wrong.
    """
    given = _parser().parse_args(arguments)
    tally, number, before = resumed(given.out)
    started = perf_counter()
    with closing(batches(number, given.searches, given.workers)) as more:
        while tally.programs < given.programs:
            tally.add(next(more))
            number, seconds = number + 1, before + perf_counter() - started
            write(given.out, tally, number, seconds)
            print(
                f"{tally.programs:,} programs, {tally.paths:,} paths, worst "
                f"{max(tally.worst.values(), default=0.0):.2g}, {len(tally.failures)} failures, "
                f"{seconds:,.0f} s",
                flush=True,
            )
    return 1 if tally.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.many_programs", description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument(
        "--searches", type=int, default=1, help="beside the enumeration, in turn (default: 1)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default: processors)"
    )
    parser.add_argument("--out", type=Path, help="JSON file with the figures so far")
    return parser


if __name__ == "__main__":
    sys.exit(main())
