"""Paths drawn at random, where there are too many to go through."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from pathflow._errors import ArgumentError
from pathflow.graph import PathLike, PatternLike, as_pattern, explain_no_match
from pathflow.influence._draws import draw, influences_of
from pathflow.influence._problem import Problem
from pathflow.influence._prospect import (
    prospect,
    sum_over_paths,
    total_audit,
    total_cotangents,
)
from pathflow.influence._search import AbstractSearch
from pathflow.influence._topk import Above, TopK
from pathflow.results import Magnitude, Sampled


class AbstractProposal(abc.ABC):
    """How paths are drawn."""

    @property
    @abc.abstractmethod
    def uniform(self) -> float:
        """The fraction of draws that are uniform over all paths; the others go by the bounds."""


@final
@dataclass(frozen=True)
class Uniform(AbstractProposal):
    """Every path equally likely, exactly: by the numbers of endings."""

    @property
    def uniform(self) -> float:
        """All."""
        return 1.0


@final
@dataclass(frozen=True)
class Importance(AbstractProposal):
    """Large paths more likely: at every choice, hops in proportion to their bounds.

    Part of the draws stays uniform, which bounds the weights: no path is drawn less often than by a
    uniform sample of that part.

    Arguments:
        part: the uniform fraction, over 0 and under 1.

    Source: defensive importance sampling, T. Hesterberg, "Weighted Average Importance Sampling and
        Defensive Mixture Distributions" (1995).
    """

    part: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.part < 1:
            raise ArgumentError(f"Importance(part={self.part!r}) takes a number between 0 and 1.")

    @property
    def uniform(self) -> float:
        """As given."""
        return self.part


@final
@dataclass(frozen=True)
class Sample(AbstractSearch[Sampled]):
    """A random sample of paths, for estimates over all of them with confidence intervals.

    Paths are drawn with replacement. With a head, the largest paths are known exactly and the
    sample only speaks of the others; where few paths carry most, that leaves little to estimate.

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
        if not isinstance(self.proposal, AbstractProposal):
            raise ArgumentError(
                f"Sample(proposal={self.proposal!r}) takes Uniform() or Importance()."
            )
        if isinstance(self.of, str):
            raise ArgumentError(f"Sample(of={self.of!r}) takes a tuple of paths: of=(path,).")
        if self.head is not None and not isinstance(self.head, Above | TopK):
            raise ArgumentError(f"Sample(head={self.head!r}) takes Above(...), TopK(...) or None.")
        if self.head is not None and not isinstance(self.head.by, Magnitude):
            raise ArgumentError(
                f"Sample(head=...) goes by {self.head.by!r}; the head is the largest paths by "
                "Magnitude()."
            )
        if self.head is not None and self.head.pattern != self.pattern:
            raise ArgumentError(
                f"Sample(head=...) is about the pattern {self.head.pattern!r} and the sample about "
                f"{self.pattern!r}; give both the same."
            )

    def run(self, problem: Problem) -> Sampled:
        seed = _seed(self.key)
        asked = [problem.space.rank(path) for path in self.of]
        found = prospect(problem, self.pattern)
        if not found.trellis.count:
            raise ArgumentError(
                f"Sample(pattern={str(self.pattern)!r}): "
                f"{explain_no_match(problem.space, as_pattern(self.pattern or '.*'))}"
            )
        head = None if self.head is None else self.head.run(problem)
        examples, land = problem.examples or 1, found.landscape
        total = np.zeros(examples)
        if land is not None:
            total = sum_over_paths(land, total_cotangents(land))
        advance = self.progress or (lambda _f: None)
        drawn = draw(
            found.trellis,
            land,
            self.n,
            self.proposal.uniform,
            seed,
            examples,
            self.memory,
            advance,
        )
        paths = [problem.space.unrank(rank) for rank in asked]
        known = influences_of(land, paths, examples, self.memory)
        batched = problem.examples is not None
        influences = drawn.influences.T.astype(problem.dtype)
        # What is surely in the sum of absolute influences; rounding is measured against it.
        scale = np.maximum(np.abs(influences).max(axis=1), np.abs(total))
        return Sampled(
            problem.space,
            found.trellis.count,
            tuple(problem.space.rank(path) for path in drawn.paths),
            influences if batched else influences[0],
            drawn.weights,
            total if batched else float(total[0]),
            dict(zip(asked, known, strict=True)),
            head,
            total_audit(found, self.pattern, total, scale),
            problem.metadata(found.doi, self),
        )


def _seed(key: Any) -> int:
    """An integer from a random key of JAX."""
    try:
        data = jax.random.key_data(key) if _is_key(key) else np.asarray(key, np.uint32)
        words = np.asarray(data).ravel().tolist()
    except (TypeError, ValueError):
        words = []
    if not words:
        raise ArgumentError(f"Sample(key={key!r}) takes a random key, such as jax.random.key(0).")
    return sum(word << (32 * i) for i, word in enumerate(words))


def _is_key(key: Any) -> bool:
    return hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
