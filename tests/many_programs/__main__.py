"""Random programs, thousands of them, asked by every search and compared with brute force.

`python -m tests.many_programs --programs 10000 --out out/random_programs.json`.

It goes in batches, each with a seed of its own, and writes what came of all batches after each: a
run that was stopped goes on where it was when it is started again with the same file.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from tests._fast_to_compile import FAST_TO_COMPILE

# Each program is compiled to run once: compiling fast counts, and fast code does not.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", FAST_TO_COMPILE)

import jax
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

# Before the helpers, which make arrays when they are imported.
jax.config.update("jax_enable_x64", True)

from tests.helpers import dag_programs, programs  # noqa: E402
from tests.many_programs._checks import SEARCHES, check  # noqa: E402
from tests.many_programs._tally import Tally, resumed, write  # noqa: E402

_BATCH = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs, tells how far it is after each batch, and writes the figures.

    Returns:
        0, or 1 where something was wrong.
    """
    given = _parser().parse_args(arguments)
    tally, number, seconds = resumed(given.out)
    while tally.programs < given.programs:
        started = perf_counter()
        tally.add(batch(number, given.searches))
        # What one batch compiled is of no use to the next, and would fill the memory.
        jax.clear_caches()
        number, seconds = number + 1, seconds + perf_counter() - started
        write(given.out, tally, number, seconds)
        print(
            f"{tally.programs:,} programs, {tally.paths:,} paths, worst "
            f"{max(tally.worst.values(), default=0.0):.2g}, {len(tally.failures)} failures, "
            f"{seconds:,.0f} s",
            flush=True,
        )
    return 1 if tally.failures else 0


def batch(number: int, searches: int = 2, size: int = _BATCH) -> Tally:
    """What comes of `size` programs, which depend on the number of the batch alone.

    Arguments:
        number: the seed.
        searches: how many searches are asked about each program, beside the enumeration, in turn.
        size: how many programs are drawn; those without a path, or with too many, do not count.
    """
    tally = Tally()
    others = [name for name in SEARCHES if name != "enumerate"]
    seen = set()

    @seed(number)
    @settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(programs(), dag_programs()), st.data())
    def draw(program, data):
        # Nothing but what is drawn may decide what is drawn next.
        turn = program.seed
        names = ["enumerate", *(others[(turn + i) % len(others)] for i in range(searches))]
        found = check(program, data, names)
        if found is not None and repr(program) not in seen:
            seen.add(repr(program))
            tally.add(found)

    draw()
    return tally


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.many_programs", description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument(
        "--searches", type=int, default=1, help="beside the enumeration, in turn (default: 1)"
    )
    parser.add_argument("--out", type=Path, help="JSON file with the figures so far")
    return parser


if __name__ == "__main__":
    sys.exit(main())
