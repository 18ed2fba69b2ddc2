"""Columns by loop iteration, rows by name, and the curves between them."""

from itertools import pairwise

import pytest

import pathflow as pf
from pathflow.drawing import Key, arrange, has_columns, time_layers
from pathflow.page._drawn import drawn_graph


def recurrent(n_steps):
    nodes, edges = [], []
    for t in range(n_steps):
        nodes += [Key("x", (t,)), Key("state", (t,))]
        edges.append((nodes[-2], nodes[-1]))
        if t:
            edges.append((Key("state", (t - 1,)), Key("state", (t,))))
    nodes.append(Key("qoi"))
    return nodes, [*edges, (Key("state", (n_steps - 1,)), Key("qoi"))]


def test_iterations_are_columns_and_names_rows():
    nodes, edges = recurrent(3)
    layout = time_layers(nodes, edges)
    assert layout.columns == ((0,), (1,), (2,), None)
    assert layout.rows == ("x", "state", "qoi")
    assert {n: (round(x), y) for n, (x, y) in layout.positions.items()} == {
        n: (n.index[0] if n.index else 3, layout.rows.index(n.name)) for n in nodes
    }


def test_takes_the_nodes_of_a_graph_as_well():
    nodes, edges = recurrent(4)
    of_graph = {n: pf.Node(n.name, n.index) for n in nodes}
    layout = time_layers(list(of_graph.values()), [(of_graph[u], of_graph[v]) for u, v in edges])
    assert layout.columns == time_layers(nodes, edges).columns
    for n, place in time_layers(nodes, edges).positions.items():
        assert layout.positions[of_graph[n]] == place


def test_curves_start_and_end_at_their_nodes():
    nodes, edges = recurrent(3)
    layout = time_layers(nodes, edges)
    for u, v in edges:
        curve = layout.curve(u, v)
        assert (curve[0], curve[-1]) == (layout.positions[u], layout.positions[v])
        assert len(curve) == 4


def test_many_names_are_laid_out_in_layers():
    nodes, edges = recurrent(3)
    assert arrange(nodes, edges).rows
    units = [Key(f"state[{i}]", (0,)) for i in range(650)]
    many = [Key("x", (0,)), *units]
    layout = arrange(many, [(many[0], unit) for unit in units])
    assert not layout.rows
    assert len(set(layout.positions.values())) == len(many)


@pytest.mark.parametrize(
    ("nodes", "timed"),
    [
        ([Key("x", (0,)), Key("x", (1,))], True),
        # One iteration is no time, and a loop of few nodes no picture of the whole.
        ([Key("x", (0,)), Key("y", (0,))], False),
        ([Key("x", (0,)), Key("x", (1,)), Key("y"), Key("z")], False),
        ([Key("x", (0,)), Key("x", (1,)), Key("x", (2,)), Key("y"), Key("z")], True),
        ([Key(f"n{i}", (t,)) for t in range(2) for i in range(60)], True),
        ([Key(f"n{i}", (t,)) for t in range(2) for i in range(61)], False),
    ],
)
def test_pictures_and_the_page_choose_one_layout(nodes, timed):
    edges = list(pairwise(nodes))
    assert has_columns(nodes) is timed
    assert bool(arrange(nodes, edges).rows) is timed
    of_graph = {n: pf.Node(n.name, n.index) for n in nodes}
    drawn = drawn_graph(list(of_graph.values()), [(of_graph[u], of_graph[v]) for u, v in edges])
    assert (drawn["layout"] is not None) is timed


def test_a_graph_without_loops_is_laid_out_in_layers():
    nodes = [Key(name) for name in ("x", "hidden", "output")]
    layout = arrange(nodes, [(nodes[0], nodes[1]), (nodes[1], nodes[2])])
    assert [layout.positions[n][0] for n in nodes] == [0, 1, 2]


def test_an_offset_of_no_name_is_refused():
    nodes, edges = recurrent(2)
    with pytest.raises(pf.ArgumentError, match="offsets names y, which is no node's name"):
        time_layers(nodes, edges, offsets={"y": 0.1})
