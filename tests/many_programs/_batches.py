"""Random programs in batches, each with a seed of its own, several at a time."""

import gc
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests._fast_to_compile import RELIABLE

# Each program is compiled to run once: compiling fast counts, and fast code does not.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", RELIABLE)

import jax
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

# Before the helpers, which make arrays when they are imported.
jax.config.update("jax_enable_x64", True)

from tests.helpers import dag_programs, programs  # noqa: E402
from tests.many_programs._checks import SEARCHES, check  # noqa: E402
from tests.many_programs._tally import Tally  # noqa: E402

_BATCH = 50
# So many batches, and a process may be full of what JAX keeps.
_PER_PROCESS = 8


def batches(first: int, searches: int, workers: int, size: int = _BATCH) -> Iterator[Tally]:
    """What comes of one batch after another, for ever.

    Arguments:
        first: the number of the first.
        searches, size: as for `batch`.
        workers: how many run at a time, each in a process; what comes of them is the same.
    """
    # A process that was forked would wait for locks that JAX holds.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_rarely_look_for_garbage,
        max_tasks_per_child=_PER_PROCESS,
    )
    ask = partial(pool.submit, batch, searches=searches, size=size)
    waiting: deque[Future[Tally]] = deque(ask(first + i) for i in range(workers))
    try:
        while True:
            yield waiting.popleft().result()
            first += 1
            waiting.append(ask(first + workers - 1))
    finally:
        pool.shutdown(cancel_futures=True)


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
    # What one batch compiled is of no use to the next, and would fill the memory.
    jax.clear_caches()
    return tally


def _rarely_look_for_garbage() -> None:
    # Tracing makes much that is no garbage yet; this and the next take a fifth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # Each error that JAX raises and catches would be rewritten for a reader.
    jax.config.update("jax_traceback_filtering", "off")
