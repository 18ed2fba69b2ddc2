"""What a result is checked against: the untouched function's derivative, and its change along the
line.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from pathflow._errors import NonFiniteError
from pathflow._user_warning import warn_user
from pathflow.influence.question._points import points_of
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._question import Question
from pathflow.influence.question._reference import Reference, reference, reference_sizes
from pathflow.interest import AbstractDoI, Line
from pathflow.results import Audit
from pathflow.tracing import Value


@dataclass(frozen=True)
class Checks:
    """The untouched function at the points of interest.

    Arguments:
        total: its derivative along the direction, weighted over points, `(examples,)`; None where
            JAX has none.
        change: its change from the baseline to the input, `(examples,)`; None where the points are
            no line.
        n_points: how many points there are.
    """

    total: np.ndarray | None
    change: np.ndarray | None
    n_points: int

    @property
    def gap(self) -> np.ndarray | None:
        """How far the total misses the change: the error of the quadrature."""
        return None if self.total is None or self.change is None else self.total - self.change


def checks_of(problem: Problem | Question, doi: AbstractDoI) -> Checks:
    """Evaluates the untouched function, some examples at a time."""
    if problem.examples is None:
        return _checks(problem, doi, slice(None), None)
    parts = []
    _, size = reference_sizes(problem.program)
    for start in range(0, problem.examples, size):
        stop = min(start + size, problem.examples)
        # The last slice overlaps the one before, so that all have one size and compile once.
        begin = max(0, stop - size)
        part = _checks(problem, doi, slice(begin, stop), stop - begin)
        parts.append((part, slice(start - begin, None)))
    total, change = (
        None
        if getattr(parts[0][0], name) is None
        else np.concatenate([getattr(p, name)[s] for p, s in parts])
        for name in ("total", "change")
    )
    return Checks(total, change, parts[0][0].n_points)


def _checks(
    problem: Problem | Question, doi: AbstractDoI, examples: slice, count: int | None
) -> Checks:
    points = points_of(problem, doi, examples)
    axis = 0 if count is None else 1
    values = list(points.values)
    ends = points.endpoints
    if ends is not None:
        bases = points_of_sources(problem, examples)
        values = [
            Value(
                jnp.concatenate(
                    [v.array, *(jnp.expand_dims(e.array, axis) for e in (start, base))], axis
                ),
                v.batched,
                True,
            )
            for v, start, base in zip(values, ends, bases, strict=True)
        ]
    args = [Value(a.array[examples], True) if a.batched else a for a in problem.args]
    found = reference(
        problem.program, args, problem.sources, problem.target, values, points.direction, count
    )
    if found is None:
        return Checks(None, None, points.count)
    return _weighted(found, np.asarray(points.weights, np.float64), line=ends is not None)


def _weighted(found: Reference, weights: np.ndarray, *, line: bool) -> Checks:
    n = weights.shape[-1]
    total = np.atleast_1d((found.derivatives[..., :n] * weights).sum(-1))
    change = np.atleast_1d(found.values[..., n + 1] - found.values[..., n]) if line else None
    return Checks(total, change, n)


def points_of_sources(problem: Problem | Question, examples: slice) -> list[Value]:
    """The sources' own values, for some examples."""
    return [Value(v.array[examples], True) if v.batched else v for v in problem.source_values]


def refined(problem: Problem | Question) -> tuple[AbstractDoI, Checks]:
    """The distribution with as many points as its tolerance asks for, and the checks at them."""
    doi = problem.doi
    checks = checks_of(problem, doi)
    if not isinstance(doi, Line) or doi.tol is None:
        return doi, checks
    while (
        checks.gap is not None
        and np.max(np.abs(checks.gap)) > doi.tol
        and doi.n_steps < doi.max_steps
    ):
        doi = doi.with_steps(min(2 * doi.n_steps, doi.max_steps))
        checks = checks_of(problem, doi)
    if checks.gap is not None and np.max(np.abs(checks.gap)) > doi.tol:
        warn_user(
            f"Line(tol={doi.tol}) is not reached: with {doi.n_steps} points the completeness gap "
            f"is {np.max(np.abs(checks.gap)):.2e}; raise max_steps, use float64, or accept a "
            "larger tol.",
            UserWarning,
        )
    return doi, checks


