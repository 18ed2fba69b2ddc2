"""One path, found by following the largest flow: guided refinement."""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from pathflow.graph import Path, PatternLike
from pathflow.influence._search import AbstractSearch
from pathflow.influence.branching._landscape import Landscape
from pathflow.influence.branching._numbering import Numbering
from pathflow.influence.branching._prospect import (
    some_path,
    sum_over_paths,
    total_audit,
    total_cotangents,
)
from pathflow.influence.question._problem import Problem
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

    Raises:
        NoPathError: when run, if the pattern matches no path; it says why.
        NonFiniteError: when run, if the influence of some path is NaN or infinite.

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
        found = some_path(problem, self.pattern)
        land, count = found.landscape, found.trellis.count
        total = np.zeros(problem.examples or 1)
        # Where every path is zero, one is as good as another.
        way = _Way(Numbering(found.trellis).path(0), total, total)
        if land is not None:
            totals = total_cotangents(land)
            total = sum_over_paths(land, totals)
            way = _descend(land, totals)
        batched, unseen = problem.examples is not None, total - way.influence
        certain = count == 1 or land is None
        certificate = Certificate(
            exact=certain,
            bound=0.0 if certain else np.inf,
            unseen_sum=unseen if batched else float(unseen[0]),
            unseen_count=count - 1,
            followed=1,
        )
        influences = way.influence[:, None].astype(problem.dtype)
        return Ranked(
            problem.space,
            (problem.space.rank(way.path),),
            influences if batched else influences[0],
            certificate,
            total_audit(found, self.pattern, total, np.abs(way.influence) + way.aside),
            problem.metadata(found.doi, self),
        )


class _Way(NamedTuple):
    """A path that was found.

    Attributes:
        path: its nodes.
        influence: `(examples,)`.
        aside: `(examples,)`: the absolute values of what flowed along all ways not taken.
    """

    path: Path
    influence: np.ndarray
    aside: np.ndarray


def _descend(land: Landscape, totals: dict[int, np.ndarray]) -> _Way:
    """Goes from the sources to the target."""
    sources, hops = land.hops.trellis.sources, land.hops
    # The ways on: the edges that each takes, the junction where it ends, and its tangent there.
    ways = [((), s, land.start(s)) for s in sources]
    nodes, aside = [], np.zeros(land.examples or 1)
    while True:
        flows = np.concatenate([land.flow(x, totals[end]) for _, end, x in ways])
        best = int(np.argmax(np.abs(flows.mean(axis=1))))
        aside += np.abs(np.delete(flows, best, axis=0)).sum(axis=0)
        edges, at, vectors = ways[best]
        nodes += [v for _, v in edges] or [land.node(at)]
        if not hops.after[at]:
            return _Way(Path(nodes), land.influences(vectors)[0], aside)
        ways = [(hop.edges, hop.end, land.push(hop, vectors)) for hop in hops.after[at]]
