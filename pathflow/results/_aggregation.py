"""The influences of named classes of paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64

from pathflow._described import described
from pathflow._errors import ArgumentError, ShapeError
from pathflow._printable import printable
from pathflow.drawing import AbstractDisplayed, Page, short_integer
from pathflow.page import Classes, Sheet

from ._amount import Amount, amount, batch_size, check_example
from ._audit import Audit
from ._checked import check_floating, check_metadata
from ._class_table import class_frame, class_share, class_text
from ._html import Paged
from ._pages import examples_text, influence_table, page, paths_text
from ._pytree import register_result
from ._sheet import make_sheet, rows_of, sheet_of
from ._storable import Storable
from ._xarray import data_set, integer_array, text_array

# How the paths of no class are called, and all paths together.
REST, TOTAL = "rest", "total"
_OVERLAP = "Classes overlap: a path in several of them counts in each, and once in the total."


@final
@dataclass(frozen=True, eq=False, repr=False)
class Aggregation(Storable, Paged, AbstractDisplayed):
    """The summed influence of every class of paths, and of the rest, without any single path.

    Classes may overlap: a path in two of them counts in both, and `total` counts it once. So the
    sums are kept by *parts*, the sets of paths that are in exactly the same classes: parts are
    disjoint, a class is the sum of the parts that name it, and the total is the sum of all.

    A pytree: the amounts and the audit's arrays are leaves, all else is static.

    Arguments:
        names: the classes.
        parts: for each part, the classes that its paths are in; the empty set is the rest. No part
            comes twice, and one that is missing holds no path.
        amounts: the influence of each part, shape `(parts,)`, or `(B, parts)` for a batch of B
            examples.
        part_counts: the exact number of paths in each part; None where it is unknown.
        audit: the residuals.
        metadata: how the result came about; anything that JSON can hold.

    Raises:
        ArgumentError: a class is named twice, or "rest" or "total"; a part comes twice or names
            something that is no class; the metadata is no JSON.
        ShapeError: amounts or counts do not fit the parts.

    Example:
        result["primary"], result.rest, result.total
        result["primary"] / result.total
        result.counts["primary"]
        print(result)
    """

    names: tuple[str, ...]
    parts: tuple[frozenset[str], ...]
    amounts: Float[np.ndarray, "*B parts"]
    part_counts: tuple[int, ...] | None
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.names)
        unknown = frozenset().union(*self.parts) - frozenset(self.names)
        if unknown or len(set(self.parts)) < len(self.parts):
            raise ArgumentError(
                f"parts={self.parts!r} must be different sets of the classes {self.names!r}."
            )
        shape, size = np.shape(self.amounts), len(self.parts)
        if len(shape) not in (1, 2) or shape[-1] != size:
            raise ShapeError(
                f"amounts has shape {shape} for {size} parts; give ({size},), or (B, {size}) for a "
                "batch of B examples."
            )
        check_floating("amounts", self.amounts)
        if self.part_counts is not None and len(self.part_counts) != size:
            raise ShapeError(
                f"part_counts holds {len(self.part_counts)} numbers for {size} parts; give one "
                "each, or None."
            )
        check_metadata(self.metadata)

    @property
    def _array(self) -> np.ndarray:
        # After a `jax.tree.map` it may be a JAX array, whose sums would not be float64.
        return np.asarray(self.amounts, np.float64)

    def _of(self, name: str) -> list[int]:
        """The parts that make up a class, or the rest."""
        if name == REST:
            return [i for i, classes in enumerate(self.parts) if not classes]
        return [i for i, classes in enumerate(self.parts) if name in classes]

    def _influence(self, name: str) -> Any:
        return self._array[..., self._of(name)].sum(axis=-1)

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.amounts) if self.amounts.ndim == 2 else None

    @property
    def influences(self) -> Float64[np.ndarray, "*B classes"]:
        """The influence of each class, in the order of `names`."""
        return np.stack([self._influence(name) for name in self.names], axis=-1)

    @property
    def rest(self) -> Amount:
        """The influence of the paths in no class."""
        return amount(self._influence(REST))

    @property
    def total(self) -> Amount:
        """The influence of all paths, each counted once."""
        return amount(self._array.sum(axis=-1))

    @property
    def counts(self) -> dict[str, int] | None:
        """The exact number of paths in each class, and in the "rest"; None where it is unknown."""
        counts = self.part_counts
        if counts is None:
            return None
        return {name: sum(counts[i] for i in self._of(name)) for name in (*self.names, REST)}

    @property
    def count(self) -> int | None:
        """The exact number of all paths; None where it is unknown."""
        return None if self.part_counts is None else sum(self.part_counts)

    @property
    def overlapping(self) -> bool:
        """Whether some path is in several classes."""
        return any(len(classes) > 1 for classes in self.parts)

    def __getitem__(self, name: str) -> Amount:
        """The influence of one class, or of the "rest".

        Raises:
            ArgumentError: there is no such class.
        """
        if name not in (*self.names, REST):
            raise ArgumentError(
                f"no class {name!r}; the classes are {', '.join(self.names)}, and {REST!r}."
            )
        return amount(self._influence(name))

    def example(self, i: int) -> "Aggregation":
        """One example of a batch.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        return self._with(self._array[i], self.audit.example(i))

    def mean(self) -> "Aggregation":
        """The mean over the examples of a batch, with the worst structural residual.

        Raises:
            ArgumentError: there is no axis of examples.
        """
        batch_size(self.n_examples)
        return self._with(self._array.mean(axis=0), self.audit.mean())

    def _with(self, amounts: np.ndarray, audit: Audit) -> "Aggregation":
        return Aggregation(self.names, self.parts, amounts, self.part_counts, audit, self.metadata)

    def to_pandas(self) -> Any:
        """A data frame with a row per class, and one for the rest: `class`, `influence`, `share`
        (of the total) and `paths` (how many; absent where unknown).

        A batch has a row per example and class, with the column `example` in front.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        names, totals = (*self.names, REST), np.atleast_1d(self._array.sum(axis=-1))
        rows = np.atleast_2d(np.stack([self._influence(n) for n in names], axis=-1))
        return class_frame(names, rows, totals, self.counts, self.n_examples is not None)

    def to_xarray(self) -> Any:
        """An xarray dataset: `influence` over `example` (of a batch) and `class`, the last of which
        is the rest; `total`, and the audit's residuals. The coordinate `paths` counts the paths of
        each class, where that is known. The metadata and all else of the audit are attributes.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        names = (*self.names, REST)
        labels = {"class": ("class", text_array(names))}
        if (counts := self.counts) is not None:
            labels["paths"] = ("class", integer_array(counts[n] for n in names))
        influences = np.stack([self._influence(n) for n in names], axis=-1)
        return data_set(
            self.metadata,
            self.audit,
            batched=self.n_examples is not None,
            values={"influence": ("class", influences)},
            examples={"total": self.total},
            labels=labels,
        )

    def _page(self) -> Page:
        one = self if self.n_examples is None else self.mean()
        total, counts = float(one.total), one.counts

        def row(name: str) -> tuple[float, float, str]:
            paths = "" if counts is None else f", {paths_text(counts[name])}"
            return float(one[name]), class_share(float(one[name]), total), name + paths

        shown = influence_table(
            [row(name) for name in self.names], [row(REST)], total, "class", "share of total"
        )
        facts = f"{len(self.names):,} classes{examples_text(self.n_examples)}"
        note = _OVERLAP if self.overlapping else ""
        return page("Aggregation", facts, [shown], self.audit, note)

    def __str__(self) -> str:
        one = self if self.n_examples is None else self.mean()
        total, counts = float(one.total), one.counts or {}
        rows = [(n, float(one[n]), counts.get(n)) for n in (*self.names, REST)]
        heading = "influence" if one is self else f"mean of {self.n_examples}"
        lines = class_text([*rows, (TOTAL, total, one.count)], total, heading)
        if self.overlapping:
            lines.append(_OVERLAP)
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        classes = ", ".join(f"{name}={self._mean(self[name]):.6g}" for name in self.names)
        batch = "" if self.n_examples is None else f"{self.n_examples} examples, means: "
        paths = "" if self.count is None else f"{short_integer(self.count)} paths, "
        return printable(
            f"Aggregation({paths}{batch}{classes}, rest={self._mean(self.rest):.6g}, "
            f"total={self._mean(self.total):.6g}, {self.audit!r})"
        )

    @staticmethod
    def _mean(value: Amount) -> float:
        return float(np.mean(value))


