"""What is written into a page: data that is only data, exact numbers, and what is left out."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import pathflow as pf
from pathflow.page import PathTable, Sheet, make_page
from pathflow.page._embed import Spaces, embed
from pathflow.page._encode import numbers_size, safe_json
from pathflow.page._level import Level
from pathflow.results._sheet import sheet_of
from tests.page._results import attribution, audit, hostile, influences, lstm_space, ranked


class Elements(HTMLParser):
    """The elements of a document, with their attributes and texts."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.texts.append("")
        self._inside = True

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        pairs = zip(self.found, self.texts, strict=True)
        return [(attributes, text) for (name, attributes), text in pairs if name == tag]


def page_of(result, tmp_path: Path, **options) -> tuple[str, dict]:
    file = pf.save_html(result, tmp_path / "page.html", **options)
    text = file.read_text("utf-8")
    (data,) = [t for a, t in Elements(text).of("script") if a.get("type") == "application/json"]
    return text, json.loads(data)


def decoded(field: dict) -> np.ndarray:
    return np.frombuffer(
        base64.b64decode(field["data"]), np.dtype(field["dtype"]).newbyteorder("<")
    )


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "\u2028\u2029", "&lt;", "é𝛼", "\x00"])
def test_json_is_data_wherever_it_stands(text):
    written = safe_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert written.isascii()
    assert not set("<>&") & set(written)


def test_hostile_names_stay_data(tmp_path):
    title = "</title><script>window.hacked=3</script>{{data}}"
    result = hostile()
    text, data = page_of(result, tmp_path, title=title)
    page = Elements(text)
    scripts = page.of("script")
    # The data, d3, dagre and the page's own: nothing that a name brought.
    assert len(scripts) == 4
    assert not page.of("img")
    assert data["title"] == title
    assert [t for _, t in page.of("title")] == [title]
    names = data["spaces"][0]["names"]
    assert names == [n.name for n in result.space.nodes]


