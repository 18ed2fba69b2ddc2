"""Path patching against the tree of all paths, and against influences where both must agree."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import OUTPUT, dag_programs, pattern_matches, patterns, programs
from tests.helpers._oracle import Run, dependences, node_values

_EXACT = 1e-9
_MAX_PATHS = 60


def _assert_close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=_EXACT, atol=_EXACT)


class Tree:
    """The graph unfolded: every path is a branch of its own."""

    def __init__(self, program, args, replaced, sees):
        run = Run({})
        run.program(program, args)
        self.nodes, self.replaced, self.sees = run.nodes, replaced, sees
        self.clean = {label: cell.value for label, cell in run.nodes.items()}
        self.graph = dependences(run.nodes)
        self.before = {n: list(self.graph.predecessors(n)) for n in self.graph.nodes}

    def value(self, label=OUTPUT, on=()):
        """The value of a node with a way on to the output."""
        path = (label, *on)
        if label in self.replaced:
            return self.replaced[label] if self.sees(path) else self.clean[label]
        if not self.before[label]:
            return self.clean[label]
        values = {u: self.value(u, path) for u in self.before[label]}
        return node_values({label: self.nodes[label]}, {**self.clean, **values})[label]


def _paths(graph, sources, target):
    cut = graph.copy()
    cut.remove_edges_from([(u, s) for s in sources for u in list(graph.predecessors(s))])
    return [tuple(p) for s in sources for p in nx.all_simple_paths(cut, s, target)]


@settings(max_examples=15)
@given(st.data())
def test_a_pattern_sees_the_replacement_as_in_the_tree_of_all_paths(data):
    program = data.draw(dag_programs(max_nodes=5))
    args, others = program.args(), program.args(1)
    graph = pf.trace(program.function(), *args)
    labels = [str(n) for n in graph.nodes]
    pattern = data.draw(patterns(labels, max_leaves=5))
    sources = data.draw(st.sampled_from([["x"], ["x", "n0"], ["n0"]]))
    plain = Tree(program, args, {}, None)
    elsewhere = Tree(program, others, {}, None).clean
    assume(all(nx.has_path(plain.graph, s, OUTPUT) for s in sources))
    paths = _paths(plain.graph, sources, OUTPUT)
    assume(len(paths) <= _MAX_PATHS)
    assume(all(any(p[0] == s for p in paths) for s in sources))
    node = {str(n): n for n in graph.nodes}

    def matches(path):
        return pattern_matches(pattern, tuple(node[label] for label in path))

    replaced = {s: elsewhere[s] for s in sources}
    interventions = {s: pf.OtherInput(others) for s in sources}
    if not any(map(matches, paths)):
        with pytest.raises(pf.NoPathError):
            pf.do(graph, args, interventions, along=pattern)
        return
    tree = Tree(program, args, replaced, matches)
    _assert_close(pf.do(graph, args, interventions, along=pattern), tree.value())
    tree = Tree(program, args, replaced, lambda path: not matches(path))
    _assert_close(pf.do(graph, args, interventions, sparing=pattern), tree.value())


@settings(max_examples=12)
@given(st.data())
def test_a_list_of_paths_in_programs_with_loops_and_branches(data):
    program = data.draw(programs())
    args, others = program.args(), program.args(1)
    graph = pf.trace(program.function(), *args)
    plain = Tree(program, args, {}, None)
    sources = [name for name, _ in program.inputs if nx.has_path(plain.graph, name, OUTPUT)]
    assume(sources)
    space = graph.paths(sources, OUTPUT)
    assume(space.count <= _MAX_PATHS)
    ranks = data.draw(st.sets(st.integers(0, space.count - 1), min_size=1, max_size=6))
    chosen = [space.unrank(r) for r in ranks]
    names = {tuple(map(str, p)) for p in chosen}
    elsewhere = {name: jnp.asarray(others[i]) for i, (name, _) in enumerate(program.inputs)}
    replaced = {s: elsewhere[s] for s in sources}
    tree = Tree(program, args, replaced, lambda path: path in names)
    found = pf.do(graph, args, replaced, along=chosen)
    _assert_close(found, tree.value())
    same = pf.do(graph, args, replaced, along=pf.Listed(map(str, chosen)))
    _assert_close(same, found)


@settings(max_examples=10)
@given(dag_programs())
def test_along_every_path_is_doing_it(program):
    args, others = program.args(), program.args(1)
    graph = pf.trace(program.function(), *args)
    by = {"x": pf.OtherInput(others)}
    wanted = program.function()(*others[:-1], args[-1])
    _assert_close(pf.do(graph, args, by, along=".*"), wanted)
    _assert_close(pf.do(graph, args, by), wanted)
    _assert_close(pf.do(graph, args, by, sparing=".*"), program.function()(*args))


def _linear(x):
    a = pf.tag(2.0 * x, "a")
    b = pf.tag(a[::-1] - 3.0 * x, "b")
    c = pf.tag(jnp.cumsum(b) + a, "c")
    return jnp.dot(jnp.array([1.0, -2.0, 0.5]), c) + b[0] + x[1]


@settings(max_examples=10)
@given(st.lists(st.floats(-2, 2), min_size=6, max_size=6))
def test_in_a_linear_model_the_change_along_a_path_is_its_influence(numbers):
    x, y = jnp.asarray(numbers[:3]), jnp.asarray(numbers[3:])
    graph = pf.trace(_linear, x)
    result = pf.attribute(graph, (y,), source="x", doi=pf.Line(x, n_steps=1))
    before = pf.do(graph, (x,), {"x": x})
    for rank, influence in enumerate(np.asarray(result.influences)):
        after = pf.do(graph, (x,), {"x": y}, along=result.space.unrank(rank))
        _assert_close(after - before, influence)


def test_a_batch_is_patched_example_by_example():
    def fn(x):
        h = pf.tag(jnp.tanh(x * jnp.array([1.0, -2.0])), "h")
        g = pf.tag(jnp.sin(h) + x, "g")
        return jnp.sum(g * h)

    graph = pf.trace(fn, jnp.zeros(2))
    x, y = jnp.array([[0.1, 0.2], [0.3, -0.4], [1.0, 2.0]]), jnp.array([0.5, 0.6])
    found = pf.do(graph, (x,), {"x": pf.OtherInput((y,))}, along="x h g output", in_axes=0)
    for i in range(3):
        one = pf.do(graph, (x[i],), {"x": pf.OtherInput((y,))}, along="x h g output")
        _assert_close(found[i], one)

        def by_hand(own):
            h = jnp.tanh(own * jnp.array([1.0, -2.0]))
            patched = jnp.tanh(y * jnp.array([1.0, -2.0]))
            return jnp.sum((jnp.sin(patched) + own) * h)

        _assert_close(one, by_hand(x[i]))


def test_long_loops_are_patched_without_unfolding_them():
    def fn(x, w):
        def step(h, _):
            h = pf.tag(jnp.tanh(w @ h + x), "h")
            return h, None

        return jnp.sum(jax.lax.scan(step, x, length=60)[0])

    w = jnp.array([[0.5, 0.3], [-0.2, 0.4]])
    x, y = jnp.array([0.3, -0.1]), jnp.array([-0.5, 0.8])
    graph = pf.trace(fn, x, w)
    assert graph.count_paths("x", "output") == 60
    found = pf.do(graph, (x, w), {"x": y}, along="x h@20: (h)* output")

    def by_hand(h):
        for t in range(60):
            h = jnp.tanh(w @ h + (y if t >= 20 else x))
        return jnp.sum(h)

    _assert_close(found, by_hand(x))


def test_a_row_of_a_result_is_its_path():
    def model(x):
        return jnp.sum(pf.tag(jnp.tanh(x), "a") * pf.tag(3 * x, "b"))

    x, other = jnp.array([0.5, -1.0]), jnp.array([2.0, 0.25])
    graph = pf.trace(model, x)
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point())
    rows = {str(row.path[1]): row for row in result.top()}
    along = pf.do(graph, (x,), {"x": other}, along=rows["a"])
    _assert_close(along, np.sum(np.tanh(other) * 3 * np.asarray(x)))
    _assert_close(pf.do(graph, (x,), {"x": other}, sparing=[rows["b"]]), along)
    _assert_close(pf.refine(result, rows["b"], at="b").influences, 3 * np.asarray(x) * np.tanh(x))
