"""The page's scripts, run by node, against the Python side and against lists of all paths."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.drawing import compact
from pathflow.graph import automaton_of
from pathflow.page._drawn import drawn_space
from pathflow.page._encode import numbers
from tests.graph.strategies import looped, spaces
from tests.helpers import pattern_matches, patterns

pytestmark = pytest.mark.one_python

FEW = st.floats(-8, 8).map(lambda x: round(x, 3))


def listed(draw, space: pf.PathSpace) -> list[int] | None:
    """None for all paths, or the ranks of some."""
    if draw(st.booleans()):
        return None
    ranks = st.integers(0, space.count - 1)
    return draw(st.lists(ranks, min_size=1, max_size=12, unique=True))


def as_texts(ranks: list[int] | None) -> list[str] | None:
    return None if ranks is None else list(map(str, ranks))


def wide(steps: int) -> pf.PathSpace:
    """Two ways at every step: `2 ** steps` paths."""
    ends, nodes, edges = ["x"], [pf.Node("x")], []
    for t in range(steps):
        pair = [pf.Node(name, (t,)) for name in "ab"]
        edges += [(u, str(v)) for u in ends for v in pair]
        nodes += pair
        ends = list(map(str, pair))
    graph = pf.Graph([*nodes, pf.Node("q")], [*edges, *((u, "q") for u in ends)])
    return graph.paths("x", "q")


@given(st.data())
def test_paths_come_back_from_their_ranks(node, data):
    _, space = data.draw(spaces(node=looped))
    ranks = listed(data.draw, space)
    n = space.count if ranks is None else len(ranks)
    found = node.ask("paths", space=drawn_space(space), n=n, ranks=as_texts(ranks))
    assert found["count"] == str(space.count)
    assert found["texts"] == [str(space.unrank(r)) for r in (ranks or range(space.count))]


@given(st.data())
def test_paths_are_shortened_as_in_pictures(node, data):
    _, space = data.draw(spaces(node=looped))
    for rank in {0, space.count // 2, space.count - 1}:
        found = node.ask("compact", space=drawn_space(space), rank=str(rank))
        assert found == compact(space.unrank(rank))


def test_steps_along_a_loop_are_shortened_as_in_pictures(node):
    steps = ["x@1", "c@1", "c@2", "c@4", "c@5", "c@6", "h@6", "q"]
    graph = pf.Graph(list(pf.Path.parse(" ".join(steps))), list(pairwise(steps)))
    space = graph.paths("x@1", "q")
    found = node.ask("compact", space=drawn_space(space), rank="0")
    assert found == compact(space.unrank(0)) == "x@1 c@1…2 c@4…6 h q"


def test_ranks_beyond_what_a_number_holds_stay_exact(node):
    space = wide(90)
    ranks = [0, space.count - 1, 2**80 + 12345, 2**53 + 1]
    found = node.ask("paths", space=drawn_space(space), n=4, ranks=as_texts(ranks))
    assert found["count"] == str(2**90)
    assert found["texts"] == [str(space.unrank(r)) for r in ranks]
    pattern = "x .* a@50 .* & ~(.* b@60: .*)"
    match = node.ask("match", space=drawn_space(space), n=4, ranks=as_texts(ranks), pattern=pattern)
    graph = pf.Graph(space.nodes, [(u, v) for u in space.nodes for v in space.successors(u)])
    assert match["count"] == str(graph.count_paths("x", "q", pattern)) == str(2**59)
    parsed = pf.Pattern.parse(pattern)
    assert match["mask"] == [pattern_matches(parsed, space.unrank(r)) for r in ranks]


@given(st.data())
def test_patterns_match_what_their_definition_says(node, data):
    _, space = data.draw(spaces(node=looped))
    pattern = data.draw(patterns(list(map(str, space.nodes))))
    ranks = listed(data.draw, space)
    n = space.count if ranks is None else len(ranks)
    found = node.ask(
        "match", space=drawn_space(space), n=n, ranks=as_texts(ranks), pattern=str(pattern)
    )
    expected = [pattern_matches(pattern, path) for path in space]
    assert found["mask"] == [expected[r] for r in (range(n) if ranks is None else ranks)]
    assert found["count"] == str(sum(expected))


def test_a_glob_of_many_stars_takes_no_time(node):
    names = ("x", "a" * 300 + "b", "q")
    graph = pf.Graph(map(pf.Node, names), [names[:2], names[1:]])
    space = drawn_space(graph.paths("x", "q"))
    for pattern, count in (("*a" * 40, 0), ("*a" * 40 + "*b", 1)):
        found = node.ask("match", space=space, n=1, ranks=None, pattern=f"x {pattern} q")
        assert found["count"] == str(count)


ALPHABET = st.text(
    st.sampled_from(
        ["a", "é", "\U0001d6fc", "0", "2", "'", "\\", " ", "\u2003", *"@:.()|&~+*?{},-"]
    ),
    max_size=14,
)


@given(ALPHABET)
def test_what_is_no_pattern_is_refused_at_the_same_place_in_the_same_words(node, text):
    found = node.ask("parse", text=text)
    try:
        pf.Pattern.parse(text)
    except pf.PatternError as error:
        message, *excerpt = str(error).split("\n    ")
        assert found["error"] is not None, message
        assert found["error"] == message.removeprefix("pattern, ")
        assert (found["excerpt"] or "").split("\n") == (excerpt or [""])
    else:
        assert found["error"] is None


@pytest.mark.parametrize(
    "text",
    [
        "x g0@-1 c0", "(a", "a)", "(a)**", "a{3,1}", "a@5:2", "()(", "a|", "@2", "{2}", "a\\", "''",
        "a" * 80 + " (", "(" * 51, "~" * 120 + "a", "a{1234567890123456789}", "",
    ],
)  # fmt: skip
def test_slips_get_the_same_message(node, text):
    with pytest.raises(pf.PatternError) as caught:
        pf.Pattern.parse(text)
    found = node.ask("parse", text=text)
    if "deep" in str(caught.value) and "parentheses" not in str(caught.value):
        assert "nested more than 100 deep" in found["error"]
    else:
        shown = found["error"] + ("\n" + found["excerpt"] if found["excerpt"] else "")
        assert shown.replace("\n", "\n    ") == str(caught.value).removeprefix("pattern, ")


def test_a_pattern_without_a_match_says_why(node):
    space = drawn_space(wide(3))
    ask = {"space": space, "n": 8, "ranks": None}
    assert "no node has a name like “cell”" in node.ask("match", pattern=".* cell .*", **ask)["why"]
    assert "has the index" in node.ask("match", pattern=".* a@7 .*", **ask)["why"]
    assert "given 2 levels" in node.ask("match", pattern=".* a@1.2 .*", **ask)["why"]
    assert "whole paths" in node.ask("match", pattern="x a", **ask)["why"]


def test_a_pattern_of_too_many_states_is_refused(node):
    space = wide(20)
    pattern = ".* a .{14}"
    with pytest.raises(AssertionError, match="more than 4096 states"):
        node.ask("match", space=drawn_space(space), n=1, ranks=["0"], pattern=pattern)


@given(st.data())
def test_flows_are_sums_over_paths(node, data):
    _, space = data.draw(spaces())
    ranks = listed(data.draw, space)
    held = list(range(space.count)) if ranks is None else ranks
    values = data.draw(st.lists(FEW, min_size=len(held), max_size=len(held)))
    chosen = data.draw(st.lists(st.booleans(), min_size=len(held), max_size=len(held)))
    drawn = drawn_space(space)
    found = node.ask(
        "flows", space=drawn, n=len(held), ranks=as_texts(ranks), values=values,
        chosen=list(map(int, chosen)),
    )  # fmt: skip
    edges = dict.fromkeys(((u, v) for u in space.nodes for v in space.successors(u)), 0.0)
    through = dict.fromkeys(space.nodes, 0.0)
    for rank, value, on in zip(held, values, chosen, strict=True):
        path = space.unrank(rank)
        for edge in pairwise(path):
            edges[edge] += on * value
        for n in path:
            through[n] += on * value
    np.testing.assert_allclose(found["edges"], list(edges.values()), atol=1e-12)
    np.testing.assert_allclose(found["nodes"], list(through.values()), atol=1e-12)
    some = data.draw(st.lists(st.sampled_from(space.nodes), min_size=1, max_size=3, unique=True))
    mask = node.ask(
        "through", space=drawn, n=len(held), ranks=as_texts(ranks),
        nodes=[space.nodes.index(n) for n in some],
    )  # fmt: skip
    assert mask == [set(some) <= set(space.unrank(r)) for r in held]


@given(st.lists(FEW, min_size=1, max_size=30), st.floats(0.01, 1), st.data())
def test_the_cover_is_the_smallest_set_that_reaches_its_part(node, values, part, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    found = node.ask("cover", values=values, mask=list(map(int, mask)), part=part)
    some = [i for i, on in enumerate(mask) if on]
    expected = sorted(some, key=lambda i: (-abs(values[i]), i))
    assert found["order"] == expected
    sizes = [abs(values[i]) for i in expected]
    k = found["k"]
    slack = 1e-9 * sum(sizes)
    if part < 1 and sum(sizes):
        assert sum(sizes[:k]) >= part * sum(sizes) - slack
        assert k == 0 or sum(sizes[: k - 1]) < part * sum(sizes) + slack
    else:
        assert k == len(some)
    assert found["sum"] == pytest.approx(sum(values[i] for i in expected[:k]), abs=1e-9)


def test_sums_keep_what_rounding_drops(node):
    values = [1e16, 1.0, -1e16, 1.0]
    found = node.ask("cover", values=values, mask=[1, 1, 1, 1], part=1)
    assert found["sum"] == 2.0


def test_numbers_come_over_bit_by_bit(node):
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        table = rng.standard_normal((3, 5)).astype(dtype)
        ask = {"numbers": numbers(table, dtype), "n": 5}
        assert node.ask("rows", row=1, **ask) == table[1].astype(float).tolist()
        mean = node.ask("rows", row=None, **ask)
        np.testing.assert_allclose(mean, table.mean(axis=0, dtype=np.float64), rtol=1e-15)


def python_matches(text: str, path: pf.Path) -> bool:
    """By the automaton, since the oracle of the definition knows no backslashes."""
    automaton = automaton_of(pf.Patterns({"it": text}), path)
    state = automaton.start
    for n in path:
        state = automaton.next(state, n)
    return bool(automaton.classes[state])


@pytest.mark.parametrize(
    "name", ["params['w']", "a(b)|c", "~not", "'x'", "*", "mlp/~/k", "é𝛼", "."]
)
def test_a_path_can_be_written_as_a_pattern_that_only_it_matches(node, name):
    nodes = [pf.Node("x"), pf.Node(name), pf.Node(name, (1,)), pf.Node("other"), pf.Node("q")]
    inner = nodes[1:4]
    graph = pf.Graph(nodes, [e for n in inner for e in ((nodes[0], n), (n, nodes[4]))])
    space = graph.paths("x", "q")
    for rank in range(3):
        text = node.ask("pattern", space=drawn_space(space), rank=str(rank))
        expected = [int(r == rank) for r in range(3)]
        found = node.ask("match", space=drawn_space(space), n=3, ranks=None, pattern=text)
        assert found["mask"] == expected
        assert [python_matches(text, path) for path in space] == expected


def test_numbers_as_a_reader_meets_them(node):
    counts = ["1", "41561", str(10**20)]
    values = [0.0, 0.5, -0.012345678, 12345.678, 1.5e-7, -2e12]
    found = node.ask("words", counts=counts, numbers=values)
    assert found["counts"] == ["1", "41,561", "1.00 \N{MULTIPLICATION SIGN} 10^20"]
    # A minus sign is as wide as a plus.
    plain = [number.replace("\N{MINUS SIGN}", "-") for number in found["numbers"]]
    assert plain == ["0", "+0.5000", "-0.01235", "+12346", "+1.500e-7", "-2.000e12"]
