"""The influence of a class of paths of an LSTM with up to a thousand steps.

`python -m benchmarks.aggregate --threads 2`. Each method and length is measured in a process of its
own, beside `jax.jvp` of the untouched model in the same process.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _machine, _processes, _table

_LENGTHS = (10, 100, 1000)
# The unrolled graph has thirteen nodes per step.
_GRAPH = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes it."""
    given = _parser().parse_args(arguments)
    before = _machine.about()
    rows: list[dict] = []
    with _machine.pinned(given.threads):
        for steps in given.T or _LENGTHS:
            methods = ["streaming", *(["on the graph"] if steps <= _GRAPH else [])]
            for method in methods:
                print(f"{method}, T={steps}: measuring ...", file=sys.stderr, flush=True)
                setting = {"steps": steps, "units": given.units, "points": given.points}
                setting |= {"repeats": given.repeats, "method": method}
                rows += _processes.rows_of(
                    "_aggregate_alone", json.dumps(setting), threads=given.threads
                )
    title = f"2 x {given.units}, {given.points} point(s), {given.threads} thread(s); "
    _table.show_plain(rows, title + str(before["processor"]))
    if given.out is not None:
        _processes.write(given.out, "aggregate", before, vars(given), rows)
        print(f"wrote {given.out}/aggregate.json", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.aggregate", description=__doc__)
    parser.add_argument("--T", type=int, action="append", help="words (default: 10, 100, 1000)")
    parser.add_argument("--units", type=int, default=650, help="of every layer (default: 650)")
    parser.add_argument("--points", type=int, default=1, help="on the line (default: 1)")
    parser.add_argument("--threads", type=int, default=2, help="processors (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="later calls (default: 3)")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
