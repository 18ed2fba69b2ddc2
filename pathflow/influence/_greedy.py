"""One path, found by following the largest flow: guided refinement."""

from dataclasses import dataclass
from typing import final

import numpy as np

from pathflow.graph import Path, PatternLike
from pathflow.influence._landscape import Landscape
from pathflow.influence._problem import Problem
from pathflow.influence._prospect import (
    prospect,
    sum_over_paths,
    total_audit,
    total_cotangents,
)
from pathflow.influence._search import AbstractSearch
from pathflow.results import Certificate, Ranked


@final
@dataclass(frozen=True)
class Greedy(AbstractSearch[Ranked]):
    """The path that takes, at every choice, the way along which most still flows.

    What flows is the summed influence of all paths with the same beginning: exact, but a sum in
    which paths of different signs cancel, so the path found need not be the largest one; `TopK(1)`
    tells how far it falls short. The certificate bounds nothing. A batch is followed by its mean
    over the examples.

    Arguments:
        pattern: the paths to choose from; all paths by default.

    Source: guided pattern refinement of Lu et al., "Influence Patterns for Explaining Information
        Flow in BERT" (2021), with a choice at every node.

    Example:
        ```python
        guess = pf.attribute(graph, args, source="x", doi=doi, search=pf.Greedy())
        best = pf.attribute(graph, args, source="x", doi=doi, search=pf.TopK(1))
        guess.rows[0].influence / best.rows[0].influence
        ```
    """

    pattern: PatternLike | None = None

    def run(self, problem: Problem) -> Ranked:
        found = prospect(problem, self.pattern)
        examples, count = problem.examples or 1, found.trellis.count
        total, influences = np.zeros(examples), np.zeros((examples, 0))
        ranks: tuple[int, ...] = ()
        if found.landscape is not None:
            totals = total_cotangents(found.landscape)
            total = sum_over_paths(found.landscape, totals)
            path, influences = _descend(found.landscape, totals)
            ranks = (problem.space.rank(path),)
        unseen = total - influences.sum(axis=1)
        complete = len(ranks) == count
        batched = problem.examples is not None
        certificate = Certificate(
            exact=complete,
            bound=0.0 if complete else np.inf,
            unseen_sum=unseen if batched else float(unseen[0]),
            unseen_count=count - len(ranks),
            followed=len(ranks),
        )
        scale = np.abs(influences).sum(axis=1) + np.abs(unseen)
        return Ranked(
            problem.space,
            ranks,
            (influences if batched else influences[0]).astype(problem.dtype),
            certificate,
            total_audit(found, self.pattern, total, scale),
            problem.metadata(found.doi, self),
        )


def _descend(land: Landscape, totals: dict[int, np.ndarray]) -> tuple[Path, np.ndarray]:
    """The path, and its influence `(examples, 1)`."""
    starts = {s: land.start(s) for s in land.hops.trellis.sources}
    at = max(starts, key=lambda s: abs(land.flow(starts[s], totals[s]).mean()))
    vectors = starts[at]
    nodes = [land.node(at)]
    while land.hops.after[at]:
        moved = [(hop, land.push(hop, vectors)) for hop in land.hops.after[at]]
        flows = [abs(land.flow(x, totals[hop.end]).mean()) for hop, x in moved]
        hop, vectors = moved[int(np.argmax(flows))]
        nodes += [v for _, v in hop.edges]
        at = hop.end
    return Path(nodes), land.influences(vectors).T
