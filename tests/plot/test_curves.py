"""Curves: the numbers are those of the metrics."""

import numpy as np
import pytest

import pathflow as pf
from pathflow.metrics import PathStatistics, concentration, effective_number
from pathflow.plot import concentration_curve, faithfulness_curve

from .conftest import check_no_overlap, lstm_graph, make_result


def lines(figure):
    """The curves, without marks and without the lines of levels."""
    drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    return [(line.get_xdata(), line.get_ydata()) for line in drawn]


def make_faithfulness(n=12, sizes=(0, 1, 3, 10, 100)):
    rng = np.random.default_rng(0)
    kept = rng.standard_normal((len(sizes), n)) + np.arange(len(sizes))[:, None]
    return pf.Faithfulness(
        sizes=np.array(sizes),
        kept=kept,
        full=rng.standard_normal(n) + 4,
        empty=rng.standard_normal(n),
        ranking=("c0", "c1"),
        batched=True,
    )


@pytest.fixture
def batch():
    space = lstm_graph(2).paths("x@0", "qoi")
    return make_result(space, np.random.default_rng(0).standard_normal((7, space.count)) ** 3)


@pytest.mark.parametrize("by", [None, pf.Largest(), pf.Smallest()])
def test_the_curve_is_the_concentration(batch, by):
    ((x, y),) = lines(concentration_curve(batch, by))
    assert (x[0], x[-1]) == (1, batch.space.count)
    np.testing.assert_allclose(y, concentration(batch.influences, x.astype(int).tolist(), by))


def test_half_is_marked(result):
    figure = concentration_curve(result)
    (mark,) = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    needed = effective_number(result.influences[None], 0.5)
    # The curve has points at some numbers of paths alone.
    assert needed <= mark.get_xdata()[0] <= 1.1 * needed + 1
    assert mark.get_ydata()[0] >= 0.5


def test_a_band_around_the_mean_of_a_batch(batch):
    figure = concentration_curve({"sentences": batch})
    ((x, y),) = lines(figure)
    (band,) = figure.axes[0].collections
    points = band.get_paths()[0].vertices
    for at, mean in zip(x[::10], y[::10], strict=True):
        ends = points[points[:, 0] == at, 1]
        assert ends.min() <= mean <= ends.max()
    assert np.ptp(points[points[:, 0] == x[3], 1]) > 0


def test_a_summary_has_its_own_points(batch):
    statistics = PathStatistics(0, counts=[1, 5, 20])
    statistics.update(batch)
    summary = statistics.summary()
    ((x, y),) = lines(concentration_curve({"s": summary}))
    assert x.tolist() == [1, 5, 20]
    expected = [summary.concentration[pf.Magnitude()][k].mean for k in (1, 5, 20)]
    np.testing.assert_allclose(y, expected)


@pytest.mark.parametrize(
    "measure", [pf.Faithfulness.recovered, pf.Faithfulness.accuracy, lambda f: f.sizes * 2.0]
)
def test_faithfulness_is_what_the_measure_says(measure):
    found = make_faithfulness()
    figure = faithfulness_curve({"largest": found}, measure)
    ((x, y),) = lines(figure)
    assert x.tolist() == found.sizes.tolist()
    np.testing.assert_allclose(y, measure(found))


def test_zero_stands_on_a_logarithmic_axis():
    assert faithfulness_curve(make_faithfulness()).axes[0].get_xscale() == "symlog"
    small = make_faithfulness(sizes=(0, 1, 2, 3))
    assert faithfulness_curve(small).axes[0].get_xscale() == "linear"


def test_curves_differ_and_are_named(batch):
    figure = concentration_curve({f"_condition {i}": batch for i in range(9)})
    drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn}) == 9
    names = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert names == [f"_condition {i}" for i in range(9)]
    assert concentration_curve(batch).axes[0].get_legend() is None


def test_no_text_overlaps_another(batch):
    check_no_overlap(concentration_curve({"one": batch, "two": batch}, title="Concentration"))
    found = make_faithfulness()
    check_no_overlap(faithfulness_curve({"a": found, "b": found}, title="Faithfulness"))


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (concentration_curve, (3,), "results is int; give Attribution or PathSummary"),
        (concentration_curve, ({},), "results is empty"),
        (faithfulness_curve, ({"a": 3},), r"results\['a'\] is int; give Faithfulness"),
        (faithfulness_curve, (make_faithfulness(), "accuracy"), "measure takes a function"),
        (faithfulness_curve, (make_faithfulness(), lambda _: 1.0), r"returned shape \(\) for 5"),
    ],
)
def test_bad_arguments(draw, arguments, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        draw(*arguments)


def test_a_summary_without_the_order(batch):
    class Odd(pf.AbstractOrder):
        def score(self, influences):
            return influences

    statistics = PathStatistics(0, counts=[1])
    statistics.update(batch)
    with pytest.raises(pf.ArgumentError, match="holds no such curve, but those of Magnitude"):
        concentration_curve(statistics.summary(), Odd())
