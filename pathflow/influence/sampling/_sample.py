"""Paths drawn at random, where there are too many to go through."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._errors import ArgumentError, GraphError
from pathflow._random_key import check_key
from pathflow.graph import Path, PathLike, PatternLike, as_pattern
from pathflow.influence._search import AbstractSearch
from pathflow.influence.branching._numbering import Numbering
from pathflow.influence.branching._prospect import (
    Prospect,
    some_path,
    sum_over_paths,
    total_audit,
    total_cotangents,
)
from pathflow.influence.branching._topk import Above, TopK
from pathflow.influence.question._problem import Problem
from pathflow.influence.question._tiles import check_memory
from pathflow.influence.sampling._draws import Draws, Tail, follow
from pathflow.influence.sampling._proposal import AbstractProposal, Uniform
from pathflow.results import Magnitude, Ranked, Sampled


@final
@dataclass(frozen=True)
class Sample(AbstractSearch[Sampled]):
    """A random sample of paths, for estimates over all of them with confidence intervals.

    Paths are drawn with replacement. With a head, the largest paths are known exactly and the
    sample only speaks of the others; where few paths carry most, that leaves little to estimate.
    `Sampled` says what the intervals mean, and when not to trust them.

    Arguments:
        n: how many draws, at least 2.
        key: a JAX random key; the same key gives the same sample.
        proposal: `Uniform()` (the default, for t-values) or `Importance()` (for sums and shares).
        of: paths whose influence is to be known, such as one whose t-value is asked for.
        head: `Above(threshold)` or `TopK(k)`, about the same pattern; None for no head.
        pattern: the paths to draw from; all paths by default.
        memory: bytes of tangents to hold at one time, and for the bounds of `Importance`.
        progress: called with the fraction of draws done.

    Raises:
        ArgumentError: an argument is out of its range.
        NoPathError: when run, if the pattern matches no path; it says why.
        GraphError: when run, if a path of `of` is none of the space, or does not match the pattern.
        NonFiniteError: when run, if the influence of some path is NaN or infinite.

    Example:
        ```python
        search = pf.Sample(2000, jax.random.key(0), of=(path,), head=pf.Above(0.01))
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=search)
        result.t_value(path)
        ```
    """

    n: int
    key: Any = field(compare=False)
    proposal: AbstractProposal = field(default_factory=Uniform)
    of: Sequence[PathLike] = ()
    head: Above | TopK | None = None
    pattern: PatternLike | None = None
    memory: int = 2**29
    progress: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 2:
            raise ArgumentError(f"Sample(n={self.n!r}) takes an integer of at least 2.")
        check_memory(self.memory, "Sample(memory=...)")
        _seed(self.key)
        if not isinstance(self.proposal, AbstractProposal):
            raise ArgumentError(
                f"Sample(proposal={self.proposal!r}) takes Uniform() or Importance()."
            )
        if isinstance(self.of, Path) or not (
            isinstance(self.of, tuple | list)
            and all(isinstance(path, str | tuple | list) for path in self.of)
        ):
            raise ArgumentError(f"Sample(of={self.of!r}) takes a tuple of paths: of=(path,).")
        if self.head is not None:
            self._check_head(self.head)

    def _check_head(self, head: Any) -> None:
        if not isinstance(head, Above | TopK):
            raise ArgumentError(f"Sample(head={head!r}) takes Above(...), TopK(...) or None.")
        if not isinstance(head.by, Magnitude):
            raise ArgumentError(
                f"Sample(head=...) goes by {head.by!r}; the head is the largest paths by "
                "Magnitude()."
            )
        if _parsed(head.pattern) != _parsed(self.pattern):
            raise ArgumentError(
                f"Sample(head=...) is about the pattern {head.pattern!r} and the sample about "
                f"{self.pattern!r}; give both the same."
            )

    def run(self, problem: Problem) -> Sampled:
        space = problem.space
        ranks = [space.rank(path) for path in self.of]
        found = some_path(problem, self.pattern)
        asked = {rank: space.unrank(rank) for rank in ranks}
        self._check_asked(found, asked.values())
        head = None if self.head is None else self.head.run(problem.with_doi(found.doi))
        listed = () if head is None else map(space.unrank, head.ranks)
        total = np.zeros(problem.examples or 1)
        if found.landscape is not None:
            total = sum_over_paths(found.landscape, total_cotangents(found.landscape))
        tail = Tail(found, tuple(listed), self.memory, self.progress)
        known = follow(found, list(asked.values()), self.memory)
        draws = Draws((), np.zeros((0, len(total))), np.zeros(0))
        if tail.count:
            draws = self.proposal.draw(tail, self.n, _seed(self.key))
        return self._result(found, total, head, dict(zip(asked, known, strict=True)), draws)

    def _check_asked(self, found: Prospect, paths: Any) -> None:
        numbering = Numbering(found.trellis)
        for path in paths:
            if numbering.number(path) is None:
                raise GraphError(
                    f"Sample(of=...): path {str(path)!r} does not match the pattern "
                    f"{str(self.pattern)!r}; leave it out, or widen the pattern."
                )

    def _result(
        self,
        found: Prospect,
        total: np.ndarray,
        head: Ranked | None,
        known: dict[int, np.ndarray],
        draws: Draws,
    ) -> Sampled:
        problem = found.problem
        batched, dtype = problem.examples is not None, problem.dtype
        # In one precision, so that equal influences are equal wherever they are kept.
        known = {rank: x.astype(dtype) for rank, x in known.items()}
        influences = draws.influences.T.astype(dtype)
        ranks = tuple(problem.space.rank(path) for path in draws.paths)
        seen = dict(zip(ranks, influences.T, strict=True)) | known
        if head is not None:
            seen |= dict(zip(head.ranks, np.atleast_2d(head.influences).T, strict=True))
        scale = np.abs(np.array([*seen.values(), np.zeros(len(total))], np.float64)).sum(axis=0)
        return Sampled(
            problem.space,
            found.trellis.count,
            ranks,
            influences if batched else influences[0],
            draws.weights,
            total if batched else float(total[0]),
            known,
            head,
            total_audit(found, self.pattern, total, np.maximum(scale, np.abs(total))),
            problem.metadata(found.doi, self),
        )


def _parsed(pattern: PatternLike | None) -> Any:
    return None if pattern is None else as_pattern(pattern)


def _seed(key: Any) -> int:
    """An integer from a random key of JAX.

    Raises:
        ArgumentError: it is none, or several.
    """
    check_key("Sample", key)
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    words = np.asarray(jax.random.key_data(key) if typed else key)
    return sum(word << (32 * i) for i, word in enumerate(words.tolist()))
