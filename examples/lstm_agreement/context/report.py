"""Long contexts as tables."""

from collections.abc import Sequence
from decimal import Decimal

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


def csv_rows(lengths: Sequence[Length]) -> tuple[list[str], list[list[object]]]:
    """Every number, an interval in three columns."""
    names: list[str] = []
    lines: list[list[object]] = []
    for found in lengths:
        intervals = {
            name: getattr(found, name)
            for name in ("accuracy", "total", "primary", "absolute", "share", "t")
        }
        # Where no word stands between, the first layer's cell is no class of its own.
        for name in ("second cell", "first cell", "rest"):
            none = metrics.Interval(*[float("nan")] * 3)
            intervals[name.replace(" ", "_")] = found.classes.get(name, none)
        names = ["n_words", "condition", "n_sentences", "n_paths", "structural"]
        line: list[object] = [found.n_words, found.condition, found.n_sentences, found.n_paths]
        line.append(f"{found.structural:.2g}")
        for name, interval in intervals.items():
            names += [name, f"{name}_low", f"{name}_high"]
            line += [f"{v:.6g}" for v in interval]
        lines.append(line)
    return names, lines
