"""The influence of a path, or of a set of paths, taken apart at some of its nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64

from pathflow._errors import ArgumentError, ShapeError
from pathflow._printable import printable
from pathflow.drawing import AbstractDisplayed, Page
from pathflow.graph import Node

from ._amount import Amount, amount, batch_size, check_example, means_of
from ._audit import Audit
from ._checked import check_floating, check_metadata
from ._order import AbstractOrder, Magnitude
from ._pages import examples_text, ranked_page
from ._part_table import PartTable
from ._pytree import register_result
from ._storable import Storable
from ._table import pandas_module, shares, top_ranks, widened
from ._xarray import data_set, text_array


@final
@dataclass(frozen=True)
class PartInfluence:
    """One row of a refinement.

    Attributes:
        parts: the parts that it goes through, as text.
        row: its number.
        influence: its influence; over a batch, the mean.
        share: its influence over the sum of all influences of its sign; 0 for an influence of 0.
    """

    parts: str
    row: int
    influence: float
    share: float

    def __str__(self) -> str:
        return printable(f"{self.influence:+.4g}  {self.share:6.1%}  {self.parts}")


@final
@dataclass(frozen=True, eq=False, repr=False)
class Refinement(Storable, AbstractDisplayed):
    """What each part of some nodes carries of the influence of a path, or of a set of paths.

    Parts that cannot carry anything, whatever the inputs, have no row; `n_zeros` says how many. A
    pytree: the influences, the parent and the audit's arrays are leaves, all else is static.

    Arguments:
        paths: the path or pattern, as text.
        table: the parts of each row.
        influences: shape `(rows,)`, or `(B, rows)` for a batch of B examples.
        parent: the influence of the paths, not taken apart and computed on its own: a number, or
            one per example.
        n_zeros: how many combinations of parts are zero whatever the inputs.
        audit: the residuals; the structural one says how far the parts miss the parent.
        metadata: how the result came about; anything that JSON can hold.

    Raises:
        ShapeError: the influences do not fit the rows, or are no floating numbers.
        ArgumentError: the metadata is no JSON.

    Example:
        refined.top(5)
        refined["c1@2[17]"]
        refined.by_part("c1@2") / refined.parent
    """

    paths: str
    table: PartTable
    influences: Float[np.ndarray, "*B rows"]
    parent: Any
    n_zeros: int
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, size = np.shape(self.influences), len(self.table)
        if len(shape) not in (1, 2) or shape[-1] != size or shape[:-1] != np.shape(self.parent):
            raise ShapeError(
                f"influences has shape {shape} and parent {np.shape(self.parent)} for {size} rows; "
                f"give ({size},) and (), or (B, {size}) and (B,) for a batch of B examples."
            )
        check_floating("influences", self.influences)
        check_metadata(self.metadata)

    @property
    def _array(self) -> np.ndarray:
        # After a `jax.tree.map` it may be a JAX array, whose sums would not be float64.
        return np.asarray(self.influences)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.influences) if self.influences.ndim == 2 else None

    @property
    def total(self) -> Amount:
        """The sum over all parts; it is `parent`, up to rounding."""
        return amount(self._array.sum(axis=-1, dtype=np.float64))

    @property
    def labels(self) -> tuple[str, ...]:
        """The parts of every row, as text."""
        return tuple(map(self.table.label, range(len(self))))

    def __getitem__(self, parts: str | int) -> Amount:
        """The influence through some parts: the sum over all rows that go through every one.

        Arguments:
            parts: parts as text, such as `"c1@2[17]"`, or `"()"` for the paths that pass none of
                the divided nodes; or the number of a row.

        Raises:
            UnknownNodeError: a node was not divided, or has no such part.
            ArgumentError: a word of the text is no part, or there is no such row.
        """
        if isinstance(parts, str):
            mask = self.table.rows_through(parts)
            return amount(self._array[..., mask].sum(axis=-1, dtype=np.float64))
        if isinstance(parts, bool) or not isinstance(parts, int | np.integer):
            raise ArgumentError(f"{parts!r} is neither a text of parts nor the number of a row.")
        if not 0 <= parts < len(self):
            raise ArgumentError(f"row {parts} is outside 0 .. {len(self) - 1}.")
        return amount(self._array[..., parts].astype(np.float64))

    def by_part(self, node: Node | str) -> Float64[np.ndarray, "*B parts"]:
        """The influence through every part of one node, those that are always zero included.

        Parts are in their order: after `Components()`, reshape to the node's shape.

        Raises:
            UnknownNodeError: the node was not divided.
        """
        at = self.table.position(node)
        chosen, size = self.table.chosen[:, at], len(self.table.names[at])
        rows = np.atleast_2d(self._array)
        on = chosen >= 0
        sums = [np.bincount(chosen[on], row[on], minlength=size) for row in rows]
        return np.array(sums) if self.n_examples is not None else sums[0]

    def example(self, i: int) -> "Refinement":
        """One example of a batch.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        parent = float(np.asarray(self.parent)[i])
        return self._with(self._array[i], parent, self.audit.example(i))

    def mean(self) -> "Refinement":
        """The mean over the examples of a batch, in float64, with the worst structural residual.

        Raises:
            ArgumentError: there is no axis of examples.
        """
        batch_size(self.n_examples)
        parent = float(np.mean(self.parent, dtype=np.float64))
        return self._with(self._mean_row(), parent, self.audit.mean())

    def _with(self, influences: np.ndarray, parent: float, audit: Audit) -> "Refinement":
        return Refinement(
            self.paths, self.table, influences, parent, self.n_zeros, audit, self.metadata
        )

    def _mean_row(self) -> Float64[np.ndarray, " rows"]:
        return means_of(self._array)

    def top(self, k: int = 10, by: AbstractOrder | None = None) -> list[PartInfluence]:
        """The `k` first rows in an order, exactly; equal ones in the order of their numbers.

        A batch is ordered by its mean over the examples, and lists that mean.

        Arguments:
            k: how many rows, at most.
            by: `Magnitude()` (the default), `Largest()` or `Smallest()`.

        Raises:
            ArgumentError: `k` is no number of rows, or `by` is no order.
            NonFiniteError: an influence is NaN.
        """
        mean = self._mean_row()
        rows = top_ranks(mean, k, Magnitude() if by is None else by)
        parts = zip(rows.tolist(), shares(mean, rows).tolist(), strict=True)
        return [PartInfluence(self.table.label(i), i, float(mean[i]), share) for i, share in parts]

    def to_pandas(self, k: int | None = None) -> Any:
        """A data frame with a row per row of parts: `parts`, a column for each divided node with
        the part's name (missing where it is not passed), `influence` and `share`.

        A batch has a row per example, with the column `example` in front.

        Arguments:
            k: None for all rows in their order, or how many of the largest magnitude (of the mean,
                for a batch).

        Raises:
            MissingDependencyError: pandas is not installed.
            NonFiniteError: `k` is given and an influence is NaN.
        """
        pandas = pandas_module()
        rows = np.atleast_2d(self._array)
        at = np.arange(len(self)) if k is None else top_ranks(self._mean_row(), k, Magnitude())
        columns: dict[str, Any] = {"parts": [self.table.label(i) for i in at.tolist()] * len(rows)}
        for node, names, chosen in zip(
            self.table.nodes, self.table.names, self.table.chosen[at].T.tolist(), strict=True
        ):
            columns[str(node)] = [names[i] if i >= 0 else None for i in chosen] * len(rows)
        columns["influence"] = widened(rows[:, at].ravel())
        columns["share"] = np.concatenate([shares(row, at) for row in rows])
        if self.n_examples is not None:
            columns = {"example": np.repeat(np.arange(len(rows)), len(at)), **columns}
        return pandas.DataFrame(columns)

    def to_xarray(self) -> Any:
        """An xarray dataset: `influence` over `example` (of a batch) and `parts`, with the rows'
        labels as coordinate; `total`, `parent`, and the audit's residuals. The metadata and all
        else of the audit are attributes.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        return data_set(
            self.metadata,
            self.audit,
            batched=self.n_examples is not None,
            values={"influence": ("parts", self._array)},
            examples={"total": self.total, "parent": self.parent},
            labels={"parts": ("parts", text_array(self.labels))},
        )

    def _page(self) -> Page:
        facts = f"{self.paths}, {len(self):,} rows{examples_text(self.n_examples)}"
        facts += f", {self.n_zeros:,} always zero"
        return ranked_page(self, facts, "parts", lambda row: (row.row, row.parts))

    def __repr__(self) -> str:
        nodes = self.table.nodes
        where = ", ".join(map(str, nodes[:3])) + ", ..." * (len(nodes) > 3)
        batch = "" if self.n_examples is None else f", {self.n_examples} examples, mean"
        return (
            f"Refinement({self.paths!r} at {where}: {len(self)} rows{batch} total "
            f"{float(np.mean(self.total)):.6g}, {self.n_zeros} always zero, {self.audit!r})"
        )


register_result(Refinement, ("influences", "parent", "audit"), ("paths", "table", "n_zeros"))
