"""Tables as Markdown, CSV and in a terminal; files that are written whole or not at all."""

import csv
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

from pathflow.metrics import Interval

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def write_csv(path: Path, header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Writes a CSV file whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def show(title: str, table: Table) -> None:
    """Prints a table on standard output: by `rich` where that is there and the table fits its
    width, and as Markdown elsewhere.
    """
    header, lines = table
    if not lines:
        return
    plain = f"\n{title}\n\n{as_markdown(table)}"
    if importlib.util.find_spec("rich") is None:
        print(plain)
        return
    from rich import box  # noqa: PLC0415  (an optional extra)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415

    widths = [max(len(line[i]) for line in (header, *lines)) for i in range(len(header))]
    # Between columns stand two blanks, and one before and after the table.
    if sum(widths) + 2 * len(widths) > Console().width:
        print(plain)
        return

    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for i, name in enumerate(header):
        shown.add_column(name, justify="left" if i < 2 else "right", no_wrap=True)
    for line in lines:
        shown.add_row(*line)
    Console().print(shown)


def as_markdown(
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    *,
    n_words: int = 2,
    padded: bool = True,
) -> str:
    """A table as Markdown.

    Arguments:
        table: header and lines.
        n_words: how many columns, from the first on, hold words; the others hold numbers, and are
            set to the right.
        padded: whether columns are as wide as their widest cell, to be read as plain text; where
            not, lines are as short as they can be.
    """
    header, lines = table
    # A bar inside a cell would end it.
    cells = [[c.replace("|", "\\|") for c in line] for line in (header, *lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    if not padded:
        widths = [4 if i >= n_words else 3 for i in range(len(header))]
    rule = ["-" * w if i < n_words else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    if padded:
        cells = [
            [
                c.ljust(w) if i < n_words else c.rjust(w)
                for i, (c, w) in enumerate(zip(row, widths, strict=True))
            ]
            for row in cells
        ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:]))


def interval(estimate: Interval) -> str:
    """As in "0.47 [0.41, 0.53]"."""
    return f"{estimate.mean:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
