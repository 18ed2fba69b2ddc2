import pytest
from hypothesis import given

import pathflow as pf
from pathflow.graph import explain_no_match
from tests.helpers import pattern_matches, patterns

from .strategies import looped, spaces
from .test_trellis import lstm


@pytest.mark.parametrize(
    ("pattern", "reasons"),
    [
        (
            "x@0 g0@0 c1",
            ["after x@0 g0@0 the next nodes are c0@0, and none matches `c1`"],
        ),
        (
            "x c0 .*",
            ["after x@0 the next nodes are i0@0, f0@0, o0@0, g0@0, and none matches `c0`"],
        ),
        (
            "x g0 c9 .*",
            ["no node on them has a name like `c9` (close matches: c1, c0)", "none matches `c9`"],
        ),
        (
            "x .* cell .*",
            ["a name like `cell` (there are x, i0, f0, o0, g0, ...)", "it still asks for `cell`"],
        ),
        ("x .* c1@9 .*", ["no node has the index of `c1@9`: they go from c1@0 to c1@4"]),
        ("x@3 .*", ["index of `x@3`: there is x@0", "start at x@0, and none matches `x@3`"]),
        ("x .* h1@2.3 .*", ["`h1@2.3` gives 2 levels of an index, and h1@0 has 1"]),
        ("(i1 | f1) .*", ["the paths start at x@0, and none matches `i1` or `f1`"]),
        ("x g0 c0", ["it ends after x@0 g0@0 c0@0, before the target qoi; end it with `.*`"]),
        ("x .{0,3}", ["before the target qoi"]),
        ("x .* g1@3 .* g1@2 .*", ["qoi, at the target, it still asks for `g1@2`"]),
        ("x .* & ~(.* h1 .*)", ["the next nodes are h1@0, and it excludes them"]),
        (".* & ~.*", ["whatever the order of nodes, its parts exclude each other"]),
        (
            "x g0? c0 .*",
            ["name like `g0?` (in a name `?` is one more character; to repeat it, write `(g0)?`)"],
        ),
        ("x '*' .*", ["a name like `'*'`", "and none matches `'*'`"]),
    ],
)  # fmt: skip
def test_says_which_step_fails(pattern, reasons):
    graph = lstm(5)
    with pytest.warns(pf.PatternWarning) as caught:
        assert graph.count_paths("x@0", "qoi", pattern) == 0
    message = str(caught[0].message)
    assert message == explain_no_match(graph.paths("x@0", "qoi"), pattern)
    assert message.startswith(f"pattern `{pattern}` matches no path from x@0 to qoi: ")
    for reason in reasons:
        assert reason in message
    if "no node" not in reasons[0] and "name like" not in reasons[0]:
        assert "a name like" not in message


def test_a_complement_does_not_ask_for_its_steps():
    graph = lstm(2)
    message = explain_no_match(graph.paths("x@0", "qoi"), "~(.* nothing .*) & x g0 c1")
    assert "nothing`" not in message.split(": ", 1)[1]
    assert "after x@0 g0@0 the next nodes are c0@0, and none matches `c1`" in message


@given(spaces(node=looped), patterns([str(looped(i)) for i in range(8)]))
def test_says_for_every_pattern_whether_it_matches(case, pattern):
    _, space = case
    matches = any(pattern_matches(pattern, p) for p in space)
    assert ("matches no path" in explain_no_match(space, pattern)) == (not matches)
