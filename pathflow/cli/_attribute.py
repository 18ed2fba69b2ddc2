"""`pathflow attribute`."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pathflow as pf
from pathflow.exports import facts_of
from pathflow.results import short_integer

from ._checks import bytes_of, check_new, check_rows, in_options, shard_of
from ._options import Attribute, Merge
from ._output import (
    ORDERS,
    head_of,
    log,
    row_facts,
    rows_text,
    saved,
    warn_of_audit,
    with_command,
    write,
)
from ._output import write_json as write_object
from ._progress import progress
from ._setup import problem_of


def run(options: Attribute) -> None:
    """Computes the influences of paths, prints the first, and saves them where that is asked for.

    Raises:
        ArgumentError: an option is outside what is allowed, or two contradict each other.
        RunExistsError: the folder to save in is there already.
    """
    _check(options)
    problem = problem_of(options)
    with progress("paths", quiet=options.quiet) as told, in_options():
        result = problem.attribute(_search(options, told))
    if isinstance(result, pf.Run):
        log.info("saved in %s", result.folder)
        print_run(result, options)
        return
    result = with_command(result, options)
    with saved(result, options.out):
        _print(result, options)


def print_run(run: pf.Run, options: Attribute | Merge) -> None:
    """Prints a run that is on disk: its first paths, or, of a part of one, how much there is."""
    if run.complete and run.shard is None:
        _print(run, options)
        return
    count, part = run.n_blocks, "a part" if run.shard is None else str(run.shard)
    written = len(set(run.manifest.arrays["influences"].written(run.folder)) & set(run.numbers))
    if options.json:
        shard = None if run.shard is None else {"index": run.shard.index, "of": run.shard.of}
        facts = {"result": "Run", "folder": str(run.folder), "shard": shard}
        write_object({**facts, "complete": run.complete, "written": written, "blocks": count})
        return
    write(f"{part} of {short_integer(run.space.count)} paths, {written:,} of {count:,} blocks")


def _print(result: Any, options: Attribute | Merge) -> None:
    warn_of_audit(result)
    listed = isinstance(result, pf.Ranked)
    order = ORDERS[options.by]
    rows = result.top(options.rows) if listed else result.top(options.rows, order)
    if options.json:
        write_object({**facts_of(result), "rows": [row_facts(row) for row in rows]})
        return
    count = len(result) if listed else result.space.count
    what = f"{short_integer(result.space.count)} paths"
    lines = [head_of(result, what), *rows_text(rows, len(rows), count)]
    if listed:
        lines.append(str(result.certificate))
    write("\n".join([*lines, str(result.audit)]))


def _check(options: Attribute) -> None:
    if options.top is not None and options.above is not None:
        raise pf.ArgumentError("--top and --above are two searches; give one of them, or none.")
    if options.pattern is not None and options.top is None and options.above is None:
        raise pf.ArgumentError(
            "--pattern chooses among the paths of --top or --above; give one of them, or sum over "
            "the pattern with `pathflow aggregate`."
        )
    if options.top is not None and options.top < 1:
        raise pf.ArgumentError(f"--top {options.top} takes a number of paths of at least 1.")
    if options.above is not None and not 0 < options.above < math.inf:
        raise pf.ArgumentError(
            f"--above {options.above} takes a positive number; leave it out for all paths."
        )
    check_rows(options.rows)
    bytes_of(options.memory)
    _check_blocks(options)
    if not _in_blocks(options):
        check_new(options.out, resumed=options.top is None and options.above is None)


def _in_blocks(options: Attribute) -> bool:
    return options.resume or options.shard is not None


def _check_blocks(options: Attribute) -> None:
    given = {"--resume": options.resume, "--shard": options.shard is not None}
    asked = next((name for name, there in given.items() if there), None)
    if asked is None:
        if options.block is not None:
            raise pf.ArgumentError("--block goes with --resume or --shard; leave it out.")
        return
    if options.out is None:
        raise pf.ArgumentError(f"{asked} writes block by block; give the folder by --out.")
    if options.top is not None or options.above is not None:
        raise pf.ArgumentError(
            f"{asked} is for all paths, and --top and --above find the first; leave one out."
        )
    if options.block is not None and options.block < 1:
        raise pf.ArgumentError(f"--block {options.block} takes a number of influences, 1 or more.")
    shard_of(options.shard)


def _search(options: Attribute, told: Callable[[float], None] | None) -> Any:
    memory = bytes_of(options.memory)
    common = {"by": ORDERS[options.by], "pattern": options.pattern, "progress": told}
    if options.top is not None:
        return pf.TopK(options.top, memory=memory, **common)
    if options.above is not None:
        return pf.Above(options.above, memory=memory, **common)
    if _in_blocks(options) and options.out is not None:
        shard = shard_of(options.shard)
        found = pf.EnumerateTo(options.out, memory=memory, progress=told, shard=shard)
        return found if options.block is None else replace(found, block=options.block)
    return pf.Enumerate(memory=memory, progress=told)
