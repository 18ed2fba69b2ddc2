"""Long contexts as tables."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal

from examples.lstm_agreement.console.columns import CsvTable, csv_table
from examples.lstm_agreement.console.text import Table
from examples.lstm_agreement.context.lengths import Length
from pathflow import metrics


def table(lengths: Sequence[Length]) -> Table:
    """What was found, a line per length and condition."""
    header = (
        "words",
        "C",
        "accuracy",
        "|P|",
        "total",
        "primary",
        "2nd cell",
        "1st cell",
        "sum of |.|",
    )
    lines = []
    for found in lengths:
        first = found.classes.get("first cell")
        numbers = [f"{found.accuracy.mean:.2f}", _number(found.n_paths), f"{found.total.mean:+.3f}"]
        numbers += [f"{found.primary.mean:+.2g}", f"{found.classes['second cell'].mean:+.2g}"]
        numbers += ["-" if first is None else f"{first.mean:+.2g}", f"{found.absolute.mean:.1f}"]
        share = "{:.2g} [{:.2g}, {:.2g}]".format(*found.share)
        lines.append((str(found.n_words), found.condition, *numbers, share, f"{found.t.mean:.2f}"))
    return (*header, "share of primary", "t"), lines


def _number(count: int) -> str:
    return str(count) if count < 1_000_000 else f"{Decimal(count):.0e}"


def csv_rows(lengths: Sequence[Length]) -> CsvTable:
    """Every number, an interval in three columns."""
    records = []
    for found in lengths:
        fields = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
        del fields["classes"]
        # Where no word stands between, the first layer's cell is no class of its own.
        for name in ("second cell", "first cell", "rest"):
            none = metrics.Interval(*[float("nan")] * 3)
            fields[name.replace(" ", "_")] = found.classes.get(name, none)
        records.append(fields)
    return csv_table(records)
