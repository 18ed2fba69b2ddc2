"""Pages in a real browser: they load without complaint, and do what mouse and keys ask for."""

import re
from itertools import pairwise

import numpy as np
import pytest

import pathflow as pf
from tests.page._results import attribution, audit, hostile, ranked

pytestmark = pytest.mark.one_python

PATTERN = "x .* c1+ h1 qoi & ~(.* f? .*)"


def number(text: str) -> float:
    """The first influence that a text tells."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace(",", "")
    return float(re.search(r"[+-][0-9.]+(?:e-?[0-9]+)?|\b0\b", plain)[0])


def text(browser, selector: str) -> str:
    return browser.run(f"document.querySelector({selector!r}).innerText")


def write(browser, pattern: str) -> None:
    browser.click("#pattern")
    browser.run("document.querySelector('#pattern').select()")
    browser.type(pattern)


def slide(browser, part: int) -> None:
    browser.run(
        f"(() => {{ const c = document.querySelector('#cover'); c.value = {part}; "
        "c.dispatchEvent(new Event('input')); })()"
    )


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a result's page; whatever the test does, nothing may go wrong or be asked for."""

    def show(result, **options):
        file = pf.save_html(result, tmp_path / "page.html", **options)
        browser.open(file)
        return browser

    yield show
    assert browser.errors == []
    assert browser.requests == [(tmp_path / "page.html").resolve().as_uri()]


def test_it_shows_the_total_the_paths_and_the_audit(opened):
    result = attribution()
    page = opened(result, title="A title")
    assert page.run("document.title") == "A title"
    assert number(text(page, "#figures")) == pytest.approx(result.total, rel=1e-4)
    assert "1,089" in text(page, "#figures")
    assert text(page, "#verdict").endswith("The check passed")
    # A circle for every node and a line for every edge.
    assert page.run("document.querySelectorAll('.node').length") == len(result.space.nodes)
    n_edges = sum(len(result.space.successors(n)) for n in result.space.nodes)
    assert page.run("document.querySelectorAll('.edges path').length") == n_edges
    first = result.top(1)[0]
    row = text(page, "[data-row='0']")
    assert number(row.split("\n", 1)[1]) == pytest.approx(first.influence, rel=1e-3)


def test_a_node_tells_what_flows_in_and_out(opened):
    result = attribution()
    page = opened(result)
    page.move("[data-node='c1@1'] .hit")
    tip = text(page, "#tip")
    assert number(tip.split("\n", 1)[1]) == pytest.approx(result.through("c1@1"), rel=1e-5)
    details = text(page, "#details")
    for v in result.space.successors("c1@1"):
        along = pf.edge_influences(result)[result.space.node("c1@1"), v]
        line = details.split(f"\n{v}\n", 1)[1]
        assert number(line) == pytest.approx(along, rel=1e-3)


def test_a_click_on_a_node_chooses_the_paths_through_it(opened):
    result = attribution()
    page = opened(result)
    page.click("[data-node='g1@1'] .hit")
    mask = result.space.mask_through("g1@1")
    assert text(page, "#list-title") == f"{mask.sum():,} paths"
    together = text(page, "#summary").split("together", 1)[1]
    assert number(together) == pytest.approx(result.through("g1@1"), rel=1e-5)
    page.click("[data-node='h1@1'] .hit")
    mask &= result.space.mask_through("h1@1")
    assert text(page, "#list-title") == f"{mask.sum():,} paths"
    page.click(".chip")
    page.click(".chip")
    assert text(page, "#list-title") == "1,089 paths"


def test_a_pattern_filters_and_sums_exactly(opened):
    result = attribution(2)
    page = opened(result)
    write(page, PATTERN)
    graph = pf.Graph(result.space.nodes, list(pf.edge_influences(result)))
    count = graph.count_paths("x@0", "qoi", PATTERN)
    assert 0 < count < 152
    parsed = pf.graph.automaton_of(pf.Patterns({"it": PATTERN}), result.space.nodes)
    mask = np.zeros(152, bool)
    for rank, path in enumerate(result.space):
        state = parsed.start
        for n in path:
            state = parsed.next(state, n)
        mask[rank] = bool(parsed.classes[state])
    assert mask.sum() == count
    assert text(page, "#list-title") == f"{count} paths"
    together = page.run("document.querySelector('#summary b').title")
    assert float(together) == pytest.approx(result.sum(mask), rel=1e-12)


