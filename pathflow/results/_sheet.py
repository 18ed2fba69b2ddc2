"""What the interactive page shows of a result."""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.page import Parts, Sheet

from ._amount import amount, check_finite
from ._audit import Audit
from ._plain_audit import plain_audit
from ._refinement import Refinement


@singledispatch
def sheet_of(result: Any) -> Sheet:
    """The sheet of a result. A kind of results says what is shown of it by registering here.

    Raises:
        ArgumentError: nothing is known to be shown of such a result.
        NonFiniteError: an influence is NaN or infinite.
    """
    raise ArgumentError(
        f"results holds a {type(result).__name__}; a page shows an Attribution, Ranked, "
        "Aggregation or Conductances."
    )


def rows_of(name: str, values: Any) -> np.ndarray:
    """Numbers with one row per example, or a single row.

    Raises:
        NonFiniteError: one is NaN or infinite, and so has no place on a page that adds up.
    """
    rows = np.atleast_2d(np.asarray(values))
    check_finite(name, rows, "a page could not add them up")
    # NumPy has no operations, and the page no numbers, of less than 32 bits.
    wide = rows.dtype == np.float64
    return np.asarray(rows, np.float64 if wide else np.float32)


def make_sheet(
    heading: str, total: Any, n_examples: int | None, audit: Audit, **what: Any
) -> Sheet:
    """A sheet with what every result has.

    Arguments:
        heading: what was asked, in words.
        total: the sum over all paths, one number per example for a batch.
        n_examples: how many examples; None without an axis of them.
        audit: the result's checks.
        what: the other fields of a sheet.
    """
    totals = np.atleast_1d(np.asarray(amount(total), np.float64))
    return Sheet(heading, totals, n_examples is not None, audit.ok, plain_audit(audit), **what)


def parts_of_refinements(
    refinements: Sequence[Refinement], n_examples: int | None
) -> tuple[Parts, ...]:
    """Every divided node of some refinements, with what each of its parts carries.

    Raises:
        ArgumentError: a refinement has another number of examples than the result it goes with.
    """
    found = []
    for refined in refinements:
        if refined.n_examples not in (None, n_examples):
            raise ArgumentError(
                f"refinements holds one of {refined.n_examples} examples beside a result of "
                f"{n_examples}; refine that result, or take the `mean()` of the refinement."
            )
        for node, names in zip(refined.table.nodes, refined.table.names, strict=True):
            influences = rows_of("influences of parts", refined.by_part(node))
            found.append(Parts(node, refined.paths, names, influences))
    return tuple(found)
