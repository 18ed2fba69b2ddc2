"""Texts of the command line and of graphs: patterns, labels, paths."""

import warnings
from pathlib import Path as FilePath
from typing import Any

from hypothesis import strategies as st

import pathflow as pf
from tests.fuzz._mutations import HOSTILE_TEXTS, edited_texts
from tests.fuzz._parser import Parser

GRAPH = pf.Graph(
    [pf.Node("x", (0,)), pf.Node("g", (0,)), pf.Node("g", (1,)), pf.Node("h", (5, 2)),
     pf.Node("mlp/~/linear_0"), pf.Node("a" * 60 + "b"), pf.Node("qoi")],
    [("x@0", "g@0"), ("g@0", "g@1"), ("g@1", "h@5.2"), ("x@0", "h@5.2"), ("h@5.2", "qoi"),
     ("h@5.2", "mlp/~/linear_0"), ("mlp/~/linear_0", "qoi"),
     ("h@5.2", "a" * 60 + "b"), ("a" * 60 + "b", "qoi")],
)  # fmt: skip

# ---- patterns

_PATTERNS = (
    "x@0 g@:2 .* qoi", "x@2 g0 c0 h0 g1 c1+ h1 q", "~(g | h@5.:) & .*", "(x g){2,3} 'odd(name)'",
    "x (g)* h? (.){3,} qoi", "g@1: .@() ()", "~~(.* & ~(g h))",
)  # fmt: skip
_PATTERN_PIECES = (
    " ", "(", ")", "|", "&", "~", "*", "+", "?", "{", "}", "{2}", "{,}", "{1,3}", "{0,999999999}",
    "{9}", ",", "@", "@()", "@1", "@2:", "@:", "@5.2", ".", "..", "'", "\\", "\\*", "x", "g", "()",
    "*a" * 12, "*?" * 9, "(" * 60, "~" * 3000, "x|" * 200, "9" * 5000, "\u0661", "\u00a0",
    "\t", "\n", "x@1.2.3.4.5", *HOSTILE_TEXTS,
)  # fmt: skip


def _pattern_texts() -> st.SearchStrategy[str]:
    return edited_texts(_PATTERNS, _PATTERN_PIECES)


def _read_pattern(text: str, _: FilePath) -> None:
    pattern = pf.Pattern.parse(text)
    assert pf.Pattern.parse(str(pattern)) == pattern
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pf.PatternWarning)
        count = GRAPH.count_paths("x@0", "qoi", pattern=pattern)
    assert 0 <= count <= GRAPH.count_paths("x@0", "qoi")


# ---- labels and paths

_LABELS = ("x@0", "h@5.2 qoi", "x@0 g@0 g@1 h@5.2 qoi", "mlp/~/linear_0", " x@0  h@5.2 ")
_LABEL_PIECES = (
    "@", ".", " ", "0", "-1", "@1.", "\u0661", "9" * 5000, "x", "qoi", "\n", "@@", "1e3", "#1",
    *HOSTILE_TEXTS,
)  # fmt: skip


def _path_texts() -> st.SearchStrategy[str]:
    return edited_texts(_LABELS, _LABEL_PIECES)


def _read_path(text: str, _: FilePath) -> None:
    path = pf.Path.parse(text)
    assert pf.Path.parse(str(path)) == path
    for node in path:
        assert pf.Node.parse(str(node)) == node
        assert str(node).isprintable() or not str(node).isascii()
    found = GRAPH.paths("x@0", "qoi").rank(path)
    assert GRAPH.paths("x@0", "qoi").unrank(found) == path


# ---- graphs


@st.composite
def _graphs(draw: Any) -> tuple[list[str], list[tuple[str, str]]]:
    sound = st.sampled_from(("x@0", "g@1", "h@5.2", "mlp/~/linear_0", "q"))
    labels = sound | sound | sound | edited_texts(_LABELS, _LABEL_PIECES)
    nodes = draw(st.lists(labels, max_size=5))
    ends = (st.sampled_from(nodes) if nodes else st.nothing()) | labels
    return nodes, draw(st.lists(st.tuples(ends, ends), max_size=6))


def _read_graph(texts: tuple[list[str], list[tuple[str, str]]], _: FilePath) -> None:
    labels, edges = texts
    graph = pf.Graph([pf.Node.parse(label) for label in labels], edges)
    again = pf.Graph(graph.nodes, graph.edges)
    assert again == graph
    assert again.fingerprint() == graph.fingerprint()
    for u in graph.nodes:
        for v in graph.nodes:
            assert u == v or graph.count_paths(u, v) >= 0
    repr(graph)


_TYPED = 10**5
PARSERS = (
    Parser(
        "patterns",
        lambda: edited_texts(_PATTERNS, _PATTERN_PIECES),
        _read_pattern,
        150,
        longest=_TYPED,
    ),
    Parser("paths", lambda: edited_texts(_LABELS, _LABEL_PIECES), _read_path, 100, longest=_TYPED),
    Parser("graphs", _graphs, _read_graph, 60, longest=_TYPED),
)
