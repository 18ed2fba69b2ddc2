"""Writes the measured tables into the pages: `python -m benchmarks.pages`.

What stands between `<!-- measured: NAME -->` and `<!-- end of measured -->` is made from the files
in `benchmarks/results`; a test holds the pages to them. To measure again, write there:

    python -m benchmarks.enumerate --T 5 --threads 1 --out benchmarks/results
    python -m benchmarks.enumerate --T 5 --threads 1 --trained --out benchmarks/results
    python -m benchmarks.memory --threads 1 --out benchmarks/results
    python -m benchmarks.memory --threads 1 --outside --out benchmarks/results
    python -m benchmarks.topk --model trained --threads 1 --repeats 2 --out benchmarks/results
    python -m benchmarks.aggregate --threads 1 --out benchmarks/results
    python -m benchmarks.transformer --threads 1 --out benchmarks/results
    python -m benchmarks.precision --out benchmarks/results
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks._rows import Row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ("README.md", "docs/limits.md", "docs/peers.md", "benchmarks/README.md")
_MARK = re.compile(r"<!-- measured: (\S+) -->\n.*?<!-- end of measured -->", re.DOTALL)
_RANDOM, _TRAINED = "enumerate_T5_1threads", "enumerate_T5_trained_1threads"

# What is asked, the way of another library, and pathflow's.
QUESTIONS = (
    ("the total alone", "captum", "captum, `IntegratedGradients`", "pathflow_total", "`Aggregate`"),
    (
        "what flows through each node", "captum_layers", "captum, `LayerConductance` of each",
        "pathflow_flows", "`Conductance`, edges too",
    ),
    ("one path", "guided", "guided refinement in PyTorch", "pathflow_greedy", "`Greedy`"),
    ("the largest path", "depth_first_live", "depth-first in PyTorch", "pathflow_top", "`TopK(1)`"),
    ("all paths", "chain", "a chain of vjps for each, PyTorch", "pathflow", "`Enumerate`"),
    ("", "depth_first_live", "depth-first in PyTorch", "pathflow", "`Enumerate`"),
    ("", "meet_live", "meet in the middle in PyTorch", "pathflow", "`Enumerate`"),
)  # fmt: skip
SPEED = (
    ("pathflow", "pathflow, all paths"),
    ("pathflow_gauss", "pathflow, all paths at the 12-node Gauss rule"),
    ("pathflow_top", "pathflow, the largest path, proven"),
    ("pathflow_greedy", "pathflow, one path by the largest flow"),
    ("pathflow_flows", "pathflow, what flows through every node and edge"),
    ("pathflow_total", "pathflow, the total alone"),
    ("chain", "a chain of vjps per path (PyTorch, extrapolated)"),
    ("depth_first", "depth-first, shared suffixes, partials by hand (PyTorch)"),
    (
        "depth_first_live",
        "the same without the paths that are zero by construction, as pathflow",
    ),
    ("meet", "meet in the middle at the best cut, partials by hand (PyTorch)"),
    ("meet_live", "the same without the paths that are zero by construction, as pathflow"),
    ("captum_layers", "captum, the conductance of all 58 nodes"),
    ("captum", "captum, the total alone"),
    ("guided", "guided refinement, one path, partials by hand (PyTorch)"),
)

# Columns of the files, and what they are called on pages.
TOPK = {
    "T": "T", "paths": "paths", "first call s": "first call", "later s": "later",
    "over the total's": "over `jax.jvp`", "peak MB": "peak MB", "exact": "exact",
    "followed": "beginnings", "greedy, median": "greedy path, of the largest",
    "greedy, worst": "worst",
}  # fmt: skip
AGGREGATE = {
    "T": "T", "method": "method", "first call s": "first call", "later s": "later",
    "over jax.jvp": "over `jax.jvp`", "states + 1": "states + 1",
}  # fmt: skip
TRANSFORMER = {
    "method": "method", "first call s": "first call", "compilations": "compilations",
    "later s": "later", "over jax.jvp": "over `jax.jvp`", "over jax.grad": "over `jax.grad`",
}  # fmt: skip


def read(name: str) -> dict[str, Row]:
    """The rows of a file, by key."""
    tuples = ("seconds", "processor")
    return {r["key"]: Row(**{**r, **{n: tuple(r[n]) for n in tuples}}) for r in figures(name)}


def figures(name: str) -> list[dict[str, Any]]:
    """The rows of a file as they are."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["rows"]


