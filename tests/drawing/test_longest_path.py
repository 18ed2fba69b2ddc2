"""Layers, orders and places, against definitions and brute force."""

from itertools import combinations, pairwise

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from pathflow.drawing import Key, longest_path_layers
from pathflow.drawing._longest_path import _increasing, _inversions, _layers, _Web


@st.composite
def graphs(draw, most=12):
    n = draw(st.integers(1, most))
    nodes = [Key(f"n{i}") for i in range(n)]
    pairs = list(combinations(nodes, 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2 * n)) if pairs else []
    return nodes, chosen


def segments_cross(layout, nodes, edges):
    """Crossings of the pieces of all edges, pair by pair."""
    pieces = []
    for u, v in edges:
        stops = [layout.positions[u], *layout.bends.get((u, v), ()), layout.positions[v]]
        pieces += list(pairwise(stops))
    found = 0
    for (a, b), (c, d) in combinations(pieces, 2):
        if a[0] == c[0]:
            found += (a[1] - c[1]) * (b[1] - d[1]) < 0
    return found


@given(graphs())
def test_edges_go_to_the_right_and_longest_paths_make_layers(graph):
    nodes, edges = graph
    layout = longest_path_layers(nodes, edges)
    net = nx.DiGraph(edges)
    net.add_nodes_from(nodes)
    for layer, members in enumerate(nx.topological_generations(net)):
        for n in members:
            if net.in_degree(n):
                assert layout.positions[n][0] == layer
            elif net.out_degree(n):
                assert layout.positions[n][0] + 1 == min(layout.positions[v][0] for v in net[n])
    assert all(layout.positions[u][0] < layout.positions[v][0] for u, v in edges)


@given(graphs())
def test_nodes_and_bends_of_a_layer_stand_apart(graph):
    nodes, edges = graph
    layout = longest_path_layers(nodes, edges)
    points = [(*layout.positions[n], 1.0) for n in nodes]
    points += [(*p, 0.5) for bends in layout.bends.values() for p in bends]
    for (x, y, width), (x2, y2, width2) in combinations(points, 2):
        if x == x2:
            assert abs(y - y2) >= (width + width2) / 2 - 1e-9
    assert min(y for _, y, _ in points) == 0


@given(graphs())
def test_long_edges_have_a_place_in_every_layer_between(graph):
    nodes, edges = graph
    layout = longest_path_layers(nodes, edges)
    for u, v in edges:
        start, end = layout.positions[u][0], layout.positions[v][0]
        between = [x for x, _ in layout.bends.get((u, v), ())]
        assert between == list(np.arange(start + 1, end))
        curve = layout.curve(u, v)
        assert len(curve) == 1 + 3 * (1 + len(between))
        assert [x for x, _ in curve] == sorted(x for x, _ in curve)


@given(graphs())
def test_the_kept_order_crosses_no_more_than_the_first(graph):
    nodes, edges = graph
    web = _Web(nodes, edges, _layers(nodes, edges))
    before = web._crossings(web._stacked())
    web.sort()
    after = web._crossings(web._stacked())
    assert after <= before
    assert after == segments_cross(longest_path_layers(nodes, edges), nodes, edges)


def test_crossings_that_need_not_be_are_gone():
    above, below = [[Key(f"{side}{i}") for i in range(6)] for side in "ab"]
    order = np.random.default_rng(0).permutation(6)
    edges = [(above[i], below[j]) for i, j in enumerate(order)]
    nodes = [*above, *below]
    layout = longest_path_layers(nodes, edges)
    assert segments_cross(layout, nodes, edges) == 0
    assert all(layout.positions[u][1] == layout.positions[v][1] for u, v in edges)


@given(st.lists(st.integers(0, 9), max_size=300))
def test_inversions(values):
    expected = sum(a > b for a, b in combinations(values, 2))
    assert _inversions(np.array(values)) == expected


@settings(max_examples=25)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=5))
def test_places_are_the_nearest_in_least_squares(values):
    values = np.array(values)
    found = _increasing(values)
    assert (np.diff(found) >= 0).all()
    # The same by a general optimiser, over the first place and what is added after it.
    steps = np.tril(np.ones((len(values), len(values))))
    start = np.maximum(np.diff(values, prepend=0), 0)
    best = minimize(
        lambda z: np.square(steps @ z - values).sum(),
        start,
        jac=lambda z: 2 * steps.T @ (steps @ z - values),
        bounds=[(None, None)] + [(0, None)] * (len(values) - 1),
    )
    assert np.square(found - values).sum() <= best.fun + 1e-6


def test_thousands_of_nodes():
    rng = np.random.default_rng(0)
    nodes = [Key(f"n{i}") for i in range(3000)]
    ends = np.sort(rng.integers(0, 3000, (6000, 2)), axis=1)
    edges = list({(nodes[i], nodes[j]) for i, j in ends if i != j})
    layout = longest_path_layers(nodes, edges)
    assert len(set(layout.positions.values())) == len(nodes)
