"""The bars of the largest influences, and the rest."""

import numpy as np
import pytest

import pathflow as pf
from pathflow.drawing import compact
from pathflow.plot import ranked_paths

from .conftest import make_result


def bars(figure):
    return [p.get_width() for p in figure.axes[0].patches]


def labels(figure):
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_bars_are_the_largest_and_the_rest(result):
    found = np.array(bars(ranked_paths(result, 7)))
    by_size = sorted(result.influences, key=abs, reverse=True)
    np.testing.assert_allclose(found[:7], by_size[:7])
    rest = np.array(by_size[7:])
    np.testing.assert_allclose(found[7:], [rest[rest > 0].sum(), rest[rest < 0].sum()])
    assert found.sum() == pytest.approx(result.influences.sum())


def test_labels_count_the_rest(result):
    figure = ranked_paths(result, 2)
    text = labels(figure)
    largest = result.space.unrank(int(np.argmax(np.abs(result.influences))))
    assert text[0] == compact(largest)
    others = [int(t.split()[0].replace(",", "")) for t in text[2:]]
    assert sum(others) == result.space.count - 2


def test_shares_add_up(result):
    figure = ranked_paths(result, result.space.count)
    assert figure.axes[0].texts[-1].get_text() == "100%"
    assert bars(figure)[-2:] == [0.0, 0.0]


def test_examples_are_averaged(result):
    two = make_result(result.space, np.stack([result.influences, 3 * result.influences]))
    np.testing.assert_allclose(
        bars(ranked_paths(two, 3)), 2 * np.array(bars(ranked_paths(result, 3)))
    )


def test_no_influence_at_all(result):
    figure = ranked_paths(make_result(result.space, np.zeros(result.space.count)), 3)
    assert not figure.axes[0].texts


def test_bad_arguments(result):
    with pytest.raises(pf.ArgumentError, match="k must be at least 1, got 0"):
        ranked_paths(result, 0)
