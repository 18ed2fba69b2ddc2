"""What the searches that grow paths start from."""

from dataclasses import dataclass, replace

import numpy as np

from pathflow._errors import NonFiniteError, NoPathError
from pathflow.evaluation import live_paths
from pathflow.graph import PatternLike, Trellis, explain_no_match
from pathflow.influence.aggregation._aggregate import Aggregate
from pathflow.influence.branching._hops import searched
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.question._audit import Checks, audit_of_sums, refined
from pathflow.influence.question._problem import Problem
from pathflow.interest import AbstractDoI
from pathflow.results import Audit


@dataclass(frozen=True, eq=False)
class Prospect:
    """The paths of a search and the model at the points of interest.

    Arguments:
        doi: the distribution, with as many points as its tolerance asks for.
        checks: the untouched function at its points.
        trellis: all paths that the search is about.
        landscape: of those that can carry anything; None where there are none.
    """

    problem: Problem
    doi: AbstractDoI
    checks: Checks
    trellis: Trellis
    landscape: Landscape | None


def prospect(problem: Problem, pattern: PatternLike | None) -> Prospect:
    """Evaluates the model, for the paths that match a pattern or for all."""
    trellis = searched(problem.space, pattern)
    live = live_paths(problem.traced, problem.space)
    doi, checks = refined(problem)
    carrying = None if live.space is None else searched(live.space, pattern)
    landscape = None
    if carrying is not None and carrying.count:
        landscape = Landscape(problem, doi, live, carrying)
    return Prospect(problem, doi, checks, trellis, landscape)


def some_path(problem: Problem, pattern: PatternLike | None) -> Prospect:
    """What `prospect` finds, for a search that needs a path.

    Raises:
        NoPathError: the pattern matches none; it says why.
    """
    found = prospect(problem, pattern)
    if pattern is not None and not found.trellis.count:
        raise NoPathError(explain_no_match(problem.space, pattern))
    return found


def sum_over_paths(landscape: Landscape, totals: dict[int, np.ndarray]) -> np.ndarray:
    """The sum of all paths' influences, `(examples,)`, from the sums of all endings.

    Arguments:
        landscape: the paths.
        totals: at least for every source, the sum of all its endings' cotangents.

    Raises:
        NonFiniteError: it is NaN or infinite.
    """
    total = np.zeros(landscape.examples or 1)
    for source in landscape.hops.trellis.sources:
        total += landscape.flow(landscape.start(source), totals[source])[0]
    # A partial that is not finite makes the sum over all paths so too.
    if not np.all(np.isfinite(total)):
        raise NonFiniteError(
            "The influence of some path is NaN or infinite although all activations are finite: a "
            "partial along it is (as that of a square root at zero); choose points where the model "
            "is differentiable, such as a line that does not end there."
        )
    return total


def total_cotangents(landscape: Landscape) -> dict[int, np.ndarray]:
    """For every junction the sum of the cotangents of all endings: the derivative of the target."""
    totals: dict[int, np.ndarray] = {}
    for u in reversed(landscape.hops.junctions):
        after = landscape.hops.after[u]
        if after:
            pulled = (landscape.pull(hop, totals[hop.end][None])[0] for hop in after)
            totals[u] = np.sum(list(pulled), axis=0)
        else:
            totals[u] = np.ones(landscape.axes, landscape.node(u).dtype)
    return totals


def total_audit(
    found: Prospect, pattern: PatternLike | None, total: np.ndarray, scale: np.ndarray
) -> Audit:
    """The audit of a sum over the paths of a search, which came backward from the target.

    It is compared with the derivative of the untouched function, or where a pattern leaves paths
    out, with a sum that comes forward and is compared with that derivative itself.

    Arguments:
        found: what the search started from.
        pattern: of its paths.
        total: the sum, `(examples,)`.
        scale: `(examples,)`: no more than the sum of the absolute influences, so that the residual
            is never too small.
    """
    problem = found.problem
    if pattern is None:
        what = "the known part of the paths' absolute sum"
        return audit_of_sums(problem, total, scale, found.checks, what)
    forward = Aggregate({"searched": pattern}).run(problem.with_doi(found.doi))
    apart = np.abs(np.asarray(forward["searched"]) - total) / np.where(scale > 0, scale, 1)
    structural = np.maximum(forward.audit.structural, apart if problem.examples else apart[0])
    return replace(forward.audit, structural=structural)
