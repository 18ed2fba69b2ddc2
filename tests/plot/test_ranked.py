"""The bars of the largest influences, and the rest."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import pathflow as pf
from pathflow.drawing import ALARM, NEGATIVE, POSITIVE, compact
from pathflow.metrics import bootstrap_interval
from pathflow.plot import ranked_paths

from .conftest import (
    check_no_overlap,
    lstm_graph,
    make_aggregation,
    make_audit,
    make_ranked,
    make_refinement,
    make_result,
)


def bars(figure):
    return [p.get_width() for p in figure.axes[0].patches]


def labels(figure):
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def rules(figure):
    """The lines from side to side, above the first row of the rest."""
    return [line for line in figure.axes[0].lines if len(set(line.get_ydata())) == 1]


def column(figure, x):
    """The numbers of one of the columns beside the bars, from top to bottom."""
    found = [t for t in figure.axes[0].texts if t.xyann[0] == x and t.xy[1] >= 0]
    return [t.get_text() for t in sorted(found, key=lambda t: t.xy[1])]


def test_bars_are_the_largest_and_the_rest(result):
    found = np.array(bars(ranked_paths(result, 7)))
    by_size = sorted(result.influences, key=abs, reverse=True)
    np.testing.assert_allclose(found[:7], by_size[:7])
    rest = np.array(by_size[7:])
    np.testing.assert_allclose(found[7:], [rest[rest > 0].sum(), rest[rest < 0].sum()])
    assert found.sum() == pytest.approx(result.influences.sum())


def test_colours_are_those_of_the_signs_and_the_rest_is_hollow(result):
    patches = ranked_paths(result, 7).axes[0].patches
    for i, patch in enumerate(patches):
        assert to_hex(patch.get_edgecolor()) == (POSITIVE if patch.get_width() > 0 else NEGATIVE)
        assert patch.get_facecolor()[3] == (1 if i < 7 else 0)


def test_labels_count_the_rest(result):
    figure = ranked_paths(result, 2)
    text = labels(figure)
    largest = result.space.unrank(int(np.argmax(np.abs(result.influences))))
    assert text[0] == compact(largest)
    others = [int(t.split()[1].replace(",", "")) for t in text[2:]]
    assert sum(others) == result.space.count - 2
    assert [t.split()[-2] for t in text[2:]] == ["positive", "negative"]


def test_of_one_sign_alone_there_is_one_row():
    space = lstm_graph(2).paths("x@0", "qoi")
    text = labels(ranked_paths(make_result(space, np.linspace(1, 2, space.count)), 2))
    assert text[2:] == [f"rest: {space.count - 2} other positive paths"]


def test_a_list_of_all_paths_leaves_no_rest():
    space = lstm_graph(2).paths("x@0", "qoi")
    result = make_ranked(space, np.linspace(2, 1, space.count), 0.0)
    assert len(bars(ranked_paths(result, len(result)))) == len(result)
    assert len(bars(ranked_paths(result, len(result) - 1))) == len(result)


def test_shares_are_cumulative():
    space = lstm_graph(2).paths("x@0", "qoi")
    result = make_result(space, np.random.default_rng(0).standard_normal(space.count))
    figure = ranked_paths(result, result.space.count)
    by_size = np.sort(np.abs(result.influences))[::-1]
    expected = np.cumsum(by_size) / by_size.sum()
    assert column(figure, 108) == [f"{share:.1%}" for share in expected]
    # Nothing is left, so that there is no row for it and no rule above it.
    assert len(bars(figure)) == result.space.count
    assert not any("rest" in label for label in labels(figure))
    assert len(rules(figure)) == 0
    assert len(rules(ranked_paths(result, 3))) == 1


def test_the_values_stand_beside_the_bars(graph):
    space = graph.paths("x@2", "qoi")
    figure = ranked_paths(make_result(space, np.linspace(-1, 2, space.count)), 2)
    assert column(figure, 52) == ["+2", "+1.8", "+7.2", "-3"]


def test_the_audit_is_written_below(result):
    text = ranked_paths(result, 2).axes[0].get_xlabel()
    assert text.startswith("influence\ntotal ")
    assert text.endswith("structural residual 0.0e+00, ok")
    bad = pf.Attribution(result.space, result.influences, make_audit(structural=0.5))
    label = ranked_paths(bad, 2).axes[0].xaxis.label
    assert "structural residual 5.0e-01, FAILED" in label.get_text()
    assert "quadrature residual 1.0e-06" in label.get_text()
    assert label.get_color() == ALARM
    unknown = pf.Attribution(result.space, result.influences, make_audit(structural=np.nan))
    label = ranked_paths(unknown, 2).axes[0].xaxis.label
    assert "not checked" in label.get_text()
    assert label.get_color() != ALARM


def test_examples_are_averaged_with_their_intervals(result):
    rng = np.random.default_rng(0)
    rows = result.influences * rng.uniform(0.5, 2, (9, 1)) + 0.1 * rng.standard_normal(
        (9, result.space.count)
    )
    batch = make_result(result.space, rows)
    figure = ranked_paths(batch, 3)
    top = batch.top(3)
    np.testing.assert_allclose(bars(figure)[:3], [row.influence for row in top])
    drawn = [c.get_segments()[0][:, 0] for c in figure.axes[0].collections]
    assert len(drawn) == 3
    for (low, high), row in zip(drawn, top, strict=True):
        expected = bootstrap_interval(rows[:, row.rank])
        assert (low, high) == pytest.approx((expected.low, expected.high))


def test_a_long_rest_is_cut_and_marked(graph):
    space = graph.paths("x@0", "qoi")
    values = np.full(space.count, 0.5)
    values[3] = 1.0
    ax = ranked_paths(make_result(space, values), 1).axes[0]
    assert ax.patches[1].get_width() == 0.5 * (space.count - 1)
    assert ax.get_xlim()[1] < 2
    # The axis of 0, the line above the rest, and two strokes.
    assert len(ax.lines) == 2 + 2
    values[4:] = 0
    assert len(ranked_paths(make_result(space, values), 1).axes[0].lines) == 2


def test_a_list_of_a_search(graph):
    space = graph.paths("x@0", "qoi")
    result = make_ranked(space, [3.0, -2.0, 1.0], unseen=0.5)
    figure = ranked_paths(result, 2)
    assert bars(figure) == [3.0, -2.0, pytest.approx(1.5)]
    assert sum(bars(figure)) == pytest.approx(result.total)
    assert labels(figure)[-1] == f"rest: {space.count - 2:,} other paths together"
    assert column(figure, 108) == ["120.0%", "40.0%", "100.0%"]
    assert "exact: each path outside the list has at most 0.25" in figure.axes[0].get_xlabel()


def test_classes(graph):
    figure = ranked_paths(make_aggregation([0.2, -0.6, 0.5]))
    assert labels(figure) == ["through c0 (7)", "primary (1)", "rest (12)"]
    assert bars(figure) == [-0.6, 0.2, 0.5]
    one = ranked_paths(make_aggregation([0.2, -0.6, 0.5]), 1)
    assert labels(one) == ["through c0 (7)", "1 other classes", "rest (12)"]
    assert sum(bars(one)) == pytest.approx(0.1)


def test_overlapping_classes_have_no_cumulative_share():
    figure = ranked_paths(make_aggregation([0.2, -0.6, 0.5], overlap=True))
    assert column(figure, 108) == []
    assert "classes overlap" in figure.axes[0].get_xlabel()
    # A path in both counts in each.
    assert sorted(bars(figure)) == [pytest.approx(-0.4), 0.2, 0.5]


def test_parts_of_a_refinement():
    values = np.arange(12.0).reshape(3, 4) - 5
    figure = ranked_paths(make_refinement(values), 2)
    assert labels(figure)[:2] == ["c1@2[3]", "c1@0[0]"]
    assert sum(bars(figure)) == pytest.approx(values.sum())


def test_no_influence_at_all(result):
    figure = ranked_paths(make_result(result.space, np.zeros(result.space.count)), 3)
    assert column(figure, 108) == []
    assert bars(figure) == [0.0] * 3
    check_no_overlap(figure)


def test_small_numbers_have_a_common_power(graph):
    space = graph.paths("x@2", "qoi")
    ax = ranked_paths(make_result(space, np.linspace(-1e-5, 2e-5, space.count)), 2).axes[0]
    assert ax.get_xlabel().startswith("influence, in units of 1e-5\n")
    ticks = [(t.get_position()[0], t.get_text()) for t in ax.get_xticklabels()]
    assert all(float(text) * 1e-5 == pytest.approx(x, abs=1e-12) for x, text in ticks)


@pytest.mark.parametrize(("k", "scale"), [(1, 1.0), (10, 1e-7), (40, 1e6)])
def test_no_text_overlaps_another(k, scale):
    space = lstm_graph(4).paths("x@0", "qoi")
    rng = np.random.default_rng(0)
    rows = (
        scale * rng.standard_normal((3, space.count)) * np.exp(3 * rng.standard_normal(space.count))
    )
    check_no_overlap(ranked_paths(make_result(space, rows), k, title="nounPP, singular subject"))
    check_no_overlap(ranked_paths(make_refinement(rng.standard_normal((6, 650))), k))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"ax": 1}, "ax takes matplotlib axes"),
        ({"result": 3}, "result takes Attribution, Ranked, Aggregation, Refinement; got int"),
    ],
)
def test_bad_arguments(result, arguments, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        ranked_paths(**{"result": result, **arguments})


def test_influences_that_are_not_known(result):
    values = result.influences.copy()
    values[2] = np.nan
    with pytest.raises(pf.NonFiniteError):
        ranked_paths(make_result(result.space, values))
