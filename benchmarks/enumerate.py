"""All path influences of an LSTM, timed beside other ways to them.

`python -m benchmarks.enumerate --T 5 --threads 2`. This process only prepares the processors and
the environment and draws up the table; the measuring is done in processes that it starts, since
thread pools are sized when JAX and PyTorch are imported.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks import _machine, _processes, _table
from benchmarks._rows import Row
from benchmarks._setting import Setting

_CURVE = (4, 5, 6, 7, 8)
_DEFAULTS = {f.name: f.default for f in fields(Setting)}
_HELP = {
    "layers": "layers of the LSTM",
    "units": "width of every layer",
    "embedding": "width of the word embeddings",
    "vocab": "number of words",
    "points": "points of the midpoint rule",
    "nodes": "nodes of the Gauss rule that stands for the points",
    "seed": "of weights and sentences",
    "threads": "processors to use",
    "repeats": "rounds through all methods",
    "sample": "paths to time where each is differentiated by itself",
    "sentences": "sentences to ask how large the one path is that a method finds",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table and writes it."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if absent := _machine.missing():
        parser.exit(
            2,
            f"The other methods need {' and '.join(absent)}, which is not installed. Install the "
            "benchmark extras: python -m pip install 'pathflow[bench]'.\n",
        )
    sizes = {name: getattr(given, name) for name in _DEFAULTS if name != "steps"}
    if given.trained:
        sizes |= _trained_sizes()
    lengths = _CURVE if given.curve else (given.T,)
    settings = [Setting(steps, **sizes) for steps in lengths]
    before = _machine.about()
    try:
        with _machine.pinned(given.threads):
            rows = _measured(settings, int(given.memory * 2**30))
    except ValueError as error:
        parser.error(str(error))
    about = before | {
        "load_after": _machine.about()["load"],
        "settings": [asdict(s) for s in settings],
    }
    lines = _table.table(rows)
    _table.show(lines, _title(settings[0], before))
    if given.out is not None:
        name = "curve" if given.curve else f"enumerate_T{given.T}"
        name += f"{'_trained' if given.trained else ''}_{given.threads}threads"
        for path in _table.write(given.out, name, rows, lines, about):
            print(f"wrote {path}", file=sys.stderr)
    return 0


def _trained_sizes() -> dict[str, int]:
    from benchmarks._sentences import trained  # noqa: PLC0415  (JAX, which --help can do without)

    model, words = trained()
    widths = {"units": model.hidden_dim, "embedding": model.embed_dim}
    return {"layers": model.n_layers, "vocab": len(words), **widths}


def _measured(settings: Sequence[Setting], memory: int) -> list[Row]:
    rows: list[Row] = []
    for setting in settings:
        print(f"T={setting.steps}: measuring ...", file=sys.stderr, flush=True)
        rows += _rows("_alone", setting)
        rows += _rows("_measure", setting, str(memory))
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.enumerate", description=__doc__)
    parser.add_argument("--T", type=_positive, default=5, help="words of the sentence (default: 5)")
    parser.add_argument(
        "--trained",
        action="store_true",
        help="the shipped English model and its agreement sentences, in place of random weights",
    )
    parser.add_argument("--curve", action="store_true", help="T = 4 to 8 in place of one length")
    for name, text in _HELP.items():
        kind = int if name == "seed" else _positive
        default = _DEFAULTS[name]
        parser.add_argument(
            f"--{name}", type=kind, default=default, help=f"{text} (default: {default})"
        )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor on the initial weights (default: 1.0)"
    )
    parser.add_argument(
        "--memory",
        type=float,
        default=4.0,
        help="GiB that a PyTorch method may hold; one that needs more is left out (default: 4)",
    )
    parser.add_argument("--out", type=Path, help="folder for the table as CSV and JSON")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"give 1 or more, not {value}")
    return value


def _rows(module: str, setting: Setting, *more: str) -> list[Row]:
    found = _processes.rows_of(module, setting.to_json(), *more, threads=setting.threads)
    return [Row(**{**x, **{n: tuple(x[n]) for n in ("seconds", "processor")}}) for x in found]


def _title(setting: Setting, about: dict) -> str:
    title = (
        f"{'trained' if setting.trained else 'random'} weights, "
        f"{setting.layers} layers, {setting.units} units, {setting.embedding}-d embeddings, "
        f"{setting.points} points, {setting.threads} thread(s), {setting.repeats} rounds; "
        f"{about['processor']}"
    )
    load = about["load"]
    return f"{title}, load {load[0]:.1f} at the start" if load else title


if __name__ == "__main__":
    sys.exit(main())
