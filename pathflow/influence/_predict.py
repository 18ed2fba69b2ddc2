"""`predict_memory`: how many bytes a question takes, before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import jax

from pathflow._described import described
from pathflow._errors import ArgumentError
from pathflow.evaluation import MATMUL_PRECISION
from pathflow.graph import Node
from pathflow.influence._attribute import DEFAULT_SEARCH
from pathflow.influence._search import AbstractSearch, AbstractSizedSearch
from pathflow.influence.enumeration._enumerate_to import EnumerateTo
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import make_problem
from pathflow.influence.question._work import checks_bytes, context_bytes
from pathflow.interest import AbstractDoI
from pathflow.tracing import TracedGraph


@final
@dataclass(frozen=True)
class Footprint:
    """The bytes that a question takes at one time, beside its arguments and its graph: an estimate
    made from sizes alone.

    Arguments:
        context: what is computed from the arguments once, such as the slices of a gate's weights.
        checks: the untouched function's derivative, which the audit compares with.
        result: the influences, and what is held beside them whatever the tiles.
        tile: values, partials, tangents and cotangents of the points and examples that are worked
            on together.
        after: what putting the result together takes when all tiles are done.
        n_points: how many points of interest there are.
        points: how many of them are worked on together.
        examples: how many examples are worked on together.
        paths: how many paths there are.
    """

    context: int
    checks: int
    result: int
    tile: int
    after: int
    n_points: int
    points: int
    examples: int
    paths: int

    @property
    def peak(self) -> int:
        """The most bytes at one time: the audit's derivative is done before the first tile."""
        return self.context + max(self.checks, self.result + max(self.tile, self.after))

    def __str__(self) -> str:
        return (
            f"{_mega(self.peak)}: {_mega(self.context)} of context, and the larger of "
            f"{_mega(self.checks)} for the audit and {_mega(self.result)} of results with "
            f"{_mega(max(self.tile, self.after))} for {self.points:,} of {self.n_points:,} points "
            f"of {self.examples:,} example(s) at a time"
        )


def _mega(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"


def predict_memory(
    graph: TracedGraph,
    args: Sequence[Any],
    *,
    source: Node | str | Sequence[Node | str],
    doi: AbstractDoI,
    target: Node | str | None = None,
    qoi: Any = None,
    in_axes: Any = None,
    search: AbstractSearch[Any] = DEFAULT_SEARCH,
) -> Footprint:
    """How much memory `pathflow.attribute` with the same arguments takes, and for what.

    Nothing of the paths is computed; the sources' values are, for the shapes of the points. What
    the compiler itself takes, the first time, is not in it. With `Line(tol=...)` it is that of the
    points that the line begins with.

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as for `pathflow.attribute`.
        source: a node's label, or several.
        doi: the distribution of interest.
        target: a scalar node, or None.
        qoi: another quantity of interest, or None.
        in_axes: which axis of each argument holds examples.
        search: `Enumerate`, `Aggregate`, `Conductance` or `Refine`; how much of its
            `memory=` another search comes to use, only running it shows.

    Returns:
        The bytes, an estimate: of seven measured questions it was within a factor of 1.5
        (`python -m benchmarks.memory`), but half of what an untagged scan of 200 steps took, and
        1.86 times what convolutions of a batch did.

    Raises:
        ArgumentError: the search cannot be predicted.
        TooManyPathsError: the paths do not fit the search's budget.
        PathflowError: as by `pathflow.attribute`, where the question cannot be asked.

    Example:
        ```python
        graph = pf.trace(model, x, qoi=pf.LogitDifference(3, 5))
        print(pf.predict_memory(graph, (x,), source="x", doi=pf.Line(jnp.zeros_like(x))))
        ```
    """
    if not isinstance(search, AbstractSearch):
        raise ArgumentError(
            "predict_memory(search=...) takes a search such as Enumerate(), got "
            f"{described(search)}."
        )
    if isinstance(search, EnumerateTo):
        raise ArgumentError(
            "predict_memory(search=EnumerateTo(...)): its block and tiles are chosen to "
            "keep to its argument memory=, whatever the question."
        )
    if not isinstance(search, AbstractSizedSearch):
        raise ArgumentError(
            f"predict_memory(search={type(search).__name__}(...)): how much such a search holds "
            "depends on the influences that it meets; its argument memory= is what it keeps to."
        )
    with jax.default_matmul_precision(MATMUL_PRECISION):
        problem = make_problem(graph, args, source, target, doi, qoi, in_axes, "predict_memory")
        n_points = points_of(problem, doi, slice(0, 1)).count
        work = search.work(problem, n_points)
        return Footprint(
            context=context_bytes(problem),
            checks=checks_bytes(problem, n_points) if work.checked else 0,
            result=work.held,
            tile=work.tile,
            after=work.after,
            n_points=n_points,
            points=work.points,
            examples=work.examples,
            paths=problem.space.count,
        )
