"""Every edge of a transformer of the shape of GPT-2, with random weights.

`python -m benchmarks.transformer --threads 2`. The influence along each of 11,612 edges between
heads and perceptrons, and the sum of all paths, beside the derivative of the untouched model in the
same process.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _machine, _processes, _table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes it."""
    given = _parser().parse_args(arguments)
    before = _machine.about()
    sizes = {"steps": given.steps, "layers": given.layers, "heads": given.heads}
    sizes |= {"width": given.width, "points": given.points, "repeats": given.repeats}
    with _machine.pinned(given.threads):
        rows = _processes.rows_of("_transformer_alone", json.dumps(sizes), threads=given.threads)
    title = f"{given.layers} x {given.heads} heads, width {given.width}, {given.steps} words, "
    title += f"{given.points} point(s), {given.threads} thread(s); {before['processor']}"
    _table.show_plain(rows, title)
    if given.out is not None:
        _processes.write(given.out, "transformer", before, vars(given), rows)
        print(f"wrote {given.out}/transformer.json", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.transformer", description=__doc__)
    parser.add_argument("--steps", type=int, default=64, help="words (default: 64)")
    parser.add_argument("--layers", type=int, default=12, help="(default: 12)")
    parser.add_argument("--heads", type=int, default=12, help="of every layer (default: 12)")
    parser.add_argument("--width", type=int, default=768, help="(default: 768)")
    parser.add_argument("--points", type=int, default=1, help="on the line (default: 1)")
    parser.add_argument("--threads", type=int, default=2, help="processors (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="later calls (default: 3)")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
