"""A list of paths as a class."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from tests.graph.strategies import spaces


@given(st.data())
def test_it_holds_its_paths_and_no_others(data):
    _, space = data.draw(spaces())
    ranks = data.draw(st.sets(st.integers(0, min(space.count, 500) - 1), min_size=1, max_size=8))
    chosen = [space.unrank(r) for r in ranks]
    automaton = pf.graph.automaton_of(pf.Listed(chosen), space.nodes)
    for path in list(space)[:500]:
        state = automaton.start
        for node in path:
            state = automaton.next(state, node)
        assert bool(automaton.classes[state]) == (path in chosen)
    assert pf.graph.make_trellis(space, automaton, bool).count == len(chosen)


def test_a_node_outside_loops_is_not_one_inside():
    labels = ["x", "h", "h@0", "y"]
    edges = [("x", "h"), ("x", "h@0"), ("h", "y"), ("h@0", "y")]
    graph = pf.Graph(map(pf.Node.parse, labels), edges)
    space = graph.paths("x", "y")
    for path in ("x h y", "x h@0 y"):
        automaton = pf.graph.automaton_of(pf.Listed([path]), space.nodes)
        trellis = pf.graph.make_trellis(space, automaton, bool)
        assert [str(vertex.node) for vertex in trellis.vertices] == path.split()


def test_equal_whatever_the_order_and_kept_by_pickle():
    one, other = pf.Listed(["a b", "a c"]), pf.Listed(["a c", "a b", "a c"])
    assert one == other
    assert hash(one) == hash(other)
    assert len(other.paths) == 2
    assert one != pf.Listed(["a b"])
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
    assert repr(one) == "Listed(2 paths)"


def test_it_refuses_no_paths():
    with pytest.raises(pf.PatternError, match="paths is empty"):
        pf.Listed([])
    with pytest.raises(pf.GraphError):
        pf.Listed(["a b@"])
