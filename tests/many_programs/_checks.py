"""One random program, asked by every search, against brute force over its paths."""

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from time import perf_counter
from typing import Any

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

import pathflow as pf
from tests.helpers import (
    OUTPUT,
    BruteForce,
    BruteParts,
    OtherDecisionError,
    Program,
    brute_force,
    count_paths,
    line,
    pattern_matches,
    patterns,
    structure,
)
from tests.many_programs._tally import Tally

# Residuals are relative to the sum of the sizes of all path influences, or to this if that is less.
_SMALLEST = 1e-6
MAX_PATHS = 200
_ALPHAS, _WEIGHTS = np.array([0.25, 0.75]), np.full(2, 0.5)


class Case:
    """A random program at two points of a line, and what brute force says of it.

    Arguments:
        program: the program; its input is `x`.
        data: draws patterns and parts.
    """

    def __init__(self, program: Program, data: st.DataObject) -> None:
        self.program, self.data = program, data
        self.args = program.args()
        x = np.asarray(self.args[0])
        start = np.full_like(x, 0.1)
        self.points = line(start, x, _ALPHAS, _WEIGHTS)
        self.doi = pf.Line(jnp.asarray(start), n_steps=2, rule=pf.Midpoint())

    @cached_property
    def brute(self) -> BruteForce:
        """Every path's influence, with nothing of pathflow in it."""
        return brute_force(self.program, self.args, self.points)

    @cached_property
    def traced(self) -> pf.TracedGraph:
        return pf.trace(self.program.function(), *self.args)

    @cached_property
    def scale(self) -> float:
        return max(self.brute.scale, _SMALLEST)

    def ask(self, search: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.PatternWarning)
            return pf.attribute(
                self.traced, self.args, source="x", target=OUTPUT, doi=self.doi, search=search
            )

    def pattern(self) -> pf.Pattern:
        return self.data.draw(patterns(sorted(self.brute.graph), max_leaves=4))

    def matching(self, pattern: pf.Pattern) -> dict[tuple[str, ...], float]:
        """The paths that a pattern matches, by the meaning of patterns and no automaton."""
        return {
            path: influence
            for path, influence in self.brute.influences.items()
            if pattern_matches(pattern, [pf.Node.parse(label) for label in path])
        }

    def gap(self, found: Any, expected: Any) -> float:
        """The largest difference, relative to the sum of sizes."""
        return float(np.max(np.abs(np.subtract(found, expected)), initial=0.0)) / self.scale


def _enumerate(case: Case) -> float:
    result = case.ask(pf.Enumerate())
    labels = (tuple(map(str, result.space.unrank(i))) for i in range(result.space.count))
    found = dict(zip(labels, np.asarray(result.influences).tolist(), strict=True))
    extra = set(found) - set(case.brute.influences)
    if extra or not result.audit.ok:
        raise AssertionError(f"paths that do not exist: {extra}; audit: {result.audit}")
    # A path that pathflow leaves out is one that it holds to carry nothing.
    expected = case.brute.influences
    paths = case.gap([found.get(path, 0.0) for path in expected], list(expected.values()))
    return max(paths, case.gap(result.total, case.brute.total))


def _sums(case: Case, ask: Callable[[dict[str, pf.Pattern]], Any]) -> float:
    pattern = case.pattern()
    inside = sum(case.matching(pattern).values())
    result = ask({"in": pattern, "out": ~pattern})
    expected = (inside, case.brute.total - inside, case.brute.total, 0.0)
    if not result.audit.ok:
        raise AssertionError(f"audit: {result.audit}")
    return case.gap((result["in"], result["out"], result.total, result.rest), expected)


def _aggregate(case: Case) -> float:
    return _sums(case, lambda classes: case.ask(pf.Aggregate(classes)))


def _stream(case: Case) -> float:
    def ask(classes: dict[str, pf.Pattern]) -> Any:
        given: dict[str, Any] = {"source": "x", "target": OUTPUT, "doi": case.doi}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.PatternWarning)
            return pf.aggregate(case.program.function(), case.args, classes, **given)

    return _sums(case, ask)