def test_a_bad_pattern_is_pointed_at_and_changes_nothing(opened):
    page = opened(attribution())
    write(page, "x (g0")
    assert "column 3: this `(` is never closed" in text(page, "#pattern-error")
    assert page.run("document.querySelector('#pattern').getAttribute('aria-invalid')") == "true"
    assert text(page, "#list-title") == "1,089 paths"
    write(page, ".* cell .*")
    assert "no node has a name like" in text(page, "#pattern-error")
    assert text(page, "#list-title") == "0 paths"
    write(page, ".*")
    assert page.run("document.querySelector('#pattern-error').hidden")


def test_the_slider_finds_the_smallest_set(opened):
    result = attribution()
    page = opened(result)
    slide(page, 80)
    size = np.sort(np.abs(result.influences.astype(np.float64)))[::-1]
    k = int(np.searchsorted(np.cumsum(size), 0.8 * size.sum()) + 1)
    assert text(page, "#list-title") == f"{k} paths"
    ranks = [row.rank for row in result.top(k)]
    shown = page.run("document.querySelectorAll('#summary b')[1].title")
    assert float(shown) == pytest.approx(result.sum(np.array(ranks)), rel=1e-12)


def test_conditions_and_examples_switch(opened):
    results = {"SS": attribution(examples=3), "SP": attribution(2, examples=2, seed=1)}
    names = {"SS": ["the cat", "the dog", "the cow"]}
    page = opened(results, examples=names)
    page.run(
        "(() => { const s = document.querySelector('#examples'); s.value = '1'; "
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert "the dog" in text(page, "#examples")
    one = page.run("document.querySelector('#figures [title]').title")
    assert float(one) == pytest.approx(results["SS"].total[1], rel=1e-12)
    page.click("#sheets button:nth-child(2)")
    assert "152" in text(page, "#figures")
    assert page.run("document.querySelectorAll('.node').length") == 15 + 11
    page.press("ArrowLeft", 37)
    assert "1,089" in text(page, "#figures")


def test_the_list_is_long_and_smooth(opened):
    result = attribution(5)
    page = opened(result)
    assert text(page, "#list-title") == "41,561 paths"
    assert page.run("document.querySelectorAll('.row').length") < 60
    page.run("document.querySelector('#list').focus()")
    page.press("End", 35)
    smallest = result.influences[np.abs(result.influences).argmin()]
    rows = page.run("[...document.querySelectorAll('.row')].pop().innerText")
    assert rows.startswith("41,561")
    assert number(rows.split("\n", 1)[1] + " 0") == pytest.approx(smallest, rel=1e-3)
    # A keystroke in the box and a step of the slider, with everything drawn anew, in milliseconds.
    times = page.run(
        "(() => { const t = []; const p = document.querySelector('#pattern'); "
        "for (const text of ['.*', '.* h0 .*', '~(.* f? .*) & .* g1@1: .*']) { p.value = text; "
        "const start = performance.now(); p.dispatchEvent(new Event('input')); "
        "document.body.getBoundingClientRect(); t.push(performance.now() - start); } return t; })()"
    )
    assert max(times) < 1500, times


def test_keys_do_what_the_mouse_does(opened):
    result = attribution()
    page = opened(result)
    page.press("/", 191)
    assert page.run("document.activeElement.id") == "pattern"
    page.run("document.querySelector('.node[tabindex=\"0\"]').focus()")
    assert page.run("document.activeElement.dataset.node") == "x@0"
    page.press("ArrowUp", 38)
    label = page.run("document.activeElement.dataset.node")
    assert label != "x@0"
    assert text(page, "#details").startswith(label)
    page.press("Enter", 13)
    assert text(page, ".chip").startswith(f"through {label}")
    page.press("Escape", 27)
    page.run("document.querySelector('#list').focus()")
    page.press("ArrowDown", 40)
    page.press("ArrowDown", 40)
    page.press("Enter", 13)
    second = result.top(2)[1]
    assert text(page, "#path code") == str(second.path)
    assert page.run("document.querySelectorAll('.on-path').length") == len(second.path)


def test_a_path_becomes_a_pattern(opened):
    result = attribution()
    page = opened(result)
    page.click("[data-row='0']")
    page.click("#path .buttons button")
    assert text(page, "#list-title") == "1 path"
    shown = page.run("document.querySelector('#summary b').title")
    assert float(shown) == pytest.approx(result.top(1)[0].influence, rel=1e-12)


def test_a_divided_node_tells_its_parts(opened):
    table = pf.PartTable([pf.Node("c1", (2,))], [["0", "1"]], np.array([[0], [1]]))
    refined = pf.Refinement("x@0 .* c1@2 .*", table, np.array([2.0, -0.5]), 1.5, 0, audit(1.5))
    page = opened(attribution(), refinements=[refined])
    page.move("[data-node='c1@2'] .hit")
    parts = text(page, ".parts")
    assert parts.index("[0]") < parts.index("+2.000") < parts.index("[1]")
    assert page.run("document.querySelector(\"[data-node='c1@2']\").classList.contains('divided')")


def test_a_list_tells_what_is_not_listed(opened):
    result = ranked()
    page = opened(result)
    assert "Not listed: 1,069 paths" in text(page, "#summary")
    write(page, ".* h0@1 .*")
    listed = [row for row in result.rows if "h0@1" in str(row.path).split()]
    assert f"{len(listed)} of 20 listed paths match" in text(page, "#summary")
    through = int(result.space.mask_through("h0@1").sum())
    assert f"Of all 1,089 paths {through} match" in text(page, "#summary")


def test_a_cut_graph_says_among_which_paths_it_counts(opened, monkeypatch):
    monkeypatch.setattr("pathflow.page._pruned.MAX_EDGES", 40)
    result = ranked()
    page = opened(result)
    n_listed = int(re.search(r"of (\d+) listed paths", text(page, "#summary"))[1])
    listed = [row.path for row in result.rows[:n_listed]]
    edges = {edge for path in listed for edge in pairwise(path)}
    drawn = [p for p in result.space if edges.issuperset(pairwise(p))]
    assert n_listed < 20
    assert len(drawn) < result.space.count
    write(page, ".* h0@1 .*")
    matching = [p for p in drawn if "h0@1" in str(p).split()]
    shown = text(page, "#summary")
    assert f"Of the {len(drawn):,} paths along the drawn edges {len(matching)} match" in shown
    assert "how many of all 1,089 paths match is not known here" in shown
    write(page, "x x qoi")
    assert "only paths along the drawn edges were looked at" in text(page, "#pattern-error")


def test_a_very_wide_graph_loads_in_seconds(opened):
    rng = np.random.default_rng(0)
    layers = [[pf.Node(f"l{i}n{j}") for j in range(n)] for i, n in enumerate((1, 200, 200, 200, 1))]
    # One edge goes past two layers.
    edges = {(layers[0][0], layers[3][0]), *((u, layers[4][0]) for u in layers[3])}
    for before, after in pairwise(layers[:-1]):
        chosen = [rng.choice(len(before), min(len(before), 13), replace=False) for _ in after]
        edges |= {(before[i], v) for v, some in zip(after, chosen, strict=True) for i in some}
        edges |= {(u, after[0]) for u in before}
    graph = pf.Graph([n for layer in layers for n in layer], sorted(edges, key=str))
    assert 5900 < len(graph.edges) <= 6000
    flows = pf.Conductances(
        graph.nodes, rng.standard_normal(len(graph.nodes)), graph.edges,
        rng.standard_normal(len(graph.edges)), np.array(1.0), audit(1.0),
    )  # fmt: skip
    # Layers by crossings would take minutes, and the browser would not answer.
    page = opened(flows)
    places = page.run(
        "[...document.querySelectorAll('.node')].map((n) => { const b = n.getBoundingClientRect(); "
        "return [n.dataset.node, b.x + b.width / 2, b.y + b.height / 2]; })"
    )
    at = {label: (x, y) for label, x, y in places}
    assert set(at) == set(map(str, graph.nodes))
    assert len(set(at.values())) == len(at)
    columns = [{round(at[str(n)][0]) for n in layer} for layer in layers]
    assert all(len(column) == 1 for column in columns)
    assert [min(column) for column in columns] == sorted(min(column) for column in columns)
    assert page.run("performance.now()") < 30_000


def test_long_names_of_rows_stay_in_the_picture(opened):
    name = "encoder.GRUCell_1.hn"
    labels = ["x@0", f"{name}@0", f"{name}@1", f"{name}@2", "qoi"]
    space = pf.Graph(map(pf.Node.parse, labels), pairwise(labels)).paths("x@0", "qoi")
    page = opened(pf.Attribution(space, np.ones(1, np.float32), audit(np.float32(1))))
    rows = "[...document.querySelectorAll('.axis text')].filter(t => t.textContent.length > 10)"
    beyond = page.run(
        f"{rows}.map(t => t.getBoundingClientRect().left - t.ownerSVGElement"
        ".getBoundingClientRect().left)"
    )
    assert len(beyond) == 1
    assert min(beyond) >= 0


def test_hostile_names_do_nothing(opened):
    page = opened(hostile(), title="</title><script>window.hacked=3</script>")
    assert page.run("window.hacked") is None
    assert page.run("document.querySelectorAll('.node').length") == 11
    label = "<img/src=x/onerror=window.hacked=2>"
    page.run(f"document.querySelector('[data-node=\"{label}\"]').focus()")
    assert text(page, "#details").startswith(label)
    page.click("[data-row='0']")
    page.click("#path .buttons button")
    assert text(page, "#list-title") == "1 path"
    assert page.run("window.hacked") is None
    # And no script that gets in by another way would run.
    page.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.hacked=4'; "
        "document.body.append(s); })()"
    )
    assert page.run("window.hacked") is None
    assert any("Content Security Policy" in error for error in page.errors)
    page.errors.clear()


