"""What cannot be drawn is refused: by name, and never drawn as if it were nothing."""

import numpy as np
import pytest

import pathflow as pf
from pathflow import plot
from pathflow.metrics import Interval, PathSummary

from .conftest import (
    make_aggregation,
    make_conductances,
    make_ranked,
    make_refinement,
    make_result,
)

BAD = [np.nan, np.inf, -np.inf]


def spoilt(values, bad, at=1):
    """The same numbers with one that is not finite."""
    values = np.array(values, np.float64)
    values.flat[at] = bad
    return values


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("batch", [False, True])
def test_no_picture_of_an_influence_that_is_not_finite(result, bad, batch):
    influences = np.stack([result.influences] * 2) if batch else result.influences
    lost = make_result(result.space, spoilt(influences, bad))
    for draw in (
        plot.layered_graph,
        plot.ranked_paths,
        plot.unit_heatmap,
        plot.concentration_curve,
        lambda r: plot.layered_graph([result, r]),
        lambda r: plot.concentration_curve({"a": result, "b": r}),
        lambda r: plot.compare_paths({"a": result, "b": r}),
        lambda r: plot.compare_graphs({"a": result, "b": r}),
    ):
        with pytest.raises(pf.NonFiniteError, match="1 of .*NaN or infinite"):
            draw(lost)


@pytest.mark.parametrize("bad", BAD)
def test_no_picture_of_other_results_that_are_not_finite(graph, result, bad):
    n_edges, n_nodes = len(graph.edges), len(graph.nodes)
    edges = make_conductances(graph, spoilt(np.ones(n_edges), bad), np.ones(n_nodes))
    nodes = make_conductances(graph, np.ones(n_edges), spoilt(np.ones(n_nodes), bad))
    for draw, lost in (
        (plot.layered_graph, edges),
        (plot.unit_heatmap, nodes),
        (plot.unit_heatmap, make_refinement(spoilt(np.ones((2, 3)), bad))),
        (plot.ranked_paths, make_refinement(spoilt(np.ones((2, 3)), bad))),
        (plot.ranked_paths, make_ranked(result.space, spoilt(np.ones(4), bad), 1.0)),
        (plot.ranked_paths, make_aggregation(spoilt([1.0, 2.0, 3.0], bad))),
    ):
        with pytest.raises(pf.NonFiniteError, match="1 of .*NaN or infinite"):
            draw(lost)


@pytest.mark.parametrize("bad", BAD)
def test_no_curve_with_a_hole(bad):
    good = Interval(0.5, 0.5, 0.5)
    held = {pf.Magnitude(): {1: good, 2: Interval(bad, bad, bad)}}
    summary = object.__new__(PathSummary)
    object.__setattr__(summary, "concentration", held)
    with pytest.raises(pf.NonFiniteError, match="1 of 2 means of a"):
        plot.concentration_curve({"a": summary})


@pytest.mark.parametrize("draw", [plot.compare_paths, plot.compare_graphs])
def test_names_of_conditions_are_texts(result, draw, unchecked):
    with pytest.raises(pf.ArgumentError, match="results has the name 1, which is int"):
        draw({1: result, 2: result})
    with pytest.raises(pf.ArgumentError, match="results has the name None"):
        draw({"a": result, None: result})
    with pytest.raises(pf.ArgumentError, match="results has the name 1"):
        plot.concentration_curve({1: result})


@pytest.mark.parametrize("n", [1.5, np.nan, "2", None, 0, -1, True])
def test_numbers_of_things_are_whole(result, n, unchecked):
    for draw, name in (
        (lambda: plot.ranked_paths(result, n), "k"),
        (lambda: plot.compare_paths({"a": result}, n), "k"),
        (lambda: plot.layered_graph(result, most_edges=n), "most_edges"),
        (lambda: plot.compare_graphs({"a": result}, most_edges=n), "most_edges"),
    ):
        with pytest.raises(pf.ArgumentError, match=f"{name} must be at least 1, got"):
            draw()
    if n is not None:
        with pytest.raises(pf.ArgumentError, match="k must be at least 1, got"):
            plot.unit_heatmap(result, k=n)


def test_numpy_integers_are_whole(result, unchecked):
    assert len(plot.ranked_paths(result, np.int64(3)).axes[0].patches) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"offsets": {"g0": np.nan}}, r"offsets\['g0'\]=nan is no finite number"),
        ({"offsets": {"g0": np.inf}}, r"offsets\['g0'\]=inf"),
        ({"offsets": {"g0": "1"}}, r"offsets\['g0'\]='1'"),
        ({"offsets": {0: 1.0}}, "offsets has the name 0"),
        ({"offsets": [0.1]}, "offsets takes a mapping"),
        ({"row_labels": {"nobody": "N"}}, "row_labels names nobody, which is no row"),
        ({"row_labels": {"g0": 3}}, "row_labels holds 3"),
        ({"row_labels": {3: "g0"}}, "row_labels has the name 3"),
        ({"column_labels": [1, 2, 3]}, "column_labels holds 1, which is no text"),
        ({"column_labels": "abc"}, "column_labels takes a list"),
        ({"rows": "x"}, "rows takes a list"),
        ({"paths": {1: "x@0 g0@0"}}, "paths has the name 1"),
        ({"largest": "2"}, "largest=2"),
        ({"largest": np.nan}, "largest=nan"),
    ],
)
def test_options_of_the_layered_graph(result, options, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        plot.layered_graph(result, **options)
