"""`pathflow aggregate`."""

import pathflow as pf
from pathflow.exports import facts_of

from ._checks import bytes_of, check_new, in_options
from ._options import Aggregate
from ._output import class_rows, saved, warn_of_audit, with_command, write, write_json
from ._progress import progress
from ._setup import problem_of


def run(options: Aggregate) -> None:
    """Computes sums over classes of paths, prints them, and saves them where that is asked for."""
    check_new(options.out)
    patterns = parse_classes(options.classes)
    memory = bytes_of(options.memory)
    problem = problem_of(options)
    with progress("classes", quiet=options.quiet) as told, in_options():
        search = pf.Aggregate(patterns, execution=pf.OnGraph(memory=memory, progress=told))
        result = problem.attribute(search)
    result = with_command(result, options)
    with saved(result, options.out):
        warn_of_audit(result)
        if options.json:
            write_json({**facts_of(result), "rows": class_rows(result)})
        else:
            write(f"{result}\n{result.audit}")


def parse_classes(texts: tuple[str, ...]) -> dict[str, pf.Pattern]:
    """Patterns by name.

    Arguments:
        texts: each `NAME=PATTERN`.

    Raises:
        ArgumentError: there is none, one has another form, or a name comes twice.
        PatternError: a pattern is none.
    """
    found: dict[str, pf.Pattern] = {}
    for text in texts:
        name, equals, pattern = text.partition("=")
        if not equals or not name.strip():
            raise pf.ArgumentError(
                f"{text!r} is not of the form NAME=PATTERN, as in 'memory=.* c1+ h1 qoi'."
            )
        if name in found:
            raise pf.ArgumentError(f"the class {name!r} comes twice; name each once.")
        found[name] = pf.Pattern.parse(pattern)
    if not found:
        raise pf.ArgumentError("name at least one class of paths, as NAME=PATTERN.")
    return found
