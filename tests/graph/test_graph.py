import re
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given

import pathflow as pf

from .strategies import dags, listed_paths


def diamond(**facts) -> pf.Graph:
    nodes = [pf.Node(n, **facts) for n in ("x", "a", "b", "y")]
    return pf.Graph(nodes, [("b", "y"), ("x", "b"), ("a", "y"), ("x", "a")])


def test_order_of_edges_and_neighbours_follows_nodes():
    graph = diamond()
    assert [f"{u}{v}" for u, v in graph.edges] == ["xa", "xb", "ay", "by"]
    assert graph.successors("x") == (pf.Node("a"), pf.Node("b"))
    assert graph.predecessors(pf.Node("y")) == (pf.Node("a"), pf.Node("b"))
    assert graph.position("b") == 2
    assert repr(graph) == "Graph(4 nodes, 4 edges)"


def test_node_has_the_graphs_own_facts():
    graph = diamond(shape=(3,), dtype="float64")
    assert graph.node("a").shape == (3,)
    assert graph.node(pf.Node("a")).dtype == "float64"
    assert "a" in graph
    assert pf.Node("a") in graph
    assert "a b" not in graph
    assert 3 not in graph


@given(dags())
def test_counts_are_networkx_counts(graph):
    for u in graph.nodes:
        for v in graph.nodes:
            if u != v:
                assert graph.count_paths(u, v) == len(listed_paths(graph, u, v))


def test_count_without_a_path_is_zero():
    assert diamond().count_paths("a", "b") == 0
    assert diamond().count_paths("y", "x") == 0


def test_counts_exceed_floating_point():
    graph = ladder(250)
    count = graph.count_paths("s", "t")
    assert count == 2**250 + 1
    assert graph.paths("s", "t").count == count


def ladder(rungs: int) -> pf.Graph:
    """2 ** rungs paths through diamonds in a row, and one edge past all of them."""
    nodes, edges = [pf.Node("s")], []
    for i in range(rungs):
        last = nodes[-1]
        left, right, join = (pf.Node(n, (i,)) for n in "lrj")
        nodes += [left, right, join]
        edges += [(last, left), (last, right), (left, join), (right, join)]
    nodes.append(pf.Node("t"))
    return pf.Graph(nodes, [*edges, (nodes[-2], "t"), ("s", "t")])


def test_to_networkx():
    graph = pf.Graph([pf.Node("x", (1,), (3,), "float64"), pf.Node("y")], [("x@1", "y")])
    out = graph.to_networkx()
    assert list(out.edges) == [("x@1", "y")]
    assert out.nodes["x@1"] == {"name": "x", "index": (1,), "shape": (3,), "dtype": "float64"}
    assert nx.is_directed_acyclic_graph(out)


def test_equality_and_fingerprint():
    assert diamond() == diamond()
    assert hash(diamond()) == hash(diamond())
    assert diamond().fingerprint() == diamond().fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", diamond().fingerprint())
    others = [
        diamond(shape=(3,)),
        diamond(dtype="float64"),
        pf.Graph(diamond().nodes, diamond().edges[1:]),
        pf.Graph([*diamond().nodes, pf.Node("z")], diamond().edges),
    ]
    for other in others:
        assert other != diamond()
        assert other.fingerprint() != diamond().fingerprint()


def test_unknown_node_lists_close_matches():
    graph = pf.Graph([pf.Node("c1", (t,)) for t in range(4)], [])
    with pytest.raises(pf.UnknownNodeError) as caught:
        graph.node("c1@7")
    assert "'c1@7'" in str(caught.value)
    assert "(close matches: c1@3, c1@2, c1@1, c1@0)" in str(caught.value)
    assert isinstance(caught.value, KeyError)
    graph = pf.Graph([pf.Node("c1", (t,)) for t in range(7)], [])
    with pytest.raises(pf.UnknownNodeError) as caught:
        graph.successors("zebra")
    assert "of the graph (they start with c1@0, c1@1, c1@2, c1@3, c1@4);" in str(caught.value)


def test_duplicate_node():
    with pytest.raises(pf.GraphError, match="a more than once"):
        pf.Graph([pf.Node("a"), pf.Node("b"), pf.Node("a", shape=(2,))], [])


def test_duplicate_edge():
    with pytest.raises(pf.GraphError, match="a -> b more than once"):
        pf.Graph([pf.Node("a"), pf.Node("b")], [("a", "b"), ("a", "b")])


def test_edge_to_unknown_node():
    with pytest.raises(pf.UnknownNodeError, match="'c'"):
        pf.Graph([pf.Node("a"), pf.Node("b")], [("a", "c")])


def test_cycle_is_named():
    nodes = [pf.Node(n) for n in "abc"]
    with pytest.raises(pf.GraphError, match="cycle, b -> c -> b|cycle, c -> b -> c"):
        pf.Graph(nodes, [("a", "b"), ("b", "c"), ("c", "b")])
    with pytest.raises(pf.GraphError, match="cycle, a -> a"):
        pf.Graph(nodes, [("a", "a")])


def test_order_that_is_not_topological():
    with pytest.raises(pf.GraphError, match="list b before a"):
        pf.Graph([pf.Node("a"), pf.Node("b")], [("b", "a")])


def test_a_page_shows_every_node_and_says_what_it_is():
    page = diamond(shape=(3,), dtype="float64")._page()
    assert "4 nodes, 4 edges" in page.html
    assert page.html.startswith("<div><div><b>Graph</b> 4 nodes, 4 edges</div><svg")
    assert page.html.endswith("</svg></div>")
    assert page.svg in page.html
    assert "Graph of 4 nodes, 4 edges" in page.svg
    for name in ("x", "a", "b", "y"):
        assert f"{name}: shape (3,), float64" in page.svg


def test_a_large_page_sums_parts_up_and_says_what_it_leaves_out():
    parts = [pf.Node(f"h[{i}]") for i in range(200)]
    nodes = [pf.Node("x", shape=(2,), dtype="float32"), *parts, pf.Node("y")]
    edges = [e for n in parts for e in (("x", n), (n, "y"))]
    page = pf.Graph(nodes, edges)._page()
    assert "202 nodes, 400 edges" in page.html
    assert "x: shape (2,), float32" in page.svg
    assert "h\N{MULTIPLICATION SIGN}200: 200 nodes" in page.svg
    chain = [pf.Node("c", (i,)) for i in range(300)]
    page = pf.Graph(chain, pairwise(chain))._page()
    assert re.search(r"</svg><div><small>Iterations .* are left out, with ", page.html)
    assert "None" not in page.html