def pages() -> Iterator[tuple[Path, str]]:
    """Every page with measured tables, as it should be.

    Raises:
        KeyError: a page asks for a table that is not made.
    """
    made = tables()
    for name in PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        yield ROOT / name, _MARK.sub(lambda m: _between(m[1], made[m[1]]), text)


def _between(name: str, table: str) -> str:
    return f"<!-- measured: {name} -->\n{table}\n<!-- end of measured -->"


def tables() -> dict[str, str]:
    """By name, what a page shows."""
    random, trained = read(_RANDOM), read(_TRAINED)
    return {
        "speed": _speed(random, trained),
        "peers": _peers(random, trained),
        "precision": _precision(figures("precision")),
        "memory": _memory(figures("memory")),
        "run": _run(random),
        "topk": _picked(figures("topk"), TOPK),
        "aggregate": _picked(figures("aggregate"), AGGREGATE),
        "transformer": _picked(figures("transformer"), TRANSFORMER),
    }


def times(row: Row, other: Row) -> float:
    """Processor time of one over that of another."""
    return row.processor_median / other.processor_median


def _speed(*models: dict[str, Row]) -> str:
    head = ["method", "2 x 650, random: s", "of pathflow's", "2 x 200, trained: s", "of pathflow's"]
    lines = [[text, *(c for m in models for c in _cells(m, key))] for key, text in SPEED]
    return _table(head, lines)


def _cells(model: dict[str, Row], key: str) -> tuple[str, str]:
    ratio = times(model[key], model["pathflow"])
    return _number(model[key].processor_median), "1" if key == "pathflow" else _number(ratio)


def _peers(*models: dict[str, Row]) -> str:
    head = ["asked", "other way", "here", "2 x 650, random", "2 x 200, trained"]
    lines = []
    for asked, peer, text, own, search in QUESTIONS:
        ratios = (_number(times(m[peer], m[own])) for m in models)
        lines.append([asked, text, search, *ratios])
    return _table(head, lines)


def _precision(rows: Sequence[dict[str, Any]]) -> str:
    columns = {
        "worst / largest": "worst, of the largest",
        "worst / absolute sum": "worst, of the sum",
        "residual float32": "residual float32",
        "residual float64": "float64",
    }
    lines = [
        [r["model"], f"{r['influences']:,}", *(_power(r[name]) for name in columns)] for r in rows
    ]
    return _table(["model", "influences", *columns.values()], lines)


def _power(value: float) -> str:
    return re.sub(r"e-0", "e-", f"{value:.1e}")


def _memory(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        [
            r["configuration"], f"{r['points']:,}", f"{r['predicted MB']:.1f}",
            f"{r['measured MB']:.1f}", f"{r['ratio']:.2f}",
        ]
        for r in rows
    ]  # fmt: skip
    return _table(["question", "points", "predicted MB", "measured MB", "ratio"], lines)


def _run(rows: dict[str, Row]) -> str:
    lines = [
        [
            row.method, _number(row.median), _number(row.processor_median),
            _number(row.median / rows["pathflow"].median),
            "-" if row.error is None else _power(row.error),
        ]
        for row in rows.values()
    ]  # fmt: skip
    return _table(
        ["method", "s by the clock", "s of processor", "ratio by the clock", "error"], lines
    )


def _picked(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    lines = [[_cell(row.get(name)) for name in columns] for row in rows]
    return _table(list(columns.values()), lines)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return value or "-"
    if isinstance(value, float) and value >= 1e6:
        return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:,}" if isinstance(value, int) else _number(value)


def _number(value: float | None) -> str:
    """Two digits, three from a hundred on; small ones without an exponent."""
    if value is None:
        return "-"
    digits = 3 if value >= 100 else 2
    rounded = float(f"{value:.{digits}g}")
    if rounded >= 10:
        return f"{rounded:,.0f}"
    return f"{rounded:.1f}" if rounded >= 1 else f"{rounded:.2g}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    # Numbers are right, words left.
    columns = zip(*lines, strict=True)
    number = [all(cell[:1].isdigit() or cell == "-" for cell in column) for column in columns]
    rule = ["---:" if right else "---" for right in number]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def main() -> int:
    """Writes the pages that differ."""
    for file, text in pages():
        if file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
