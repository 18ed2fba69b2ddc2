"""The memory that questions take, beside what was predicted.

`python -m benchmarks.memory --threads 2`. Each question is asked in a process of its own, on Linux.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _machine, _processes, _table
from benchmarks._memory_cases import CASES, OUTSIDE


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes it; 1 where a prediction is off by more than asked."""
    given = _parser().parse_args(arguments)
    before = _machine.about()
    rows: list[dict] = []
    with _machine.pinned(given.threads):
        for name in given.case or (OUTSIDE if given.outside else CASES):
            print(f"{name}: measuring ...", file=sys.stderr, flush=True)
            rows += _processes.rows_of("_memory_alone", name, threads=given.threads)
    _table.show_plain(rows, f"predicted and measured growth; {before['processor']}")
    if given.out is not None:
        file = "memory_outside" if given.outside else "memory"
        _processes.write(given.out, file, before, vars(given), rows)
    if given.outside:
        return 0
    off = [r for r in rows if not 1 / given.within <= r["ratio"] <= given.within]
    for row in off:
        print(f"{row['configuration']} is off by more than {given.within}", file=sys.stderr)
    return int(bool(off))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--case", action="append", choices=(*CASES, *OUTSIDE), help="one question")
    parser.add_argument(
        "--outside", action="store_true", help="questions of which nothing is promised"
    )
    parser.add_argument("--within", type=float, default=1.5, help="factor (default: 1.5)")
    parser.add_argument("--threads", type=int, default=2, help="processors (default: 2)")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
