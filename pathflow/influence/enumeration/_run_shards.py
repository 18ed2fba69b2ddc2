"""All shards of a run, by the workers of an executor."""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from pathflow._errors import ArgumentError, RunLockedError, UnfinishedRunError
from pathflow._whole_number import whole_number
from pathflow.influence.enumeration._enumerate_to import EnumerateTo
from pathflow.influence.enumeration._merge import merge
from pathflow.results import Run
from pathflow.storage import Shard, check_counting

# What is raised in the place of a result when a worker is lost, or writes on although it was
# thought lost. A connection that breaks is an error of the system.
_LOST = (RunLockedError, BrokenExecutor, CancelledError, OSError)
# Those of executors that need not be installed.
_LOST_NAMES = {"KilledWorker"}


def run_shards(
    ask: Callable[[EnumerateTo], Any], search: EnumerateTo, of: int, executor: Executor
) -> Run:
    """Writes all shards of a run by the workers of an executor, and joins them.

    Any executor of the form of `concurrent.futures` will do: processes or threads of this machine,
    or those of a cluster, such as `dask.distributed.Client.get_executor()`, where all workers see
    the same folder. Call it again after a failure, with an executor that is alive: shards that are
    written are only verified, and of the others what is missing is computed.

    Arguments:
        ask: calls `pathflow.attribute(..., search=search)` with the search that it is given. It is
            sent to the workers, so for processes it must be a function of a module.
        search: where to write, and how; `shard` and `progress` are none.
        of: how many shards; several for each worker spread the work better than one.
        executor: who does it. It is left open.

    Returns:
        The run.

    Raises:
        ArgumentError: `of` is no number of shards, `search` is another search, has a shard or tells
            its progress, or `executor` is none.
        SettingsChangedError: the folder holds shards of another number of them.
        UnfinishedRunError: workers were lost (`BrokenExecutor`, `CancelledError`, `OSError`, or
            `KilledWorker` of Dask); the message names their shards.
        Exception: what else `ask` raises, as it is, and `PathflowError` of `pathflow.merge`. Shards
            that have not begun are then called off.

    Example:
        ```python
        def ask(search):
            return pf.attribute(graph, (x,), source="x", doi=doi, search=search)


        with ThreadPoolExecutor(2) as pool:
            run = pf.run_shards(ask, pf.EnumerateTo("runs/primary"), 4, pool)
        ```
    """
    shards = _shards(search, of)
    _check_executor(executor)
    check_counting(Path(search.folder), len(shards))
    waiting, lost = {}, []
    for shard in shards:
        try:
            waiting[executor.submit(_write, ask, replace(search, shard=shard))] = shard
        except RuntimeError as error:
            # A pool of which a process has died takes no more.
            lost.append((shard, error))
    for future in as_completed(waiting):
        try:
            future.result()
        except Exception as error:
            if isinstance(error, _LOST) or type(error).__name__ in _LOST_NAMES:
                lost.append((waiting[future], error))
                continue
            # The others would meet the same.
            for other in waiting:
                other.cancel()
            raise
    if lost:
        lost.sort(key=lambda at: at[0].index)
        names = ", ".join(str(shard.index) for shard, _ in lost)
        cause = lost[0][1]
        raise UnfinishedRunError(
            f"{search.folder}: of {of} shards, {names} failed, the first of them with "
            f"{type(cause).__name__}: {cause}. Call it again with an executor that is alive: what "
            "is written is kept."
        ) from cause
    return merge(search.folder)


def _shards(search: EnumerateTo, of: int) -> list[Shard]:
    if not isinstance(search, EnumerateTo):
        raise ArgumentError(
            f"run_shards(search={search!r:.60}) takes a search that writes to a folder, as "
            'pathflow.EnumerateTo("runs/primary").'
        )
    number = whole_number(of)
    if number is None or number < 1:
        raise ArgumentError(f"run_shards(of={of!r}) takes a number of shards, 1 or more.")
    if search.shard is not None or search.progress is not None:
        raise ArgumentError(
            "run_shards(search=...) chooses the shards itself, and workers cannot tell their "
            "progress here; leave out EnumerateTo(shard=..., progress=...)."
        )
    return [Shard(index, number) for index in range(number)]


def _check_executor(executor: Any) -> None:
    if not callable(getattr(executor, "submit", None)):
        raise ArgumentError(
            f"run_shards(executor={executor!r:.60}) takes an executor, as "
            "concurrent.futures.ProcessPoolExecutor(2) or dask.distributed.Client.get_executor()."
        )


def _write(ask: Callable[[EnumerateTo], Any], search: EnumerateTo) -> None:
    ask(search)
