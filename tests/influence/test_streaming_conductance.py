"""The influence through every node of a function as it is, against sums of single paths."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import pathflow as pf
from tests.helpers import lstm_by_step, lstm_params, pattern_matches

X = jnp.array([0.3, -1.2, 0.7])
W = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)))
_EXACT = 1e-10


def step(c, _=None):
    a = pf.tag(jnp.tanh(W @ c), "a")
    return pf.tag(a + jnp.sin(c), "c"), a


def scanned(x):
    c, ys = lax.scan(step, x, None, length=3)
    return c.sum() + ys[1].sum()


def nested(x):
    def outer(c, _):
        return pf.tag(lax.scan(step, c, None, length=2)[0] * c, "o"), None

    y = lax.scan(jax.checkpoint(outer), x, None, length=2, reverse=True)[0]
    return lax.cond(x[0] > 0, lambda v: pf.tag(v * v, "p"), lambda v: pf.tag(v, "p"), y).sum()


def ruled(x):
    @jax.custom_vjp
    def rule(v):
        return jnp.sin(v)

    rule.defvjp(lambda v: (rule(v), v), lambda v, ct: (2.5 * jnp.cos(v) * ct,))

    def body(c, _):
        return pf.tag(rule(pf.tag(W @ c, "a")) + jnp.cos(c), "c"), None

    return lax.scan(body, x, None, length=2)[0].sum()


def enumerated(fn, args, pattern, source, doi):
    """The influences of the paths that match, by their nodes' labels."""
    result = pf.attribute(pf.trace(fn, *args), args, source=source, doi=doi)
    parsed = pf.Pattern.parse(pattern or ".*")
    paths = [result.space.unrank(i) for i in range(result.space.count)]
    pairs = zip(paths, np.asarray(result.influences).tolist(), strict=True)
    return {tuple(map(str, p)): v for p, v in pairs if pattern_matches(parsed, list(p))}


CASES = {
    "all of a scan": (scanned, None, "x"),
    "a pattern in a scan": (scanned, ".* a@1 .*", "x"),
    "an inner source": (scanned, ".* c@2 .*", "c@0"),
    "two sources": (scanned, None, ("x", "c@1")),
    "nested, in reverse, rematerialised": (nested, ".* a@:.1 c .*", "x"),
    "a custom vjp": (ruled, ".* a@1 .*", "x"),
}


@pytest.mark.parametrize(("fn", "pattern", "source"), CASES.values(), ids=CASES)
def test_nodes_and_edges_are_sums_of_paths(fn, pattern, source):
    doi = pf.Point()
    paths = enumerated(fn, (X,), pattern, source, doi)
    scale = sum(map(abs, paths.values()))
    result = pf.conductance(fn, (X,), pattern, source=source, doi=doi, edges=True)
    assert result.audit.ok
    assert result.total == pytest.approx(sum(paths.values()), abs=_EXACT * scale)
    for node in result.nodes:
        if ":" not in str(node):
            through = sum(v for path, v in paths.items() if str(node) in path)
            assert result.through(node) == pytest.approx(through, abs=_EXACT * scale), node
    assert {n for path in paths for n in path} <= set(map(str, result.nodes))
    sources = (source,) if isinstance(source, str) else source
    edges = {}
    for path, value in paths.items():
        for u, v in pairwise(path):
            edges[_tail(u, sources), v] = edges.get((_tail(u, sources), v), 0.0) + value
    found = {tuple(map(str, e)): result.along(*e) for e in result.edges}
    edges = {e: v for e, v in edges.items() if e in found or abs(v) > _EXACT * scale}
    assert found == pytest.approx(edges, abs=_EXACT * scale, rel=0)


def _tail(label, sources):
    """How an edge's start is called: without its iteration, unless it is a source."""
    name, _, index = label.partition("@")
    if label in sources or not index:
        return label
    return name + ".".join(":" for _ in index.split("."))


def test_without_edges_and_in_a_batch():
    doi = pf.Line(jnp.zeros(3), n_steps=3)
    batch = jnp.stack([X, X[::-1], -X])
    ask = {"source": "x", "doi": doi}
    result = pf.conductance(scanned, (batch,), ".* a@1 .*", in_axes=0, memory=1, **ask)
    assert result.edges is None
    assert result.audit.ok
    for k, x in enumerate(batch):
        alone = pf.conductance(scanned, (x,), ".* a@1 .*", **ask)
        np.testing.assert_allclose(result.node_influences[k], alone.node_influences, atol=1e-12)
        assert result.example(k).total == pytest.approx(alone.total, abs=1e-12)


def test_of_the_lstm_is_what_its_graph_says():
    params = lstm_params(2, 3, 4, 2)
    pattern = "x@0 .* c1@0 c1@1 .* qoi"
    ask = {"source": "x@0", "target": "qoi", "doi": pf.Line(jnp.zeros(3), n_steps=2)}
    result = pf.conductance(lstm_by_step, (params,), pattern, **ask)
    on_graph = pf.attribute(
        pf.trace(lstm_by_step, params), (params,), search=pf.Conductance(pattern), **ask
    )
    for node in on_graph.nodes:
        assert result.through(node) == pytest.approx(on_graph.through(node), abs=1e-12)
    assert result.total == pytest.approx(on_graph.total, abs=1e-12)


def test_a_loop_of_unknown_length_is_refused():
    def fn(x):
        return lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x).sum()

    with pytest.raises(pf.NotDifferentiableError, match="while"):
        pf.conductance(fn, (jnp.ones(3),), source="x", doi=pf.Point())


def test_a_loop_of_unknown_length_before_the_source_is_none_of_the_ways():
    def fn(x):
        y = lax.while_loop(lambda c: c.sum() < 8, lambda c: pf.tag(c * 2, "w"), x)
        return lax.scan(step, pf.tag(y, "y"), None, length=2)[0].sum()

    result = pf.conductance(fn, (jnp.ones(3),), source="y", doi=pf.Point())
    assert result.audit.ok
    assert result.through("c@1") == pytest.approx(result.total)
