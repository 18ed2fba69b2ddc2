"""Labels are data: no formula, no markup, no missing glyph box runs over its neighbours."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import pathflow as pf
from pathflow import plot

from .conftest import (
    check_no_overlap,
    make_aggregation,
    make_conductances,
    make_refinement,
    make_result,
    texts_of,
)

NAMES = ["$x^2$", "<script>alert(1)</script>", "_hidden", r"\frac{a", "été&ßλ", "x" * 300, "-->"]


@pytest.fixture
def hostile():
    nodes = [pf.Node(name, (t,)) for t in range(2) for name in NAMES]
    edges = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 : i + 4]]
    return pf.Graph(nodes, edges)


def figures(graph):
    space = graph.paths(graph.nodes[0], graph.nodes[-1])
    result = make_result(space, np.random.default_rng(0).standard_normal(space.count))
    path = {name: space.unrank(i) for i, name in enumerate(NAMES[:3])}
    flat = pf.Graph([pf.Node(name) for name in NAMES], list(pairwise(NAMES)))
    units = make_refinement(np.ones((3, 2)), NAMES[0])
    flows = make_conductances(graph, np.ones(len(graph.edges)), np.ones(len(graph.nodes)))
    title = "$y$ <b>"
    yield plot.layered_graph(result, paths=path, column_labels=NAMES[:2], title=title)
    yield plot.layered_graph(flat, title=title)
    yield plot.ranked_paths(result, 6, title=title)
    yield plot.ranked_paths(make_aggregation([1.0, 2.0, 3.0], names=tuple(NAMES[:2])), title=title)
    yield plot.unit_heatmap(units, title=title)
    yield plot.unit_heatmap(flows, title=title)
    named = {NAMES[0]: result, NAMES[1]: result}
    yield plot.compare_paths(named, 4, title=title)
    yield plot.compare_graphs(named, paths=path, title=title)
    yield plot.concentration_curve({**named, NAMES[2]: result, NAMES[5]: result}, title=title)


def test_every_figure_shows_them_as_they_are(hostile, tmp_path):
    for i, figure in enumerate(figures(hostile)):
        check_no_overlap(figure)
        for text in texts_of(figure):
            # Every dollar is escaped, so that none starts a formula.
            written = text.get_text()
            assert written.count("$") == written.count(r"\$"), written
        file = tmp_path / f"{i}.svg"
        figure.savefig(file)
        tags = {e.tag.split("}")[-1] for e in ET.parse(file).iter()}  # noqa: S314
        assert "script" not in tags


def test_a_name_is_shortened_in_its_middle(hostile):
    figure = plot.layered_graph(hostile)
    rows = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert max(map(len, rows)) <= 33
    (long,) = [row for row in rows if row.startswith("xxx")]
    assert "…" in long
    assert long.endswith("xxx")
