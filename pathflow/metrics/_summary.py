"""What statistics over sentences come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import final

from pathflow.drawing import AbstractDisplayed, Page, Text, heading, table
from pathflow.graph import Path
from pathflow.results import AbstractOrder, Interval


@final
@dataclass(frozen=True, eq=False)
class PathSummary(AbstractDisplayed):
    """Statistics of a path over sentences, each with its interval.

    Attributes:
        path: the path.
        n_sentences: how many sentences.
        n_paths: how many paths there are.
        total: the sum over all paths.
        positive_fraction: P+, the fraction of sentences with a positive total.
        influence: the path's own.
        t: its t-value.
        positive_share: its share of all positive influence.
        negative_share: its share of all negative influence.
        magnitude_share: its share of the sum of absolute influences.
        rank: for each order, the path's place by mean influence (as the interval's `mean`), 1 for
            the first; its ends are NaN where no resamples were carried along.
        concentration: for each order and each number of paths, the fraction of that influence that
            so many paths carry.
        effective: for each order and each fraction, how many paths carry it.
    """

    path: Path
    n_sentences: int
    n_paths: int
    total: Interval
    positive_fraction: Interval
    influence: Interval
    t: Interval
    positive_share: Interval
    negative_share: Interval
    magnitude_share: Interval
    rank: Mapping[AbstractOrder, Interval]
    concentration: Mapping[AbstractOrder, Mapping[int, Interval]]
    effective: Mapping[AbstractOrder, Mapping[float, Interval]]

    def _page(self) -> Page:
        rows = [
            [Text(name), *(Text("" if isnan(x) else f"{x:.4g}", right=True) for x in interval)]
            for name, interval in self._rows().items()
        ]
        found = table(["statistic", "mean", "low", "high"], rows)
        return Page(f"<div>{heading('PathSummary', self._facts)}{found}</div>")

    @property
    def _facts(self) -> str:
        return f"{self.path}: {self.n_sentences} sentences, {self.n_paths} paths"

    def _rows(self) -> dict[str, Interval]:
        rows = {
            "total": self.total,
            "P+": self.positive_fraction,
            "influence": self.influence,
            "t-value": self.t,
            "positive share": self.positive_share,
            "negative share": self.negative_share,
            "magnitude share": self.magnitude_share,
        }
        for by, place in self.rank.items():
            rows[f"rank, {_name(by)}"] = place
        for by, curve in self.concentration.items():
            rows |= {f"in {k} paths, {_name(by)}": value for k, value in curve.items()}
        for by, numbers in self.effective.items():
            rows |= {f"paths for {f:.0%}, {_name(by)}": value for f, value in numbers.items()}
        return rows

    def __str__(self) -> str:
        rows, lines = self._rows(), [self._facts]
        width = max(map(len, rows))
        lines += [
            f"  {name:<{width}}  {v.mean:.4g}"
            + (f"  [{v.low:.4g}, {v.high:.4g}]" if not isnan(v.low) else "")
            for name, v in rows.items()
        ]
        return "\n".join(lines)


def _name(by: AbstractOrder) -> str:
    return type(by).__name__.lower()