def _first(case: Case) -> float:
    k = case.data.draw(st.integers(1, 6))
    result = case.ask(pf.TopK(k))
    every = case.brute.influences
    rows = [(tuple(map(str, result.space.unrank(r.rank))), r.influence) for r in result.rows]
    if not result.certificate.exact or not result.audit.ok or len(dict(rows)) != len(rows):
        raise AssertionError(f"{result.certificate}; audit: {result.audit}; {len(rows)} rows")
    sizes = sorted(map(abs, every.values()), reverse=True)
    # Paths that can carry nothing are not listed.
    sizes += [0.0] * k
    listed = [abs(value) for _, value in rows] + [0.0] * (k - len(rows))
    rest = sum(value for path, value in every.items() if path not in dict(rows))
    return max(
        case.gap([value for _, value in rows], [every[path] for path, _ in rows]),
        case.gap(listed, sizes[:k]),
        case.gap(result.certificate.unseen_sum, rest),
    )


def _refine(case: Case) -> float:
    space = case.traced.paths("x", OUTPUT)
    rank = case.data.draw(st.integers(0, space.count - 1))
    path = tuple(map(str, space.unrank(rank)))
    at = case.data.draw(st.lists(st.sampled_from(path), min_size=1, max_size=2, unique=True))
    owners = {n: np.arange(max(1, int(np.prod(case.traced.node(n).shape)))) for n in at}
    result = case.ask(pf.Refine(path, at))
    expected = BruteParts(case.program, case.args, case.points).parts(path, owners)
    table = result.table
    found = {
        tuple((str(n), i) for n, i in zip(table.nodes, row, strict=True) if i >= 0): float(value)
        for row, value in zip(table.chosen.tolist(), result.influences, strict=True)
    }
    if not set(found) <= set(expected) or not result.audit.ok:
        raise AssertionError(f"parts {set(found) - set(expected)}; audit: {result.audit}")
    return max(
        case.gap([found.get(parts, 0.0) for parts in expected], list(expected.values())),
        case.gap(result.parent, case.brute.influences.get(path, 0.0)),
    )


SEARCHES: dict[str, Callable[[Case], float]] = {
    "enumerate": _enumerate,
    "aggregate": _aggregate,
    "stream": _stream,
    "top-k": _first,
    "refine": _refine,
}


def check(program: Program, data: st.DataObject, names: Sequence[str]) -> Tally | None:
    """Asks searches about a program.

    Arguments:
        program: a program of the input `x`.
        data: draws patterns, numbers of paths and parts.
        names: keys of `SEARCHES`.

    Returns:
        What came of it; None where the program has no path, or more than are compared.
    """
    case = Case(program, data)
    count = count_paths(structure(program, case.args), ["x"], OUTPUT)
    if not 0 < count <= MAX_PATHS:
        return None
    tally = Tally(programs=1, paths=count)
    try:
        started = perf_counter()
        refusals = _expected_refusals(case)
        tally.seconds["brute force"] = perf_counter() - started
        if refusals:
            _check_refused(case, refusals)
            tally.refused, tally.paths = 1, 0
            return tally
        for name in names:
            started = perf_counter()
            residual = SEARCHES[name](case)
            tally.note(name, residual, perf_counter() - started)
    except HypothesisException:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding, and the run goes on)
        tally.failures.append(f"{type(error).__name__}: {error}")
    tally.failures = [f"{text}\n{program}" for text in tally.failures]
    return tally


def _expected_refusals(case: Case) -> tuple[type[Exception], ...]:
    """The errors that are right for this program; none where it has an answer."""
    if not case.traced.count_paths("x", OUTPUT):
        return (pf.NoPathError, pf.NotDifferentiableError)
    try:
        _ = case.brute
    except OtherDecisionError:
        return (pf.DecisionChangedError,)
    return ()


def _check_refused(case: Case, refusals: tuple[type[Exception], ...]) -> None:
    try:
        case.ask(pf.Enumerate())
    except refusals:
        return
    raise AssertionError(f"no {' or '.join(r.__name__ for r in refusals)}")
