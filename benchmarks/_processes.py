"""Measuring processes: each starts anew, so that no compilation or memory of another counts."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import _machine


def rows_of(module: str, *arguments: str, threads: int) -> list[dict]:
    """The rows that a module of this package writes as JSON, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        env=_machine.environment(threads),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def write(out: Path, name: str, about: Any, settings: Mapping[str, Any], rows: list[dict]) -> None:
    """Writes the rows of a benchmark, with where and how they were measured, to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    whole = {"about": about, "settings": {**settings, "out": None}, "rows": rows}
    (out / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
