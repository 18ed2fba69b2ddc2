"""Nodes that read a sum of many others: they share a class, and their paths are as they were."""

import itertools
import operator
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from tests.helpers import compiled

N, WIDTH = 6, 3
X = jnp.array([0.3, -1.0, 0.7])


def weights(layers, seed=0):
    random = np.random.default_rng(seed)
    return jnp.asarray(random.normal(size=(layers, 2, WIDTH, WIDTH)) / 2), jnp.asarray(
        random.normal(size=(layers, WIDTH)) / 3
    )


def stream(params, x, *, sums=False):
    """Layers of two writers each, which read the sum of all writers before them, and biases."""
    kernels, biases = params
    total = pf.tag(x, "start")
    for i, (pair, bias) in enumerate(zip(kernels, biases, strict=True)):
        written = [pf.tag(jnp.tanh(total @ kernel), f"w{i}.{j}") for j, kernel in enumerate(pair)]
        total = total + (written[0] + written[1] + bias)
        if sums:
            total = pf.tag(total, f"s{i}")
    return jnp.sum(total * jnp.array([1.0, -2.0, 0.5]))


def by_hand(params, x):
    """The influence of every path, as a product of Jacobians written out."""
    kernels, biases = (np.asarray(a) for a in params)
    total, values, slopes = np.asarray(x), {"start": np.asarray(x)}, {}
    readers = ["start"]
    for i, (pair, bias) in enumerate(zip(kernels, biases, strict=True)):
        fresh = []
        for j, kernel in enumerate(pair):
            name = f"w{i}.{j}"
            values[name] = np.tanh(total @ kernel)
            slopes[name] = (1 - values[name] ** 2)[:, None] * kernel.T
            fresh.append(name)
        total = total + sum(values[name] for name in fresh) + bias
        readers += fresh
    found = {}
    for n in range(len(kernels) + 1):
        for layers in itertools.combinations(range(len(kernels)), n):
            for heads in itertools.product(range(2), repeat=n):
                names = [f"w{i}.{j}" for i, j in zip(layers, heads, strict=True)]
                tangent = np.asarray(x)
                for name in names:
                    tangent = slopes[name] @ tangent
                found[" ".join(["x start", *names, "output"])] = tangent @ [1.0, -2.0, 0.5]
    return found


def test_layers_share_a_class_although_they_read_different_numbers():
    graph = pf.trace(stream, weights(6), X)
    late = [graph.functions[graph.node(f"w{i}.{j}")] for i in (2, 3, 4, 5) for j in (0, 1)]
    assert [len(f.predecessors) for f in late] == [5, 5, 7, 7, 9, 9, 11, 11]
    assert all(f.summed for f in late)
    assert len({f.computes for f in late}) == 1
    # With a few predecessors the sum is not kept apart.
    assert not graph.functions[graph.node("w1.0")].summed


def test_influences_are_products_of_jacobians():
    params = weights(4)
    graph = pf.trace(stream, params, X)
    result = pf.attribute(graph, (params, X), source="x", doi=pf.Point())
    expected = by_hand(params, X)
    assert len(result.influences) == len(expected) == 3**4
    scale = np.abs(result.influences).sum()
    for rank, path in enumerate(result.space):
        assert abs(result.influences[rank] - expected[str(path)]) <= 1e-12 * scale


def test_sums_over_classes_and_edges_are_sums_of_paths():
    params = weights(3)
    graph = pf.trace(stream, params, X)
    x = X[None] * jnp.array([[1], [-2.0]])
    ask = {"source": "x", "doi": pf.Line(0 * x, n_steps=3), "in_axes": (None, 0)}
    every = pf.attribute(graph, (params, x), **ask)
    influences = every.influences
    paths = [str(p).split() for p in every.space]
    classes = {"two": ".* w0.* .* w2.0 .* output", "one": "x start w2.1 output"}
    sums = pf.attribute(graph, (params, x), search=pf.Aggregate(classes), **ask)
    two = ["w2.0" in p and bool({"w0.0", "w0.1"} & set(p)) for p in paths]
    scale = np.abs(influences).sum()
    np.testing.assert_allclose(
        sums["two"], influences[:, two].sum(axis=1), rtol=0, atol=1e-12 * scale
    )
    for pattern, chosen in ((None, [True] * len(paths)), (classes["two"], two)):
        flows = pf.attribute(graph, (params, x), search=pf.Conductance(pattern), **ask)
        assert np.all(flows.audit.structural < 1e-12)
        assert flows.edges is not None
        for u, v in flows.edges:
            pair = [str(u), str(v)]
            along = [
                c and pair in map(list, itertools.pairwise(p))
                for c, p in zip(chosen, paths, strict=True)
            ]
            np.testing.assert_allclose(
                flows.along(u, v),
                influences[:, along].sum(axis=1),
                rtol=0,
                atol=1e-12 * scale,
            )


