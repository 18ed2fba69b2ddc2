"""One model at one length, in a process of its own: `python -m benchmarks._topk_alone CASE`.

Writes its rows as JSON to standard output.
"""

import json
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

import pathflow as pf
from benchmarks._alone import peak_bytes
from benchmarks._sentences import Sentences, sentences

# Beyond so many paths there is nothing to compare with but the search's own certificate.
_ENUMERABLE = 10_000_000


def measure(name: str, steps: int, points: int, k: int, repeats: int, budget: int) -> list[dict]:
    """The rows of one model at one length."""
    case = sentences(name, steps, points)
    search = pf.TopK(k, budget=budget)
    total = case.total()
    start = perf_counter()
    first = pf.attribute(**case.arguments(0), search=search)
    first_seconds = perf_counter() - start
    peak = peak_bytes()
    later, alone = [], []
    total(case.arguments(0))
    for number in range(1, repeats + 1):
        given = case.arguments(number)
        later.append(_seconds(lambda given=given: pf.attribute(**given, search=search)))
        alone.append(_seconds(lambda given=given: total(given)))
    known = first.certificate
    kth = abs(first.rows[-1].influence) if len(first) else 0.0
    row: dict[str, Any] = {
        "T": steps,
        "model": case.name,
        "paths": float(first.space.count),
        "first call s": first_seconds,
        "later s": float(np.median(later)),
        "over the total's": float(np.median(later) / np.median(alone)),
        "peak MB": peak / 1e6,
        "exact": known.exact,
        "k-th": kth,
        "unseen at most": known.bound,
        "followed": known.followed,
    }
    row |= _enumeration(case, first, k) | _greedy(case, repeats)
    return [row]


def _seconds(run: Any) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def _enumeration(case: Sentences, found: pf.Ranked, k: int) -> dict[str, Any]:
    """Whether the list is the head of all paths, sorted, and how long that takes."""
    if found.space.count > _ENUMERABLE:
        return {"enumerated s": None, "same list": None}
    given = case.arguments(0)
    everything = pf.attribute(**given, search=pf.Enumerate(2**31))
    seconds = _seconds(lambda: pf.attribute(**given, search=pf.Enumerate(2**31)))
    same = [row.rank for row in everything.top(k)] == list(found.ranks)
    return {"enumerated s": seconds, "same list": same}


def _greedy(case: Sentences, repeats: int) -> dict[str, Any]:
    """Greedy's path as a fraction of the largest one: its worst and median over sentences."""
    parts = []
    for number in range(repeats + 1):
        given = case.arguments(number)
        guess = pf.attribute(**given, search=pf.Greedy())
        best = pf.attribute(**given, search=pf.TopK(1))
        parts.append(abs(guess.rows[0].influence / best.rows[0].influence))
    return {"greedy, median": float(np.median(parts)), "greedy, worst": min(parts)}


def main(arguments: Sequence[str]) -> None:
    """Measures and writes JSON."""
    json.dump(measure(**json.loads(arguments[0])), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
