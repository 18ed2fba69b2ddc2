"""Results as one interactive page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pathflow._errors import ArgumentError
from pathflow.page import Sheet, make_page
from pathflow.storage import path_of, write_file

from ._refinement import Refinement
from ._sheet import parts_of_refinements, sheet_of

_V = TypeVar("_V")

MAX_BYTES = 2_000_000
_SHOWN = 40


class Paged:
    """A result that a page shows."""

    def save_html(self, path: str | PathLike[str], **options: Any) -> FilePath:
        """Writes an interactive page, one file that needs no network; see `pathflow.save_html`.

        Arguments:
            path: the file to write.
            options: those of `pathflow.save_html`, such as `title` and `examples`.

        Returns:
            The file's path.

        Raises:
            NonFiniteError: an influence is NaN or infinite.
        """
        return save_html(self, path, **options)


def save_html(
    results: Any,
    path: str | PathLike[str],
    *,
    title: str = "Influence paths",
    examples: Sequence[str] | Mapping[str, Sequence[str]] = (),
    column_labels: Sequence[str] | Mapping[str, Sequence[str]] = (),
    refinements: Sequence[Refinement] | Mapping[str, Sequence[Refinement]] = (),
    max_bytes: int = MAX_BYTES,
) -> FilePath:
    """Writes one or several results as an interactive page: one file, which needs no network.

    The page shows the graph with what flows along it, the paths by their influence, exact sums over
    the paths of any pattern, the smallest set of paths that carries a part of the influence, and
    the audit.

    Arguments:
        results: an `Attribution`, `Ranked`, `Aggregation` or `Conductances`, or several by name,
            between which the page switches (conditions, say).
        path: the file to write; one that exists is replaced, once all of the new one is on the
            disk. Folders on the way are made.
        title: the page's title.
        examples: what to call the examples of a batch, such as their sentences; by name for several
            results.
        column_labels: what to write under the columns of a graph with time and layers instead of
            the loop index: one per column, a last column for nodes behind the loop included; by
            name for several results.
        refinements: `pathflow.refine`'s, whose nodes the page then takes apart; by name for several
            results.
        max_bytes: about how large the file may be. Single examples, then digits, then the smallest
            paths are left out until it fits, and the page says exactly what.

    Returns:
        The file's path.

    Raises:
        ArgumentError: there is no result, or one that has no page; names do not fit; an argument is
            of another kind; the size is too small for any page.
        NonFiniteError: an influence is NaN or infinite.
        RunWriteError: the system refuses (`DiskFullError` where there is no room).

    Example:
        ```python
        pf.save_html({"SS": singular, "SP": attracted}, "conditions.html")
        ```
    """
    file = path_of(path, "path")
    _check_options(title, max_bytes)
    named: Mapping[str, Any] = results if isinstance(results, Mapping) else {"": results}
    if not all(isinstance(name, str) for name in named):
        raise ArgumentError(f"results has the names {[*named]!r}; name every result by a text.")
    labels = _by_name("examples", examples, named)
    columns = _by_name("column_labels", column_labels, named)
    refined = _by_name("refinements", refinements, named)
    sheets = {
        name: _complete(
            sheet_of(result), labels.get(name, ()), columns.get(name, ()), refined.get(name, ())
        )
        for name, result in named.items()
    }
    # Half of a surrogate pair, which no file holds, is written as its escape.
    write_file(file, make_page(sheets, title, max_bytes).encode("utf-8", "backslashreplace"))
    return file


def _check_options(title: Any, max_bytes: Any) -> None:
    if not isinstance(title, str):
        raise ArgumentError(f"title={title!r} is no text; give one, which may be empty.")
    if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1:
        raise ArgumentError(f"max_bytes={max_bytes!r} is no size; give a number of bytes over 0.")


def _by_name(
    argument: str, given: Sequence[_V] | Mapping[str, Sequence[_V]], results: Mapping[str, Any]
) -> Mapping[str, Sequence[_V]]:
    """What belongs to which result: a sequence alone belongs to the only one."""
    if not isinstance(given, Mapping):
        listed = _listed(argument, given)
        if listed and len(results) > 1:
            raise ArgumentError(
                f"{argument} is one list for {len(results)} results; give a dictionary with the "
                f"names {', '.join(map(repr, results))}."
            )
        return dict.fromkeys(results, listed)
    unknown = [name for name in given if name not in results]
    if unknown:
        raise ArgumentError(
            f"{argument} names {unknown[0]!r}, which is no result; there are "
            f"{', '.join(map(repr, results))}."
        )
    return {name: _listed(f"{argument}[{name!r}]", values) for name, values in given.items()}


def _listed(argument: str, given: Any) -> tuple[Any, ...]:
    # A text would be taken for the list of its letters.
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise ArgumentError(
            f"{argument} is {type(given).__name__} {str(given)[:_SHOWN]!r}; give a list."
        )
    return tuple(given)


def _complete(
    sheet: Sheet,
    examples: Sequence[str],
    columns: Sequence[str],
    refinements: Sequence[Refinement],
) -> Sheet:
    """A sheet with what only the caller knows."""
    size = len(sheet.totals) if sheet.batched else None
    if len(examples) not in (0, size):
        raise ArgumentError(
            f"examples holds {len(examples)} names for a result "
            + ("without an axis of examples." if size is None else f"of {size} examples.")
        )
    for refined in refinements:
        if not isinstance(refined, Refinement):
            raise ArgumentError(
                f"refinements holds a {type(refined).__name__}; give results of pathflow.refine."
            )
    parts = parts_of_refinements(refinements, size)
    named = {"examples": tuple(map(str, examples)), "columns": tuple(map(str, columns))}
    return replace(sheet, parts=parts, **named)
