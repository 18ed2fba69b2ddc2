"""What the small examples share: ranks among all sets, and the parts of figures."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from examples.ablation import against_all
from examples.figures import against_sets, bars, chance_line

_WORTH = np.array([5.0, 1.0, 3.0, 2.0])


def _without(nodes):
    return np.full(3, _WORTH.sum() - _WORTH[list(nodes)].sum())


@pytest.mark.parametrize(("size", "sets"), [(1, 4), (2, 6), (4, 1)])
def test_the_first_of_a_right_order_leave_least_and_the_last_leave_most(size, sets):
    right = against_all(_WORTH, size, _without)
    assert right.of_all.shape == (sets, 3)
    assert right.rank == 1
    assert right.left.tolist() == _without(right.chosen).tolist()
    assert against_all(-_WORTH, size, _without).rank == sets


def test_a_set_is_chosen_by_the_order_alone():
    found = against_all(np.array([0.0, 3.0, 2.0, 1.0]), 2, _without)
    assert found.chosen == (1, 2)
    # The sets leave 5, 3, 4, 7 (this one), 8 and 6.
    assert found.rank == 5


def test_bars_stand_under_their_names_from_the_first_on():
    ax = Figure().subplots()
    bars(ax, {"b": 1.0, "a": -2.0}, {"a": 3.0, "b": 4.0}, labels=("one", "two"), values="%.1f")
    chance_line(ax, 0.25)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["b", "a"]
    assert ax.yaxis_inverted()
    heights = {patch.get_width(): patch.get_y() + patch.get_height() / 2 for patch in ax.patches}
    assert heights.keys() == {1.0, -2.0, 3.0, 4.0}
    assert [round(heights[value]) for value in (1.0, 4.0, -2.0, 3.0)] == [0, 0, 1, 1]
    assert {"chance (0.25)", "one", "two"} == {t.get_text() for t in ax.get_legend().get_texts()}


def test_sets_are_drawn_with_the_clean_value_first():
    ax = Figure().subplots()
    found = [against_all(_WORTH, size, _without) for size in (1, 2)]
    against_sets(ax, 11.0, found, "chosen")
    mean, chosen = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(chosen, [11, 6, 3])
    np.testing.assert_allclose(mean, [11, 11 - 11 / 4, 11 - 11 / 2])
    (band,) = (path.vertices for path in ax.collections[0].get_paths())
    assert (band[:, 1].min(), band[:, 1].max()) == (3, 11)
