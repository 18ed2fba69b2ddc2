"""Classes of paths as sums of single paths."""

from collections.abc import Mapping

import numpy as np
import pytest

import pathflow as pf
from tests.helpers._patterns import pattern_matches

_EXACT = 1e-10


def class_sums(result: pf.Aggregation) -> dict[str, float]:
    """What a result says of each class, of the rest and of all."""
    return {**{n: result[n] for n in result.names}, "rest": result.rest, "total": result.total}


def by_path(result: pf.Attribution) -> dict[tuple[str, ...], float]:
    """The influences of a result, by the labels of their paths."""
    labels = [tuple(map(str, result.space.unrank(i))) for i in range(result.space.count)]
    return dict(zip(labels, np.asarray(result.influences, np.float64).tolist(), strict=True))


def assert_sums_of_paths(
    result: pf.Aggregation,
    influences: Mapping[tuple[str, ...], float],
    classes: Mapping[str, str | pf.Pattern],
) -> None:
    """Every class is the sum over the paths that its pattern matches, the rest over the others."""
    parsed = {name: pf.Pattern.parse(str(p)) for name, p in classes.items()}
    sums = dict.fromkeys([*classes, "rest", "total"], 0.0)
    for labels, influence in influences.items():
        nodes = [pf.Node.parse(label) for label in labels]
        matched = [name for name, p in parsed.items() if pattern_matches(p, nodes)]
        for name in (*(matched or ["rest"]), "total"):
            sums[name] += influence
    scale = max(sum(map(abs, influences.values())), 1e-6)
    assert class_sums(result) == pytest.approx(sums, abs=_EXACT * scale, rel=0)