def test_the_largest_paths_are_found():
    params = weights(4)
    graph = pf.trace(stream, params, X)
    every = pf.attribute(graph, (params, X), source="x", doi=pf.Point())
    top = pf.attribute(graph, (params, X), source="x", doi=pf.Point(), search=pf.TopK(5))
    assert [str(r.path) for r in top.top(5)] == [str(r.path) for r in every.top(5)]


def test_sums_as_nodes_have_the_same_paths():
    params = weights(4)
    ask = {"source": "x", "doi": pf.Point()}
    writers = pf.attribute(pf.trace(stream, params, X), (params, X), **ask)
    both = pf.trace(lambda p, x: stream(p, x, sums=True), params, X)
    both = pf.attribute(both, (params, X), **ask)
    found = {
        " ".join(n for n in str(p).split() if not n.startswith("s") or n == "start"): value
        for p, value in zip(both.space, both.influences, strict=True)
    }
    assert len(found) == len(writers.influences)
    for path, value in zip(writers.space, writers.influences, strict=True):
        np.testing.assert_allclose(found[str(path)], value, rtol=1e-10, atol=1e-14)


def test_more_layers_are_hardly_more_to_compile():
    counts = []
    for layers in (8, 10):
        jax.clear_caches()
        params = weights(layers)
        graph = pf.trace(stream, params, X)
        with compiled() as seen:
            pf.attribute(graph, (params, X), source="x", doi=pf.Point(), search=pf.Conductance())
        counts.append(len(seen))
    assert counts[1] - counts[0] <= 2, counts
    other = 2 * X
    with compiled() as seen:
        pf.attribute(graph, (params, other), source="x", doi=pf.Point(), search=pf.Conductance())
    assert not seen


TERMS = [f"t{i}" for i in range(N)]


def reader(combine):
    def fn(x):
        return jnp.sum(jnp.sin(combine([pf.tag((i + 1) * x, t) for i, t in enumerate(TERMS)])))

    return fn


@pytest.mark.parametrize(
    ("combine", "summed"),
    [
        (lambda ts: reduce(operator.add, ts), True),
        (sum, True),
        (lambda ts: 1.0 + sum(ts), True),
        (lambda ts: jnp.ones(3) + (2.0 + sum(ts)) - 1.0, True),
        (lambda ts: sum(ts) + jnp.arange(3.0), True),
        (lambda ts: ts[0] + (ts[1] + (ts[2] + jnp.ones(3))) + (ts[3] + ts[4]) + ts[5], True),
        (lambda ts: sum(ts) * ts[0], False),
        (lambda ts: sum(ts[:-1]) - ts[-1], False),
        (lambda ts: sum(ts[:-1]) * 2 + ts[-1], False),
        (lambda ts: sum(ts[:-1]) + jax.lax.stop_gradient(ts[-1]), False),
        (lambda ts: sum(ts[:-1]) + jnp.sum(ts[-1]), False),
        (lambda ts: (s := sum(ts[:3])) + s + sum(ts[3:]), False),
        (lambda ts: sum(ts) + ts[0], False),
    ],
)
def test_what_counts_as_a_sum(combine, summed):
    fn = reader(combine)
    graph = pf.trace(fn, X)
    assert graph.functions[graph.node("output")].summed == summed
    result = pf.attribute(graph, (X,), source="x", doi=pf.Point())
    expected = jax.jvp(fn, (X,), (X,))[1]
    np.testing.assert_allclose(result.total, expected, rtol=1e-12)
    assert result.audit.ok
    flows = pf.attribute(graph, (X,), source="x", doi=pf.Point(), search=pf.Conductance())
    for t in TERMS:
        if t in {str(n) for n in flows.nodes}:
            np.testing.assert_allclose(flows.through(t), result.through(t), rtol=1e-10, atol=1e-14)
