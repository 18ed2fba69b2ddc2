import jax
import numpy as np
import pytest

import pathflow as pf

NODES = tuple(pf.Node(n) for n in ("x", "a", "b", "qoi"))
EDGES = tuple((NODES[u], NODES[v]) for u, v in ((0, 1), (0, 2), (1, 3), (2, 3)))
THROUGH = np.array([2.0, -1.0, 3.0, 2.0])
ALONG = np.array([-1.0, 3.0, -1.0, 3.0])
SCALES = np.array([1.0, 2.0, -3.0])


def audit(structural=1e-12) -> pf.Audit:
    return pf.Audit(structural=structural, reference_total=np.zeros(np.shape(structural)))


def result(scales=None, edges=True, **metadata) -> pf.Conductances:
    through, along, totals = THROUGH, ALONG, np.array(2.0)
    if scales is not None:
        through, along, totals = (np.multiply.outer(scales, v) for v in (through, along, totals))
    residuals = np.full(totals.shape, 1e-12)
    pairs, values = (EDGES, along) if edges else (None, None)
    return pf.Conductances(NODES, through, pairs, values, totals, audit(residuals), metadata)


def test_through_and_along():
    one = result()
    assert one.through("b") == one.along("x", "b") == 3.0
    assert one.through(NODES[1]) == -1.0
    assert one.total == 2.0
    assert isinstance(one.total, float)
    assert isinstance(one.through("b"), float)
    with pytest.raises(pf.UnknownNodeError, match="'c'"):
        one.through("c")
    with pytest.raises(pf.GraphError, match="x -> qoi; x leads to a, b"):
        one.along("x", "qoi")


def test_top():
    nodes, edges = result().top_nodes(2), result().top_edges(3, pf.Smallest())
    assert [(str(r.node), r.influence, r.share) for r in nodes] == [
        ("b", 3.0, 1.5),
        ("x", 2.0, 1.0),
    ]
    assert [r.edge for r in edges] == [EDGES[0], EDGES[2], EDGES[1]]
    assert str(nodes[0]) == "+3  150.0%  b"
    assert str(edges[0]) == "-1  -50.0%  x -> a"
    assert np.isnan(result(np.array([1.0, -1.0])).top_nodes(1)[0].share)
    with pytest.raises(pf.ArgumentError, match="k=-1"):
        result().top_nodes(-1)


def test_without_edges():
    one = result(edges=False)
    assert one.through("b") == 3.0
    for ask in (lambda: one.along("x", "a"), one.top_edges, lambda: one.to_pandas(edges=True)):
        with pytest.raises(pf.ArgumentError, match="holds no edges"):
            ask()
    assert "edges" not in repr(one)
    assert "->" not in str(one)


def test_a_batch():
    many = result(SCALES, seed=3)
    assert many.n_examples == 3
    assert many.total.tolist() == [2.0, 4.0, -6.0]
    assert many.through("b").tolist() == [3.0, 6.0, -9.0]
    assert many.along("a", "qoi").tolist() == [-1.0, -2.0, 3.0]
    assert many.example(2).through("x") == -6.0
    assert many.example(0).metadata == {"seed": 3}
    assert many.mean().n_examples is None
    assert many.mean().along("x", "b") == 0.0
    assert many.top_nodes(1)[0].influence == 0.0
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        result().mean()


def test_to_pandas():
    nodes, edges = result().to_pandas(), result().to_pandas(edges=True)
    assert nodes.to_dict("list") == {
        "node": ["x", "a", "b", "qoi"],
        "influence": THROUGH.tolist(),
        "share": [1.0, -0.5, 1.5, 1.0],
    }
    assert edges["start"].tolist() == ["x", "x", "a", "b"]
    assert edges["end"].tolist() == ["a", "b", "qoi", "qoi"]
    assert edges["share"].tolist() == [-0.5, 1.5, -0.5, 1.5]
    assert result(SCALES).to_pandas()["example"].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_text():
    assert repr(result(SCALES)).startswith(
        "Conductances(4 nodes, 4 edges, 3 examples, mean total 0,"
    )
    assert "+3  150.0%  x -> b" in str(result())


def test_is_a_pytree():
    many = result(SCALES, seed=3)
    doubled = jax.jit(lambda r: jax.tree.map(lambda leaf: 2 * leaf, r))(many)
    assert doubled.through("b").tolist() == [6.0, 12.0, -18.0]
    assert doubled.along("x", "a").tolist() == [-2.0, -4.0, 6.0]
    assert doubled.top_edges(1)[0].edge == EDGES[0]
    assert doubled.metadata == {"seed": 3}
    bare = jax.tree.map(lambda leaf: leaf, result(edges=False))
    assert bare.edges is None
    assert bare.total == 2.0


@pytest.mark.usefixtures("unchecked")
def test_arguments_that_fit_nothing():
    total = np.array(2.0)
    with pytest.raises(pf.ShapeError, match=r"node_influences.*\(3,\).*\(4,\)"):
        pf.Conductances(NODES, THROUGH[:3], None, None, total, audit())
    with pytest.raises(pf.ShapeError, match="edge_influences.*int64"):
        pf.Conductances(NODES, THROUGH, EDGES, np.zeros(4, int), total, audit())
    with pytest.raises(pf.ShapeError, match="together"):
        pf.Conductances(NODES, THROUGH, EDGES, None, total, audit())
    with pytest.raises(pf.GraphError, match="x more than once"):
        pf.Conductances(NODES[:1] * 4, THROUGH, None, None, total, audit())
    with pytest.raises(pf.GraphError, match="an edge more than once"):
        pf.Conductances(NODES, THROUGH, EDGES[:1] * 4, ALONG, total, audit())
    with pytest.raises(pf.UnknownNodeError, match="'y'"):
        pf.Conductances(NODES, THROUGH, ((NODES[0], pf.Node("y")),), ALONG[:1], total, audit())
    with pytest.raises(pf.ArgumentError, match="JSON"):
        result(key=object())
