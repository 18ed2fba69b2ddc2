"""Large graphs made small, and what is said about it."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathflow.drawing import Key, summarised

from .test_longest_path import graphs
from .test_time_layers import recurrent


def test_small_graphs_stay_as_they_are():
    nodes, edges = recurrent(5)
    small = summarised(nodes, dict.fromkeys(edges))
    assert small.nodes == tuple(nodes)
    assert list(small.weights) == edges
    assert small.notes == ()


TIMES = "\N{MULTIPLICATION SIGN}"


def split(n, n_steps, rng=None):
    """Units of a state that all feed on an input, step by step; weights are random."""
    nodes, edges = [], {}
    for t in range(n_steps):
        x = Key("x", (t,))
        nodes.append(x)
        for i in range(n):
            unit = Key(f"c[{i}]", (t,))
            nodes.append(unit)
            edges[x, unit] = None if rng is None else float(rng.standard_normal())
            for j in range(n) if t else ():
                before = Key(f"c[{j}]", (t - 1,))
                edges[before, unit] = None if rng is None else float(rng.standard_normal())
    return nodes, edges


def test_parts_of_a_node_become_one_and_their_weights_are_summed():
    nodes, edges = split(20, 3, np.random.default_rng(0))
    small = summarised(nodes, edges)
    assert [str(n) for n in small.nodes] == [
        name for t in range(3) for name in (f"x@{t}", f"c{TIMES}20@{t}")
    ]
    expected = sum(w for (u, v), w in edges.items() if u.name == "x" and v.index == (1,))
    assert small.weights[Key("x", (1,)), Key(f"c{TIMES}20", (1,))] == pytest.approx(expected)
    assert sum(small.weights.values()) == pytest.approx(sum(edges.values()))
    assert small.notes == ("Drawn as one node each: 20 parts of c.",)
    assert small.members[Key(f"c{TIMES}20", (1,))] == 20


def test_parts_that_feed_each_other_stay_apart():
    # a[0] -> b -> a[1] would be a cycle.
    nodes = [Key("a[0]"), Key("b"), Key("a[1]")]
    edges = {(nodes[0], nodes[1]): None, (nodes[1], nodes[2]): None}
    small = summarised(nodes, edges, most_nodes=2)
    assert {n.name for n in small.nodes} <= {n.name for n in nodes}


def test_iterations_in_the_middle_are_left_out():
    nodes, edges = recurrent(90)
    small = summarised(nodes, dict.fromkeys(edges), most_nodes=41)
    kept = sorted({n.index[0] for n in small.nodes if n.index})
    gone = sorted(set(range(90)) - set(kept))
    assert gone == list(range(gone[0], gone[-1] + 1))
    assert kept[0] == 0
    assert kept[-1] == 89
    assert len(small.nodes) <= 41
    (note,) = small.notes
    words = f"Iterations {gone[0]} to {gone[-1]} are left out, with {2 * len(gone)} nodes."
    assert note == words
    assert Key("qoi") in small.nodes


def test_of_other_graphs_the_end_stays():
    rng = np.random.default_rng(0)
    nodes = [Key(f"n{i}") for i in range(2000)]
    ends = np.sort(rng.integers(0, 2000, (6000, 2)), axis=1)
    edges = {(nodes[i], nodes[j]): None for i, j in ends.tolist() if i != j}
    small = summarised(nodes, edges)
    assert small.nodes[-1] == nodes[-1]
    assert len(small.nodes) == 60
    assert small.notes[0] == "The 60 nodes nearest to n1999 are drawn."
    before = {u for u, v in edges if v == nodes[-1]}
    assert before <= set(small.nodes)


def test_edges_of_least_weight_go():
    nodes = [Key(f"n{i}") for i in range(30)]
    rng = np.random.default_rng(0)
    edges = {
        (nodes[i], nodes[j]): float(rng.standard_normal()) for j in range(30) for i in range(j)
    }
    small = summarised(nodes, edges, most_edges=50)
    assert len(small.weights) == 50
    least = min(abs(w) for w in small.weights.values())
    assert sum(abs(w) >= least for w in edges.values()) == 50
    assert small.notes == ("385 more edges are not drawn.",)


@given(graphs(most=14), st.integers(1, 12), st.integers(1, 12))
def test_what_is_left_is_a_part_of_the_graph_in_order(graph, most_nodes, most_edges):
    nodes, edges = graph
    small = summarised(nodes, dict.fromkeys(edges), most_nodes, most_edges)
    assert len(small.weights) <= most_edges
    place = {n: i for i, n in enumerate(small.nodes)}
    assert all(place[u] < place[v] for u, v in small.weights)
    assert set(small.weights) <= set(edges)
    if len(small.nodes) < len(nodes) or len(small.weights) < len(edges):
        assert small.notes
    assert nx.is_directed_acyclic_graph(nx.DiGraph(list(small.weights)))
