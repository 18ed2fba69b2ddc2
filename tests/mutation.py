"""Changes the code in small ways, one at a time, and sees whether the tests of its package notice.

`python -m tests.mutation graph interest metrics`, all that the tests of these must notice;
`python -m tests.mutation influence/sampling --sample 20`, a sample of every file's.

mutmut makes the changes and runs, for each, the tests that reach the changed function. Here its
settings are narrowed to one package after another and that package's own tests, a sample is drawn
where one is asked for, and what was found is put in a table. Then `mutmut browse`, or `mutmut show`
with the name of a change, shows what was not noticed.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

# What is changed, and the tests that have to notice. Of a search, its own tests alone: those of
# another are slow, and not there to notice.
TESTS: dict[str, tuple[str, ...]] = {
    "graph": ("tests/graph",),
    "interest": ("tests/interest",),
    "metrics": ("tests/metrics",),
    "influence/aggregation": (
        "tests/influence/test_aggregate.py",
        "tests/influence/test_conductance.py",
        "tests/influence/test_memory.py",
    ),
    "influence/branching": (
        "tests/influence/test_bounds.py",
        "tests/influence/test_greedy.py",
        "tests/influence/test_not_finite.py",
        "tests/influence/test_spill.py",
        "tests/influence/test_topk.py",
    ),
    "influence/enumeration": (
        "tests/influence/test_budget.py",
        "tests/influence/test_enumerate_to.py",
        "tests/influence/test_operations.py",
        "tests/influence/test_random_programs.py",
        "tests/scale/test_executors.py",
        "tests/storage/test_shards.py",
    ),
    # What all searches share; still not what each of them makes of it.
    "influence/question": (
        "tests/influence/test_bad_input.py",
        "tests/influence/test_budget.py",
        "tests/influence/test_devices.py",
        "tests/influence/test_enumerate_to.py",
        "tests/influence/test_interests.py",
        "tests/influence/test_memory.py",
        "tests/influence/test_not_finite.py",
        "tests/influence/test_precision.py",
        "tests/influence/test_streaming_bad_input.py",
        "tests/test_faults_of_use.py",
    ),
    "influence/refinement": ("tests/influence/test_refine.py",),
    "influence/sampling": ("tests/influence/test_sample.py", "tests/influence/test_walk.py"),
    "influence/streaming": (
        "tests/influence/test_streaming.py",
        "tests/influence/test_streaming_bad_input.py",
        "tests/influence/test_streaming_conductance.py",
    ),
}

# How a worker ends when pytest cannot import a test; without a change all of them can be.
_NO_IMPORT = 255


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs each package in a process of its own, since mutmut keeps what it knows of one.

    Returns:
        0, or 1 where less than `--least` of a package's changes were noticed.
    """
    given = _parser().parse_args(arguments)
    if given.alone:
        _alone(given.packages[0], given)
        return 0
    rows = []
    for package in given.packages:
        options = ["--sample", str(given.sample), "--seed", str(given.seed)]
        options += ["--workers", str(given.workers), "--files", given.files]
        options += ["--again"] * given.again
        command = [sys.executable, "-m", "tests.mutation", "--alone", *options, package]
        subprocess.run(command, check=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
        rows.append(summary(package, _file(package)))
        print(rows[-1][1], flush=True)
    return int(any(score < given.least for score, _ in rows))


def summary(package: str, found: Path) -> tuple[float, str]:
    """The part of a package's changes that was noticed, and a row of the table."""
    by_change = json.loads(found.read_text())
    counts = Counter(by_change.values())
    tried = sum(counts.values())
    # What makes the code run for ever is noticed by whoever waits, and no test can pass that cannot
    # be imported.
    noticed = sum(counts[status] for status in ("killed", "timeout", "segfault", "no import"))
    score = 100 * noticed / max(tried, 1)
    parts = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    return score, f"| {package} | {tried} | {parts} | {score:.1f} % |"


def _file(package: str) -> Path:
    return Path("mutants") / f"{package.replace('/', '-')}.json"


def sampled(names: Sequence[str], by_file: Sequence[str], count: int, seed: int) -> list[str]:
    """At most `count` of the changes of every file, the same for the same seed; 0 takes all."""
    files: dict[str, list[str]] = {}
    for name, file in zip(names, by_file, strict=True):
        files.setdefault(file, []).append(name)
    chosen = []
    for file, its in sorted(files.items()):
        draw = random.Random(f"{seed} {file}")  # noqa: S311  (no secret)
        chosen += its if not count or len(its) <= count else sorted(draw.sample(sorted(its), count))
    return chosen


def _alone(package: str, given: argparse.Namespace) -> None:
    from mutmut import __main__ as mutmut
    from mutmut.configuration import config
    from mutmut.stats import status_by_exit_code

    # Every package is changed, so that what one run made will do for the next.
    config().pytest_add_cli_args_test_selection = list(TESTS[package])
    # Once without tests, to know what there is to choose from.
    Path("mutants").mkdir(exist_ok=True)
    mutmut.set_mutant_under_test("mutant_generation")
    mutmut.copy_src_dir()
    mutmut.create_mutants(given.workers)
    changes, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    changes = [c for c in changes if fnmatch(str(c[0].path), f"pathflow/{package}/{given.files}")]
    files = [str(c[0].path) for c in changes]
    names = sampled([c[1] for c in changes], files, given.sample, given.seed)
    file = _file(package)
    before = json.loads(file.read_text()) if given.again else {}
    names = [name for name in names if before.get(name) != "killed"]
    mutmut._run(names, given.workers)
    changes, _ = mutmut.collect_source_file_mutation_data(mutant_names=names)
    found = {
        name: "no import" if code == _NO_IMPORT else status_by_exit_code[code]
        for _, name, code in changes
    }
    file.write_text(json.dumps(before | found, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.mutation", description=__doc__)
    parser.add_argument("packages", nargs="+", choices=TESTS)
    parser.add_argument("--sample", type=int, default=0, help="changes per file (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--files", default="*", help="of the package, such as '_space*'")
    parser.add_argument(
        "--again", action="store_true", help="only those that went unnoticed the last time"
    )
    parser.add_argument("--workers", type=int, default=2, help="at a time (default: 2)")
    parser.add_argument("--least", type=float, default=90, help="per cent (default: 90)")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
