"""pathflow in a process of its own: first call, compilations, memory.

`python -m benchmarks._alone SETTING` writes JSON to standard output. PyTorch is not imported here,
so that the memory is pathflow's and JAX's.
"""

import dataclasses
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import pathflow as pf
from benchmarks._pathflow import compilations, make_problem
from benchmarks._rows import Row
from benchmarks._setting import Setting


def peak_bytes() -> int:
    """The largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM:")) * 1024
    # Kilobytes on Linux, bytes on a Mac.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def alone(setting: Setting) -> list[Row]:
    """A first call, and later ones at new inputs."""
    imported = peak_bytes()
    start = perf_counter()
    problem = make_problem(setting)
    traced = perf_counter() - start
    sentences = [problem.sentence(number) for number in range(setting.repeats + 1)]
    start = perf_counter()
    result = problem.influences(sentences[0], pf.Midpoint())
    first = perf_counter() - start
    later = []
    with compilations() as seen:
        for sentence in sentences[1:]:
            start = perf_counter()
            problem.influences(sentence, pf.Midpoint())
            later.append(perf_counter() - start)
    count = result.space.count
    peak = f"peak memory {peak_bytes() / 1e6:,.0f} MB, of which {imported / 1e6:,.0f} MB on import"
    return [
        Row(
            setting.steps,
            "pathflow_first",
            "pathflow, first call",
            count,
            (first,),
            note=f"compilation included; drawing the weights and tracing: {traced:.1f} s before it",
        ),
        Row(
            setting.steps,
            "pathflow_alone",
            "pathflow, later calls, alone",
            count,
            tuple(later),
            note=f"{seen.count} compilations; {peak}; structural residual "
            f"{float(result.audit.structural):.1e}",
        ),
    ]


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    rows = alone(Setting.from_json(arguments[0]))
    json.dump([dataclasses.asdict(row) for row in rows], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
