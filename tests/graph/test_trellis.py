import time
import warnings
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.graph import automaton_of, make_trellis
from tests.helpers import pattern_matches, patterns

from .strategies import looped, spaces
from .test_graph import ladder

LABELS = [str(looped(i)) for i in range(8)]


def listed(trellis) -> list[tuple[int, ...]]:
    """The ways through a trellis, by its lists of successors alone."""
    ways = [(s,) for s in trellis.sources]
    found = []
    while ways:
        way = ways.pop()
        if way[-1] in trellis.ends:
            found.append(way)
        ways += [(*way, v) for v in trellis.successors[way[-1]]]
    return found


@given(spaces(node=looped), patterns(LABELS))
def test_holds_each_wanted_path_once(case, pattern):
    graph, space = case
    automaton = automaton_of(pf.Patterns({"p": pattern}), space.nodes)
    trellis = make_trellis(space, automaton, bool)
    expected = [p for p in space if pattern_matches(pattern, p)]
    paths = [pf.Path(trellis.vertices[i].node for i in way) for way in listed(trellis)]
    assert sorted(map(space.rank, paths)) == sorted(map(space.rank, expected))
    assert trellis.count == trellis.counts["p"] == len(expected)
    assert trellis.counts[None] == 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert graph.count_paths(space.sources, space.target, pattern) == len(expected)
    assert [w.category for w in caught] == ([] if expected else [pf.PatternWarning])


@given(spaces(node=looped), patterns(LABELS), patterns(LABELS), st.booleans())
def test_shape_and_counts(case, first, second, whole):
    _, space = case
    automaton = automaton_of(pf.Patterns({"first": first, "second": second}), space.nodes)
    trellis = make_trellis(space, automaton, None if whole else lambda c: "second" not in c)
    ways = listed(trellis)
    kept = [p for p in space if whole or not pattern_matches(second, p)]
    assert trellis.count == len(ways) == len(kept)
    assert trellis.counts == {
        "first": sum(pattern_matches(first, p) for p in kept),
        "second": sum(pattern_matches(second, p) for p in kept),
        None: sum(not pattern_matches(first | second, p) for p in kept),
    }
    on = {i for way in ways for i in way}
    assert on == set(range(len(trellis.vertices)))
    order = [(space.nodes.index(v.node), v.state) for v in trellis.vertices]
    assert order == sorted(set(order))
    for i in on:
        assert trellis.prefix_count[i] == len({w[: w.index(i)] for w in ways if i in w})
        assert trellis.suffix_count[i] == len({w[w.index(i) :] for w in ways if i in w})
        assert list(trellis.successors[i]) == sorted(trellis.successors[i])
        assert list(trellis.predecessors[i]) == [
            u for u in sorted(on) if i in trellis.successors[u]
        ]
        u = trellis.vertices[i]
        for v in (trellis.vertices[j] for j in trellis.successors[i]):
            assert v.node in space.successors(u.node)
            assert v.state == automaton.next(u.state, v.node)
    assert [trellis.vertices[s].node for s in trellis.sources] == [
        s for s in space.sources if any(p[0] == s for p in kept)
    ]
    assert {trellis.vertices[e].node for e in trellis.ends} <= {space.target}


@given(spaces(node=looped))
def test_all_of_a_space(case):
    _, space = case
    trellis = make_trellis(space, automaton_of(pf.PathLength(1), space.nodes))
    assert [v.node for v in trellis.vertices if v.state] == list(space.nodes)
    assert trellis.count == space.count


def test_exact_counts_of_1e73_paths():
    """Of 250 rungs, each passed on the left or on the right, k on the left: a binomial."""
    space = ladder(250).paths("s", "t")
    partition = pf.CountSteps("l", 200)
    counts = make_trellis(space, automaton_of(partition, space.nodes)).counts
    assert counts["125"] == comb(250, 125) > 10**73
    # The edge that passes all rungs meets none of them.
    assert counts["0"] == 2
    assert counts["200+"] == sum(comb(250, k) for k in range(200, 251))
    assert sum(counts.values()) == 2**250 + 1
    graph = ladder(250)
    assert graph.count_paths("s", "t", "s (l j | r j){250} t") == 2**250
    assert graph.count_paths("s", "t", ".* l@7 .* & ~(.* r@9: .*)") == 2**8


def lstm(steps: int) -> pf.Graph:
    """The graph of a two-layer LSTM language model, gate by gate."""
    nodes, edges = [], []
    for t in range(steps):
        nodes.append(pf.Node("x", (t,)))
        for layer, below in ((0, f"x@{t}"), (1, f"h0@{t}")):
            i, f, o, g, c, h = labels = [f"{n}{layer}@{t}" for n in "ifogch"]
            nodes += map(pf.Node.parse, labels)
            edges += [(below, gate) for gate in (i, f, o, g)]
            edges += [(i, c), (f, c), (g, c), (c, h), (o, h)]
            if t:
                edges += [(f"h{layer}@{t - 1}", gate) for gate in (i, f, o, g)]
                edges.append((f"c{layer}@{t - 1}", c))
    return pf.Graph([*nodes, pf.Node("qoi")], [*edges, (f"h1@{steps - 1}", "qoi")])


def test_patterns_of_an_lstm():
    graph = lstm(4)
    assert graph.count_paths("x@0", "qoi", ".*") == graph.count_paths("x@0", "qoi") == 6946
    assert graph.count_paths("x@0", "qoi", "x@0 g0 c0 h0 g1 c1+ h1 qoi") == 1
    # Crosses to layer 1 at any of the four steps, through any of three gates.
    assert graph.count_paths("x@0", "qoi", "x@0 g0 c0+ h0 (i1 | f1 | g1) c1+ h1 qoi") == 12
    assert graph.count_paths("x@0", "qoi", ".* g1 .*") + graph.count_paths(
        "x@0", "qoi", "~(.* g1 .*)"
    ) == 6946  # fmt: skip


def test_counting_is_fast_over_a_hundred_words():
    graph = lstm(100)
    start = time.process_time()
    count = graph.count_paths("x@0", "qoi", "x@0 .* g1 c1+ h1 .* c1@50: .* qoi")
    # A tenth of this without the checks of annotations.
    assert time.process_time() - start < 4
    assert 10**70 < count < graph.count_paths("x@0", "qoi")


def test_a_dense_graph_is_fast():
    nodes = [pf.Node("n", (i,)) for i in range(162)]
    graph = pf.Graph(nodes, [(u, v) for i, u in enumerate(nodes) for v in nodes[i + 1 :]])
    assert len(graph.edges) > 13_000
    start = time.process_time()
    trellis = make_trellis(
        graph.paths("n@0", "n@161"), automaton_of(pf.CountSteps("n@50:", 10), nodes)
    )
    assert time.process_time() - start < 4
    assert trellis.counts["3"] == 2**49 * comb(111, 2)


@pytest.mark.filterwarnings("ignore::pathflow.PatternWarning")
def test_count_paths_with_sources_that_reach_nothing():
    graph = pf.Graph([pf.Node(n) for n in "zxhy"], [("x", "h"), ("h", "y")])
    assert graph.count_paths(("z", "x", "h"), "y", ".*") == 1
    assert graph.count_paths("z", "y", ".*") == 0
    assert graph.count_paths("x", "y", "x y") == 0
    with pytest.raises(pf.PatternError):
        graph.count_paths("z", "y", "(")
