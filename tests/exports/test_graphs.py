"""Graphs of other programs hold the result's numbers."""

import dataclasses
import itertools
import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow import exports
from tests.graph.strategies import looped, spaces
from tests.helpers._results import HOSTILE, make
from tests.plot.conftest import lstm_graph, make_result


def sums_over(result, paths, values):
    """Node and edge sums by listing paths: independent of prefix sums."""
    nodes, edges = {}, {}
    for path, value in zip(paths, values, strict=True):
        steps = str(path).split()
        for n in steps:
            nodes[n] = nodes.get(n, 0.0) + value
        for e in itertools.pairwise(steps):
            edges[e] = edges.get(e, 0.0) + value
    return nodes, edges


def assert_flows(graph, nodes, edges):
    assert set(graph) == set(nodes)
    assert set(graph.edges) == set(edges)
    for n, value in nodes.items():
        assert graph.nodes[n]["influence"] == pytest.approx(value, abs=1e-12)
    for e, value in edges.items():
        assert graph.edges[e]["influence"] == pytest.approx(value, abs=1e-12)


@given(spaces(node=looped), st.integers(0, 2**32 - 1), st.sampled_from([None, 3]))
def test_all_paths(case, seed, batch):
    _, space = case
    shape = (space.count,) if batch is None else (batch, space.count)
    result = make_result(space, np.random.default_rng(seed).standard_normal(shape))
    graph = exports.to_networkx(result)
    mean = np.atleast_2d(result.influences).mean(axis=0)
    assert_flows(graph, *sums_over(result, space, mean))
    assert graph.graph["target"] == str(space.target)
    assert set(graph.graph["sources"]) == set(map(str, space.sources))
    assert nx.is_directed_acyclic_graph(graph)


@given(spaces(node=looped), st.integers(0, 2**32 - 1))
def test_listed_paths(case, seed):
    _, space = case
    rng = np.random.default_rng(seed)
    ranks = tuple(rng.permutation(space.count)[: rng.integers(1, space.count + 1)].tolist())
    values = rng.standard_normal(len(ranks))
    certificate = pf.Certificate(True, 0.0, 0.0, space.count - len(ranks), 0)
    result = pf.Ranked(space, ranks, values, certificate, make("ranked", None).audit)
    graph = exports.to_networkx(result)
    assert_flows(graph, *sums_over(result, map(space.unrank, ranks), values))
    assert graph.graph["paths"] == f"the {len(ranks)} listed"
    assert graph.graph["n_paths"] == len(ranks)
    # What flows into the target is the sum of the list, which is not the total.
    found = exports.attribution_graph(result)
    target = next(n["node_id"] for n in found["nodes"] if n["is_target_logit"])
    into = sum(link["weight"] for link in found["links"] if link["target"] == target)
    assert into == pytest.approx(values.sum(), abs=1e-12)
    settings = found["metadata"]["generation_settings"]
    assert (settings["paths"], settings["n_paths"]) == (f"the {len(ranks)} listed", len(ranks))
    assert settings["certificate"]["unseen_count"] == space.count - len(ranks)


def test_conductances(batch):
    result = make("conductances", batch)
    graph = exports.to_networkx(result)
    one = result if batch is None else result.mean()
    assert_flows(
        graph,
        {str(n): one.through(n) for n in result.nodes},
        {(str(u), str(v)): one.along(u, v) for u, v in result.edges},
    )
    assert "n_paths" not in graph.graph
    assert graph.graph["sources"] == ["x@0"]
    assert graph.graph["target"] == "qoi"


def test_results_without_edges_are_refused():
    for kind in ("aggregation", "refinement", "sampled"):
        with pytest.raises(pf.ArgumentError, match="does not know what flows along edges"):
            exports.to_networkx(make(kind, None))
    whole = make("conductances", None)
    nodes = pf.Conductances(
        whole.nodes, whole.node_influences, None, None, whole.totals, whole.audit
    )
    with pytest.raises(pf.ArgumentError, match="holds no edges"):
        exports.to_networkx(nodes)