def test_the_policy_allows_the_scripts_that_are_there_and_nothing_else(tmp_path):
    text, _ = page_of(attribution(), tmp_path)
    page = Elements(text)
    (policy,) = [a["content"] for a, _ in page.of("meta") if "http-equiv" in a]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"

    def digest(source: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"

    code = [t for a, t in page.of("script") if a.get("type") != "application/json"]
    assert directives["script-src"].split() == list(map(digest, code))
    assert [digest(t) for _, t in page.of("style")] == [directives["style-src"]]
    # Without 'unsafe-inline' no attribute may hold a script or a style.
    assert "unsafe" not in policy
    for _, attributes in page.found:
        assert not {"style", "src", "href", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert "sourceMappingURL" not in text
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import)\s*\(", code[-1])


def test_dagre_comes_only_where_there_are_no_columns(tmp_path):
    timed, _ = page_of(attribution(), tmp_path)
    free, _ = page_of(hostile(), tmp_path)
    assert "Chris Pettitt" not in timed
    assert "Chris Pettitt" in free
    assert "Copyright 2010" in timed


def test_all_influences_of_every_example_are_there_bit_by_bit(tmp_path):
    result = attribution(examples=3)
    _, data = page_of(result, tmp_path, examples=["one", "two", "three"])
    (sheet,) = data["sheets"]
    np.testing.assert_array_equal(
        decoded(sheet["paths"]["influences"]).reshape(3, -1), result.influences
    )
    assert sheet["perExample"]
    assert sheet["examples"] == ["one", "two", "three"]
    assert sheet["paths"]["ranks"] is None
    assert sheet["notes"] == []
    np.testing.assert_array_equal(sheet["totals"], result.total)


def test_examples_that_are_too_large_leave_their_exact_mean(tmp_path):
    result = attribution(4, examples=40)
    text, data = page_of(result, tmp_path, max_bytes=600_000)
    (sheet,) = data["sheets"]
    mean = result.influences.mean(axis=0, dtype=np.float64)
    np.testing.assert_array_equal(decoded(sheet["paths"]["influences"]), mean)
    assert not sheet["perExample"]
    assert "Only the mean over the 40 examples is here: 40 times 6,946" in sheet["notes"][0]
    assert len(text) <= 600_000


def test_the_studys_largest_condition_fits_two_megabytes(tmp_path):
    result = attribution(5, examples=8)
    assert result.space.count == 41561
    text, data = page_of(result, tmp_path)
    assert len(text.encode()) < 2_000_000
    assert decoded(data["sheets"][0]["paths"]["influences"]).dtype == np.float64
    four = {name: attribution(5, examples=8, seed=i) for i, name in enumerate(["a", "b", "c", "d"])}
    text, data = page_of(four, tmp_path)
    assert len(text.encode()) < 2_000_000
    assert len(data["spaces"]) == 1
    for sheet in data["sheets"]:
        assert sheet["paths"]["influences"]["dtype"] == "float32"
        assert any("rounded to 7 digits" in note for note in sheet["notes"])


def test_what_is_pruned_is_told_exactly(tmp_path):
    result = attribution(5)
    text, data = page_of(result, tmp_path, max_bytes=500_000)
    (sheet,) = data["sheets"]
    assert len(text) <= 500_000
    ranks = [int(r) for r in sheet["paths"]["ranks"]]
    k = len(ranks)
    assert 0 < k < 41561
    assert ranks == [row.rank for row in result.top(k)]
    np.testing.assert_array_equal(decoded(sheet["paths"]["influences"]), result.influences[ranks])
    rest = np.delete(result.influences, ranks)
    unseen = sheet["paths"]["unseen"]
    assert unseen["count"] == str(len(rest))
    np.testing.assert_allclose(unseen["sums"], [rest.sum(dtype=np.float64)], rtol=1e-12)
    assert unseen["bound"] == np.abs(rest).max()
    assert f"The other {len(rest):,} are not in this page" in sheet["notes"][-1]
    # The drawn flows stay those of all paths.
    flows = pf.edge_influences(result)
    np.testing.assert_allclose(decoded(sheet["flows"]["along"]), list(flows.values()), atol=1e-9)


def test_a_graph_too_large_to_draw_is_cut_to_the_listed_paths(tmp_path, monkeypatch):
    monkeypatch.setattr("pathflow.page._pruned.MAX_EDGES", 100)
    width = 100
    middle = [pf.Node(f"m{i}") for i in range(width)]
    ends = pf.Node("x"), pf.Node("q")
    graph = pf.Graph(
        [ends[0], *middle, ends[1]], [e for m in middle for e in ((ends[0], m), (m, ends[1]))]
    )
    space = graph.paths("x", "q")
    values = influences(space)
    result = pf.Attribution(space, values, audit(values.sum()))
    _, data = page_of(result, tmp_path)
    (sheet,), (drawn,) = data["sheets"], data["spaces"]
    ranks = [int(r) for r in sheet["paths"]["ranks"]]
    assert ranks == [row.rank for row in result.top(len(ranks))]
    assert len(drawn["name"]) == len(ranks) + 2
    labels = [drawn["names"][n] for n in drawn["name"]]
    for rank, place in zip(ranks, sheet["paths"]["places"], strict=True):
        assert labels[1 + int(place)] == str(space.unrank(rank)[1])
    assert any("200 edges; drawn are" in note for note in sheet["notes"])


def test_a_list_with_a_certificate_says_what_it_does_not_list(tmp_path):
    result = ranked()
    _, data = page_of(result, tmp_path)
    (sheet,) = data["sheets"]
    assert [int(r) for r in sheet["paths"]["ranks"]] == list(result.ranks)
    assert sheet["paths"]["unseen"]["sums"] == [result.certificate.unseen_sum]
    assert sheet["paths"]["unseen"]["bound"] == result.certificate.bound
    assert sheet["paths"]["count"] == "1089"
    open_end = pf.Ranked(
        result.space, result.ranks, result.influences,
        pf.Certificate(False, float("inf"), 0.5, 1069, 3), result.audit,
    )  # fmt: skip
    _, data = page_of(open_end, tmp_path)
    assert data["sheets"][0]["paths"]["unseen"]["bound"] is None
    assert "not proven" in data["sheets"][0]["notes"][-1]


def test_classes_and_conductances_have_pages(tmp_path):
    amounts = np.array([1.0, -2.0, 0.5])
    classes = pf.Aggregation(
        ("a", "b"), (frozenset("a"), frozenset("b"), frozenset()), amounts, (1, 2, 10**30),
        audit(amounts.sum()),
    )  # fmt: skip
    nodes = (pf.Node("q"), pf.Node("x"), pf.Node("m"))
    flows = pf.Conductances(
        nodes, np.array([3.0, 3.0, 1.0]), ((nodes[1], nodes[2]), (nodes[2], nodes[0])),
        np.array([1.0, 1.5]), np.array(3.0), audit(3.0),
    )  # fmt: skip
    alone = pf.Conductances(nodes, np.array([3.0, 3.0, 1.0]), None, None, np.array(3.0), audit(3.0))
    _, data = page_of({"c": classes, "f": flows, "n": alone}, tmp_path)
    by_class, by_flow, by_node = data["sheets"]
    assert by_class["classes"]["names"] == ["a", "b", "rest"]
    assert decoded(by_class["classes"]["influences"]).tolist() == [1.0, -2.0, 0.5]
    assert by_class["classes"]["counts"] == ["1", "2", str(10**30)]
    drawn = data["spaces"][by_flow["space"]]
    # In topological order, whatever the order of the result.
    assert [drawn["names"][n] for n in drawn["name"]] == ["x", "m", "q"]
    assert decoded(by_flow["flows"]["through"]).tolist() == [3.0, 1.0, 3.0]
    assert decoded(by_flow["flows"]["along"]).tolist() == [1.0, 1.5]
    assert decoded(by_node["flows"]["along"]).size == 0
    assert decoded(by_node["flows"]["through"]).tolist() == [3.0, 3.0, 1.0]


def test_large_conductances_keep_their_largest_edges(monkeypatch):
    monkeypatch.setattr("pathflow.page._pruned.MAX_EDGES", 100)
    nodes = tuple(pf.Node(f"n{i}") for i in range(20))
    edges = tuple((nodes[i], nodes[j]) for i in range(20) for j in range(i + 1, 20))
    along = influences(lstm_space(5))[: len(edges)].astype(np.float64)
    result = pf.Conductances(
        nodes, np.ones(20), edges, along, np.array(1.0), audit(1.0)
    )  # fmt: skip
    data = embed(sheet_of(result), "", Level(examples=True, double=True), Spaces())
    kept = decoded(data["flows"]["along"])
    size = np.sort(np.abs(along))[::-1]
    np.testing.assert_array_equal(np.sort(np.abs(kept))[::-1], size[:100])
    assert f"{len(edges) - 100} smallest of {len(edges)} edges" in data["notes"][0]
    assert f"at most {size[100]:.4g}" in data["notes"][0]


def test_the_audit_is_told_in_words(tmp_path):
    good = attribution()
    bad = pf.Attribution(good.space, good.influences, audit(good.total, ok=False))
    unknown = pf.Attribution(good.space, good.influences, pf.Audit(np.nan, good.total))
    _, data = page_of({"good": good, "bad": bad, "unknown": unknown}, tmp_path)
    first, second, third = data["sheets"]
    assert first["trusted"]
    assert first["audit"][0].startswith("The check passed")
    assert "at 50 points between the baseline and the input" in first["audit"][1]
    assert first["audit"][-1] == "No derivative passes here: of x through argmax."
    assert not second["trusted"]
    assert second["audit"][0].startswith("THE CHECK FAILED")
    assert not third["trusted"]
    assert third["audit"][0].startswith("Not checked")


def test_refinements_are_told_by_part(tmp_path):
    result = attribution()
    table = pf.PartTable([pf.Node("c1", (2,))], [["0", "1"]], np.array([[1], [0]]))
    refined = pf.Refinement("x@0 .* c1@2 .*", table, np.array([2.0, -1.0]), 1.0, 0, audit(1.0))
    _, data = page_of(result, tmp_path, refinements=[refined])
    (parts,) = data["sheets"][0]["parts"]
    assert parts["node"] == "c1@2"
    assert parts["names"] == ["0", "1"]
    # In the order of the parts, not of the rows.
    assert decoded(parts["influences"]).tolist() == [-1.0, 2.0]


def test_what_does_not_fit_together_is_refused(tmp_path, unchecked):
    file = tmp_path / "page.html"
    result, batch = attribution(), attribution(examples=2)
    for wrong, match in [
        ({"results": {}}, "results is empty"),
        ({"results": 3}, "holds a int"),
        ({"results": {1: result}}, r"names \[1\]"),
        ({"results": result, "examples": ["a"]}, "without an axis"),
        ({"results": batch, "examples": ["a"]}, "of 2 examples"),
        ({"results": {"a": batch, "b": batch}, "examples": ["a", "b"]}, "for 2 results"),
        ({"results": {"a": batch}, "examples": {"z": ["a"]}}, "names 'z'"),
        ({"results": result, "column_labels": ["a"]}, "1 labels for 4 columns"),
        ({"results": hostile(), "column_labels": ["a"]}, "no loop"),
        ({"results": result, "max_bytes": 1000}, "max_bytes=1000 is too little"),
        ({"results": result, "max_bytes": "10"}, "max_bytes='10' is no size"),
        ({"results": result, "max_bytes": True}, "max_bytes=True is no size"),
        ({"results": result, "max_bytes": None}, "max_bytes=None is no size"),
        ({"results": result, "max_bytes": 0}, "max_bytes=0 is no size"),
        ({"results": result, "title": None}, "title=None is no text"),
        ({"results": result, "title": b"T"}, "title=b'T' is no text"),
        ({"results": result, "refinements": [result]}, "refinements holds a Attribution"),
        ({"results": result, "refinements": [None]}, "refinements holds a NoneType"),
        ({"results": result, "refinements": result}, "refinements is Attribution"),
        ({"results": result, "refinements": {"": [3]}}, "refinements holds a int"),
        ({"results": batch, "examples": "ab"}, "examples is str 'ab'; give a list"),
        ({"results": {"a": batch}, "examples": {"a": "ab"}}, r"examples\['a'\] is str 'ab'"),
        ({"results": batch, "examples": None}, "examples is NoneType"),
        ({"results": result, "column_labels": 3}, "column_labels is int"),
    ]:
        with pytest.raises(pf.ArgumentError, match=match):
            pf.save_html(path=file, **wrong)
    lost = result.influences.copy()
    lost[3] = np.nan
    broken = pf.Attribution(result.space, lost, result.audit)
    with pytest.raises(pf.NonFiniteError, match="1 of 1089"):
        broken.save_html(file)
    assert not file.exists()


@pytest.mark.parametrize("asked", [1000, 480_000])
def test_the_size_that_is_named_suffices(tmp_path, asked):
    result, file = attribution(), tmp_path / "page.html"
    options = {"title": "é𝛼", "column_labels": ["ü", "", "", ""]}
    whole = pf.save_html(result, file, **options, max_bytes=10**7).stat().st_size
    with pytest.raises(pf.ArgumentError, match="is too little") as error:
        pf.save_html(result, file, **options, max_bytes=min(asked, whole // 2))
    needed = int(re.search(r"the whole page takes (\d+);", str(error.value))[1])
    assert file.stat().st_size == whole
    assert pf.save_html(result, file, **options, max_bytes=needed).stat().st_size == needed
    with pytest.raises(pf.ArgumentError, match=f"takes {needed};"):
        pf.save_html(result, file, **options, max_bytes=needed - 1)


def test_a_method_and_the_function_write_the_same(tmp_path):
    result = attribution(2)
    one = result.save_html(tmp_path / "a.html", title="T").read_bytes()
    assert one == pf.save_html(result, tmp_path / "b.html", title="T").read_bytes()
    assert numbers_size(5, "float32") == 28
    table = PathTable(result.space, result.influences[None])
    sheet = Sheet("x", np.zeros(1), False, True, ("ok",), paths=table)
    assert make_page({"": sheet}, "T", 10**7).startswith("<!doctype html>")
