"""The influences of all paths."""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast, final

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError
from pathflow._typing import PathMask, Ranks
from pathflow.drawing import AbstractDisplayed, Page
from pathflow.graph import NodeLike, Path, PathSpace
from pathflow.page import PathTable, Sheet

from ._amount import Amount, amount, batch_size, check_example
from ._audit import Audit
from ._checked import check_floating, check_metadata
from ._html import Paged
from ._labels import path_labels
from ._order import AbstractOrder, Magnitude
from ._pages import examples_text, path_text, paths_text, ranked_page
from ._pytree import register_result
from ._sheet import make_sheet, rows_of, sheet_of
from ._storable import Storable
from ._table import PathInfluence, data_frame, path_influences, top_ranks
from ._xarray import data_set, text_array

PathOrRank = Path | str | tuple[NodeLike, ...] | list[NodeLike] | int | np.integer
PathSet = Iterable[PathOrRank] | PathMask | Ranks | Bool[Array, " paths"] | Integer[Array, " k"]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Storable, Paged, AbstractDisplayed):
    """The influences of all paths from the sources to a target, for one example or for a batch.

    Paths are known by their ranks in `space`, so no list of them is stored; labels are made when
    asked for. Sums are taken in float64 whatever the precision of the influences. A NaN (a value
    not written, or not finite) is never dropped: every sum that it is part of is NaN.

    A pytree: the influences and the audit's arrays are leaves, all else is static.

    Arguments:
        space: the paths.
        influences: shape `(n_paths,)`, or `(B, n_paths)` for a batch of B examples, in rank order.
        audit: the residuals.
        metadata: how the result came about; anything that JSON can hold.
        question: what `pathflow.attribute` was asked, for `pathflow.refine` to ask on; it is no
            data, and is left behind by `example`, `mean`, transformations of pytrees and pickles.

    Raises:
        ShapeError: the influences have another shape, or are no floating numbers.
        ArgumentError: the metadata is no JSON.

    Example:
        result.total, result.audit
        result.top(10)
        result["x@2 g0@2 c0@2 h0@2 qoi"]
        result.through("c0@2") / result.total
    """

    space: PathSpace
    influences: Float[np.ndarray, "*B paths"]
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)
    question: Any = None

    def __post_init__(self) -> None:
        shape, count = np.shape(self.influences), self.space.count
        if len(shape) not in (1, 2) or shape[-1] != count:
            raise ShapeError(
                f"influences has shape {shape} for {count} paths; give ({count},), or (B, {count}) "
                "for a batch of B examples."
            )
        check_floating("influences", self.influences)
        check_metadata(self.metadata)

    @property
    def _array(self) -> np.ndarray:
        # After a `jax.tree.map` it may be a JAX array, whose sums would not be float64.
        return np.asarray(self.influences)

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.influences) if self.influences.ndim == 2 else None

    @property
    def total(self) -> Amount:
        """The sum over all paths."""
        return amount(np.sum(self._array, axis=-1, dtype=np.float64))

    def __getitem__(self, path: PathOrRank) -> Amount:
        """The influence of one path, given by its labels or its rank.

        Raises:
            UnknownNodeError: a label names no node.
            GraphError: the path is none of the space, or the rank is outside.
        """
        return amount(self._array[..., self._rank(path)].astype(np.float64))

    def _rank(self, path: PathOrRank) -> int:
        return rank_of(self.space, path)

    def example(self, i: int) -> "Attribution":
        """One example of a batch.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        return Attribution(self.space, self._array[i], self.audit.example(i), self.metadata)

    def mean(self) -> "Attribution":
        """The mean over the examples of a batch, in float64, with the worst structural residual.

        Raises:
            ArgumentError: there is no axis of examples.
        """
        batch_size(self.n_examples)
        influences = self._mean_row()
        return Attribution(self.space, influences, self.audit.mean(), self.metadata)

    def top(self, k: int = 10, by: AbstractOrder | None = None) -> list[PathInfluence]:
        """The `k` first paths in an order, exactly; equal ones in the order of their ranks.

        A batch is ordered by its mean over the examples, and lists that mean.

        Arguments:
            k: how many paths, at most.
            by: `Magnitude()` (the default), `Largest()` or `Smallest()`.

        Raises:
            ArgumentError: `k` is no number of rows, or `by` is no order.
            NonFiniteError: an influence is NaN.
        """
        mean = self._mean_row()
        ranks = top_ranks(mean, k, Magnitude() if by is None else by)
        return list(path_influences(self.space, mean, ranks))

    def _mean_row(self) -> Float[np.ndarray, " paths"]:
        rows = np.atleast_2d(self._array)
        return np.asarray(np.mean(rows, axis=0, dtype=np.float64))

    def sum(self, paths: PathSet | PathOrRank) -> Amount:
        """The sum over a set of paths. A path that is given twice counts once.

        Arguments:
            paths: paths, texts of labels, or ranks; or an array: a boolean per path, or ranks. A
                single path is a set of one.

        Raises:
            UnknownNodeError: a label names no node.
            GraphError: a path is none of the space, or a rank is outside.
            ShapeError: a mask has not one entry per path.
            ArgumentError: it is no set of paths.
        """
        if isinstance(paths, Path | str | int | np.integer):
            paths = [paths]
        if isinstance(paths, jax.Array):
            paths = np.asarray(paths)
        if not isinstance(paths, Iterable):
            raise ArgumentError(
                f"paths={described(paths)} is no set of paths; give paths, ranks, or a boolean "
                "array with one entry per path."
            )
        if isinstance(paths, np.ndarray) and paths.dtype == bool:
            return self._sum_of_mask(paths)
        mask = np.zeros(self.space.count, bool)
        if isinstance(paths, np.ndarray):
            self._check_ranks(paths)
            mask[paths] = True
        else:
            for path in cast("Iterable[PathOrRank]", paths):
                mask[self._rank(path)] = True
        return self._sum_of_mask(mask)

    def _check_ranks(self, ranks: np.ndarray) -> None:
        if not np.issubdtype(ranks.dtype, np.integer) or ranks.ndim != 1:
            raise ShapeError(
                f"paths has dtype {ranks.dtype} and shape {ranks.shape}; an array holds one "
                "boolean per path, or ranks on one axis."
            )
        for extreme in (ranks.min(initial=0), ranks.max(initial=0)):
            self._rank(extreme)

    def _sum_of_mask(self, mask: np.ndarray) -> Amount:
        if mask.shape != (self.space.count,):
            raise ShapeError(
                f"paths has shape {mask.shape} for {self.space.count} paths; "
                "a mask has one entry each."
            )
        rows = np.atleast_2d(self._array)
        # Row by row: a masked copy of a whole batch may not fit where the batch itself just does.
        sums = np.array([row[mask].sum(dtype=np.float64) for row in rows])
        return amount(sums if self.n_examples is not None else sums[0])

    def through(self, *nodes: NodeLike) -> Amount:
        """The sum over the paths that pass through a node, or through all of several nodes.

        Raises:
            UnknownNodeError: the graph has no such node.
        """
        return self._sum_of_mask(self.space.mask_through(*nodes))

    def ranks_through(self, *nodes: NodeLike) -> Ranks:
        """The ranks of the paths that pass through all the nodes given, ascending.

        Raises:
            UnknownNodeError: the graph has no such node.
        """
        return np.flatnonzero(self.space.mask_through(*nodes))

    def to_pandas(self, k: int | None = None) -> Any:
        """A data frame with a row per path: `path`, `rank`, `influence`, `share`.

        A batch has a row per example and path, with the column `example` in front.

        Arguments:
            k: None for all paths in the order of their ranks, or how many of the largest magnitude
                (of the mean, for a batch).

        Raises:
            MissingDependencyError: pandas is not installed.
            NonFiniteError: `k` is given and an influence is NaN.
        """
        ranks = None if k is None else top_ranks(self._mean_row(), k, Magnitude())
        rows = np.atleast_2d(self._array)
        return data_frame(self.space, rows, ranks, self.n_examples is not None)

    def to_xarray(self, *, labels: bool = True) -> Any:
        """An xarray dataset: `influence` over `example` (of a batch) and `path`, `total`, and the
        audit's residuals; the metadata and all else of the audit are attributes.

        Arguments:
            labels: whether the paths have their labels as a coordinate, some hundred bytes each;
                without them a path's place on its axis is its rank.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        return data_set(
            self.metadata,
            self.audit,
            batched=self.n_examples is not None,
            values={"influence": ("path", self._array)},
            examples={"total": self.total},
            labels={"path": ("path", text_array(path_labels(self.space)))} if labels else {},
        )

    def _page(self) -> Page:
        ends = f"{', '.join(map(str, self.space.sources))} -> {self.space.target}"
        facts = f"{ends}, {paths_text(self.space.count)}{examples_text(self.n_examples)}"
        return ranked_page(self, facts, "paths", lambda row: (row.rank, path_text(row.path)))

    def __repr__(self) -> str:
        ends = f"{', '.join(map(str, self.space.sources))} -> {self.space.target}"
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        mean = float(np.mean(self.total))
        return (
            f"Attribution({ends}, {paths_text(self.space.count)}{batch}, "
            f"{'mean ' if batch else ''}total {mean:.6g}, {self.audit!r})"
        )


def rank_of(space: PathSpace, path: PathOrRank) -> int:
    """The rank of a path that is given by its labels or by its rank.

    Raises:
        ArgumentError: it is neither.
        UnknownNodeError: a label names no node.
        GraphError: the path is none of the space, or the rank is outside.
    """
    if isinstance(path, bool | np.bool_) or not isinstance(
        path, int | np.integer | str | Path | tuple | list
    ):
        raise ArgumentError(
            f"{path!r} is neither a path nor a rank; give labels joined by blanks, a Path or "
            "an integer, or choose paths by an array with one boolean each."
        )
    if isinstance(path, int | np.integer):
        rank = operator.index(path)
        if not 0 <= rank < space.count:
            space.unrank(rank)
        return rank
    return space.rank(path)


register_result(Attribution, ("influences", "audit"), ("space",))


def _sheet(result: Attribution) -> Sheet:
    ends = f"{', '.join(map(str, result.space.sources))} → {result.space.target}"
    table = PathTable(result.space, rows_of("influences", result.influences))
    return make_sheet(ends, result.total, result.n_examples, result.audit, paths=table)


sheet_of.register(Attribution, _sheet)
