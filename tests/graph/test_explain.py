import pytest
from hypothesis import given

import pathflow as pf
from pathflow.graph import explain_no_match
from tests.helpers import pattern_matches, patterns

from .strategies import looped, spaces
from .test_trellis import lstm

_NAMES = "(there are x, i0, f0, o0, g0, ...)"
_END = "after … h1@2 o1@3 h1@3 o1@4 h1@4 qoi, at the target, it still asks for"
_FIRST = "after x@0 the next nodes are i0@0, f0@0, o0@0, g0@0, and none matches"
_EARLY = "before the target qoi; end it with `.*` or with the steps up to `qoi`"


@pytest.mark.parametrize(
    ("pattern", "reasons"),
    [
        ("x@0 g0@0 c1", "after x@0 g0@0 the next nodes are c0@0, and none matches `c1`"),
        ("x c0 .*", f"{_FIRST} `c0`"),
        (
            "x g0 c0 c0 c0 c0 c0 c0",
            "after … g0@0 c0@0 c0@1 c0@2 c0@3 c0@4 the next nodes are h0@4, and none matches `c0`",
        ),
        (
            "x g0 c9 .*",
            ("no node on them has a name like `c9` (close matches: c1, c0); after "
            "x@0 g0@0 the next nodes are c0@0, and none matches `c9`"),
        ),
        ("x .* cell .*", f"no node on them has a name like `cell` {_NAMES}; {_END} `cell`"),
        (
            "x .* c1@9 .*",
            f"no node has the index of `c1@9`: they go from c1@0 to c1@4; {_END} `c1@9`",
        ),
        (
            "x@3 .*",
            ("no node has the index of `x@3`: there is x@0; the paths start at x@0, and none"
            " matches `x@3`"),
        ),
        (
            "x .* h1@2.3 .*",
            f"`h1@2.3` gives 2 levels of an index, and h1@0 has 1; {_END} `h1@2.3`",
        ),
        ("(i1 | f1) .*", "the paths start at x@0, and none matches `i1` or `f1`"),
        (
            "x (i1 | f1 | o1 | g1 | h1 | c1) .*",
            f"{_FIRST} `i1` or `f1` or `o1` or `g1` or `h1`",
        ),
        ("x g0 c0", f"it ends after x@0 g0@0 c0@0, {_EARLY}"),
        ("x .{0,3}", f"it ends after x@0 i0@0 c0@0 h0@0, {_EARLY}"),
        (
            "x .* g1@3 .* g1@2 .*",
            "after … g1@3 c1@3 h1@3 o1@4 h1@4 qoi, at the target, it still asks for `g1@2`",
        ),
        (
            "x .* & ~(.* h1 .*)",
            "after x@0 o0@0 h0@0 o1@0 the next nodes are h1@0, and it excludes them",
        ),
        (".* & ~.*", "whatever the order of nodes, its parts exclude each other"),
        (
            "x g0? c0 .*",
            ("no node on them has a name like `g0?` (in a name `?` is one more character; "
            f"to repeat it, write `(g0)?`); {_FIRST} `g0?`"),
        ),
        ("x '*' .*", f"no node on them has a name like `'*'` {_NAMES}; {_FIRST} `'*'`"),
        (
            "x .* zz1 .* zz2 .* zz3 .* zz4 .* zz5 .* zz6 .*",
            "; ".join(f"no node on them has a name like `zz{i}` {_NAMES}" for i in range(1, 6))
            + f"; {_END} `zz1`",
        ),
    ],
)  # fmt: skip
def test_says_which_step_fails(pattern, reasons):
    graph = lstm(5)
    with pytest.warns(pf.PatternWarning) as caught:
        assert graph.count_paths("x@0", "qoi", pattern) == 0
    message = f"pattern `{pattern}` matches no path from x@0 to qoi: {reasons}."
    assert str(caught[0].message) == message
    assert explain_no_match(graph.paths("x@0", "qoi"), pattern) == message


def test_says_that_a_path_matches():
    space = lstm(2).paths(("x@0", "x@1"), "qoi")
    expected = "pattern `x .*` matches a path from x@0, x@1 to qoi."
    assert explain_no_match(space, "x .*") == expected


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
