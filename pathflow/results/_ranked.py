"""Some of the paths, with what is known of all the others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import jax
import numpy as np
from jaxtyping import Float

from pathflow._errors import ArgumentError, GraphError, ShapeError
from pathflow.drawing import AbstractDisplayed, Page, short_integer
from pathflow.graph import Path, PathSpace
from pathflow.graph import PathLike as InfluencePath
from pathflow.page import PathTable, Sheet, Unseen

from ._amount import Amount, amount, batch_size, check_example, means_of
from ._audit import Audit
from ._html import Paged
from ._pages import SHOWN, examples_text, influence_table, page, path_text
from ._sheet import make_sheet, rows_of, sheet_of
from ._storable import Storable
from ._table import PathInfluence, number_listed, ranked_frame
from ._xarray import data_set, integer_array, text_array


@final
@dataclass(frozen=True)
class Certificate:
    """What is certain about the paths that a search does not list.

    Arguments:
        exact: whether the list is what was asked for, with nothing missing.
        bound: the largest value, in the order of the search (of the absolute influence, for
            `Magnitude`), that a path outside the list can have; infinite where nothing bounds it.
        unseen_sum: the exact sum of the influences of all paths outside the list; one number per
            example for a batch.
        unseen_count: the exact number of paths outside the list.
        followed: how many beginnings of paths were looked at.
    """

    exact: bool
    bound: float
    unseen_sum: Any
    unseen_count: int
    followed: int

    def __str__(self) -> str:
        kind = "exact" if self.exact else "not proven complete"
        beginnings = f"{self.followed:,} beginning{'s' * (self.followed != 1)}"
        return f"{kind}: {self._others()} ({beginnings} followed)"

    def _others(self) -> str:
        if not self.unseen_count:
            return "there are no other paths"
        mean, one = float(np.mean(self.unseen_sum)), self.unseen_count == 1
        who = "the other path" if one else f"each of the other {short_integer(self.unseen_count)}"
        paths = "" if one else " paths"
        if not np.isfinite(self.bound):
            bounded = f"nothing bounds {who}{paths}"
        else:
            bounded = f"{who}{paths} has at most {self.bound:.4g}"
        return f"{bounded}, {'it has' if one else 'all of them together'} {mean:+.4g}"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Ranked(Storable, Paged, AbstractDisplayed):
    """The paths that a search found, first ones first, and a certificate on all others.

    A batch is ordered by its mean over the examples. A pytree: the influences, the unseen sum and
    the audit's arrays are leaves, all else is static.

    Arguments:
        space: all paths, or those that the search was restricted to and others.
        ranks: the numbers of the found paths in the space, as exact integers, in order.
        influences: theirs, shape `(k,)`, or `(B, k)` for a batch of B examples.
        certificate: what is known of the paths outside the list.
        audit: the residuals of the total: the listed paths and the unseen sum.
        metadata: how the result came about; anything that JSON can hold.
        question: what `pathflow.attribute` was asked, for `pathflow.refine` to ask on; it is no
            data, and is left behind by `example`, `mean`, transformations of pytrees and pickles.

    Raises:
        ShapeError: there is not one influence per rank.

    Example:
        ```python
        result = pf.attribute(graph, args, source="x@0", doi=doi, search=pf.TopK(100))
        print(result)
        result.certificate.exact, result.certificate.bound
        result[result.rows[0].path]
        ```
    """

    space: PathSpace
    ranks: tuple[int, ...]
    influences: Float[np.ndarray, "*B k"]
    certificate: Certificate
    audit: Audit
    metadata: Mapping[str, Any] = field(default_factory=dict)
    question: Any = None

    def __post_init__(self) -> None:
        shape = np.shape(self.influences)
        if len(shape) not in (1, 2) or shape[-1] != len(self.ranks):
            raise ShapeError(
                f"influences has shape {shape} for {len(self.ranks)} ranks; give one number per "
                "path, or (B, k) for a batch of B examples."
            )

    @property
    def n_examples(self) -> int | None:
        """The number of examples, or None without an axis of examples."""
        return len(self.influences) if np.ndim(self.influences) == 2 else None

    @property
    def total(self) -> Amount:
        """The sum over all paths that the search was about, listed or not."""
        listed = np.sum(np.asarray(self.influences), axis=-1, dtype=np.float64)
        return amount(listed + self.certificate.unseen_sum)

    @property
    def rows(self) -> list[PathInfluence]:
        """The paths in order, with their influences; of a batch, the means.

        They have no share, since the sum over all paths of one sign is not known.
        """
        return list(self._rows())

    def _rows(self) -> Iterator[PathInfluence]:
        means = means_of(self.influences)
        for rank, mean in zip(self.ranks, means, strict=True):
            yield PathInfluence(self.space.unrank(rank), rank, float(mean), None)

    def top(self, k: int = 10) -> list[PathInfluence]:
        """The first `k` rows.

        Raises:
            ArgumentError: `k` is no number of rows.
        """
        return self.rows[: number_listed(k)]

    def __len__(self) -> int:
        return len(self.ranks)

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str | tuple | list):
            return False
        try:
            return self.space.rank(path) in self.ranks
        except GraphError:
            return False

    def __getitem__(self, path: InfluencePath) -> Amount:
        """The influence of one of the listed paths, given by its labels.

        Raises:
            GraphError: the path is none of the space, or is not in the list.
        """
        if not isinstance(path, str | Path | tuple | list):
            raise ArgumentError(f"{path!r} is no path; give labels joined by blanks, or a Path.")
        rank = self.space.rank(path)
        if rank not in self.ranks:
            raise GraphError(
                f"path {str(path)!r} is not in the list of {len(self)} paths; its value in the "
                f"order of the search is at most {self.certificate.bound:.4g}."
            )
        found = np.asarray(self.influences)[..., self.ranks.index(rank)]
        return amount(found.astype(np.float64))

    def example(self, i: int) -> "Ranked":
        """One example of a batch, its paths in the order of the whole batch.

        The certificate's bound is about the mean over the examples, and is not known for one where
        the list leaves paths out.

        Raises:
            ArgumentError: there is no axis of examples, or no such example.
        """
        check_example(i, self.n_examples)
        known = self.certificate
        whole = not known.unseen_count
        certificate = Certificate(
            whole,
            0.0 if whole else float("inf"),
            float(known.unseen_sum[i]),
            known.unseen_count,
            known.followed,
        )
        influences = np.asarray(self.influences)[i]
        return Ranked(
            self.space, self.ranks, influences, certificate, self.audit.example(i), self.metadata
        )

    def mean(self) -> "Ranked":
        """The mean over the examples of a batch, with the worst structural residual.

        Raises:
            ArgumentError: there is no axis of examples.
        """
        batch_size(self.n_examples)
        known = self.certificate
        certificate = Certificate(
            known.exact,
            known.bound,
            float(np.mean(known.unseen_sum)),
            known.unseen_count,
            known.followed,
        )
        influences = means_of(self.influences)
        influences = np.asarray(influences)
        return Ranked(
            self.space, self.ranks, influences, certificate, self.audit.mean(), self.metadata
        )

    def to_pandas(self) -> Any:
        """A data frame with a row per listed path: `path`, `rank`, `influence`.

        A batch has a row per example and path, with the column `example` in front. Ranks beyond
        int64 stay Python integers.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        rows = np.atleast_2d(self.influences)
        return ranked_frame(self.space, rows, self.ranks, self.n_examples is not None)

    def to_xarray(self) -> Any:
        """An xarray dataset: `influence` over `example` (of a batch) and `path`, with the listed
        paths' labels and their `rank` as coordinates; `total`, the certificate's `unseen_sum`, and
        the audit's residuals. The metadata, and all else of the audit and of the certificate, are
        attributes.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        known = self.certificate
        facts = {
            "certificate_exact": known.exact,
            "certificate_bound": known.bound,
            # As text, for it may be beyond every integer of a file.
            "certificate_unseen_count": str(known.unseen_count),
            "certificate_followed": known.followed,
        }
        paths = text_array(str(self.space.unrank(rank)) for rank in self.ranks)
        return data_set(
            {**self.metadata, **facts},
            self.audit,
            batched=self.n_examples is not None,
            values={"influence": ("path", self.influences)},
            examples={"total": self.total, "unseen_sum": known.unseen_sum},
            labels={"path": ("path", paths), "rank": ("path", integer_array(self.ranks))},
        )

    def _page(self) -> Page:
        facts = f"{len(self):,} of {short_integer(self.space.count)} paths"
        rows = [(row.influence, None, path_text(row.path)) for row in self.top(SHOWN)]
        total = float(np.mean(self.total))
        count = self.certificate.unseen_count + len(self) - len(rows)
        others = total - sum(value for value, _, _ in rows)
        rest = [(others, None, f"{short_integer(count)} other paths together")]
        shown = influence_table(rows, rest, total)
        facts += examples_text(self.n_examples)
        return page("Ranked", facts, [shown], self.audit, str(self.certificate))

    def __str__(self) -> str:
        shown = 10
        lines = [str(row) for row in self.top(shown)]
        if len(self) > shown:
            lines.append(f"... and {len(self) - shown} more")
        return "\n".join([*lines, str(self.certificate)])

    def __repr__(self) -> str:
        batch = "" if self.n_examples is None else f", {self.n_examples} examples"
        kind = "exact" if self.certificate.exact else "not proven complete"
        return f"Ranked({len(self)} of {short_integer(self.space.count)} paths{batch}, {kind})"


# Static parts must be hashable and comparable, which a dictionary is not; its JSON text is.
def _flatten(result: Ranked) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    known = result.certificate
    leaves = (result.influences, known.unseen_sum, result.audit)
    facts = (known.exact, known.bound, known.unseen_count, known.followed)
    return leaves, (result.space, result.ranks, facts, json.dumps(result.metadata, sort_keys=True))


def _unflatten(static: tuple[Any, ...], leaves: Any) -> Ranked:
    space, ranks, (exact, bound, count, followed), metadata = static
    influences, unseen, audit = leaves
    result = object.__new__(Ranked)
    values = {
        "space": space,
        "ranks": ranks,
        "influences": influences,
        "certificate": Certificate(exact, bound, unseen, count, followed),
        "audit": audit,
        "metadata": json.loads(metadata),
        "question": None,
    }
    for name, value in values.items():
        object.__setattr__(result, name, value)
    return result


jax.tree_util.register_pytree_node(Ranked, _flatten, _unflatten)


def _sheet(result: Ranked) -> Sheet:
    ends = f"{', '.join(map(str, result.space.sources))} → {result.space.target}"
    known = result.certificate
    sums = np.atleast_1d(np.asarray(known.unseen_sum, np.float64))
    unseen = Unseen(known.unseen_count, sums, float(known.bound), known.exact)
    table = PathTable(result.space, rows_of("influences", result.influences), result.ranks, unseen)
    return make_sheet(ends, result.total, result.n_examples, result.audit, paths=table)


sheet_of.register(Ranked, _sheet)
