import re
import time
from itertools import combinations, islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.drawing import digits

from .strategies import listed_paths, spaces
from .test_graph import diamond, ladder


def expected_paths(graph, space) -> list[tuple[pf.Node, ...]]:
    """Paths in the documented order, from networkx."""
    cut = frozenset(space.sources)
    return [p for s in space.sources for p in listed_paths(graph, s, space.target, cut - {s})]


@given(spaces())
def test_count_order_rank_and_unrank(case):
    graph, space = case
    expected = expected_paths(graph, space)
    assert space.count == len(expected) == graph.count_paths(space.sources, space.target)
    assert list(space) == expected
    assert [space.unrank(i) for i in range(space.count)] == expected
    assert [space.rank(p) for p in expected] == list(range(space.count))
    assert [space.rank(str(pf.Path(p))) for p in expected] == list(range(space.count))


@given(spaces())
def test_nodes_and_neighbours_are_those_on_paths(case):
    graph, space = case
    paths = expected_paths(graph, space)
    on_path = {n for p in paths for n in p}
    edges = {e for p in paths for e in pairwise(p)}
    assert space.nodes == tuple(n for n in graph.nodes if n in on_path)
    for u in graph.nodes:
        assert space.successors(u) == tuple(v for v in graph.nodes if (u, v) in edges)
        assert space.predecessors(u) == tuple(v for v in graph.nodes if (v, u) in edges)


@given(spaces())
def test_prefix_and_suffix_counts(case):
    graph, space = case
    paths = expected_paths(graph, space)
    for n in graph.nodes:
        through = [p for p in paths if n in p]
        assert space.prefix_count(n) == len({p[: p.index(n)] for p in through})
        assert space.suffix_count(n) == len({p[p.index(n) :] for p in through})


def beginnings(space, node) -> list[tuple[pf.Node, ...]]:
    """The beginnings that end at a node, in the order that prefix_ranks promises."""
    start = [(node,)] if node in space.sources else []
    before = space.predecessors(node)
    return start + [(*p, node) for u in before for p in beginnings(space, u)]


@given(spaces())
def test_prefix_ranks_join_with_offsets_and_suffix_ranks(case):
    graph, space = case
    paths = expected_paths(graph, space)
    for u in space.nodes:
        ranks = space.prefix_ranks(u)
        assert ranks.dtype == np.int64
        assert len(ranks) == space.prefix_count(u)
        for v in space.successors(u):
            endings = sorted(
                {p[p.index(v) :] for p in paths if v in p},
                key=lambda p: [graph.position(n) for n in p],
            )
            for p, beginning in enumerate(beginnings(space, u)):
                for s, ending in enumerate(endings):
                    rank = ranks[p] + space.edge_offset(u, v) + s
                    assert rank == space.rank(beginning + ending)


@given(spaces(), st.data())
def test_mask_through(case, data):
    graph, space = case
    nodes = data.draw(st.lists(st.sampled_from(graph.nodes), max_size=3))
    expected = [all(n in p for n in nodes) for p in expected_paths(graph, space)]
    assert space.mask_through(*nodes).tolist() == expected


def test_mask_in_chunks(monkeypatch):
    monkeypatch.setattr("pathflow.graph._ranks._CHUNK", 4)
    space = ladder(4).paths("s", "t")
    for node in space.nodes:
        assert space.mask_through(node).tolist() == [node in p for p in space]


def test_edges_into_sources_are_cut():
    nodes = [pf.Node(n) for n in ("x", "h", "a", "y")]
    graph = pf.Graph(nodes, [("x", "h"), ("x", "a"), ("h", "a"), ("h", "y"), ("a", "y")])
    assert [str(p) for p in graph.paths("x", "y")] == ["x h a y", "x h y", "x a y"]
    space = graph.paths(("h", "x"), "y")
    assert [str(p) for p in space] == ["h a y", "h y", "x a y"]
    assert space.source_offset("x") == 2
    assert "x h y" not in space
    assert space.predecessors("h") == ()


def test_source_hidden_behind_another_source():
    graph = pf.Graph([pf.Node(n) for n in "xhy"], [("x", "h"), ("h", "y")])
    assert graph.count_paths(("x", "h"), "y") == 1
    with pytest.raises(pf.NoPathError, match=r"source x cannot reach the target y.*are cut"):
        graph.paths(("x", "h"), "y")


def test_ranks_beyond_int64():
    space = ladder(80).paths("s", "t")
    middle = 3 * space.count // 7
    assert space.rank(space.unrank(middle)) == middle
    assert space.rank(space.unrank(space.count - 1)) == space.count - 1
    ranks = space.prefix_ranks("j@3")
    assert ranks.dtype == object
    assert len(ranks) == 16
    assert [space.unrank(r)[: 2 * 4 + 1][-1] for r in ranks] == [pf.Node("j", (3,))] * 16
    assert [str(p) for p in islice(space, 1)] == [str(space.unrank(0))]


def test_prefix_ranks_are_shared_and_read_only():
    space = diamond().paths("x", "y")
    ranks = space.prefix_ranks("y")
    assert space.prefix_ranks("y") is ranks
    with pytest.raises(ValueError, match="read-only"):
        ranks[0] = 5


