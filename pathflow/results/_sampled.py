"""Paths drawn at random, and what they tell of all paths."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError, GraphError, ShapeError
from pathflow.drawing import AbstractDisplayed, Page, lines, short_integer
from pathflow.graph import Path, PathLike, PathSpace

from ._amount import Amount, amount, check_example
from ._audit import Audit
from ._estimate import around, clipped, fraction, norm, quantile
from ._interval import Interval
from ._pages import page
from ._ranked import Ranked
from ._storable import Storable

# Effective draws under which the mean of draws is far from normal.
_FEW = 30

# A function of influences, entry by entry.
OfInfluences = Callable[[Float64[np.ndarray, "B n"]], Float64[np.ndarray, "B n"]]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Sampled(Storable, AbstractDisplayed):
    """Estimates over all paths from a sample, with intervals, and the paths known exactly.

    A sum over all paths is estimated as the exact sum over the *head*, if there is one, plus the
    number of all other paths, the *tail*, times the weighted mean over the draws from it.

    **What the intervals say.** They speak of the draws: how far another sample would be off, not
    another model or other sentences. They cover the truth about as often as they say where many
    draws carry the estimate. Where few paths carry most of what there is, a uniform sample of many
    millions may hold none of them, and then sums are far too small, shares far too large, and their
    intervals wrong. `effective_draws` tells; draw by `Importance` then, and give a head where the
    largest paths alone carry much. A t-value does not depend on how large the large paths are.

    Arguments:
        space: all paths.
        count: the exact number of paths that the sample is about.
        ranks: the numbers of the drawn paths in the space; those in the head are passed over.
        influences: theirs, shape `(n,)`, or `(B, n)` for a batch of B examples.
        weights: `(n,)`: 1 over (the number of paths in the tail times the probability of the draw);
            ones for equally likely paths.
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
        Finite Universe" (1952).
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
        n, shape = len(self.ranks), np.shape(self.influences)
        if len(shape) not in (1, 2) or shape[-1] != n or np.shape(self.weights) != (n,):
            raise ShapeError(
                f"influences {shape} and weights {np.shape(self.weights)} must hold one number for "
                f"each of the {n} ranks."
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
    def _head_ranks(self) -> tuple[int, ...]:
        return () if self.head is None else self.head.ranks

    @property
    def _in_head(self) -> np.ndarray:
        listed = frozenset(self._head_ranks)
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
        known = self._known(path)
        return amount(known[0] if self.n_examples is None else known)

    def _known(self, path: PathLike) -> Float64[np.ndarray, " B"]:
        if not isinstance(path, str | Path | tuple | list):
            raise ArgumentError(f"{path!r} is no path; give labels joined by blanks, or a Path.")
        rank = self.space.rank(path)
        if rank in self.known:
            return np.atleast_1d(np.asarray(self.known[rank], np.float64))
        for ranks, rows in ((self._head_ranks, self._head_rows), (self.ranks, self._rows)):
            if rank in ranks:
                return rows[:, ranks.index(rank)]
        shown = " ".join(map(str, path)) if isinstance(path, tuple | list) else path
        raise GraphError(
            f"the influence of path {shown!r} is not known: it is neither in the head nor "
            "among the draws; name it in Sample(of=...)."
        )

    def sum_of(self, of: OfInfluences, level: float = 0.95) -> Interval:
        """The sum over all paths of a function of their influences; of a batch, the mean of sums.

        Arguments:
            of: takes and returns arrays, entry by entry, such as `numpy.abs`.
            level: the probability that the interval is made to cover.

        Raises:
            ArgumentError: `level` is no probability, there are fewer than two draws, or the number
                of paths is beyond floating point.
            ShapeError: `of` returns something else than one number per entry.
        """
        estimate, error = self._sums(of)
        return around(float(estimate.mean()), norm(error.mean(axis=0)), level)

    def _sums(self, of: OfInfluences) -> tuple[np.ndarray, np.ndarray]:
        """For each example the estimate, and each draw's part in its error."""
        head = _entries(of, self._head_rows).sum(axis=1)
        scale, n = self._float(self.count - len(self._head_ranks)), len(self)
        if not scale:
            return head, np.zeros((len(head), 1))
        if n < 2:
            raise ArgumentError(f"an interval needs at least two draws, and there are {n}.")
        draws = _entries(of, self._rows) * self.weights * ~self._in_head
        means = draws.mean(axis=1)
        parts = scale * (draws - means[:, None]) / math.sqrt(n * (n - 1))
        return head + scale * means, parts

    def _float(self, count: int) -> float:
        try:
            return float(count)
        except OverflowError:
            raise ArgumentError(
                f"there are {short_integer(count)} paths, and a sum over them by their mean is "
                "beyond floating point; use Above for the largest and Aggregate for exact sums."
            ) from None

    @property
    def effective_draws(self) -> float:
        """How many draws the estimate of the absolute sum rests on: `(sum c)^2 / sum c^2` of what
        each draw adds to it, in the mean over a batch.

        Where it is less than about 30, trust neither sums and shares nor their intervals. 0 where
        no draw adds anything, as with a head that holds every path.
        """
        added = np.abs(self._rows).mean(axis=0) * self.weights * ~self._in_head
        squares = float(np.square(added).sum())
        return float(added.sum()) ** 2 / squares if squares else 0.0

    def absolute_sum(self, level: float = 0.95) -> Interval:
        """The sum of the absolute influences of all paths; errors are those of `sum_of`.

        Estimate and interval are kept within what the head and the total leave possible.
        """
        least, most = self._limits()
        return clipped(self.sum_of(np.abs, level), float(least.mean()), float(most.mean()))

    def _limits(self, path: PathLike | None = None) -> tuple[np.ndarray, np.ndarray]:
        """For each example what the absolute sum is between, by what is known exactly."""
        head = self._head_rows
        known, tail = head, self.count - head.shape[1]
        if path is not None and self.space.rank(path) not in self._head_ranks:
            known = np.concatenate([head, self._known(path)[:, None]], axis=1)
        rest = np.abs(np.atleast_1d(self.total) - known.sum(axis=1)) if tail else 0.0
        least = np.abs(known).sum(axis=1) + rest
        # Of a batch the certificate bounds the mean of the examples, and no one of them.
        bound = np.inf if self.head is None else self.head.certificate.bound
        if self.n_examples is not None or not np.isfinite(bound):
            return least, np.full_like(least, np.inf)
        return least, np.maximum(least, np.abs(head).sum(axis=1) + self._float(tail) * bound)

    def positive_sum(self, level: float = 0.95) -> Interval:
        """The sum of all positive influences: half of the exact total and the absolute sum."""
        return self._signed_sum(1, level)

    def negative_sum(self, level: float = 0.95) -> Interval:
        """The sum of all negative influences, a number of at most 0."""
        return self._signed_sum(-1, level)

    def _signed_sum(self, sign: int, level: float) -> Interval:
        total = float(np.mean(self.total))
        mean, *ends = ((total + sign * end) / 2 for end in self.absolute_sum(level))
        return Interval(mean, *sorted(ends))

    def t_value(self, path: PathLike, level: float = 0.95) -> Interval:
        """How probably a path has more influence than another path of a random sentence.

        The fraction of *other* paths with less influence, ties counting half; over a batch, the
        mean over its examples. Exact where the path is larger than all outside the head can be.
        Where all draws agree the interval still has a width: for n equally likely draws, about 5/n.

        Raises:
            GraphError: the path is none of the space, or its influence is not known.
            ArgumentError: there is no other path, or `level` is no probability.
        """
        own, rank = self._known(path)[:, None], self.space.rank(path)
        if self.count < 2:
            raise ArgumentError("there is one path; a t-value compares it with other paths.")

        def below(rows: np.ndarray) -> np.ndarray:
            return ((rows < own) + 0.5 * (rows == own)).mean(axis=0)

        of_head = [r != rank for r in self._head_ranks]
        in_tail = ~self._in_head & np.array([r != rank for r in self.ranks], bool)
        head = below(self._head_rows)[of_head]
        tail = self._beyond(own) or fraction(
            below(self._rows)[in_tail], self.weights[in_tail], level
        )
        quantile(level)
        # Integers of any size may be divided by each other, but not by floating numbers.
        others = self.count - 1
        share = (others - len(head)) / others
        known = float(head.mean()) * (len(head) / others) if len(head) else 0.0
        return Interval(*(known + share * end for end in tail))

    def _beyond(self, own: np.ndarray) -> Interval | None:
        """The fraction of the tail below an influence that no path of the tail can reach."""
        if self.head is None or self.n_examples is not None:
            return None
        bound, value = self.head.certificate.bound, float(own[0, 0])
        below = float(value > 0)
        return Interval(below, below, below) if abs(value) > bound else None

    def positive_share(self, path: PathLike, level: float = 0.95) -> Interval:
        """The expected fraction of all positive influence that a path carries; 0 where it is not
        positive.

        What it is a fraction of is an estimate, and one over an estimate is too large in the mean:
        that is corrected to first order. Kept within what the head and the total leave possible.

        Raises:
            GraphError: the path is none of the space, or its influence is not known.
            ArgumentError: as for `sum_of`.
        """
        return self._share(path, 1, level)

    def negative_share(self, path: PathLike, level: float = 0.95) -> Interval:
        """The expected fraction of all negative influence that a path carries; 0 where it is not
        negative. Otherwise as `positive_share`.
        """
        return self._share(path, -1, level)

    def _share(self, path: PathLike, sign: int, level: float) -> Interval:
        own = np.maximum(sign * self._known(path), 0)
        absolute, parts = self._sums(np.abs)
        total = sign * np.atleast_1d(self.total)
        least, most = ((limit + total) / 2 for limit in self._limits(path))
        whole = np.clip((absolute + total) / 2, least, most)
        # E[1 / W] is about (1 + var(W) / w^2) / w where W has the mean w.
        wide = 1 + np.square(parts / 2).sum(axis=1) / np.where(whole > 0, whole, 1) ** 2
        shares = _over(own, np.clip(whole * wide, least, most))
        # To first order: d(own / whole) = -own / whole^2 d(whole).
        slope = _over(shares, 2 * whole)
        error = norm((slope[:, None] * parts).mean(axis=0))
        low, high = float(_over(own, most).mean()), float(_over(own, least).mean())
        return clipped(around(float(shares.mean()), error, level), low, high)

    def example(self, i: int) -> "Sampled":
        """One example of a batch.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        return Sampled(
            self.space,
            self.count,
            self.ranks,
            np.asarray(self.influences)[i],
            self.weights,
            float(np.asarray(self.total)[i]),
            {rank: np.asarray(x)[i : i + 1] for rank, x in self.known.items()},
            None if self.head is None else self.head.example(i),
            self.audit.example(i),
            self.metadata,
        )

    def _page(self) -> Page:
        return page("Sampled", "", [lines(str(self))], self.audit)

    def __str__(self) -> str:
        head = "" if self.head is None else f", {len(self.head)} paths known as the head"
        texts = [f"{len(self)} draws from {short_integer(self.count)} paths{head}"]
        texts.append(f"total {float(np.mean(self.total)):+.4g} (exact), absolute sum ")
        try:
            mean, low, high = self.absolute_sum()
            texts[1] += f"{mean:.4g} [{low:.4g}, {high:.4g}]"
        except ArgumentError:
            texts[1] += "unknown"
        if 0 < self.effective_draws < _FEW:
            texts.append(
                f"a few draws outweigh the others, as if there were {self.effective_draws:.1f}: "
                "sums and shares are not to be trusted; draw more, or by Importance()"
            )
        return "\n".join(texts)

    def __repr__(self) -> str:
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        return f"Sampled({len(self)} of {short_integer(self.count)} paths{batch})"


def _entries(of: OfInfluences, rows: np.ndarray) -> np.ndarray:
    """A function of every entry.

    Raises:
        ShapeError: it returns something else than one number per entry.
    """
    found = np.asarray(of(rows), np.float64)
    if found.shape != rows.shape:
        raise ShapeError(
            f"sum_of(of=...) was given influences of shape {rows.shape} and returned "
            f"{found.shape}; it takes and returns arrays, entry by entry, such as numpy.abs."
        )
    return found


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The ratio; 0 where there is nothing to be a part of."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


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
