"""When to go through all paths after all: the first ones of an enumeration."""

from math import prod
from typing import Any

import numpy as np

from pathflow.evaluation import live_paths
from pathflow.influence.branching._hops import hops_of, searched
from pathflow.influence.enumeration._enumerate import Enumerate
from pathflow.influence.question._problem import Problem
from pathflow.results import Certificate, Ranked


def enumeration_is_less_work(problem: Problem, search: Any) -> bool:
    """Whether all paths can be enumerated in fewer operations than one sweep for bounds takes.

    Operations of both grow alike with examples and points, which are left out.

    Arguments:
        problem: the question.
        search: `TopK` or `Above`; an enumeration knows no pattern.
    """
    if search.pattern is not None or problem.space.count > search.exhaustive:
        return False
    if not Enumerate(search.memory).fits(problem):
        return False
    live = live_paths(problem.traced, problem.space)
    if live.space is None:
        return False
    hops = hops_of(searched(live.space, None))
    width = {u: max(1, prod(hops.trellis.vertices[u].node.shape)) for u in hops.junctions}
    products = 2 * live.space.count * max(width.values())
    sweep = 0
    for hop in (hop for after in hops.after.values() for hop in after):
        rows = min(width[hop.end], hops.trellis.suffix_count[hop.end])
        sweep += rows * (sum(live.partials[e].cost for e in hop.edges) + width[hop.start] ** 2)
    return products < sweep


def first_of_all(problem: Problem, search: Any, k: int | None, least: float) -> Ranked:
    """The list of a search, from the influences of all paths.

    Arguments:
        problem: the question, about all paths.
        search: `TopK` or `Above`: its order, memory and progress.
        k: how many paths to list, or None for all that are asked for.
        least: the smallest value in the order that is asked for; of paths without any, none is.
    """
    found = Enumerate(search.memory, search.progress).run(problem)
    scores = search.by.score(np.atleast_2d(found.influences).mean(axis=0, dtype=np.float64))
    if k is not None and k < len(scores):
        # Sorting is for those that may be listed.
        least = max(least, float(np.partition(scores, -k)[-k]))
    chosen = np.flatnonzero((scores >= least) & (scores > 0))
    chosen = chosen[np.lexsort((chosen, -scores[chosen]))][:k]
    listed = np.asarray(found.influences)[..., chosen]
    rest = np.delete(scores, chosen)
    unseen = np.asarray(found.total) - listed.sum(axis=-1, dtype=np.float64)
    certificate = Certificate(
        exact=True,
        bound=float(rest.max(initial=0.0)),
        unseen_sum=unseen if problem.examples is not None else float(unseen),
        unseen_count=len(rest),
        followed=len(scores),
    )
    ranks = tuple(map(int, chosen))
    metadata = {**found.metadata, "search": type(search).__name__}
    return Ranked(found.space, ranks, listed, certificate, found.audit, metadata)