def check_names(names: tuple[str, ...]) -> None:
    """Refuses names that classes cannot have.

    Raises:
        ArgumentError: there is none, one is no text or comes twice, or one is "rest" or "total".
    """
    if not names:
        raise ArgumentError("there is no class; name at least one.")
    for name in names:
        if not isinstance(name, str):
            raise ArgumentError(
                f"a class is named {described(name)}, which is no text; name it {str(name)!r:.60}."
            )
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise ArgumentError(f"the class {twice!r} is named twice; name each once.")
    for reserved in (REST, TOTAL):
        if reserved in names:
            raise ArgumentError(
                f"a class is named {reserved!r}, which stands for the paths of no class or for all "
                "paths; choose another name."
            )


register_result(Aggregation, ("amounts", "audit"), ("names", "parts", "part_counts"))


def _sheet(result: Aggregation) -> Sheet:
    names = (*result.names, REST)
    values = np.stack([np.asarray(result[name]) for name in names], axis=-1)
    counts = None if result.counts is None else tuple(result.counts[name] for name in names)
    classes = Classes(names, rows_of("influences", values), counts, result.overlapping)
    heading = "classes of paths"
    return make_sheet(heading, result.total, result.n_examples, result.audit, classes=classes)


sheet_of.register(Aggregation, _sheet)
