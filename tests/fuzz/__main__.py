"""Tries other inputs than the test suite, for as long as it is told.

    python -m tests.fuzz --minutes 10
    python -m tests.fuzz --minutes 1 --only checkpoints --seed 7

Each parser has an equal share of the time, in rounds of new inputs. The first input at which what
must hold does not hold is made small and shown with its round, and the other parsers go on; the
exit code says whether there was one.
"""

import argparse
import faulthandler
import os
import sys
import time
import traceback
from collections.abc import Sequence

ROUND = 200
# What hangs where no signal is heard, as in a library of C.
_HARD_STOP = 600


def main(arguments: Sequence[str]) -> int:
    # Before the first import of JAX.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from tests.fuzz._all import PARSERS

    asked = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0]
    )
    asked.add_argument("--minutes", type=float, default=10.0, help="for all parsers together")
    asked.add_argument("--seed", type=int, default=0, help="other numbers, other inputs")
    asked.add_argument(
        "--only", default="", help="a part of the names of the parsers that are meant"
    )
    given = asked.parse_args(arguments)
    chosen = [p for p in PARSERS if given.only in p.name]
    return sum(_longer(p, given.minutes * 60 / len(chosen), given.seed) for p in chosen) > 0


def _longer(parser, seconds: float, seed: int) -> bool:
    from tests.fuzz._bounds import most_held
    from tests.fuzz._parser import Tally, try_inputs

    tally, failed = Tally(), False
    end, number = time.monotonic() + seconds, seed * 10**6
    while time.monotonic() < end and not failed:
        faulthandler.dump_traceback_later(_HARD_STOP, exit=True, file=sys.__stderr__)
        try:
            try_inputs(parser, ROUND, number, tally)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failed = True
            sys.stderr.write(f"{parser.name}: round {number}\n")
            traceback.print_exc()
        number += 1
    faulthandler.cancel_dump_traceback_later()
    refused = ", ".join(f"{name} {n}" for name, n in sorted(tally.refused.items()))
    sys.stdout.write(
        f"{parser.name}: {tally.tried} inputs, {tally.whole} read, refused: {refused or 'none'}; "
        f"slowest {tally.slowest:.2f} s, process at most {most_held()} MiB"
        f"{'; FAILED' if failed else ''}\n"
    )
    sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
