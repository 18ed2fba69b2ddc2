"""All methods in one process, round by round: `python -m benchmarks._measure SETTING MEMORY`.

Writes its rows as JSON to standard output. The command that a person runs is
`python -m benchmarks.enumerate`, which prepares the processors and the environment first.
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from time import perf_counter, process_time

import numpy as np
import torch

from benchmarks._baselines import Products
from benchmarks._cases import Case, cases, disagreement, make_input, midpoint
from benchmarks._floor import floor_rows
from benchmarks._gates import gate_graph
from benchmarks._pathflow import Problem, compilations, make_problem
from benchmarks._plan import Plan, make_plan
from benchmarks._rows import Row
from benchmarks._setting import Setting

# Two paths that are equal but for rounding, as a fraction.
_SAME = 1e-4


def measure(setting: Setting, memory: int) -> list[Row]:
    """Checks the methods against each other and times them, A B C ... A B C ...

    Arguments:
        setting: sizes and repeats.
        memory: bytes that a PyTorch method may hold.
    """
    problem = make_problem(setting)
    methods = list(cases(problem, memory))
    # Also the warm-up: after it everything is compiled and every buffer has been there once.
    errors = agreement(problem, methods)
    floors = {
        live: Products(_plan(setting, live=live).products(*_widths(setting)))
        for live in (False, True)
    }
    timed: dict[str, list[tuple[float, float]]] = {case.key: [] for case in methods}
    compiled = dict.fromkeys(timed, 0)
    alone: dict[bool, list] = {live: [] for live in floors}
    for products in floors.values():
        products()
    for number in range(1, setting.repeats + 1):
        print(f"  round {number} of {setting.repeats}", file=sys.stderr, flush=True)
        given = make_input(problem, number)
        for case in methods:
            if number <= case.rounds:
                ready = case.prepare(given)
                with compilations() as seen:
                    start, worked = perf_counter(), process_time()
                    case.run(ready)
                    taken = perf_counter() - start, process_time() - worked
                timed[case.key].append((taken[0] * case.factor, taken[1] * case.factor))
                compiled[case.key] += seen.count
        for live, products in floors.items():
            alone[live].append(products())
    sizes = of_the_largest(problem, [c for c in methods if c.paths == 1])
    rows = [_row(setting, c, timed[c.key], errors[c.key], compiled[c.key]) for c in methods]
    rows = [
        dataclasses.replace(r, note=_joined(r.note, _sizes(sizes[r.key]))) if r.key in sizes else r
        for r in rows
    ]
    for live, products in floors.items():
        paths = gate_graph(setting.steps, setting.layers, live=live).count
        rows += floor_rows(setting.steps, products.products, alone[live], paths, live=live)
    return rows


def agreement(
    problem: Problem, methods: Sequence[Case]
) -> dict[str, tuple[float | None, float | None]]:
    """By method, how far it is from pathflow's influences at the points."""
    given = make_input(problem, 0)
    reference = midpoint(problem, given.sentence)
    return {
        case.key: disagreement(case.found(given), reference, problem.setting.seed)
        for case in methods
    }


def of_the_largest(problem: Problem, methods: Sequence[Case]) -> dict[str, list[float]]:
    """By method that gives one path, its size over that of the largest path, by sentence."""
    parts: dict[str, list[float]] = {case.key: [] for case in methods}
    for number in range(problem.setting.sentences):
        given = make_input(problem, number)
        largest = np.abs(midpoint(problem, given.sentence).influences).max()
        for case in methods:
            parts[case.key].append(float(abs(case.found(given).influences[0]) / largest))
    return parts


def _sizes(parts: Sequence[float]) -> str:
    first = sum(part > 1 - _SAME for part in parts)
    return (
        f"its path is {np.median(parts):.2f} of the largest in the median of {len(parts)} "
        f"sentences, {min(parts):.2f} at worst; the largest itself in {first}"
    )


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _plan(setting: Setting, *, live: bool) -> Plan:
    gates = gate_graph(setting.steps, setting.layers, live=live)
    return make_plan(gates, setting.units, setting.points)


def _widths(setting: Setting) -> tuple[int, int, int]:
    return setting.units, setting.embedding, setting.points


def _row(
    setting: Setting,
    case: Case,
    timed: Sequence[tuple[float, float]],
    errors: tuple[float | None, float | None],
    compiled: int,
) -> Row:
    note = case.note
    if case.key.startswith("pathflow"):
        note = _joined(note, f"{compiled} compilations")
    seconds, processor = zip(*timed, strict=True)
    return Row(setting.steps, case.key, case.method, case.paths, seconds, *errors, note, processor)


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    setting = Setting.from_json(arguments[0])
    torch.set_num_threads(setting.threads)
    rows = measure(setting, int(arguments[1]))
    json.dump([dataclasses.asdict(row) for row in rows], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
