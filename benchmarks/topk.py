"""The exact largest paths of sentences with up to 1e70 paths.

`python -m benchmarks.topk --threads 2`. Each model and length is measured in a process of its own.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import _machine, _processes, _table

# The worst case is random weights, where no path stands out.
_OF_OTHERS = (8, 20)
_CASES = (("trained", (8, 20, 50, 100)), ("650", _OF_OTHERS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes it with a plot of the growth over T."""
    given = _parser().parse_args(arguments)
    lengths = dict(_CASES)
    if given.model is not None:
        lengths = {given.model: lengths.get(given.model, _OF_OTHERS)}
    cases = [(m, t) for m, own in lengths.items() for t in given.T or own]
    before = _machine.about()
    rows: list[dict] = []
    with _machine.pinned(given.threads):
        for model, steps in cases:
            print(f"{model}, T={steps}: measuring ...", file=sys.stderr, flush=True)
            setting = {"name": model, "steps": steps, "points": given.points, "k": given.k}
            setting |= {"repeats": given.repeats, "budget": given.budget}
            rows += _processes.rows_of("_topk_alone", json.dumps(setting), threads=given.threads)
    title = f"exact top {given.k}, {given.points} points, {given.threads} thread(s); "
    _table.show_plain(rows, title + str(before["processor"]))
    if given.out is not None:
        _processes.write(given.out, "topk", before, vars(given), rows)
        _plot(rows, given.out / "topk.png", title)
        print(f"wrote {given.out}/topk.json and topk.png", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.topk", description=__doc__)
    parser.add_argument("--T", type=int, action="append", help="words (default: 8 to 100)")
    parser.add_argument("--model", type=_model, help="trained, or a number of random units")
    parser.add_argument("--points", type=int, default=12, help="on the line (default: 12)")
    parser.add_argument("--k", type=int, default=100, help="paths (default: 100)")
    parser.add_argument("--threads", type=int, default=2, help="processors (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="later calls (default: 3)")
    parser.add_argument("--budget", type=int, default=2_000_000, help="beginnings to follow")
    parser.add_argument("--out", type=Path, help="folder for the figures as JSON and a plot")
    return parser


def _model(text: str) -> str:
    if text != "trained" and not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'trained' nor a number of units")
    return text


def _plot(rows: Sequence[dict], file: Path, title: str) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        lengths = [row["T"] for row in own]
        for column, style in (("first call s", "o--"), ("later s", "o-")):
            axes.plot(lengths, [row[column] for row in own], style, label=f"{model}, {column[:-2]}")
    for row in rows[: len({r["T"] for r in rows})]:
        axes.annotate(
            f"{row['paths']:.0e} paths",
            (row["T"], row["first call s"]),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    axes.margins(x=0.1, y=0.15)
    axes.set(xlabel="words T", ylabel="seconds", title=title.split(";", maxsplit=1)[0])
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