def make_audit(problem: Problem, influences: np.ndarray, checks: Checks) -> Audit:
    """The residuals of a result that holds all paths.

    Raises:
        NonFiniteError: an influence is NaN or infinite although every activation is finite.
    """
    rows = np.atleast_2d(influences)
    check_finite(problem, rows)
    sums = rows.sum(axis=1, dtype=np.float64)
    scale = np.abs(rows).sum(axis=1, dtype=np.float64)
    return audit_of_sums(problem, sums, scale, checks, "the paths' absolute sum")


def audit_of_sums(
    problem: Problem | Question,
    sums: Float64[np.ndarray, " B"],
    scale: Float64[np.ndarray, " B"],
    checks: Checks,
    what: str,
    inner: Float64[np.ndarray, " B"] | float = 0.0,
) -> Audit:
    """The residuals of a result whose parts add up to `sums`.

    Arguments:
        problem: what was asked.
        sums: the sum over all paths, for each example.
        scale: the size that rounding errors are measured against, for each example.
        checks: the untouched function at the points of interest.
        what: what the scale is, in words.
        inner: what the result's parts miss each other by; the larger difference counts.
    """
    if checks.total is None:
        structural = np.full(len(sums), np.nan)
        total = np.full(len(sums), np.nan)
    else:
        total = checks.total
        structural = structural_residual(sums, total, scale, inner)
    return Audit(
        structural=_shaped(structural, problem),
        reference_total=_shaped(total, problem),
        quadrature=None if checks.gap is None else _shaped(checks.gap, problem),
        n_steps=checks.n_points,
        blocked=problem.blocked,
        dtype=_coarsest(problem),
        scale=what,
    )


def structural_residual(
    sums: Float64[np.ndarray, " B"],
    total: Float64[np.ndarray, " B"],
    scale: Float64[np.ndarray, " B"],
    inner: Float64[np.ndarray, " B"] | float = 0.0,
) -> Float64[np.ndarray, " B"]:
    """How far sums are from the untouched function's derivative, relative to a scale."""
    gap = np.maximum(np.abs(sums - total), inner)
    # Where every influence is zero the total must be zero too, and its absolute size is the
    # residual.
    return gap / np.where(scale > 0, scale, 1.0)


def _coarsest(problem: Problem | Question) -> str:
    """The lowest precision that an influence passes; it bounds how well sums can agree."""
    return max(problem.dtypes, key=lambda d: float(jnp.finfo(d).eps))


def check_finite(
    problem: Problem, rows: np.ndarray, first_example: int = 0, first_rank: int = 0
) -> None:
    """Refuses influences that are NaN or infinite.

    Arguments:
        problem: what was asked.
        rows: `(examples, paths)`, of all paths or of some that follow each other.
        first_example: the number of the first row.
        first_rank: the rank of the first column.

    Raises:
        NonFiniteError: one is; it names the path.
    """
    # Per path only where the sum is not finite: most results are, and hold millions of paths.
    bad = np.flatnonzero(~np.isfinite(rows.sum(axis=1, dtype=np.float64)))
    if not bad.size:
        return
    where = np.flatnonzero(~np.isfinite(rows[bad[0]]))
    rank = first_rank + int(where[0]) if where.size else 0
    path = f"path {str(problem.space.unrank(rank))!r}" if where.size else "all paths"
    example = "" if problem.examples is None else f" of example {first_example + bad[0]}"
    raise NonFiniteError(
        f"The influence of {path}{example} is NaN or infinite although all activations are finite: "
        "a partial along it is (as that of a square root at zero); choose points where the model "
        "is differentiable, such as a line that does not end there.",
        example=None if problem.examples is None else first_example + int(bad[0]),
    )


def _shaped(values: np.ndarray, problem: Problem | Question) -> np.ndarray | np.floating:
    return values if problem.examples is not None else values[0]
