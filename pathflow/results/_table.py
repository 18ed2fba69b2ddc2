"""Lists of paths with their influences: the first few, or a data frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64, Int64

from pathflow._errors import ArgumentError, NonFiniteError
from pathflow._optional import optional_module
from pathflow._whole_number import whole_number
from pathflow.graph import Path, PathSpace

from ._labels import path_labels
from ._order import AbstractOrder


@final
@dataclass(frozen=True)
class PathInfluence:
    """One path of a list.

    Attributes:
        path: the path.
        rank: its number among all paths.
        influence: its influence; over a batch, the mean.
        share: its influence over the sum of all influences of its sign; 0 for an influence of 0,
            and None where that sum is not known.
    """

    path: Path
    rank: int
    influence: float
    share: float | None

    def __str__(self) -> str:
        share = "" if self.share is None else f"{self.share:6.1%}  "
        return f"{self.influence:+.4g}  {share}{self.path}"


def path_of(given: Any) -> Any:
    """The path of a row of a result; anything else as it is."""
    return given.path if isinstance(given, PathInfluence) else given


def number_listed(k: Any) -> int:
    """How many rows a list shall have.

    Raises:
        ArgumentError: `k` is no whole number, or negative.
    """
    number = whole_number(k)
    if number is None or number < 0:
        raise ArgumentError(f"k={k!r} is no number of rows; ask for 0 or more.")
    return number


def top_ranks(
    influences: Float64[np.ndarray, " paths"], k: int, by: AbstractOrder
) -> Int64[np.ndarray, " k"]:
    """The ranks of the `k` first paths in an order, equal ones by rank.

    All of them, if there are fewer.

    Raises:
        ArgumentError: `k` is no number of rows, or `by` is no order.
        NonFiniteError: an influence is NaN, and so has no place in an order.
    """
    k = number_listed(k)
    if not isinstance(by, AbstractOrder):
        raise ArgumentError(f"by={by!r} is no order; give an object such as Magnitude().")
    unknown = int(np.isnan(influences).sum())
    if unknown:
        raise NonFiniteError(
            f"{unknown} of {len(influences)} influences are NaN (not written, or not finite), and "
            "those have no place in an order; complete the result, or read single paths."
        )
    if k == 0:
        return np.zeros(0, np.int64)
    cost = -by.score(influences)
    k = min(k, len(cost))
    # Partitioning alone would take any of the paths that share the last value.
    last = np.partition(cost, k - 1)[k - 1]
    better = np.flatnonzero(cost < last)
    chosen = np.concatenate([better, np.flatnonzero(cost == last)[: k - len(better)]])
    return chosen[np.lexsort((chosen, cost[chosen]))]


def shares(
    influences: Float[np.ndarray, " paths"], ranks: Int64[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Each path's part of the sum of all influences of its sign; 0 for an influence of 0."""
    return shares_of(influences[ranks].astype(np.float64), *signed_sums(influences))


def signed_sums(influences: Float[np.ndarray, " paths"]) -> tuple[float, float]:
    """The sum of the positive and that of the negative influences, NaN where one of them all is."""
    if np.isnan(influences).any():
        return np.nan, np.nan
    positive = np.sum(influences, where=influences > 0, dtype=np.float64)
    negative = np.sum(influences, where=influences < 0, dtype=np.float64)
    return float(positive), float(negative)


def shares_of(
    chosen: Float64[np.ndarray, " k"], positive: float, negative: float
) -> Float64[np.ndarray, " k"]:
    """The parts of the sums of all positive and of all negative influences that some of them are;
    0 for an influence of 0, and NaN where the sums are not known.
    """
    if np.isnan(positive):
        return np.full(len(chosen), np.nan)
    whole = np.where(chosen > 0, positive, negative)
    # An infinite influence has no share: NaN, and no warning beside it.
    with np.errstate(invalid="ignore"):
        return np.divide(chosen, whole, out=np.zeros_like(chosen), where=chosen != 0)


@final
@dataclass(frozen=True)
class Rest:
    """The influences of one sign that are not listed.

    Attributes:
        influence: their sum.
        share: its part of the sum of all of that sign.
        label: what they are, in words.
    """

    influence: float
    share: float
    label: str


def rest_by_sign(
    influences: Float64[np.ndarray, " n"], listed: Sequence[int], what: str
) -> list[Rest]:
    """The other influences: the positive ones, and the negative ones, where there are any.

    Arguments:
        influences: all of them, finite.
        listed: the positions of those that are listed.
        what: what they are of, in the plural.
    """
    others = np.delete(influences, list(listed))
    found: list[Rest] = []
    for sign, name in ((1, "positive"), (-1, "negative")):
        of_sign = others[sign * others > 0]
        if not len(of_sign):
            continue
        value, whole = float(of_sign.sum()), float(influences[sign * influences > 0].sum())
        label = f"{len(of_sign):,} other {name} {what}"
        found.append(Rest(value, value / whole, label))
    return found


def path_influences(
    space: PathSpace, influences: Float64[np.ndarray, " paths"], ranks: Int64[np.ndarray, " k"]
) -> Iterator[PathInfluence]:
    """The paths with the given ranks, in the order given."""
    for rank, share in zip(ranks.tolist(), shares(influences, ranks).tolist(), strict=True):
        yield PathInfluence(space.unrank(rank), rank, float(influences[rank]), share)


def data_frame(
    space: PathSpace,
    rows: Float[np.ndarray, "B paths"],
    ranks: Int64[np.ndarray, " k"] | None,
    batched: bool,
) -> Any:
    """A pandas data frame with a row per path (and per example): of some ranks, or of all."""
    pandas = pandas_module()
    if ranks is None:
        labels, ranks = list(path_labels(space)), np.arange(space.count)
    else:
        labels = [str(space.unrank(rank)) for rank in ranks.tolist()]
    n = len(rows)
    columns = {
        "path": labels * n,
        "rank": np.tile(ranks, n),
        "influence": widened(rows[:, ranks].ravel()),
        "share": np.concatenate([shares(row, ranks) for row in rows]),
    }
    if batched:
        columns = {"example": np.repeat(np.arange(n), len(ranks)), **columns}
    return pandas.DataFrame(columns)


def ranked_frame(
    space: PathSpace,
    rows: Float[np.ndarray, "B k"],
    ranks: Sequence[int],
    batched: bool,
) -> Any:
    """A pandas data frame with a row per listed path (and per example), shares being unknown."""
    n = len(rows)
    small = all(rank <= np.iinfo(np.int64).max for rank in ranks)
    columns = {
        "path": [str(space.unrank(rank)) for rank in ranks] * n,
        "rank": np.tile(np.array(ranks, np.int64 if small else object), n),
        "influence": widened(rows.ravel()),
    }
    if batched:
        columns = {"example": np.repeat(np.arange(n), len(ranks)), **columns}
    return pandas_module().DataFrame(columns)


def widened(values: Any) -> np.ndarray:
    """Numbers in a precision that files and data frames have: those of 16 bits in 32, which holds
    each of them exactly.
    """
    array = np.asarray(values)
    # NumPy has no bfloat16 of its own: its kind is that of raw bytes.
    half = array.dtype == np.float16 or array.dtype.kind == "V"
    return array.astype(np.float32) if half else array


def pandas_module() -> Any:
    return optional_module("pandas", "to_pandas", "table")
