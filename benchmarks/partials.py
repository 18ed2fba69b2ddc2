"""What the structure of local partials saves, beside the same work on dense ones.

`python -m benchmarks.partials --threads 2`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _machine, _table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures in a process of its own, prints the table and writes it."""
    given = _parser().parse_args(arguments)
    before = _machine.about()
    sizes = {"units": given.units, "parts": given.parts, "repeats": given.repeats}
    with _machine.pinned(given.threads):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks._partials_alone", json.dumps(sizes)],
            env=_machine.environment(given.threads),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    rows = json.loads(done.stdout)
    _table.show_plain(rows, f"{given.threads} thread(s); {before['processor']}")
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        whole = {"about": before, "settings": sizes, "rows": rows}
        (given.out / "partials.json").write_text(json.dumps(whole, indent=1) + "\n")
        print(f"wrote {given.out}/partials.json", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.partials", description=__doc__)
    parser.add_argument("--units", type=int, default=650, help="width (default: 650)")
    parser.add_argument("--parts", type=int, default=16, help="units that are nodes (default: 16)")
    parser.add_argument("--threads", type=int, default=2, help="processors (default: 2)")
    parser.add_argument("--repeats", type=int, default=5, help="timed calls (default: 5)")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