def test_prefix_ranks_without_the_cache(monkeypatch):
    expected = ladder(5).paths("s", "t").prefix_ranks("t").tolist()
    monkeypatch.setattr("pathflow.graph._ranks.CACHED_ENTRIES", 0)
    space = ladder(5).paths("s", "t")
    assert space.prefix_ranks("t").tolist() == expected
    assert sorted(expected) == list(range(space.count))


def test_node_on_no_path():
    graph = pf.Graph([pf.Node(n) for n in "xzy"], [("x", "y"), ("z", "y")])
    space = graph.paths("x", "y")
    assert space.prefix_count("z") == space.suffix_count("z") == 0
    assert space.prefix_ranks("z").tolist() == []
    assert space.prefix_ranks("z").dtype == np.int64
    assert not space.mask_through("z").any()


def test_too_many_paths_for_an_array():
    space = ladder(80).paths("s", "t")
    for refused in (lambda: space.prefix_ranks("t"), lambda: space.mask_through("t")):
        with pytest.raises(pf.TooManyPathsError, match=str(2**80 + 1)) as caught:
            refused()
        assert caught.value.count == 2**80 + 1
        assert str(caught.value).endswith(
            f"needs an array of {2**80 + 1} entries, more than {2**31}; ask for a smaller set of "
            "paths (another source, or fewer nodes), or work with `rank` and `unrank`, which have "
            "no limit."
        )


def test_equality_and_hash():
    space = diamond().paths("x", "y")
    assert space == diamond().paths(["x"], "y")
    assert hash(space) == hash(diamond().paths("x", "y"))
    assert space != diamond(shape=(2,)).paths("x", "y")
    assert space != diamond().paths("a", "y")
    assert space != "x -> y"
    assert repr(space) == "PathSpace(x -> y, 2 paths)"


def test_what_it_holds():
    space = diamond(shape=(2,)).paths("x", "y")
    assert [" ".join(map(str, e)) for e in space.edges] == ["x a", "x b", "a y", "b y"]
    assert "".join(map(str, space.graph_nodes)) == "xaby"
    assert space.node("a").shape == (2,)
    assert "x a y" in space
    assert ("x", "b", "y") in space
    assert "x a b y" not in space
    assert "x q y" not in space
    assert 0 not in space
    part = diamond().paths("a", "y")
    assert "".join(map(str, part.graph_nodes)) == "xaby"
    assert part.edges == ((pf.Node("a"), pf.Node("y")),)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("y", "x", "source y cannot reach the target x;"),
        (
            ("a", "x"),
            "x",
            "target x is also a source (a, x); a path needs two different ends.",
        ),
        (("x", "x"), "y", "source names a node twice (x, x); name each once."),
        ((), "y", "source is empty"),
    ],
)
def test_ends_that_have_no_paths(source, target, message):
    with pytest.raises(pf.GraphError, match=f"^{re.escape(message)}"):
        diamond().paths(source, target)


def test_count_refuses_the_same_ends():
    for source in ("y", ("x", "x"), ()):
        with pytest.raises(pf.GraphError):
            diamond().count_paths(source, "y")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a y", "a is no source; the paths start at x"),
        ("x y", "no path takes an edge x -> y; x leads to a, b"),
        ("x a", "ends at a, not at the target y"),
        ("x a y y", "no path takes an edge y -> y; y leads to nothing"),
        ("x q y", "no node 'q'"),
    ],
)
def test_path_that_is_none(path, message):
    space = diamond().paths("x", "y")
    with pytest.raises(pf.GraphError, match=re.escape(message)):
        space.rank(path)
    assert path not in space


@pytest.mark.parametrize("rank", [-1, 2])
def test_rank_outside(rank):
    with pytest.raises(pf.GraphError, match=r"outside 0 \.\. 1"):
        diamond().paths("x", "y").unrank(rank)


def test_large_graphs_construct_fast():
    dense = [pf.Node("n", (i,)) for i in range(159)]
    edges = [(dense[u], dense[v]) for u, v in combinations(range(159), 2)][:11_612]
    long = [pf.Node("m", (i,)) for i in range(2_500)]
    band = [(long[i], long[i + d]) for d in (1, 2, 3) for i in range(2_500 - d)]
    # Processor time, so that a busy machine does not count; a second of it is annotations checked.
    start = time.process_time()
    assert pf.Graph(dense, edges).paths("n@0", "n@158").count > 2**100
    assert pf.Graph(long, band).paths("m@0", "m@2499").count > 10**600
    assert time.process_time() - start < 3.0


def test_counts_of_thousands_of_digits_are_shown():
    """Python refuses to write them, so nothing that is printed may ask for it."""
    nodes = [pf.Node("x"), *(pf.Node("a", (i,)) for i in range(2 * 8000))]
    edges = [
        (nodes[u], nodes[v])
        for i in range(0, len(nodes) - 2, 2)
        for u, v in ((i, i + 1), (i, i + 2), (i + 1, i + 2))
    ]
    graph = pf.Graph(nodes, edges)
    space = graph.paths("x", nodes[-1])
    assert space.count == 2**8000
    assert repr(space) == "PathSpace(x -> a@15999, 1.738e+2408 paths)"
    many = space.count**2
    assert len(digits(many)) == 4817
    assert int(digits(many)[:4000]) == many // 10**817