@pytest.mark.parametrize("kind", ["attribution", "ranked", "conductances"])
def test_graphml_reads_back_equal(kind, batch, tmp_path):
    result, path = make(kind, batch), tmp_path / "out.graphml"
    exports.write_graphml(result, path)
    found, graph = nx.read_graphml(path), exports.to_networkx(result)
    back = {exports._graphml.allowed(label): label for label in graph}
    assert [back[n] for n in found] == list(graph)
    for label, facts in found.nodes.items():
        own = graph.nodes[back[label]]
        assert facts["influence"] == own["influence"]
        assert facts["name"] == exports._graphml.allowed(own["name"])
        assert tuple(json.loads(facts["shape"])) == own["shape"]
        assert tuple(json.loads(facts["index"])) == own["index"]
    assert {(back[u], back[v]): f["influence"] for (u, v), f in found.edges.items()} == {
        e: f["influence"] for e, f in graph.edges.items()
    }
    assert json.loads(found.graph["metadata"]) == graph.graph["metadata"]
    assert json.loads(found.graph["audit"]) == graph.graph["audit"]
    total = found.graph["total"]
    assert (json.loads(total) if batch else total) == graph.graph["total"]


def test_labels_that_xml_cannot_tell_apart_are_refused(tmp_path):
    graph = pf.Graph(
        [pf.Node("x"), pf.Node("\ufffe"), pf.Node("\\ufffe"), pf.Node("q")],
        [("x", "\ufffe"), ("x", "\\ufffe"), ("\ufffe", "q"), ("\\ufffe", "q")],
    )
    with pytest.raises(pf.ArgumentError, match="control characters"):
        exports.write_graphml(
            make_result(graph.paths("x", "q"), [1.0, 2.0]), tmp_path / "g.graphml"
        )
    assert list(tmp_path.iterdir()) == []


# The fields that the reader of circuit-tracer and the schema of Neuronpedia ask for.
METADATA = {
    "slug": str,
    "scan": str,
    "transcoder_list": list,
    "prompt_tokens": list,
    "prompt": str,
    "schema_version": int,
}
QUERY = {"pinnedIds": list, "supernodes": list, "linkType": str, "clickedId": str, "sg_pos": str}
NODE = {
    "node_id": str,
    "feature": int,
    "layer": str,
    "ctx_idx": int,
    "feature_type": str,
    "token_prob": float,
    "is_target_logit": bool,
    "run_idx": int,
    "reverse_ctx_idx": int,
    "jsNodeId": str,
    "clerp": str,
    "influence": float,
}


def assert_readable(found):
    """What viewers take for granted."""
    assert set(found) == {"metadata", "qParams", "nodes", "links"}
    for fields, where in ((METADATA, found["metadata"]), (QUERY, found["qParams"])):
        assert {name: type(where[name]) for name in fields} == fields
    tokens = found["metadata"]["prompt_tokens"]
    assert len(tokens) >= 2
    for node in found["nodes"]:
        assert {name: type(node[name]) for name in NODE} == NODE
        layer, feature, context = node["node_id"].split("_")
        assert (layer, int(feature), int(context)) == (
            node["layer"],
            node["feature"],
            node["ctx_idx"],
        )
        assert 0 <= node["ctx_idx"] < len(tokens)
        # They read a logit's probability out of its text.
        if node["feature_type"] == "logit":
            assert float(node["clerp"].split("(p=")[1].split(")")[0]) == node["token_prob"]
        assert (node["layer"] == "E") == (node["feature_type"] == "embedding")
    ids = [node["node_id"] for node in found["nodes"]]
    assert len({node["jsNodeId"] for node in found["nodes"]}) == len(set(ids)) == len(ids)
    assert {end for link in found["links"] for end in (link["source"], link["target"])} <= set(ids)


def layer_of(node) -> float:
    return -1 if node["layer"] == "E" else int(node["layer"])


@given(spaces(node=looped), st.integers(0, 2**32 - 1))
def test_attribution_graph(case, seed):
    _, space = case
    result = make_result(space, np.random.default_rng(seed).standard_normal(space.count))
    found = json.loads(json.dumps(exports.attribution_graph(result)))
    assert_readable(found)
    nodes, edges = sums_over(result, space, result.influences)
    labels = {
        n["node_id"]: n["clerp"].removeprefix('Output "').removesuffix('" (p=1)')
        for n in found["nodes"]
    }
    assert set(labels.values()) == set(nodes)
    weights = {(labels[k["source"]], labels[k["target"]]): k["weight"] for k in found["links"]}
    assert weights == pytest.approx(edges, abs=1e-12)
    # Sorted by what flows through them, nodes carry more and more.
    ordered = sorted(found["nodes"], key=lambda n: n["influence"])
    sizes = [abs(nodes[labels[n["node_id"]]]) for n in ordered]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(sizes))
    assert ordered[-1]["influence"] == pytest.approx(1)


