"""Every kind of result comes back from a folder as it was, to the last bit."""

import json
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from tests.graph.strategies import dags, spaces

BATCHES = st.sampled_from([None, 1, 3])
DTYPES = st.sampled_from(["float64", "float32", "float16", "bfloat16"])
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 0.1])
METADATA = st.dictionaries(
    st.text(max_size=4), st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    max_size=3,
)  # fmt: skip


@st.composite
def arrays(draw, shape, dtype=None):
    """Any numbers of a shape, those among them that are easily lost."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = random.normal(size=shape)
    with np.errstate(over="ignore"):
        mixed = np.where(random.random(shape) < 0.3, random.choice(SPECIAL, shape), found)
        return mixed.astype(np.dtype(dtype or draw(DTYPES)))


@st.composite
def audits(draw, batch):
    shape = () if batch is None else (batch,)

    def amount():
        value = draw(arrays(shape, "float64"))
        return value if batch is not None else draw(st.sampled_from([value[()], float(value)]))

    blocked = tuple(draw(st.lists(st.text(max_size=3), max_size=2)))
    quadrature = draw(st.sampled_from([None, amount()]))
    return pf.Audit(amount(), amount(), quadrature, draw(st.integers(1, 99)), blocked, "float32")


def leading(batch):
    return () if batch is None else (batch,)


@st.composite
def attributions(draw):
    (_, space), batch = draw(spaces()), draw(BATCHES)
    values = draw(arrays((*leading(batch), space.count)))
    return pf.Attribution(space, values, draw(audits(batch)), draw(METADATA))


@st.composite
def rankings(draw, space=None, batch=0):
    space = space or draw(spaces())[1]
    batch = draw(BATCHES) if batch == 0 else batch
    size = draw(st.integers(0, 12))
    at = st.integers(0, space.count - 1)
    ranks = tuple(draw(st.lists(at, min_size=size, max_size=size)))
    unseen = draw(arrays(leading(batch), "float64"))
    unseen = unseen if batch is not None else float(unseen)
    count = draw(st.sampled_from([0, 7, 2**62, 10**4000]))
    bound = draw(st.floats(allow_nan=False))
    certificate = pf.Certificate(draw(st.booleans()), bound, unseen, count, 3)
    values = draw(arrays((*leading(batch), size)))
    return pf.Ranked(space, ranks, values, certificate, draw(audits(batch)), draw(METADATA))


@st.composite
def aggregations(draw):
    batch, names = draw(BATCHES), ("a", "b b", "ü")
    parts = tuple(draw(st.sets(st.frozensets(st.sampled_from(names)), min_size=1)))
    counts = draw(st.none() | st.just(tuple(10 ** (700 * i) for i in range(len(parts)))))
    amounts = draw(arrays((*leading(batch), len(parts))))
    audit = draw(audits(batch))
    return pf.Aggregation(names, parts, amounts, counts, audit, draw(METADATA))


@st.composite
def flows(draw):
    graph, batch = draw(dags()), draw(BATCHES)
    edges = draw(st.none() | st.permutations(graph.edges).map(tuple))
    along = None if edges is None else draw(arrays((*leading(batch), len(edges))))
    return pf.Conductances(
        graph.nodes, draw(arrays((*leading(batch), len(graph.nodes)))), edges, along,
        draw(arrays(leading(batch))), draw(audits(batch)), draw(METADATA),
    )  # fmt: skip


@st.composite
def samples(draw):
    (_, space), batch = draw(spaces()), draw(BATCHES)
    n = draw(st.integers(0, 12))
    ranks = tuple(draw(st.lists(st.integers(0, space.count - 1), min_size=n, max_size=n)))
    total = draw(arrays(leading(batch), "float64"))
    known = {r: draw(arrays((batch or 1,), "float64")) for r in ranks[:2]}
    weights = draw(arrays((n,), "float64"))
    return pf.Sampled(
        space, space.count, ranks, draw(arrays((*leading(batch), n))), weights,
        total if batch is not None else float(total), known,
        draw(st.none() | rankings(space, batch)), draw(audits(batch)), draw(METADATA),
    )  # fmt: skip


@st.composite
def refinements(draw):
    graph, batch = draw(dags()), draw(BATCHES)
    names = [tuple(f"{i}.{k}" for k in range(3)) for i in range(len(graph.nodes))]
    rows = draw(st.integers(0, 4))
    random = np.random.default_rng(rows)
    chosen = random.integers(-1, 3, (rows, len(graph.nodes)))
    parent = draw(arrays(leading(batch), "float64"))
    return pf.Refinement(
        "x .* qoi", pf.PartTable(graph.nodes, names, chosen),
        draw(arrays((*leading(batch), rows))), parent if batch is not None else float(parent),
        draw(st.integers(0, 10**30)), draw(audits(batch)), draw(METADATA),
    )  # fmt: skip


@st.composite
def curves(draw):
    batch, sizes = draw(BATCHES), draw(st.integers(1, 4))
    shape = (*leading(batch), *draw(st.sampled_from([(), (3,)])))
    whole = [draw(arrays(s, "float32")) for s in ((sizes, *shape), shape, shape)]
    ranking = tuple(draw(st.lists(st.text(max_size=3), max_size=3)))
    return pf.Faithfulness(np.arange(sizes), *whole, ranking, batch is not None)


RESULTS = st.one_of(
    attributions(), rankings(), aggregations(), flows(), samples(), refinements(), curves()
)
_FACTS = ("space", "ranks", "names", "parts", "part_counts", "nodes", "edges", "count", "table",
          "paths", "n_zeros", "ranking", "batched", "metadata")  # fmt: skip


def assert_same(one, two):
    """Equal in type, static parts and every bit of every number."""
    assert type(one) is type(two)
    for name in _FACTS:
        assert getattr(one, name, None) == getattr(two, name, None)
    if isinstance(one, pf.Faithfulness):
        leaves = [[getattr(r, n) for n in ("sizes", "kept", "full", "empty")] for r in (one, two)]
    else:
        (leaves_one, tree_one), (leaves_two, tree_two) = map(jax.tree.flatten, (one, two))
        leaves = [leaves_one, leaves_two]
        if not isinstance(one, pf.Sampled | pf.Ranked):
            assert tree_one == tree_two
    for a, b in zip(*leaves, strict=True):
        assert type(a) is type(b)
        first, second = np.asarray(a), np.asarray(b)
        assert (first.dtype, first.shape) == (second.dtype, second.shape)
        assert first.tobytes() == second.tobytes()
    if hasattr(one, "space"):
        facts = [[(n.shape, n.dtype) for n in r.space.graph_nodes] for r in (one, two)]
        assert facts[0] == facts[1]
        assert list(map(str, one.space)) == list(map(str, two.space))


@given(RESULTS)
def test_every_result_comes_back_bit_for_bit(result):
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "runs", "one")
        result.save(folder)
        loaded = pf.load(folder)
        assert_same(result, loaded)
        if isinstance(result, pf.Ranked):
            assert repr(result.certificate) == repr(loaded.certificate)
        # Nothing is left beside it, and what was loaded can be saved again to the same bytes.
        assert [p.name for p in folder.parent.iterdir()] == ["one"]
        loaded.save(folder.with_name("two"))
        names = sorted(p.name for p in folder.iterdir())
        assert names == sorted(p.name for p in folder.with_name("two").iterdir())
        for name in names:
            assert (folder / name).read_bytes() == (folder.with_name("two") / name).read_bytes()


@pytest.fixture(scope="module")
def model():
    def function(x):
        gate = pf.tag(jax.nn.sigmoid(x), "gate")
        return pf.tag(gate * jnp.tanh(x), "hidden").sum() + gate.sum()

    x = jnp.arange(6.0).reshape(2, 3) / 7
    return pf.trace(function, x[0]), x


SEARCHES = [
    pf.Enumerate(),
    pf.TopK(2),
    pf.Above(0.1),
    pf.Aggregate({"gated": ".* gate .*"}),
    pf.Conductance(),
    pf.Sample(20, jax.random.key(0), of=("x gate output",), head=pf.TopK(1)),
    pf.Refine("x gate output", at="gate"),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("batched", [False, True])
def test_what_the_searches_find_comes_back(model, search, batched, tmp_path):
    graph, x = model
    args, axes = ((x,), 0) if batched else ((x[0],), None)
    doi = pf.Line(jnp.zeros(3), n_steps=3)
    result = pf.attribute(graph, args, source="x", doi=doi, in_axes=axes, search=search)
    result.save(tmp_path / "run")
    loaded = pf.load(tmp_path / "run")
    assert_same(result, loaded)
    assert str(result.audit) == str(loaded.audit)
    assert repr(result) == repr(loaded)


def test_the_manifest_says_what_was_asked(model, tmp_path):
    graph, x = model
    doi = pf.Line(jnp.zeros(3), n_steps=2)
    pf.attribute(graph, (x[0],), source="x", doi=doi).save(tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    settings = manifest["settings"]
    assert manifest["schema"] == 1
    assert settings["graph"] == graph.graph.fingerprint()
    assert settings["doi"]["weights"] == [0.5, 0.5]
    assert settings["question"]["source"] == ["x"]
    assert settings["precision"]["dtype"] == "float64"
    assert list(settings["arguments"]) == ["args[0]"]
    assert manifest["versions"]["jax"] == jax.__version__


def test_the_graph_is_one_that_networkx_reads(model, tmp_path):
    graph, x = model
    pf.attribute(graph, (x[0],), source="x", doi=pf.Point()).save(tmp_path / "run")
    read = nx.node_link_graph(
        json.loads((tmp_path / "run" / "graph.json").read_text()), edges="edges"
    )
    assert set(read.edges) == set(graph.to_networkx().edges)
    assert read.nodes["gate"]["shape"] == [3]


def test_blocks_are_numpys_files(model, tmp_path):
    graph, x = model
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point(), in_axes=0)
    result.save(tmp_path / "run")
    found = np.load(tmp_path / "run" / "influences-000000.npy", allow_pickle=False)
    np.testing.assert_array_equal(found, result.influences)


def test_large_arrays_are_mapped_and_read_only(tmp_path):
    nodes = [pf.Node("x"), *(pf.Node(f"n{i}") for i in range(200)), pf.Node("y")]
    middle = [n.name for n in nodes[1:-1]]
    graph = pf.Graph(nodes, [e for n in middle for e in (("x", n), (n, "y"))])
    values = np.random.default_rng(0).normal(size=(500, 200))
    zeros = np.zeros(500)
    result = pf.Attribution(graph.paths("x", "y"), values, pf.Audit(zeros, zeros))
    result.save(tmp_path / "run")
    loaded = pf.load(tmp_path / "run").influences
    np.testing.assert_array_equal(loaded, values)
    assert not loaded.flags.writeable
    if sys.platform == "linux":
        assert "influences-000000.npy" in Path("/proc/self/maps").read_text()


def test_a_count_of_more_digits_than_python_prints_comes_back(tmp_path):
    audit = pf.Audit(structural=0.0, reference_total=0.0)
    counts = (10**5000, 3)
    result = pf.Aggregation(("a",), (frozenset(("a",)), frozenset()), np.ones(2), counts, audit)
    result.save(tmp_path / "run")
    assert pf.load(tmp_path / "run").part_counts == counts


def test_ranks_beyond_64_bits_come_back(tmp_path):
    # Two ways at each of 99 steps.
    nodes = [f"{name}{i}" for i in range(100) for name in ("a", "b")]
    edges = [(f"{u}{i}", f"{v}{i + 1}") for i in range(99) for u in ("a", "b") for v in ("a", "b")]
    space = pf.Graph(list(map(pf.Node, nodes)), edges).paths("a0", "a99")
    ranks = tuple(space.count - 1 - 3**i for i in range(12))
    certificate = pf.Certificate(True, 1.0, 0.0, space.count - 12, 1)
    audit = pf.Audit(structural=0.0, reference_total=0.0)
    for listed in (ranks, ranks[:2]):
        result = pf.Ranked(space, listed, np.zeros(len(listed)), certificate, audit)
        result.save(tmp_path / str(len(listed)))
        assert pf.load(tmp_path / str(len(listed))).ranks == listed


def test_nothing_is_written_over(model, tmp_path):
    graph, x = model
    result = pf.attribute(graph, (x[0],), source="x", doi=pf.Point())
    result.save(tmp_path / "run")
    with pytest.raises(pf.RunExistsError, match="is there already"):
        result.save(tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(pf.RunExistsError, match="is there already"):
        result.save(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    result.save(tmp_path / "empty")
    assert_same(pf.load(tmp_path / "empty"), result)


def test_a_result_with_something_else_inside_is_refused(tmp_path, unchecked):
    space = pf.Graph([pf.Node("x"), pf.Node("y")], [("x", "y")]).paths("x", "y")
    audit = pf.Audit(structural={1, 2}, reference_total=0.0)
    with pytest.raises(pf.StorageError, match="audit.structural is a set"):
        pf.Attribution(space, np.zeros(1), audit).save(tmp_path / "run")
    objects = pf.Audit(structural=np.array([object()]), reference_total=0.0)
    with pytest.raises(pf.StorageError, match="has dtype 'object'"):
        pf.Attribution(space, np.zeros(1), objects).save(tmp_path / "run")
    assert not list(tmp_path.iterdir())
