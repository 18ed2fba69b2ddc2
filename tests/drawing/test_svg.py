"""Pictures of graphs: geometry, widths, colours."""

from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from pathflow.drawing import FAINT, Key, arrange, summarised, svg

from .test_time_layers import recurrent

SPACE = "{http://www.w3.org/2000/svg}"


def elements(picture, tag):
    return ET.fromstring(picture).iter(SPACE + tag)  # noqa: S314


def drawn(nodes, weights):
    return svg(arrange(nodes, weights), weights)


def loopless(n):
    nodes = [Key(f"a_rather_long_name_of_node_{i}") for i in range(n)]
    edges = {(nodes[i], nodes[j]): None for i in range(n) for j in (2 * i + 1, 2 * i + 2) if j < n}
    return nodes, edges


def test_everything_is_there():
    nodes, edges = recurrent(4)
    picture = drawn(nodes, dict.fromkeys(edges))
    assert len(list(elements(picture, "circle"))) == len(nodes)
    assert len([p for p in elements(picture, "path") if "C" in p.get("d")]) == len(edges)
    assert [t.text for t in elements(picture, "title")] == [str(n) for n in nodes]
    texts = [t.text for t in elements(picture, "text")]
    assert texts == ["0", "1", "2", "3", "x", "state", "qoi"]


def test_edges_end_at_their_nodes():
    nodes, edges = recurrent(3)
    picture = drawn(nodes, dict.fromkeys(edges))
    circles = {(c.get("cx"), c.get("cy")) for c in elements(picture, "circle")}
    for path in elements(picture, "path"):
        points = path.get("d").replace("M", "").replace("C", " ").split()
        assert tuple(points[0].split(",")) in circles
        assert tuple(points[-1].split(",")) in circles


def test_widths_and_colours_follow_the_weights():
    nodes, edges = recurrent(3)
    weights = {edge: i - 2.0 for i, edge in enumerate(edges)}
    found = [
        (float(p.get("stroke-width")), p.get("stroke"))
        for p in elements(drawn(nodes, weights), "path")
    ]
    sizes = sorted(map(abs, weights.values()))
    thin, wide = found[0][0], found[-1][0]
    assert wide > 3 * thin
    expected = [thin + (wide - thin) * size / max(sizes) for size in sizes]
    assert [width for width, _ in found] == pytest.approx(expected, abs=0.01)
    assert found[0][1] == FAINT
    red, green, blue = (int(found[-1][1][i : i + 2], 16) for i in (1, 3, 5))
    assert green > max(red, blue)


def boxes(picture):
    """Text boxes by the font's size: letters are at most two thirds as wide as high."""
    found = []
    for text in elements(picture, "text"):
        width = 6.6 * len(text.text)
        x, y = float(text.get("x")), float(text.get("y"))
        x -= {"middle": width / 2, "end": width}[text.get("text-anchor")]
        found.append((x, x + width, y - 9, y + 3))
    return found


@pytest.mark.parametrize(
    "graph",
    [recurrent(3), recurrent(60), loopless(7), loopless(80)],
    ids=["loop", "60 steps", "tree", "large tree"],
)
def test_no_label_lies_on_another_or_leaves_the_picture(graph):
    nodes, edges = graph
    picture = drawn(nodes, dict.fromkeys(edges))
    root = ET.fromstring(picture)  # noqa: S314
    width, height = float(root.get("width")), float(root.get("height"))
    found = boxes(picture)
    assert len(found) > 4
    for a, b, c, d in found:
        assert a >= -0.5
        assert b <= width + 0.5
        assert c >= 0
        assert d <= height
    for (a, b, c, d), (e, f, g, h) in combinations(found, 2):
        assert a >= f or e >= b or c >= h or g >= d


def test_a_gap_in_the_iterations_is_marked():
    nodes, edges = recurrent(90)
    small = summarised(nodes, dict.fromkeys(edges), most_nodes=40)
    picture = drawn(small.nodes, small.weights)
    assert len([p for p in elements(picture, "path") if p.get("stroke-dasharray")]) == 1
    picture = drawn(*(recurrent(5)[0], dict.fromkeys(recurrent(5)[1])))
    assert not [p for p in elements(picture, "path") if p.get("stroke-dasharray")]


def test_names_stay_names():
    nodes = [Key("<script>alert(1)</script>"), Key("a&b<c>"), Key("$x$", (0,))]
    edges = {(nodes[0], nodes[1]): 1.0, (nodes[1], nodes[2]): -1.0}
    root = ET.fromstring(drawn(nodes, edges))  # noqa: S314
    assert {e.tag.removeprefix(SPACE) for e in root.iter()} == {
        "svg",
        "rect",
        "path",
        "circle",
        "title",
        "text",
    }
    assert {t.text for t in root.iter(SPACE + "title")} == {str(n) for n in nodes}


def test_an_empty_graph():
    assert not list(elements(svg(arrange([], []), {}), "circle"))
