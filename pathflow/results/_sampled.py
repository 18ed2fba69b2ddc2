"""Paths drawn at random, and what they tell of all paths."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError, GraphError, ShapeError
from pathflow.graph import PathLike, PathSpace

from ._amount import Amount, amount
from ._audit import Audit
from ._class_table import short_integer
from ._interval import Interval
from ._ranked import Ranked

# A function of influences, entry by entry.
OfInfluences = Callable[[Float64[np.ndarray, "B n"]], Float64[np.ndarray, "B n"]]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Sampled:
    """Estimates over all paths from a sample, with intervals, and the paths known exactly.

    A sum over all paths is estimated as the exact sum over the paths of the *head*, if there is
    one, plus the number of paths times the weighted mean over the draws that are not in the head.
    The intervals speak of the draws: how far another sample would be off. Their standard errors are
    those of the mean over draws; for fractions of equally likely draws they are Wilson's, which are
    right near 0 and 1 too. Where few paths carry most and there is no head, a sample may hold none
    of them, and the interval is then too short; that is what the head is for.

    Arguments:
        space: all paths.
        count: the exact number of paths that the sample is drawn from.
        ranks: the numbers of the drawn paths in the space, in the order drawn.
        influences: theirs, shape `(n,)`, or `(B, n)` for a batch of B examples.
        weights: `(n,)`: 1 over (count times the probability of the draw); ones for equally likely
            paths.
        total: the exact sum of the influences of all `count` paths; one number per example.
        known: influences of paths that were asked for by name, by rank: `(B,)` each.
        head: the largest paths by magnitude, whose influences are known, or None.
        audit: of the total.
        metadata: how the result came about.

    Raises:
        ShapeError: there is not one influence and weight per draw.

    Example:
        ```python
        path = "x@0 g0@0 c0@0 h0@0 qoi"
        sample = pf.Sample(2000, jax.random.key(0), of=(path,), head=pf.Above(0.01))
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=sample)
        result.t_value(path), result.positive_share(path), result.absolute_sum()
        ```

    Source: D. Horvitz and D. Thompson, "A Generalization of Sampling Without Replacement from a
        Finite Universe" (1952); E. Wilson, "Probable Inference, the Law of Succession, and
        Statistical Inference" (1927).
    """

    space: PathSpace
    count: int
    ranks: tuple[int, ...]
    influences: Float[np.ndarray, "*B n"]
    weights: Float64[np.ndarray, " n"]
    total: Any
    known: Mapping[int, np.ndarray]
    head: Ranked | None
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ranks)
        if np.shape(self.influences)[-1:] != (n,) or np.shape(self.weights) != (n,):
            raise ShapeError(
                f"influences {np.shape(self.influences)} and weights {np.shape(self.weights)} must "
                f"hold one number for each of the {n} ranks."
            )

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.influences) if np.ndim(self.influences) == 2 else None

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def _rows(self) -> Float64[np.ndarray, "B n"]:
        return np.atleast_2d(np.asarray(self.influences, np.float64))

    @property
    def _in_head(self) -> np.ndarray:
        listed = set() if self.head is None else set(self.head.ranks)
        return np.array([rank in listed for rank in self.ranks], bool)

    @property
    def _head_rows(self) -> Float64[np.ndarray, "B k"]:
        if self.head is None:
            return np.zeros((len(self._rows), 0))
        return np.atleast_2d(np.asarray(self.head.influences, np.float64))

    def __getitem__(self, path: PathLike) -> Amount:
        """The influence of a path that is known: one asked for, in the head, or drawn.

        Raises:
            GraphError: the path is none of the space, or its influence is not known.
        """
        return amount(self._known(path)[..., 0] if self.n_examples is None else self._known(path))

    def _known(self, path: PathLike) -> Float64[np.ndarray, " B"]:
        rank = self.space.rank(path)
        if rank in self.known:
            return np.atleast_1d(np.asarray(self.known[rank], np.float64))
        if self.head is not None and rank in self.head.ranks:
            return self._head_rows[:, self.head.ranks.index(rank)]
        if rank in self.ranks:
            return self._rows[:, self.ranks.index(rank)]
        raise GraphError(
            f"the influence of path {str(path)!r} is not known: it is neither in the head nor "
            "among the draws; name it in Sample(of=...)."
        )

    def sum_of(self, of: OfInfluences, level: float = 0.95) -> Interval:
        """The sum over all paths of a function of their influences; of a batch, the mean of sums.

        Arguments:
            of: takes and returns arrays, entry by entry, such as `numpy.abs`.
            level: the probability that the interval is made to cover.

        Raises:
            ArgumentError: `level` is no probability, or there are fewer than two draws.
        """
        estimate, error, _ = self._sums(of)
        return _around(float(estimate.mean()), float(_norm(error.mean(axis=0))), level)

    def _sums(self, of: OfInfluences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each example the estimate, each draw's part of its error, and the head's sum."""
        if len(self) < 2:
            raise ArgumentError("an interval needs at least two draws.")
        draws = of(self._rows) * self.weights * ~self._in_head
        head = of(self._head_rows).sum(axis=1)
        try:
            scale = float(self.count)
        except OverflowError:
            raise ArgumentError(
                f"there are {short_integer(self.count)} paths, and a sum over them by their mean "
                "is beyond floating point; use Above for the largest and Aggregate for exact sums."
            ) from None
        means = draws.mean(axis=1)
        n = len(self)
        parts = scale * (draws - means[:, None]) / math.sqrt(n * (n - 1))
        return head + scale * means, parts, head

    def absolute_sum(self, level: float = 0.95) -> Interval:
        """The sum of the absolute influences of all paths; errors are those of `sum_of`."""
        interval = self.sum_of(np.abs, level)
        least = np.abs(self._head_rows).sum(axis=1)
        least = least + np.abs(np.atleast_1d(self.total) - self._head_rows.sum(axis=1))
        # What is known exactly carries at least this much.
        return _clipped(interval, float(least.mean()), math.inf)

    def positive_sum(self, level: float = 0.95) -> Interval:
        """The sum of all positive influences: half of the exact total and the absolute sum."""
        return self._signed_sum(1, level)

    def negative_sum(self, level: float = 0.95) -> Interval:
        """The sum of all negative influences, a number of at most 0."""
        return self._signed_sum(-1, level)

    def _signed_sum(self, sign: int, level: float) -> Interval:
        mean = float(np.mean(self.total))
        ends = [(mean + sign * end) / 2 for end in self.absolute_sum(level)]
        return Interval(ends[0], *sorted(ends[1:]))

    def t_value(self, path: PathLike, level: float = 0.95) -> Interval:
        """How probably a path has more influence than another path of a random sentence.

        The fraction of *other* paths with less influence, ties counting half; over a batch, the
        mean over its examples. Exact where the path is larger than all outside the head can be.

        Raises:
            GraphError: the path's influence is not known.
            ArgumentError: there is no other path; see `sum_of` for others.
        """
        own = self._known(path)[:, None]
        rank = self.space.rank(path)
        if self.count < 2:
            raise ArgumentError("there is one path; a t-value compares it with other paths.")

        def below(rows: np.ndarray) -> np.ndarray:
            return (rows < own) + 0.5 * (rows == own)

        outside = ~self._in_head & np.array([r != rank for r in self.ranks], bool)
        parts = below(self._rows).mean(axis=0)
        in_head = self.head is not None and rank in self.head.ranks
        head = float(below(self._head_rows).sum(axis=1).mean()) - 0.5 * in_head
        head_count = self._head_rows.shape[1] - in_head
        tail_count = self.count - 1 - head_count
        if not tail_count:
            exact = head / head_count
            return Interval(exact, exact, exact)
        tail = self._beyond(own) or _fraction(parts[outside], self.weights[outside], level)
        others = self.count - 1
        share = tail_count / others
        return Interval(*(head / others + share * end for end in tail))

    def _beyond(self, own: np.ndarray) -> Interval | None:
        """The fraction of the tail below an influence that no path of the tail can reach."""
        if self.head is None or self.n_examples is not None:
            return None
        bound, value = self.head.certificate.bound, float(own[0, 0])
        if abs(value) <= bound:
            return None
        below = float(value > 0)
        return Interval(below, below, below)

    def positive_share(self, path: PathLike, level: float = 0.95) -> Interval:
        """The expected fraction of all positive influence that a path carries; 0 where it is not
        positive. Errors are those of `t_value`.
        """
        return self._share(path, 1, level)

    def negative_share(self, path: PathLike, level: float = 0.95) -> Interval:
        """The expected fraction of all negative influence that a path carries; 0 where it is not
        negative. Errors are those of `t_value`.
        """
        return self._share(path, -1, level)

    def _share(self, path: PathLike, sign: int, level: float) -> Interval:
        own = np.maximum(sign * self._known(path), 0)
        absolute, parts, _ = self._sums(np.abs)
        # The sum of one sign is never less than what is known of it: the head, and the path.
        known = np.maximum(np.maximum(sign * self._head_rows, 0).sum(axis=1), own)
        whole = np.maximum((absolute + sign * np.atleast_1d(self.total)) / 2, known)
        shares = np.divide(own, whole, out=np.zeros_like(own), where=whole > 0)
        # To first order: d(own / whole) = -own / whole^2 d(whole).
        slope = np.divide(shares, 2 * whole, out=np.zeros_like(own), where=whole > 0)
        error = float(_norm((slope[:, None] * parts).mean(axis=0)))
        most = np.divide(own, known, out=np.zeros_like(own), where=known > 0).mean()
        return _clipped(_around(float(shares.mean()), error, level), 0.0, float(most))

    def __str__(self) -> str:
        absolute = self.absolute_sum()
        head = "" if self.head is None else f", {len(self.head)} paths known as the head"
        return (
            f"{len(self)} draws from {short_integer(self.count)} paths{head}\n"
            f"total {float(np.mean(self.total)):+.4g} (exact), absolute sum {absolute.mean:.4g} "
            f"[{absolute.low:.4g}, {absolute.high:.4g}]"
        )

    def __repr__(self) -> str:
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        return f"Sampled({len(self)} of {short_integer(self.count)} paths{batch})"


