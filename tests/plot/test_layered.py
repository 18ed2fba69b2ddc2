"""The time x layer graph: what is drawn where, how wide, in which colour, and what is refused."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import pathflow as pf
from pathflow import edge_influences
from pathflow.drawing import PATH_COLOURS
from pathflow.plot import layered_graph

from .conftest import check_no_overlap, lstm_graph, make_conductances, make_result

PRIMARY = "x@0 g0@0 c0@0 h0@0 g1@0 c1@0 c1@1 c1@2 h1@2 qoi"
OTHER = "x@0 o0@0 h0@0 g1@0 c1@0 c1@1 c1@2 h1@2 qoi"


def main_axes(figure):
    return figure.axes[0]


def curves(figure):
    """The drawn edges as (start, end, patch)."""
    patches = main_axes(figure).patches
    found = [(p, p.get_path().vertices) for p in patches if len(p.get_path().vertices) == 4]
    return [(tuple(v[0]), tuple(v[-1]), p) for p, v in found if not p.get_fill()]


def test_every_edge_is_drawn_once(graph):
    assert len(curves(layered_graph(graph))) == len(graph.edges)
    space = graph.paths("x@1", "qoi")
    on_paths = {e for path in space for e in pairwise(path)}
    assert len(curves(layered_graph(space))) == len(on_paths)


def test_nodes_stand_apart(graph):
    points = np.concatenate([c.get_offsets() for c in main_axes(layered_graph(graph)).collections])
    assert len(points) == len(graph.nodes)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert gaps[~np.eye(len(points), dtype=bool)].min() > 0.5


def test_time_runs_to_the_right_and_layers_go_up(graph):
    drawn = curves(layered_graph(graph))
    assert all(round(end[0]) >= round(start[0]) for start, end, _ in drawn)
    assert all(end[1] > start[1] for start, end, _ in drawn if round(end[0]) == round(start[0]))


@pytest.mark.parametrize("n_steps", [3, 5])
def test_no_text_overlaps_another(n_steps):
    graph = lstm_graph(n_steps)
    space = graph.paths("x@0", "qoi")
    result = make_result(space, np.linspace(-1, 1, space.count))
    along = " ".join(f"c1@{t}" for t in range(n_steps))
    figure = layered_graph(
        result,
        paths={
            "primary path from the subject": f"x@0 g0@0 c0@0 h0@0 g1@0 {along} h1@{n_steps - 1} qoi"
        },
        column_labels=["intervening noun"] * (n_steps + 1),
        row_labels={"qoi": "quantity of interest"},
        title="nounPP, influence of the subject's number on the verb's",
    )
    check_no_overlap(figure, least=20)


def test_width_follows_the_size_and_colour_the_sign(graph):
    space = graph.paths("x@0", "qoi")
    influences = np.zeros(space.count)
    influences[space.rank(PRIMARY)] = 2.0
    through_f = "x@0 f0@0 c0@0 h0@0 f1@0 c1@0 h1@0 g1@1 c1@1 c1@2 h1@2 qoi"
    influences[space.rank(through_f)] = -1.0
    result = make_result(space, influences)
    flow = edge_influences(result)
    widths = {p.get_linewidth() for _, _, p in curves(layered_graph(result))}
    thin, wide = min(widths), max(widths)
    # Of 0, 1 (both paths), and 2; the minus one is drawn as wide as a plus one.
    assert sorted(widths) == pytest.approx([thin, (thin + wide) / 2, wide])
    assert {abs(f) for f in flow.values()} == {0.0, 1.0, 2.0}
    colours = {p.get_linewidth(): set() for _, _, p in curves(layered_graph(result))}
    for _, _, patch in curves(layered_graph(result)):
        colours[patch.get_linewidth()].add(patch.get_edgecolor())
    middle = sorted(colours)[1]
    red, green, blue, _ = np.array(sorted(colours[middle], key=lambda c: c[1])).T
    # Purple (negative) has little green in it, green (positive) most.
    assert green[0] < min(red[0], blue[0])
    assert green[-1] > max(red[-1], blue[-1])


def test_paths_are_drawn_in_their_colours_with_a_legend(result):
    from matplotlib.colors import to_rgba

    figure = layered_graph(result, paths={"one": PRIMARY, "two": pf.Path.parse(OTHER)})
    drawn = [p.get_edgecolor() for _, _, p in curves(figure)]
    assert drawn.count(to_rgba(PATH_COLOURS[0])) == len(PRIMARY.split()) - 1
    assert drawn.count(to_rgba(PATH_COLOURS[1])) == len(OTHER.split()) - 1
    legend = main_axes(figure).get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["one", "two"]


def test_several_results_are_added(graph):
    first, second = graph.paths("x@0", "qoi"), graph.paths("x@2", "qoi")
    results = [make_result(s, np.ones(s.count)) for s in (first, second)]
    (last,) = [p for start, end, p in curves(layered_graph(results)) if end[1] == 13]
    assert last.get_linewidth() == max(
        p.get_linewidth() for _, _, p in curves(layered_graph(results))
    )
    assert len(curves(layered_graph(results))) == len(edge_influences(results[0])) + 4


def test_rows_and_labels(graph):
    rows = [
        n
        for layer in "01"
        for n in (f"f{layer}", f"i{layer}", f"g{layer}", f"o{layer}", f"c{layer}", f"h{layer}")
    ]
    figure = layered_graph(
        graph,
        rows=["x", *rows, "qoi"],
        row_labels={"qoi": "QoI"},
        column_labels=["The", "boy", "certainly", "knows"],
        offsets={"x": -0.3},
    )
    ax = main_axes(figure)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x", *rows, "QoI"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["The", "boy", "certainly", "knows"]
    assert (-0.3, 0.0) in {tuple(start) for start, _, _ in curves(figure)}


NAMES = ["x", "hidden", "skip", "output"]
LOOPLESS = [("x", "hidden"), ("x", "skip"), ("hidden", "output"), ("skip", "output")]


def test_a_graph_without_a_loop_has_labels_at_its_nodes():
    graph = pf.Graph([pf.Node(n) for n in NAMES], LOOPLESS)
    figure = layered_graph(graph, paths=["x skip output"])
    ax = main_axes(figure)
    assert sorted(t.get_text() for t in ax.texts) == sorted(NAMES)
    assert not ax.get_yticklabels()
    assert len(curves(figure)) == 4 + 2
    assert all(end[0] > start[0] for start, end, _ in curves(figure))
    check_no_overlap(figure)


def test_rows_can_be_asked_for_without_a_loop():
    graph = pf.Graph([pf.Node(n) for n in NAMES], LOOPLESS)
    figure = layered_graph(graph, rows=NAMES)
    assert [t.get_text() for t in main_axes(figure).get_yticklabels()] == NAMES


def test_a_traced_graph():
    graph = pf.trace(lambda x: pf.tag(x * 2, "hidden").sum(), np.ones(2, np.float32))
    assert len(curves(layered_graph(graph))) == len(graph.edges)


def test_conductances_are_drawn_as_they_are(graph):
    values = np.arange(len(graph.edges)) - 3.0
    drawn = layered_graph(make_conductances(graph, values, np.ones(len(graph.nodes))))
    widths = sorted(p.get_linewidth() for _, _, p in curves(drawn))
    thin, wide = widths[0], widths[-1]
    expected = thin + (wide - thin) * np.sort(np.abs(values)) / np.abs(values).max()
    np.testing.assert_allclose(widths, expected)


def test_one_scale_for_several_figures(graph):
    nodes = np.ones(len(graph.nodes))
    small, large = (
        make_conductances(graph, np.full(len(graph.edges), v), nodes) for v in (1.0, 4.0)
    )
    (width,) = {p.get_linewidth() for _, _, p in curves(layered_graph(small, largest=4.0))}
    (full,) = {p.get_linewidth() for _, _, p in curves(layered_graph(large))}
    (thin,) = {p.get_linewidth() for _, _, p in curves(layered_graph(graph))}
    assert width == pytest.approx(thin + (full - thin) / 4)
    colours = main_axes(layered_graph(large, largest=2.0)).figure.axes[1]
    assert colours.get_ylim() == (-2, 2)


def test_fifty_steps_have_room():
    graph = lstm_graph(50)
    along = " ".join(f"c1@{t}" for t in range(50))
    paths = {"primary": f"x@0 g0@0 c0@0 h0@0 g1@0 {along} h1@49 qoi"}
    words = ["certainly", "the", "intervening", "nouns"] * 13
    for labels in (None, words[:51]):
        figure = layered_graph(graph, paths=paths, column_labels=labels, title="fifty words")
        check_no_overlap(figure, least=20)
        assert figure.get_size_inches()[0] <= 16
    figure.set_size_inches(5, 4)
    check_no_overlap(figure, least=10)


def units(n, n_steps=3):
    nodes, edges = [], []
    for t in range(n_steps):
        nodes.append(pf.Node("x", (t,)))
        for i in range(n):
            nodes.append(pf.Node(f"c[{i}]", (t,)))
            edges.append((f"x@{t}", f"c[{i}]@{t}"))
            if t:
                edges.append((f"c[{i}]@{t - 1}", f"c[{i}]@{t}"))
    return pf.Graph([*nodes, pf.Node("qoi")], [*edges, *((f"c[{i}]@2", "qoi") for i in range(n))])


def test_many_units_keep_the_largest_edges_and_say_so():
    space = units(650).paths("x@0", "qoi")
    influences = np.random.default_rng(0).standard_normal(space.count)
    result = make_result(space, influences)
    figure = layered_graph(result, most_edges=500)
    flow = sorted(map(abs, edge_influences(result).values()), reverse=True)
    assert len(curves(figure)) == 500
    note = main_axes(figure).get_xlabel()
    assert (
        note == f"{len(flow) - 500:,} more edges are not drawn, each with at most {flow[500]:.2g}"
    )
    check_no_overlap(figure, least=20)


def test_without_influences_edges_from_everywhere_are_kept():
    figure = layered_graph(units(100), most_edges=50)
    assert len(curves(figure)) == 50
    assert {round(start[0]) for start, _, _ in curves(figure)} == {0, 1, 2, 3}


def test_own_axes(result):
    from matplotlib.figure import Figure

    own = Figure()
    ax = own.add_subplot(1, 2, 1)
    assert layered_graph(result, ax=ax) is own
    assert ax.patches


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": ["x"]}, "rows must hold every name once.*lacks f0, i0"),
        ({"column_labels": ["a"]}, "column_labels holds 1 labels for 4 columns"),
        ({"offsets": {"y": 0.1}}, "offsets names y, which is no node's name"),
        ({"paths": PRIMARY}, "paths takes a list or mapping of paths"),
        ({"paths": ["qoi"]}, "'qoi', which has no edge"),
        ({"paths": [PRIMARY] * 7}, "7 paths; at most 6"),
        ({"paths": ["x@0 c0@0 h0@0 qoi"]}, "x@0 -> c0@0"),
        ({"paths": ["x@0 z0@0"]}, "z0@0"),
        ({"most_edges": 0}, "most_edges must be at least 1, got 0"),
        ({"largest": 0.0}, "largest=0.0 is no influence to scale by"),
        ({"ax": "here"}, "ax takes matplotlib axes.*got 'here'"),
    ],
)
def test_what_does_not_fit_is_refused(result, arguments, message, unchecked):
    with pytest.raises(ValueError, match=message):
        layered_graph(result, **arguments)


@pytest.mark.parametrize("drawn", [None, [], "graph", [1]])
def test_other_things_are_refused(drawn):
    with pytest.raises(pf.ArgumentError, match="drawn"):
        layered_graph(drawn)


def test_without_matplotlib(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(pf.MissingDependencyError, match=r"pip install 'pathflow\[plot\]'"):
        layered_graph(result)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_files(result, tmp_path, suffix):
    file = tmp_path / f"graph.{suffix}"
    layered_graph(result, paths=[PRIMARY]).savefig(file)
    assert file.stat().st_size > 5000


def residual_stack(n_blocks):
    """A stream that every block reads and adds to."""
    nodes, edges, stream = [pf.Node("embed")], [], "embed"
    for b in range(n_blocks):
        nodes += [pf.Node(name, (b,)) for name in ("attn", "mlp", "stream")]
        attn, mlp, after = (f"{name}@{b}" for name in ("attn", "mlp", "stream"))
        edges += [(stream, attn), (stream, mlp), (stream, after)]
        edges += [(attn, mlp), (attn, after), (mlp, after)]
        stream = after
    return pf.Graph([*nodes, pf.Node("logit")], [*edges, (stream, "logit")])


@pytest.mark.parametrize("graph", [lstm_graph(3), residual_stack(3)], ids=["lstm", "residual"])
def test_no_edge_runs_through_a_node_of_its_column_that_is_not_its_end(graph):
    figure = layered_graph(graph)
    ax = main_axes(figure)
    nodes = np.concatenate([c.get_offsets() for c in ax.collections])
    figure.draw_without_rendering()
    to_points = ax.transData + figure.dpi_scale_trans.inverted()
    t = np.linspace(0, 1, 200)[:, None]
    checked = 0
    for start, end, patch in curves(figure):
        if round(start[0]) != round(end[0]):
            continue
        p0, p1, p2, p3 = patch.get_path().vertices
        curve = (1 - t) ** 3 * p0 + 3 * t * (1 - t) ** 2 * p1 + 3 * t**2 * (1 - t) * p2 + t**3 * p3
        others = [n for n in nodes if tuple(n) not in (start, end)]
        gap = 72 * np.linalg.norm(
            to_points.transform(curve)[:, None] - to_points.transform(others)[None], axis=-1
        )
        assert gap.min() > 4
        checked += 1
    assert checked > 10
