"""`pathflow attribute`."""

from collections.abc import Callable
from typing import Any

import pathflow as pf
from pathflow.exports import facts_of
from pathflow.results import short_integer

from ._options import Attribute
from ._output import ORDERS, head_of, row_facts, rows_text, save, warn_of_audit, with_command, write
from ._output import write_json as write_object
from ._progress import progress
from ._setup import problem_of


def run(options: Attribute) -> None:
    """Computes the influences of paths, prints the first, and saves them where that is asked for.

    Raises:
        ArgumentError: options contradict each other.
    """
    _check(options)
    problem = problem_of(options)
    with progress("paths", quiet=options.quiet) as told:
        result = problem.attribute(_search(options, told))
    result = with_command(result, options)
    save(result, options.out)
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
    if not options.memory > 0:
        raise pf.ArgumentError(f"--memory {options.memory} takes a number of GiB above 0.")


def _search(options: Attribute, told: Callable[[float], None] | None) -> Any:
    memory = max(1, int(options.memory * 2**30))
    common = {"by": ORDERS[options.by], "pattern": options.pattern, "progress": told}
    if options.top is not None:
        return pf.TopK(options.top, memory=memory, **common)
    if options.above is not None:
        return pf.Above(options.above, memory=memory, **common)
    return pf.Enumerate(memory=memory, progress=told)