# Static parts must be hashable and comparable, which a dictionary is not; its JSON text is.
def _flatten(result: Sampled) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    ranks = tuple(result.known)
    values = tuple(result.known[r] for r in ranks)
    leaves = (result.influences, result.weights, result.total, values, result.head, result.audit)
    metadata = json.dumps(result.metadata, sort_keys=True)
    return leaves, (result.space, result.count, result.ranks, ranks, metadata)


def _unflatten(static: tuple[Any, ...], leaves: Any) -> Sampled:
    space, count, ranks, known, metadata = static
    influences, weights, total, values, head, audit = leaves
    result = object.__new__(Sampled)
    fields = {
        "space": space,
        "count": count,
        "ranks": ranks,
        "influences": influences,
        "weights": weights,
        "total": total,
        "known": dict(zip(known, values, strict=True)),
        "head": head,
        "audit": audit,
        "metadata": json.loads(metadata),
    }
    for name, value in fields.items():
        object.__setattr__(result, name, value)
    return result


jax.tree_util.register_pytree_node(Sampled, _flatten, _unflatten)


def _norm(parts: np.ndarray) -> float:
    return float(np.sqrt(np.square(parts).sum()))


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ArgumentError(f"level={level} is no probability between 0 and 1, such as 0.95.")
    return NormalDist().inv_cdf((1 + level) / 2)


def _around(mean: float, error: float, level: float) -> Interval:
    half = _quantile(level) * error
    return Interval(mean, mean - half, mean + half)


def _clipped(interval: Interval, low: float, high: float) -> Interval:
    return Interval(*(min(max(end, low), high) for end in interval))


def _fraction(parts: np.ndarray, weights: np.ndarray, level: float) -> Interval:
    """A mean of numbers between 0 and 1."""
    n = len(parts)
    if n < 2:
        raise ArgumentError(
            "fewer than two draws are outside the head; draw more, or ask for a smaller head."
        )
    z = _quantile(level)
    if np.all(weights == 1):
        # Numbers between 0 and 1 vary at most as much as zeros and ones with the same mean.
        p = float(parts.mean())
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return Interval(p, max(0.0, middle - half), min(1.0, middle + half))
    # The weights are normed by their sum, whose expectation is n; see Hesterberg (1995).
    p = float((parts * weights).sum() / weights.sum())
    error = _norm(weights * (parts - p)) / float(weights.sum())
    return _clipped(_around(p, error, level), 0.0, 1.0)
