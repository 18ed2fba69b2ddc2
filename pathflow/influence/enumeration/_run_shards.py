"""All shards of a run, by the workers of an executor."""

from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from typing import Any

from pathflow._errors import ArgumentError, PathflowError, RunLockedError, UnfinishedRunError
from pathflow.influence.enumeration._enumerate_to import EnumerateTo
from pathflow.influence.enumeration._merge import merge
from pathflow.results import Run
from pathflow.storage import Shard


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
        ArgumentError: `of` is no number of shards, or `search` has a shard or tells its progress.
        UnfinishedRunError: workers were lost; the message names their shards.
        PathflowError: what `ask` raises, and `pathflow.merge`. Shards that have not begun are then
            called off.

    Example:
        ```python
        def ask(search):
            return pf.attribute(graph, (x,), source="x", doi=doi, search=search)


        with ThreadPoolExecutor(2) as pool:
            run = pf.run_shards(ask, pf.EnumerateTo("runs/primary"), 4, pool)
        ```
    """
    shards = _shards(search, of)
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
        except RunLockedError as error:
            # A worker that was thought lost still writes it.
            lost.append((waiting[future], error))
        except PathflowError:
            # The others would meet the same.
            for other in waiting:
                other.cancel()
            raise
        except Exception as error:  # noqa: BLE001  (each executor has errors of its own)
            lost.append((waiting[future], error))
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
    if type(of) is not int or of < 1:
        raise ArgumentError(f"run_shards(of={of!r}) takes a number of shards, 1 or more.")
    if search.shard is not None or search.progress is not None:
        raise ArgumentError(
            "run_shards(search=...) chooses the shards itself, and workers cannot tell their "
            "progress here; leave out EnumerateTo(shard=..., progress=...)."
        )
    return [Shard(index, of) for index in range(of)]


def _write(ask: Callable[[EnumerateTo], Any], search: EnumerateTo) -> None:
    ask(search)
