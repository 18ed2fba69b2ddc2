"""Conditions beside each other."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import pathflow as pf
from pathflow import edge_influences
from pathflow.plot import compare_graphs, compare_paths

from .conftest import (
    check_no_overlap,
    lstm_graph,
    make_aggregation,
    make_ranked,
    make_refinement,
    make_result,
)
from .test_layered import curves

PRIMARY = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 c1@2 h1@2 qoi"


def panels(figure):
    return {ax.get_title(): ax for ax in figure.axes if ax.get_title()}


def bars(ax):
    return [p.get_width() for p in ax.patches]


def conditions(space, n=2, batch=None):
    rng = np.random.default_rng(0)
    shape = (space.count,) if batch is None else (batch, space.count)
    return {f"condition {i}": make_result(space, rng.standard_normal(shape)) for i in range(n)}


def test_rows_are_the_largest_of_any_condition_and_bars_sum_to_the_totals(graph):
    results = conditions(graph.paths("x@0", "qoi"))
    found = panels(compare_paths(results, 5))
    one, two = (result.influences for result in results.values())
    order = np.argsort(-np.maximum(abs(one), abs(two)))[:5]
    assert list(found) == ["condition 0", "condition 1", "condition 1\n\N{MINUS SIGN} condition 0"]
    first, second, difference = found.values()
    np.testing.assert_allclose(bars(first)[:5], one[order])
    np.testing.assert_allclose(bars(second)[:5], two[order])
    np.testing.assert_allclose(bars(difference), np.subtract(bars(second), bars(first)))
    for ax, values in zip((first, second), (one, two), strict=True):
        assert sum(bars(ax)) == pytest.approx(values.sum())


def test_panels_have_one_scale(graph):
    found = panels(compare_paths(conditions(graph.paths("x@0", "qoi"), 3), 4))
    assert len(found) == 3
    assert len({ax.get_xlim() for ax in found.values()}) == 1
    assert len({ax.get_ylim() for ax in found.values()}) == 1


def test_the_difference_asked_for(graph):
    results = conditions(graph.paths("x@0", "qoi"), 3)
    figure = compare_paths(results, 4, difference=("condition 0", "condition 2"))
    zero, _, two, difference = panels(figure).values()
    np.testing.assert_allclose(bars(difference), np.subtract(bars(zero), bars(two)))


def test_a_path_that_a_search_did_not_list_has_a_dash(graph):
    space = graph.paths("x@0", "qoi")
    one = make_ranked(space, [3.0, 2.0], unseen=1.0)
    known = pf.Certificate(True, 0.1, 1.0, space.count - 1, 3)
    other = pf.Ranked(space, (one.ranks[1], 17), np.array([5.0, 4.0]), known, one.audit)
    first, second, difference = panels(compare_paths({"a": one, "b": other}, 3)).values()
    np.testing.assert_array_equal(bars(first), [2.0, np.nan, 3.0, 1.0])
    np.testing.assert_array_equal(bars(second), [5.0, 4.0, np.nan, 1.0])
    np.testing.assert_array_equal(bars(difference), [3.0, np.nan, np.nan, 0.0])
    assert first.get_yticklabels()[-1].get_text() == "rest: all other paths"
    assert [len(ax.texts) for ax in (first, second, difference)] == [1, 1, 2]


def test_classes_and_parts():
    found = panels(
        compare_paths({"a": make_aggregation([1, 2.0, 3]), "b": make_aggregation([3, 5.0, 4])})
    )
    assert bars(found["b\n\N{MINUS SIGN} a"]) == [3.0, 2.0, 1.0]
    values = np.arange(6.0).reshape(2, 3)
    parts = panels(
        compare_paths({"a": make_refinement(values), "b": make_refinement(2 * values)}, 2)
    )
    assert bars(parts["b"]) == [10.0, 8.0, 12.0]


def test_graphs_show_the_flows_and_their_difference(graph):
    results = conditions(graph.paths("x@0", "qoi"))
    figure = compare_graphs(results, paths={"primary": PRIMARY})
    flows = [edge_influences(result) for result in results.values()]
    flows.append({e: flows[1][e] - flows[0][e] for e in flows[0]})
    # What a width of a point more stands for, the same in all panels.
    rates = set()
    for ax, flow in zip(panels(figure).values(), flows, strict=True):
        drawn = [p for p in ax.patches if not p.get_fill() and p.get_zorder() < 4]
        widths = np.sort([p.get_linewidth() for p in drawn])
        sizes = np.sort(np.abs(list(flow.values())))
        rate, thin = np.polyfit(sizes, widths, 1)
        np.testing.assert_allclose(widths, rate * sizes + thin, atol=1e-6)
        rates.add(round(rate, 8))
    assert len(rates) == 1


def test_given_axes_are_divided(result):
    own = Figure()
    place = own.add_subplot(2, 1, 1)
    assert compare_paths({"a": result, "b": result}, 3, ax=place) is own
    assert len(own.axes) == 1 + 3
    inside = place.get_position()
    assert all(inside.x0 - 1e-6 <= ax.get_position().x0 for ax in own.axes)
    loose = own.add_axes((0, 0, 1, 1))
    with pytest.raises(pf.ArgumentError, match="ax stands in no grid"):
        compare_paths({"a": result}, ax=loose)


@pytest.mark.parametrize(("n", "scale"), [(1, 1.0), (2, 1e-5), (4, 1e5)])
def test_no_text_overlaps_another(n, scale):
    space = lstm_graph(3).paths("x@0", "qoi")
    results = {
        name: make_result(space, scale * result.influences)
        for name, result in conditions(space, n, batch=4).items()
    }
    check_no_overlap(compare_paths(results, 8, title="By number"))
    primary = {"primary path": PRIMARY}
    check_no_overlap(compare_graphs(results, paths=primary, title="By number"))


def test_every_panel_has_all_edges(graph):
    figure = compare_graphs(conditions(graph.paths("x@0", "qoi")))
    n = len(curves(figure))
    for ax in panels(figure).values():
        assert len([p for p in ax.patches if not p.get_fill()]) == n


@pytest.mark.parametrize("draw", [compare_paths, compare_graphs])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"results": []}, "results takes a mapping.*got list"),
        ({"results": {}}, "without an entry"),
        ({"results": {"a": 3}}, r"results\['a'\] is int; give Attribution"),
        ({"difference": ("a", "c")}, "is no pair .* of the conditions 'a', 'b'"),
        ({"difference": "ab"}, "is no pair"),
    ],
)
def test_bad_arguments(result, draw, change, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        draw(**{"results": {"a": result, "b": result}, **change})


def test_results_that_do_not_fit(result, unchecked):
    other = make_result(lstm_graph(2).paths("x@0", "qoi"), np.ones(152))
    with pytest.raises(pf.ArgumentError, match="paths of different graphs"):
        compare_paths({"a": result, "b": other})
    with pytest.raises(pf.ArgumentError, match="'b'.* is Aggregation beside Attribution"):
        compare_paths({"a": result, "b": make_aggregation([1.0, 2, 3])})
    overlap = make_aggregation([1.0, 2, 3], overlap=True)
    with pytest.raises(pf.ArgumentError, match="classes that overlap"):
        compare_paths({"a": overlap, "b": overlap})
    with pytest.raises(pf.ArgumentError, match="k must be at least 1"):
        compare_paths({"a": result}, 0)