def test_classes_and_conductances_show(opened):
    amounts = np.array([1.0, -2.0, 0.5])
    classes = pf.Aggregation(
        ("a", "b"), (frozenset("a"), frozenset("ab"), frozenset()), amounts, (1, 2, 10**30),
        audit(amounts.sum()),
    )  # fmt: skip
    full = attribution()
    edges = pf.edge_influences(full)
    flowing = np.array([full.through(n) for n in full.space.nodes])
    flows = pf.Conductances(
        full.space.nodes, flowing, tuple(edges), np.array(list(edges.values())),
        np.array(full.total), full.audit,
    )  # fmt: skip
    alone = pf.Conductances(full.space.nodes, flowing, None, None, np.array(1.0), full.audit)
    page = opened({"paths": full, "classes": classes, "flows": flows, "nodes": alone})
    page.click("[data-row='1']")
    page.click("#sheets button:nth-child(2)")
    shown = text(page, "#other")
    assert "1.00 \N{MULTIPLICATION SIGN} 10^30 paths" in shown
    assert "Classes overlap" in shown
    assert page.run("document.querySelector('#left').hidden")
    page.click("#sheets button:nth-child(3)")
    page.move("[data-node='c1@1'] .hit")
    assert number(text(page, "#tip").split("\n", 1)[1]) == pytest.approx(
        full.through("c1@1"), rel=1e-5
    )
    page.click("#sheets button:nth-child(4)")
    assert page.run("document.querySelectorAll('#other li').length") == len(full.space.nodes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_contrast_in_both_schemes(opened, browser, scheme):
    browser.prefer(scheme)
    page = opened(attribution())
    ratios = page.run(
        """(() => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
          const hex = style.getPropertyValue(name).trim().slice(1);
          const [r, g, b] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) /
          (Math.min(light(a), light(b)) + 0.05);
        return ["--ink", "--soft", "--accent", "--bad", "--good", "--pos", "--neg"]
          .map((name) => ratio(name, "--card"));
        })()"""
    )
    assert min(ratios) > 4.5, ratios
    before = page.run("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.run("getComputedStyle(document.body).backgroundColor") != before