def test_attribution_graph_of_an_lstm_has_its_layers_and_words(tmp_path):
    space = lstm_graph(3).paths("x@0", "qoi")
    result = make_result(space, np.random.default_rng(1).standard_normal(space.count))
    words = ["The", " boys", " greet"]
    exports.write_attribution_graph(
        result, tmp_path / "g.json", tokens=words, slug="greet", scan="lstm"
    )
    found = json.loads((tmp_path / "g.json").read_text())
    assert_readable(found)
    assert found["metadata"]["prompt_tokens"] == words
    assert (found["metadata"]["slug"], found["metadata"]["scan"]) == ("greet", "lstm")
    by_label = {n["clerp"]: n for n in found["nodes"]}
    layers = [["i0", "f0", "o0", "g0"], ["c0"], ["h0"], ["i1", "f1", "o1", "g1"], ["c1"], ["h1"]]
    for layer, names in enumerate(layers):
        for name in names:
            node = by_label[f"{name}@2"]
            assert (node["layer"], node["ctx_idx"]) == (str(layer), 2)
    assert by_label["x@0"]["feature_type"] == "embedding"
    target = by_label['Output "qoi" (p=1)']
    assert (target["layer"], target["ctx_idx"], target["is_target_logit"]) == ("6", 2, True)
    at = {n["node_id"]: n for n in found["nodes"]}
    for link in found["links"]:
        u, v = at[link["source"]], at[link["target"]]
        assert u["ctx_idx"] < v["ctx_idx"] or layer_of(u) < layer_of(v)


def test_attribution_graph_of_inner_loops_gives_every_node_its_own_id():
    middle = [pf.Node("a", (0, i)) for i in range(3)]
    graph = pf.Graph(
        [pf.Node("x"), *middle, pf.Node("q")],
        [("x", "a@0.0"), ("a@0.0", "a@0.1"), ("a@0.1", "a@0.2"), ("a@0.2", "q"), ("x", "a@0.2")],
    )
    assert_readable(exports.attribution_graph(make_result(graph.paths("x", "q"), [1.0, 2.0])))


def test_attribution_graph_with_hostile_labels(batch):
    found = json.loads(json.dumps(exports.attribution_graph(make("conductances", batch))))
    assert_readable(found)
    texts = {node["clerp"] for node in found["nodes"]}
    for i, name in enumerate(HOSTILE):
        assert f"{name}@{i}" in texts


def test_attribution_graph_refuses_what_a_viewer_cannot_show():
    result = make("attribution", None)
    for tokens in (["one"], "a text of many letters"):
        with pytest.raises(pf.ArgumentError, match="tokens="):
            exports.attribution_graph(result, tokens=tokens)
    result.influences[0] = np.nan
    with pytest.raises(pf.NonFiniteError, match="NaN"):
        exports.attribution_graph(result)


def test_a_list_without_a_path_has_no_graph_to_draw():
    space = make("attribution", None).space
    certificate = pf.Certificate(True, 0.0, 1.0, space.count, 3)
    empty = pf.Ranked(space, (), np.zeros(0), certificate, make("ranked", None).audit)
    assert len(exports.to_networkx(empty)) == 0
    with pytest.raises(pf.ArgumentError, match="lists no path.*lower the threshold"):
        exports.attribution_graph(empty)


def test_a_run_is_refused_with_what_to_give_instead(tmp_path):
    result = make("attribution", None)
    result.save(tmp_path / "run")
    run = pf.open_run(tmp_path / "run")
    for refused in (
        lambda: exports.to_networkx(run),
        lambda: exports.write_graphml(run, tmp_path / "out"),
        lambda: exports.write_attribution_graph(run, tmp_path / "out"),
        lambda: pf.save_html(run, tmp_path / "out"),
    ):
        with pytest.raises(pf.ArgumentError, match=r"a Run.*run\.load\(\)"):
            refused()
    assert not (tmp_path / "out").exists()
    loaded = exports.to_networkx(run.load())
    assert nx.utils.graphs_equal(loaded, exports.to_networkx(result))


@pytest.mark.parametrize(
    ("value", "plain"),
    [("a", "a"), (2, 2), (0.5, 0.5), (True, "true"), (None, "null"), ([1], "[1]")],
)
def test_what_files_hold_as_attributes(value, plain):
    """The same in a graph and in a dataset."""
    graph = nx.DiGraph(fact=value)
    graph.add_node("n", fact=value)
    found = exports._graph.plain_graph(graph)
    result = dataclasses.replace(make("attribution", None), metadata={"fact": value})
    for got in (found.graph, found.nodes["n"], result.to_xarray().attrs):
        assert got["fact"] == plain
        assert type(got["fact"]) is type(plain)
