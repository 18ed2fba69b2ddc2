"""Graphs and results as notebooks show them: what stands there, and that it is only shown."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.drawing import short_number
from tests.storage._killed import ask

from .test_html import Reader

STATIC = {"div", "b", "small", "pre", "svg", "rect", "path", "circle", "title", "text"}
STATIC |= {"table", "thead", "tbody", "tr", "th", "td"}


def model(params, xs):
    def step(state, x):
        gate = pf.tag(jax.nn.sigmoid(params["gate"] @ state), "gate")
        return pf.tag(gate * state + params["in"] @ pf.tag(x, "x"), "state"), None

    return params["out"] @ jax.lax.scan(step, jnp.zeros(3), xs)[0]


@pytest.fixture(scope="module")
def question():
    keys = jax.random.split(jax.random.key(0), 4)
    params = {
        n: jax.random.normal(k, (3, 3))
        for n, k in zip(("gate", "in", "out"), keys[:3], strict=True)
    }
    xs = jax.random.normal(keys[3], (5, 4, 3))
    graph = pf.trace(model, params, xs[0], qoi=pf.LogitDifference(0, 1))
    return graph, params, xs


@pytest.fixture(scope="module")
def one(question):
    graph, params, xs = question
    return pf.attribute(graph, (params, xs[0]), source="x@1", doi=pf.Line(jnp.zeros(3), n_steps=3))


@pytest.fixture(scope="module")
def results(question, one):
    """A result of every kind."""
    graph, params, xs = question
    ask = {"source": "x@1", "doi": pf.Line(jnp.zeros(3), n_steps=3)}
    path = "x@1 state@1 state@2 state@3 qoi"

    def found(search, **more):
        return pf.attribute(graph, (params, xs[0]), search=search, **ask, **more)

    batch = pf.attribute(graph, (params, xs), in_axes=(None, 0), **ask)
    statistics = pf.metrics.PathStatistics(path, counts=[1, 2])
    statistics.update(batch)
    return {
        "one": one,
        "batch": batch,
        "ranked": found(pf.TopK(2)),
        "aggregation": found(pf.Aggregate({"direct": "x state+ qoi", "some": ".* gate .*"})),
        "conductances": found(pf.Conductance()),
        "sampled": found(pf.Sample(20, jax.random.key(0))),
        "refinement": pf.refine(one, path, at="state@2"),
        "faithfulness": pf.faithfulness(graph, (params, xs), batch.top(2), in_axes=(None, 0)),
        "summary": statistics.summary(),
        "audit": one.audit,
        "graph": graph.graph,
        "traced": graph,
    }


KINDS = ["one", "batch", "ranked", "aggregation", "conductances", "sampled", "refinement"]
KINDS += ["faithfulness", "summary", "audit", "graph", "traced"]


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_static(results, kind):
    shown = results[kind]
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == repr(shown)
    assert bundle["text/html"] == shown._repr_html_()
    read = Reader.of(bundle["text/html"])
    assert set(read.tags) <= STATIC
    for name, value in read.attributes:
        assert not name.startswith("on")
        assert name not in ("href", "src", "class", "id")
        assert "url(" not in (value or "")
    # One element, closed: the page around it stays whole.
    assert bundle["text/html"].count("<div") == bundle["text/html"].count("</div>")


@pytest.mark.parametrize("kind", ["graph", "traced"])
def test_only_graphs_are_pictures_of_their_own(results, kind):
    bundle = results[kind]._repr_mimebundle_()
    assert bundle["image/svg+xml"] in bundle["text/html"]
    assert set(results["one"]._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_a_notebook_chooses_formats(one):
    assert set(one._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(one._repr_mimebundle_(exclude={"text/html"})) == {"text/plain"}


def cells(shown):
    """The rows of all tables, as texts."""
    markup = shown._repr_html_()
    rows = [row.split("</tr>")[0] for row in markup.split("<tr>")[1:]]
    return [["".join(Reader.of(c).texts) for c in row.split("</td>")[:-1]] for row in rows]


@pytest.mark.parametrize("kind", ["one", "batch"])
def test_rows_are_the_largest_paths_and_their_sums(results, kind):
    result = results[kind]
    rows = [row for row in cells(result) if row]
    for row, path in zip(rows, result.top(), strict=False):
        assert row == [short_number(path.influence), "", f"{path.share:.1%}", str(path.path)]
    assert rows[-1] == [short_number(float(np.mean(result.total))), "", "", "total"]


def test_what_is_not_listed_is_summed():
    n = 30
    nodes = [pf.Node("x"), *(pf.Node(f"h{i}") for i in range(n)), pf.Node("qoi")]
    edges = [(u, v) for h in nodes[1:-1] for u, v in ((nodes[0], h), (h, nodes[-1]))]
    influences = np.linspace(-1, 2, n)
    audit = pf.Audit(structural=np.array(0.0), reference_total=np.array(0.0))
    space = pf.Graph(nodes, edges).paths("x", "qoi")
    result = pf.Attribution(space, influences, audit)
    rows = [row for row in cells(result) if row]
    assert len(rows) == 10 + 2 + 1
    by_size = sorted(influences, key=abs)[: n - 10]
    positive = sum(v for v in by_size if v > 0)
    assert rows[-3][0] == short_number(positive)
    assert rows[-3][-1] == f"{sum(v > 0 for v in by_size)} other positive paths"
    assert rows[-3][2] == f"{positive / influences[influences > 0].sum():.1%}"
    assert rows[-2][-1] == f"{sum(v < 0 for v in by_size)} other negative paths"


def test_searches_and_classes(results):
    ranked, classes = results["ranked"], results["aggregation"]
    rows = [row for row in cells(ranked) if row]
    assert [row[-1] for row in rows] == [
        *(str(path.path) for path in ranked.rows),
        "2 other paths together",
        "total",
    ]
    assert rows[2][0] == short_number(ranked.certificate.unseen_sum)
    assert str(ranked.certificate) in "".join(Reader.of(ranked._repr_html_()).texts)
    rows = [row for row in cells(classes) if row]
    assert [row[-1] for row in rows] == [
        "direct, 1 path",
        "some, 3 paths",
        "rest, 0 paths",
        "total",
    ]
    assert rows[0][2] == f"{classes['direct'] / classes.total:.1%}"


def test_the_audit_is_there(results):
    for kind in ("one", "ranked", "aggregation", "conductances", "refinement", "sampled"):
        text = "".join(Reader.of(results[kind]._repr_html_()).texts)
        assert str(results[kind].audit) in text


def test_faithfulness_has_the_measures_that_fit(results):
    rows = cells(results["faithfulness"])
    markup = results["faithfulness"]._repr_html_()
    assert "recovered" in markup
    assert "divergence" not in markup
    recovered = results["faithfulness"].recovered()
    assert [row[1] for row in rows if row] == [f"{value:.4g}" for value in recovered]


def test_influences_that_are_not_known_are_said_to_be(one):
    values = np.array(one.influences)
    values[0] = np.nan
    broken = pf.Attribution(one.space, values, one.audit)
    assert "1 of 4 influences are NaN" in "".join(Reader.of(broken._repr_html_()).texts)


def test_a_run_is_shown_like_its_result(tmp_path, monkeypatch):
    run = ask(tmp_path / "run")
    bundle = run._repr_mimebundle_()
    assert bundle["text/plain"] == repr(run)
    shown, whole = (Reader.of(r._repr_html_()) for r in (run, run.load()))
    assert set(shown.tags) <= STATIC
    assert shown.texts[0] == "Run"
    text = "".join(shown.texts)
    assert f"in 2 blocks in {tmp_path / 'run'}" in text
    # All below the heading is the same: the rows with their influences, and the audit.
    assert shown.texts[2:] == whole.texts[2:]
    assert len(shown.texts) > 10
    # What takes long to read is not read.
    with monkeypatch.context() as patch:
        patch.setattr("pathflow.results._run._SHOWN_BYTES", 1)
        patch.setattr(type(run), "load", None)
        text = "".join(Reader.of(run._repr_html_()).texts)
    assert "Too much to be read" in text
    assert str(run.audit).splitlines()[0] in text


def test_a_run_that_is_not_complete_or_damaged_is_shown_as_that(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "run", progress=stop)
    text = "".join(Reader.of(pf.open_run(tmp_path / "run")._repr_html_()).texts)
    assert "Not complete" in text
    assert "not checked" in text
    run = ask(tmp_path / "run")
    (tmp_path / "run" / "influences-000001.npy").unlink()
    text = "".join(Reader.of(run._repr_html_()).texts)
    assert "influences-000001.npy is missing" in text
    assert "audit" not in text


def test_hostile_names():
    names = ["<script>alert(1)</script>", '"onclick="x', "&amp;", "x" * 500]
    nodes = [pf.Node(name) for name in names]
    graph = pf.Graph(nodes, list(pairwise(nodes)))
    audit = pf.Audit(structural=np.array(0.0), reference_total=np.array(0.0))
    result = pf.Attribution(graph.paths(nodes[0], nodes[-1]), np.ones(1), audit)
    # A class may have a name that a node may not.
    classes = pf.Aggregation(("a\x07b",), (frozenset(("a\x07b",)),), np.ones(1), (1,), audit)
    for shown in (graph, result, classes):
        read = Reader.of(shown._repr_html_())
        assert set(read.tags) <= STATIC
        assert not any(name.startswith("on") for name, _ in read.attributes)
        assert "\x07" not in shown._repr_html_()
    assert names[0] in "".join(Reader.of(graph._repr_html_()).texts)


def test_a_large_graph_says_what_is_left_out():
    nodes = [pf.Node("c", (t,)) for t in range(400)]
    graph = pf.Graph(nodes, list(pairwise(nodes)))
    text = "".join(Reader.of(graph._repr_html_()).texts)
    assert "400 nodes, 399 edges" in text
    assert "are left out, with 250 nodes." in text


def test_a_traced_graph_names_what_carries_no_derivative():
    graph = pf.trace(
        lambda x: pf.tag(jax.lax.stop_gradient(pf.tag(x * 2, "a")), "b").sum(), jnp.ones(2)
    )
    assert "no derivative: a -> b" in "".join(Reader.of(graph._repr_html_()).texts)


# treescope imports what newer NumPy has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_treescope_shows_the_page(one):
    treescope = pytest.importorskip("treescope")
    with treescope.active_autovisualizer.set_scoped(None):
        shown = treescope.render_to_html(one, compressed=False)
    assert "share of its sign" in shown


def test_a_notebook_shows_the_page(one):
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(one)
    assert data["text/html"] == one._repr_html_()
