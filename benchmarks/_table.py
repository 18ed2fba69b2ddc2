"""The rows as a table: on the terminal, as CSV and as JSON."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks._rows import Row

COLUMNS = (
    "T",
    "method",
    "paths",
    "median s",
    "least s",
    "ratio",
    "ratio of least",
    "ratio, nodes",
    "processor s",
    "ratio, processor",
    "error",
    "error of sum",
    "note",
)
_RIGHT = range(2, 12)


def table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What is printed and written, one dictionary per row.

    Ratios are a method's seconds over those of pathflow's later calls at the same length: by
    medians, by the fastest rounds, by medians over the calls with few nodes, and by medians of
    processor time. Over 1, pathflow is faster.
    """
    found = {(row.steps, row.key): row for row in rows}
    lines = []
    for row in rows:
        points, nodes = (found.get((row.steps, k)) for k in ("pathflow", "pathflow_gauss"))
        values = (
            row.steps,
            row.method,
            row.paths,
            row.median,
            row.minimum,
            points and row.median / points.median,
            points and row.minimum / points.minimum,
            nodes and row.median / nodes.median,
            row.processor_median,
            _ratio(row.processor_median, points and points.processor_median),
            row.error,
            row.total_error,
            row.note,
        )
        lines.append(dict(zip(COLUMNS, values, strict=True)))
    return lines


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def write(
    folder: Path, name: str, rows: Sequence[Row], lines: Sequence[dict], about: Mapping
) -> list[Path]:
    """Writes the table as CSV, and as JSON with all single times and what they were taken on."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.csv", folder / f"{name}.json"]
    with paths[0].open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    whole = {"about": about, "table": lines, "rows": [asdict(row) for row in rows]}
    paths[1].write_text(json.dumps(whole, indent=1) + "\n")
    return paths


def show(lines: Sequence[dict], title: str) -> None:
    """Prints the table, with rich where it is installed."""
    cells = [[_text(name, line[name]) for name in COLUMNS] for line in lines]
    try:
        from rich.console import Console  # noqa: PLC0415  (an extra)
        from rich.table import Table  # noqa: PLC0415
    except ImportError:
        _plain(cells, title)
        return
    console = Console()
    # Cut off columns are worse than wrapped lines, and files have no width.
    if not console.is_terminal:
        _plain(cells, title)
        return
    made = Table(title=title)
    for place, name in enumerate(COLUMNS):
        made.add_column(name, justify="right" if place in _RIGHT else "left")
    for line in cells:
        made.add_row(*line)
    console.print(made)


def _plain(cells: Sequence[Sequence[str]], title: str) -> None:
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    print(title)
    for line in (COLUMNS, ["-" * width for width in widths], *cells):
        padded = (
            cell.rjust(width) if place in _RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(padded).rstrip())


def show_plain(lines: Sequence[Mapping[str, Any]], title: str) -> None:
    """Prints lines with any columns, numbers to four digits."""
    columns = list(lines[0])
    cells = [[_short(line[name]) for name in columns] for line in lines]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    print(title)
    for line in (columns, ["-" * width for width in widths], *cells):
        cut = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cut).rstrip())


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {True: "yes", False: "no"}.get(value, str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return _FORMATS.get(name, str)(value)


_FORMATS: dict[str, Callable[[Any], str]] = {
    "paths": "{:,}".format,
    "median s": "{:,.4g}".format,
    "least s": "{:,.4g}".format,
    "ratio": "{:,.3g}".format,
    "ratio of least": "{:,.3g}".format,
    "ratio, nodes": "{:,.3g}".format,
    "processor s": "{:,.4g}".format,
    "ratio, processor": "{:,.3g}".format,
    "error": "{:.1e}".format,
    "error of sum": "{:.1e}".format,
}
