"""The same rows of several results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pathflow._errors import ArgumentError
from pathflow.drawing import compact, short_integer
from pathflow.results import (
    Aggregation,
    Attribution,
    Ranked,
    Refinement,
    check_finite,
    means_of,
)

from ._arguments import check_names, number_drawn
from ._ranking import Bar, interval_of

Conditions = Mapping[str, Any]


def check_conditions(results: Conditions | Any, kinds: tuple[type, ...]) -> None:
    """Refuses what is no comparison of results of one kind.

    Raises:
        ArgumentError: it is no mapping, is empty, mixes kinds, or has a name that is no text.
    """
    names = ", ".join(kind.__name__ for kind in kinds)
    if not isinstance(results, Mapping) or not results:
        raise ArgumentError(
            f"results takes a mapping from the name of each condition to its result ({names}), "
            f"got {type(results).__name__}" + (" without an entry." if results == {} else ".")
        )
    check_names("results", results)
    first = next(iter(results.values()))
    for name, result in results.items():
        if not isinstance(result, kinds):
            raise ArgumentError(f"results[{name!r}] is {type(result).__name__}; give {names}.")
        if type(result) is not type(first):
            raise ArgumentError(
                f"results[{name!r}] is {type(result).__name__} beside {type(first).__name__}; "
                "conditions are compared by results of one kind."
            )


def check_difference(
    results: Conditions, difference: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Which condition is taken from which: of two conditions the first from the second.

    Raises:
        ArgumentError: it is no pair of conditions.
    """
    if difference is None:
        first, *others = results
        return (others[0], first) if len(others) == 1 else None
    known = isinstance(difference, tuple) and len(difference) == 2
    if not known or any(name not in results for name in difference):
        raise ArgumentError(
            f"difference={difference!r} is no pair (this, less that) of the conditions "
            f"{', '.join(map(repr, results))}."
        )
    return difference


def aligned(results: Conditions, k: int) -> dict[str, list[Bar]]:
    """The rows that are among the `k` first in the size of their largest mean over conditions, of
    every condition; then the rest. The value is NaN where a search did not list a row.

    Raises:
        ArgumentError: `k` is no whole number over 0, or the results are not about the same rows.
        NonFiniteError: an influence is NaN or infinite.
    """
    k = number_drawn("k", k)
    for name, result in results.items():
        check_finite(f"influences of {name}", result.influences)
    keys = _keys(list(results.values()))
    columns = [_column(result, keys) for result in results.values()]
    size = np.max([np.nan_to_num(np.abs(means)) for means, _ in columns], axis=0)
    order = np.argsort(-size, kind="stable")[:k]
    labels = [_label(next(iter(results.values())), keys[i]) for i in order.tolist()]
    found: dict[str, list[Bar]] = {}
    for (name, result), (means, intervals) in zip(results.items(), columns, strict=True):
        chosen = [float(means[i]) for i in order]
        bars = [
            Bar(label, value, intervals[i])
            for label, value, i in zip(labels, chosen, order.tolist(), strict=True)
        ]
        rest = float(np.mean(result.total)) - float(np.nansum(chosen))
        found[name] = [*bars, Bar(_rest_label(result, len(order)), rest, rest=True)]
    return found


def _keys(results: Sequence[Any]) -> Sequence[Any]:
    """What the rows are known by, the same in all results."""
    first = results[0]
    if isinstance(first, Ranked):
        _check_same([r.space for r in results], "paths of different graphs")
        return list(dict.fromkeys(rank for r in results for rank in r.ranks))
    if isinstance(first, Attribution):
        _check_same([r.space for r in results], "paths of different graphs")
        return range(first.space.count)
    if isinstance(first, Refinement):
        _check_same([r.table for r in results], "parts of different nodes")
        return range(len(first))
    _check_same([r.names for r in results], "different classes")
    if any(r.overlapping for r in results):
        raise ArgumentError(
            "results hold classes that overlap, which have no rest; draw them apart."
        )
    return first.names


def _check_same(facts: Sequence[Any], what: str) -> None:
    if any(fact != facts[0] for fact in facts[1:]):
        raise ArgumentError(f"results are about {what}; compare those of one graph and question.")


def _column(result: Any, keys: Sequence[Any]) -> tuple[np.ndarray, Any]:
    """The mean of every row, and its interval (computed when asked for)."""
    means = means_of(result.influences)
    if isinstance(result, Ranked):
        at = {rank: i for i, rank in enumerate(result.ranks)}
        listed = [at.get(rank) for rank in keys]
        means = np.array([np.nan if i is None else means[i] for i in listed])
        return means, _Intervals(result.influences, listed)
    return means, _Intervals(result.influences, range(len(means)))


class _Intervals:
    def __init__(self, influences: Any, places: Sequence[int | None]) -> None:
        self._influences, self._places = influences, places

    def __getitem__(self, i: int) -> Any:
        at = self._places[i]
        return None if at is None else interval_of(self._influences, at)


def _label(result: Any, key: Any) -> str:
    if isinstance(result, Refinement):
        return result.table.label(key)
    return key if isinstance(result, Aggregation) else compact(result.space.unrank(key))


def _rest_label(result: Any, shown: int) -> str:
    if isinstance(result, Ranked):
        # Which paths these are differs between conditions: a row may be known in some alone.
        return "rest: all other paths"
    if isinstance(result, Attribution):
        return f"rest: {short_integer(result.space.count - shown)} other paths"
    if isinstance(result, Refinement):
        return f"rest: {len(result) - shown:,} other parts"
    return "rest"
