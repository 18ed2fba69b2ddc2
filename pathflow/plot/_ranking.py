"""What bars of a result show: its first rows, and what is left for all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.drawing import compact, short_integer
from pathflow.metrics import Interval, bootstrap_interval
from pathflow.results import (
    Aggregation,
    Attribution,
    Audit,
    Ranked,
    Refinement,
    check_finite,
    means_of,
    rest_by_sign,
)

from ._arguments import number_drawn

Rankable = Attribution | Ranked | Aggregation | Refinement

OF_ABSOLUTE, OF_TOTAL = "of |influence|", "of the total"


@dataclass(frozen=True)
class Bar:
    """One row.

    Arguments:
        label: its name.
        value: the influence; of a batch, the mean.
        interval: of that mean, over a batch of examples.
        rest: whether it stands for what is not listed.
    """

    label: str
    value: float
    interval: Interval | None = None
    rest: bool = False


@dataclass(frozen=True)
class Ranking:
    """The bars of a result.

    Arguments:
        bars: largest first, those of the rest last.
        shares: what each bar and all before it have of the whole; None where that says nothing.
        whole: what they are shares of.
        total: the influence of all paths.
        audit: the residuals.
        note: what else must be said.
    """

    bars: tuple[Bar, ...]
    shares: tuple[float, ...] | None
    whole: str
    total: float
    audit: Audit
    note: str | None = None


def ranking(result: Rankable | Any, k: int) -> Ranking:
    """The `k` first rows of a result, and the rest.

    Raises:
        ArgumentError: `k` is no whole number over 0, or `result` is of another kind.
        NonFiniteError: an influence is NaN or infinite.
    """
    k = number_drawn("k", k)
    for kind, make in _RANKINGS.items():
        if isinstance(result, kind):
            check_finite("influences", result.influences)
            return make(result, k)
    raise ArgumentError(
        f"result takes {', '.join(kind.__name__ for kind in _RANKINGS)}; "
        f"got {type(result).__name__}."
    )


def _of_attribution(result: Attribution, k: int) -> Ranking:
    rows = [(row.rank, compact(row.path), row.influence) for row in result.top(k)]
    return _of_all(result, rows, "paths")


def _of_refinement(result: Refinement, k: int) -> Ranking:
    rows = [(row.row, row.parts, row.influence) for row in result.top(k)]
    return _of_all(result, rows, "parts")


def _of_all(
    result: Attribution | Refinement, rows: Sequence[tuple[int, str, float]], what: str
) -> Ranking:
    """Where every influence is known, the rest has two signs."""
    mean = means_of(result.influences)
    bars = [Bar(label, value, interval_of(result.influences, at)) for at, label, value in rows]
    rest = rest_by_sign(mean, [at for at, _, _ in rows], what)
    bars += [Bar(f"rest: {other.label}", other.influence, rest=True) for other in rest]
    shares = _cumulative([abs(bar.value) for bar in bars], float(np.abs(mean).sum()))
    return Ranking(tuple(bars), shares, OF_ABSOLUTE, float(mean.sum()), result.audit)


def _of_ranked(result: Ranked, k: int) -> Ranking:
    bars = [
        Bar(compact(row.path), row.influence, interval_of(result.influences, i))
        for i, row in enumerate(result.top(k))
    ]
    total, known = float(np.mean(result.total)), result.certificate
    count = known.unseen_count + len(result) - len(bars)
    rest = total - sum(bar.value for bar in bars)
    if count:
        bars.append(Bar(f"rest: {short_integer(count)} other paths together", rest, rest=True))
    kind = "exact" if known.exact else "not proven complete"
    note = f"{kind}: each path outside the list has at most {known.bound:.3g}"
    shares = _cumulative([bar.value for bar in bars], total)
    return Ranking(tuple(bars), shares, OF_TOTAL, total, result.audit, note)


def _of_aggregation(result: Aggregation, k: int) -> Ranking:
    mean, total = means_of(result.influences), float(np.mean(result.total))
    order = np.argsort(-np.abs(mean), kind="stable")
    counts = result.counts

    def label(name: str, count: int | None) -> str:
        return name if count is None else f"{name} ({short_integer(count)})"

    def count_of(name: str) -> int | None:
        return None if counts is None else counts[name]

    bars = [
        Bar(
            label(result.names[i], count_of(result.names[i])),
            float(mean[i]),
            interval_of(result.influences, i),
        )
        for i in order[:k].tolist()
    ]
    if len(order) > k:
        others = float(mean[order[k:]].sum())
        bars.append(Bar(f"{len(order) - k} other classes", others, rest=True))
    bars.append(Bar(label("rest", count_of("rest")), float(np.mean(result.rest)), rest=True))
    if result.overlapping:
        note = "classes overlap: a path in several of them counts in each"
        return Ranking(tuple(bars), None, OF_TOTAL, total, result.audit, note)
    shares = _cumulative([bar.value for bar in bars], total)
    return Ranking(tuple(bars), shares, OF_TOTAL, total, result.audit)


_RANKINGS: dict[type, Callable[[Any, int], Ranking]] = {
    Attribution: _of_attribution,
    Ranked: _of_ranked,
    Aggregation: _of_aggregation,
    Refinement: _of_refinement,
}


def interval_of(influences: Any, at: int) -> Interval | None:
    """The 95% bootstrap interval of a mean over at least two examples."""
    rows = np.asarray(influences)
    if rows.ndim == 1 or len(rows) < 2:
        return None
    return bootstrap_interval(rows[:, at].astype(np.float64))


def _cumulative(values: Sequence[float], whole: float) -> tuple[float, ...] | None:
    return tuple((np.cumsum(values) / whole).tolist()) if whole else None
