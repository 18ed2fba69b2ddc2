"""Hostile labels and texts in what is written: pages, pictures, graphs and tables for others.

Each is read again by a reader that is not pathflow's, and must hold the labels as data: no element,
attribute, line or column that a label brought.
"""

import csv
import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import strategies as st

import pathflow as pf
from pathflow import exports
from pathflow.exports._graphml import allowed
from tests.fuzz._mutations import HOSTILE_TEXTS
from tests.fuzz._parser import Parser

_PIECES = (
    "<", ">", "&", '"', "'", "`", "\\", "/", "]]>", "<!--", "-->", "</script>", "<script>",
    "</svg>", "<img/src=x/onerror=y>", "onload=", "&lt;", "&#60;", "{{", "}}", "${x}", "|", "*",
    "_", "[a](b)", "![", "](javascript:1)", "=1+1", "+1", "-1", "@SUM", ",", ";", "%s", "$x^2$",
    "\\n", "\\u003c", "__proto__", "constructor", "é", "\U0001d6fc", "\u0301", "\ufffe",
    "\uffff", "a",
)  # fmt: skip


def _names() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(_PIECES) | st.text(max_size=2), min_size=1, max_size=5).map(
        "".join
    )


Drawn = tuple[list[str], str]


def _inputs() -> st.SearchStrategy[Drawn]:
    text = st.lists(st.sampled_from(_PIECES + HOSTILE_TEXTS), max_size=4).map("".join)
    return st.tuples(st.lists(_names(), min_size=1, max_size=3, unique=True), text)


class _Markup(HTMLParser):
    """The elements with the names of their attributes, and all texts."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.shape: list[Any] = []
        self.inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.inside.append("")

    def handle_endtag(self, tag: str) -> None:
        self.shape.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.shape.append("comment")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.inside[-1] += data


def _result(names: list[str], text: str) -> pf.Attribution:
    middle = [pf.Node(name) for name in names]
    nodes = [pf.Node("x"), *middle, pf.Node("q")]
    if len({str(n) for n in nodes}) < len(nodes):
        raise pf.GraphError("a name is there twice")
    graph = pf.Graph(nodes, [e for n in middle for e in (("x", n), (n, "q"))])
    audit = pf.Audit(structural=0.0, reference_total=1.0, blocked=(text,))
    space = graph.paths("x", "q")
    return pf.Attribution(space, np.linspace(-1, 1, space.count), audit, {"note": text})


def _read(drawn: Drawn, folder: Path) -> None:
    names, text = drawn
    result = _result(names, text)
    plain = _result([f"n{i}" for i in range(len(names))], "t")
    _check_page(result, plain, text, folder)
    _check_notebook(result, plain)
    _check_files(result, folder)
    said = f"{result!r}{result.audit}"
    assert all(unicodedata.category(c) not in ("Cc", "Cs") or c in "\n\t" for c in said)


def _check_page(result: pf.Attribution, plain: pf.Attribution, title: str, folder: Path) -> None:
    pages = [pf.save_html(r, folder / "p.html", title=t).read_text("utf-8")
             for r, t in ((result, title), (plain, "t"))]  # fmt: skip
    ours, theirs = map(_Markup, pages)
    assert ours.shape == theirs.shape
    (data,) = [
        text
        for tag, text in zip([s for s in ours.shape if type(s) is tuple], ours.inside, strict=True)
        if tag[0] == "script" and "type" in tag and text.startswith("{")
    ]
    found = json.loads(data)
    assert found["title"] == title
    assert found["spaces"][0]["names"] == [n.name for n in result.space.nodes]


def _check_notebook(result: pf.Attribution, plain: pf.Attribution) -> None:
    for kind in ("text/html", "image/svg+xml"):
        ours, theirs = (r._repr_mimebundle_().get(kind, "") for r in (result, plain))
        ours, theirs = _Markup(ours), _Markup(theirs)
        # Long labels are shortened, and say their whole in a title; so compare the kinds alone.
        assert {s for s in ours.shape if s[0] != "/"} <= {
            s for s in theirs.shape if s[0] != "/"
        } | {("title",), ("tspan",)}


def _check_files(result: pf.Attribution, folder: Path) -> None:
    labels = [str(n) for n in result.space.nodes]
    exports.write_graphml(result, folder / "g.graphml")
    assert set(nx.read_graphml(folder / "g.graphml")) == set(map(allowed, labels))
    exports.write_csv(result, folder / "t.csv")
    with (folder / "t.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    paths = [row[header.index("path")] for row in rows]
    assert sorted(paths) == sorted(map(str, result.space))
    exports.write_json(result, folder / "t.json")
    # Strictly: Python alone reads NaN.
    found = json.loads((folder / "t.json").read_text("utf-8"), parse_constant=_no_constant)
    assert {row["path"] for row in found["rows"]} == set(paths)
    assert found["metadata"] == result.metadata


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


PARSERS = (Parser("labels in what is written", _inputs, _read, 25, longest=10**5),)
