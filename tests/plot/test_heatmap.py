"""Units by time: the numbers, their order, the colours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow import edge_influences
from pathflow.plot import unit_heatmap

from .conftest import check_no_overlap, lstm_graph, make_conductances, make_refinement, make_result


def shown(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def rows(figure):
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def values_of(n_steps, n_units, seed=0, batch=()):
    return np.random.default_rng(seed).standard_normal((*batch, n_steps, n_units))


def test_cells_are_the_parts():
    values = values_of(4, 3)
    figure = unit_heatmap(make_refinement(values))
    np.testing.assert_allclose(shown(figure), values.T)
    assert rows(figure) == ["0", "1", "2"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0", "1", "2", "3"]


def test_a_batch_is_averaged():
    values = values_of(4, 3, batch=(5,))
    np.testing.assert_allclose(shown(unit_heatmap(make_refinement(values))), values.mean(axis=0).T)


def test_colours_are_the_same_on_both_sides_of_zero():
    values = values_of(4, 3)
    image = unit_heatmap(make_refinement(values)).axes[0].images[0]
    largest = np.abs(values).max()
    assert (image.norm.vmin, image.norm.vmax) == (-largest, largest)
    red, green, blue, _ = image.to_rgba(np.array([-largest, 0.0, largest])).T
    assert green[0] < min(red[0], blue[0])
    assert green[2] > max(red[2], blue[2])
    assert np.ptp([red[1], green[1], blue[1]]) < 0.02


def test_a_stronger_scale_is_shown_to_cut():
    values = values_of(4, 3)
    figure = unit_heatmap(make_refinement(values), largest=0.5)
    assert figure.axes[0].images[0].norm.vmax == 0.5
    assert figure.axes[1]._colorbar.extend == "both"
    assert unit_heatmap(make_refinement(values)).axes[1]._colorbar.extend == "neither"


def test_the_largest_units_and_the_others_keep_the_sums():
    values = values_of(4, 30)
    figure = unit_heatmap(make_refinement(values), k=5)
    largest = np.sort(np.argsort(-np.abs(values).sum(axis=0))[:5])
    assert rows(figure) == [*map(str, largest), "25 others"]
    np.testing.assert_allclose(shown(figure)[:5], values.T[largest])
    np.testing.assert_allclose(shown(figure).sum(axis=0), values.sum(axis=1))


def test_without_units_rows_are_names(graph):
    space = graph.paths("x@1", "qoi")
    result = make_result(space, np.random.default_rng(0).standard_normal(space.count))
    figure = unit_heatmap(result)
    cells = shown(figure)
    assert rows(figure)[0] == "x"
    assert np.isnan(cells[0, 1])
    for (row, name), column in zip([(rows(figure).index("c0"), "c0")] * 2, (0, 1), strict=True):
        assert cells[row, column] == pytest.approx(result.through(f"{name}@{column + 1}"))
    # The quantity of interest has the total, behind the last iteration.
    assert cells[-1, -1] == pytest.approx(result.total)
    assert np.isnan(cells[-1, :-1]).all()


def test_conductances_of_names(graph):
    through = np.arange(len(graph.nodes)) + 1.0
    figure = unit_heatmap(make_conductances(graph, np.ones(len(graph.edges)), through))
    assert shown(figure)[0].tolist()[:3] == [through[graph.position(f"x@{t}")] for t in range(3)]


def model(params, xs):
    def step(state, x):
        state = pf.tag(jnp.tanh(params @ state + pf.tag(x, "x")), "state")
        return state, None

    return jax.lax.scan(step, jnp.zeros(3), xs)[0].sum()


def test_a_refinement_shows_what_a_split_graph_does():
    params, xs = jax.random.normal(jax.random.key(0), (3, 3)), jnp.ones((2, 3))
    ask = {"source": "x@0", "doi": pf.Point()}
    coarse = pf.attribute(pf.trace(model, params, xs), (params, xs), **ask)
    fine_graph = pf.trace(model, params, xs, split={"state": pf.Components()})
    fine = pf.attribute(fine_graph, (params, xs), **ask)
    flows = pf.attribute(fine_graph, (params, xs), search=pf.Conductance(), **ask)
    parts = [
        shown(unit_heatmap(pf.refine(coarse, "x .* output", at=f"state@{t}"))) for t in range(2)
    ]
    expected = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(shown(unit_heatmap(fine)), expected, atol=1e-5)
    np.testing.assert_allclose(shown(unit_heatmap(flows, "state")), expected, atol=1e-5)
    total = sum(v for (u, _), v in edge_influences(fine).items() if str(u) == "x@0")
    np.testing.assert_allclose(expected.sum(axis=0), total, atol=1e-5)


@pytest.mark.parametrize(("n_units", "n_steps", "k"), [(650, 50, None), (650, 3, 20), (2, 1, None)])
def test_no_text_overlaps_another(n_units, n_steps, k):
    figure = unit_heatmap(
        make_refinement(values_of(n_steps, n_units)), k=k, title="Units of the second layer"
    )
    check_no_overlap(figure)
    words = ["intervening"] * n_steps
    check_no_overlap(unit_heatmap(make_refinement(values_of(n_steps, 9)), column_labels=words))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"result": 3}, "result takes a Refinement, Conductances or an Attribution; got int"),
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"name": "h1"}, "name='h1': the result has no units of that name; those of c1 are"),
        ({"column_labels": ["a"]}, "column_labels holds 1 labels for 4 columns"),
        ({"largest": -1.0}, "largest=-1.0 is no influence to scale by"),
        ({"ax": 0}, "ax takes matplotlib axes"),
    ],
)
def test_bad_arguments(arguments, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        unit_heatmap(**{"result": make_refinement(values_of(4, 3)), **arguments})


def test_of_several_names_one_must_be_chosen():
    nodes = [pf.Node(f"{name}[{i}]", (0,)) for name in "ab" for i in range(2)]
    graph = pf.Graph([*nodes, pf.Node("qoi")], [(n, "qoi") for n in nodes])
    flows = make_conductances(graph, np.ones(4), np.arange(5.0))
    with pytest.raises(pf.ArgumentError, match="name is needed: units of a, b are in the result"):
        unit_heatmap(flows)
    assert shown(unit_heatmap(flows, "b")).tolist() == [[2.0], [3.0]]


def test_nothing_divided_has_no_units():
    result = make_result(lstm_graph(1).paths("x@0", "qoi"), np.ones(16))
    with pytest.raises(pf.ArgumentError, match="none of its nodes are divided"):
        unit_heatmap(result, "c1")
