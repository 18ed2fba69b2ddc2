"""`attribute`: how much of a quantity of interest flows along which path."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import jax

from pathflow._described import described
from pathflow._errors import ArgumentError
from pathflow.evaluation import MATMUL_PRECISION
from pathflow.graph import Node
from pathflow.influence._search import AbstractSearch
from pathflow.influence.enumeration._enumerate import Enumerate
from pathflow.influence.question._blame import traced_to_partial
from pathflow.influence.question._origin import with_question
from pathflow.influence.question._problem import make_problem
from pathflow.interest import AbstractDoI
from pathflow.tracing import TracedGraph

Result = TypeVar("Result")

# A default cannot decide what a type variable stands for, so it has the type of any search.
DEFAULT_SEARCH = cast("Any", Enumerate())


def attribute(
    graph: TracedGraph,
    args: Sequence[Any],
    *,
    source: Node | str | Sequence[Node | str],
    doi: AbstractDoI,
    target: Node | str | None = None,
    qoi: Any = None,
    in_axes: Any = None,
    search: AbstractSearch[Result] = DEFAULT_SEARCH,
) -> Result:
    """The influences of the paths from a source to a target (Definition 6).

    For a path `p = (n_0, ..., n_m)`, points `x_k` with weights `w_k` and a direction `d`,

        chi_p = sum_k w_k < 1, J[n_{m-1} -> n_m](x_k) ... J[n_0 -> n_1](x_k) d >.

    The points replace the source's value, whatever node it is, and everything after it is computed
    again. The influences of all paths add up to the derivative of the target along `d`, which the
    result's audit checks against `jax.jvp` of the untouched function.

    Arguments:
        graph: what `pathflow.trace` returned.
        args: the function's arguments, as a tuple; of the shapes it was traced with, beside the
            axes in `in_axes`.
        source: a node's label, or several: then the distribution moves all of them together (a
            tuple of baselines), and edges into a source are cut.
        doi: the distribution of interest (Definition 3), such as `pathflow.Line(baseline)`.
        target: a scalar node; by default the quantity of interest, or the function's only output.
        qoi: another quantity of the kind that the graph was traced with, in place of that one.
        in_axes: which axis of each argument holds examples, as in `jax.vmap`; None for one example.
            Arrays of `doi` and `qoi` are per example when they have one axis more than one example
            needs.
        search: how the paths are gone through; `pathflow.Enumerate()` finds all, and
            `pathflow.Aggregate` sums over classes of paths of any number.

    Returns:
        What the search finds, with its audit: of `Enumerate` an `Attribution` with the influences,
        `(paths,)` or `(examples, paths)`.

    Raises:
        UnknownNodeError: a label names no node.
        NoPathError: a source does not reach the target.
        NotDifferentiableError: a node holds integers, or all paths pass integers or
            `stop_gradient`.
        ShapeError: the target is no scalar; an argument or an array of `doi` has a wrong shape or
            dtype. `X64DisabledError`, one of these: it is float64, and JAX's x64 is off.
        NonFiniteError: an activation or a partial is NaN or infinite; it names the first node, or
            the first edge, with the example and the point.
        DecisionChangedError: a branch or loop goes another way at a point of interest than in the
            graph.
        TooManyPathsError: the paths do not fit the search's budget; raised before any work.

    Example:
        ```python
        graph = pf.trace(model, x, qoi=pf.LogitDifference(3, 5))
        result = pf.attribute(graph, (x,), source="x", doi=pf.Line(jnp.zeros_like(x)))
        result.top(5)
        ```
    """
    if not isinstance(search, AbstractSearch):
        raise ArgumentError(
            f"attribute(search=...) takes a search such as Enumerate(), got {described(search)}."
        )
    with jax.default_matmul_precision(MATMUL_PRECISION):
        problem = make_problem(graph, args, source, target, doi, qoi, in_axes)
        with traced_to_partial(problem):
            return with_question(search.run(problem), problem)
