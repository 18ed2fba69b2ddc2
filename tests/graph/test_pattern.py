import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.graph import as_pattern, as_step
from tests.helpers import patterns

LABELS = ["x@0", "a@1.0", "bc@0.2", "qoi", "Dense_0[kernel]@3"]
parse = pf.Pattern.parse
a, b, c = map(pf.Step, "abc")
ANY = pf.Step.any()


@given(patterns(LABELS, max_leaves=12))
def test_text_reads_back_as_the_same_pattern(pattern):
    assert parse(str(pattern)) == pattern
    assert eval(repr(pattern), {"Pattern": pf.Pattern}) == pattern  # noqa: S307


@given(st.text("a.*?@+~'\\[]1/()|&{}#-", min_size=1, max_size=6), st.booleans())
def test_names_of_any_characters_can_be_written(name, literal):
    try:
        step = pf.Step.literal(name) if literal else pf.Step(name)
    except pf.PatternError:
        assert "@" in name or (not literal and re.search(r"(?<!\\)(\\\\)*\\$", name))
        return
    for pattern in (step, step >> "z", step.repeat(0), step.repeat(1), ~step, step | step):
        assert parse(str(pattern)) == pattern
    if literal:
        assert step.matches(pf.Node(name, (1,)))
        assert not step.matches(pf.Node(name + "a"))


@given(st.text("ab*?.@:0123 '+(){}|&~\\", max_size=12))
def test_any_text_is_a_pattern_or_has_an_error_that_points_into_it(text):
    try:
        pattern = parse(text)
    except pf.PatternError as error:
        if text.strip():
            column, line, caret = re.fullmatch(
                r"pattern, column (\d+): .*\n    (.*)\n    ( *)\^", str(error)
            ).groups()
            assert len(caret) == int(column) - 1 <= len(text)
            assert line == text
    else:
        assert parse(str(pattern)) == pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("c1", pf.Step("c1")),
        ("  c1\t", pf.Step("c1")),
        ("c1@2", pf.Step("c1", 2)),
        ("c1@2:", pf.Step("c1", ((2, None),))),
        ("c1@:5", pf.Step("c1", ((0, 5),))),
        ("c1@2:5", pf.Step("c1", ((2, 5),))),
        ("c1@2:3", pf.Step("c1", 2)),
        ("c1@:", pf.Step("c1", ((0, None),))),
        ("h@5.2", pf.Step("h", (5, 2))),
        ("h@5.:", pf.Step("h", (5, (0, None)))),
        ("h@1:3.2", pf.Step("h", ((1, 3), 2))),
        (".", ANY),
        ("*", ANY),
        (".@2", pf.Step("*", 2)),
        (".*", ANY.repeat(0)),
        (".+", ANY.repeat(1)),
        (".?", ANY.repeat(0, 1)),
        (".{2}", ANY.repeat(2, 2)),
        (".{2,}", ANY.repeat(2)),
        (".{ 2 , 3 }", ANY.repeat(2, 3)),
        (".{0,}", ANY.repeat(0)),
        ("h*", pf.Step("h*")),
        ("h?", pf.Step("h?")),
        ("h*?+", pf.Step("h*?").repeat(1)),
        ("(h)*", pf.Step("h").repeat(0)),
        ("h+", pf.Step("h").repeat(1)),
        ("h{2}", pf.Step("h").repeat(2, 2)),
        ("h@2*", pf.Step("h", 2).repeat(0)),
        ("h@2:?", pf.Step("h", ((2, None),)).repeat(0, 1)),
        ("h@2.:5{3}", pf.Step("h", (2, (0, 5))).repeat(3, 3)),
        ("'h'*", pf.Step("h").repeat(0)),
        ("'odd(name)'@1+", pf.Step("odd(name)", 1).repeat(1)),
        ("'it\\'s'", pf.Step("it's")),
        ("'*'", pf.Step("\\*")),
        ("odd\\(*", pf.Step("odd(*")),
        ("Dense_0[kernel]", pf.Step("Dense_0[kernel]")),
        ("layers/0 output.0 h#1", pf.Then(tuple(map(pf.Step, ("layers/0", "output.0", "h#1"))))),
        ("a-b_c", pf.Step("a-b_c")),
        ("params['w'] mlp/~/linear", pf.Step("params['w']") >> pf.Step("mlp/~/linear")),
        (".hidden", pf.Step(".hidden")),
        ("()", pf.Empty()),
        ("( ) a", pf.Empty() >> a),
        ("a b c", pf.Then((a, b, c))),
        ("a (b c)", pf.Then((a, b, c))),
        ("a|b&c", a | (b & c)),
        ("a b & c | a", ((a >> b) & c) | a),
        ("~a b", ~a >> b),
        ("~a+", ~a.repeat(1)),
        ("(~a)+", (~a).repeat(1)),
        ("~~ a", ~~a),
        ("~(a | b)", ~(a | b)),
        ("((a+))?", a.repeat(1).repeat(0, 1)),
    ],
)  # fmt: skip
def test_texts_and_what_they_mean(text, pattern):
    assert parse(text) == pattern
    assert parse(str(pattern)) == pattern


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a  (b   c)", "a b c"),
        ("((a)|(b)) c", "(a | b) c"),
        ("'h'* 'h'{1,1} * *+ *@:", "(h)* h{1} . .+ .@:"),
        ("h@0:3 h@2:3{0,} '~x'* '.'", "h@:3 h@2* '~x'* '.'"),
        ("~(a b) ~a{0,1} (~a)?", "~(a b) ~(a)? (~a)?"),
        ("a & (b & c) | (a | b)", "a & b & c | a | b"),
        ("a@() b", "a@() b"),
        (r"\~a* \'a? \.*", r"\~a* \'a? \.*"),
    ],
)  # fmt: skip
def test_canonical_text(text, canonical):
    assert str(parse(text)) == canonical


# All that is said of a wrong pattern, remedies included; `…` is what differs.
_REASONS = """\
an index is a number from 0, or a range as in `@2:`, `@:5`, `@2:5` or `@:`, with `.` between the \
levels of nested loops.
the range … is empty; it goes from its first number to just before its second.
the number is longer than 18 digits.
`{3,2}` repeats at least 3 and at most 2 times; swap them.
a repetition is `{m}`, `{m,}` or `{m,n}`, in numbers from 0.
this `(` is never closed; add `)`.
this `)` closes nothing; remove it, or open it with `(`.
a step is missing before `…`; `()` is the empty sequence.
a step is missing at the end; `()` is the empty sequence.
`…` has nothing to repeat; it follows what it repeats without a blank, and a name that holds it is \
quoted.
two repetitions in a row; put parentheses around the first.
`…` follows without a blank; put one between steps, and quote a name that holds such a character, \
as in 'odd(name)'.
a name is missing before `@`; `.@2` is any node of step 2.
a quoted name has no blank, no `@`, and a quote at its end.
a backslash stands before a character of a name, which is no blank and no `@`.
parentheses are nested more than 50 deep; write it flatter.
"""


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a b@-1", 5, "an index is a number from 0"),
        ("a@", 3, "an index is a number from 0"),
        ("a@1. b", 5, "an index is a number from 0"),
        ("a@2x", 4, "`x` follows without a blank"),
        ("a@3:3", 3, "range 3:3 is empty"),
        ("a@5:2", 3, "range 5:2 is empty"),
        ("a@:0", 3, "range 0:0 is empty"),
        ("a@²", 3, "an index is a number from 0"),
        (f"a@{'9' * 5000}", 3, "longer than 18 digits"),
        ("a{3,2}", 2, "at least 3 and at most 2"),
        ("a{x}", 2, "a repetition is `{m}`"),
        ("a{,2}", 2, "a repetition is `{m}`"),
        ("a{2", 2, "a repetition is `{m}`"),
        ("a{-1}", 2, "a repetition is `{m}`"),
        ("a (b", 3, "never closed"),
        ("(a (b) c", 1, "never closed"),
        ("a b)", 4, "closes nothing"),
        (")", 1, "a step is missing before `)`"),
        ("a | ", 5, "a step is missing at the end"),
        ("| a", 1, "a step is missing before `|`"),
        ("a & & b", 5, "a step is missing before `&`"),
        ("a (b |) c", 7, "a step is missing before `)`"),
        ("a ~", 4, "a step is missing at the end"),
        ("a +", 3, "`+` has nothing to repeat"),
        ("a {2}", 3, "`{` has nothing to repeat"),
        ("} a", 1, "`}` has nothing to repeat"),
        ("a@1+*", 5, "two repetitions in a row"),
        ("a{2}{3}", 5, "two repetitions in a row"),
        ("a+b", 3, "`b` follows without a blank"),
        ("odd(name)", 4, "`(` follows without a blank"),
        ("(a)(b)", 4, "`(` follows without a blank"),
        ("a@1@2", 4, "`@` follows without a blank"),
        ("@2", 1, "a name is missing before `@`"),
        ("a 'b c'", 3, "a quoted name has no blank"),
        ("''", 1, "a quoted name has no blank"),
        ("a \\", 3, "a backslash stands before"),
        ("a \\@", 3, "a backslash stands before"),
        ("a b\\", 4, "follows without a blank"),
        ("(" * 51 + "a", 51, "nested more than 50 deep"),
    ],
)
def test_errors_point_at_the_column(text, column, message):
    with pytest.raises(pf.PatternError, match=re.escape(message)) as caught:
        parse(text)
    first, line, caret = str(caught.value).split("\n")
    start, reason = first.split(": ", 1)
    assert start == f"pattern, column {column}"
    whole = (re.escape(w).replace("…", ".+") for w in _REASONS.splitlines())
    assert any(re.fullmatch(w, reason) for w in whole)
    # A long text is cut, and the caret still stands under its character.
    assert (line + " ")[caret.index("^")] == (text + " ")[column - 1]
    assert isinstance(caught.value, pf.GraphError)


@pytest.mark.parametrize("text", ["", " \n "])
def test_empty_text(text):
    with pytest.raises(
        pf.PatternError, match=r"^pattern is empty; `\(\)` matches the empty sequence, and"
    ):
        parse(text)


def test_operators_take_texts():
    assert "x" >> a >> ".*" == pf.Then((pf.Step("x"), a, ANY.repeat(0)))
    assert ("b" | a) == pf.Either((b, a))
    assert (a | "b") == pf.Either((a, b))
    assert ("b" & a & "c") == pf.Both((b, a, c))
    assert as_pattern(a) is a
    assert as_step("a@2") == pf.Step("a", 2)


def globbed(pattern, name):
    """Whether a glob of plain characters fits, by its definition."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return globbed(pattern[1:], name) or (bool(name) and globbed(pattern, name[1:]))
    return bool(name) and pattern[0] in ("?", name[0]) and globbed(pattern[1:], name[1:])


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_globs_fit_what_they_say(pattern, name):
    assert pf.Step(pattern).matches_name(name) == globbed(pattern, name)


def test_a_glob_of_many_stars_takes_no_time():
    start = time.perf_counter()
    assert not pf.Step("*a" * 200).matches_name("a" * 5000 + "b")
    assert pf.Step("*a" * 200 + "*b").matches_name("a" * 5000 + "b")
    assert time.perf_counter() - start < 2


def test_steps_on_nodes():
    step = pf.Step("h*", ((2, 4), (1, None)))
    assert step.levels == ((2, 4), (1, None))
    assert pf.Step("h").levels is None
    fitting = [(i, j) for i in range(6) for j in range(3) if step.matches(pf.Node("h1", (i, j)))]
    assert fitting == [(2, 1), (2, 2), (3, 1), (3, 2)]
    assert not step.matches(pf.Node("h1", (2,)))
    assert not step.matches(pf.Node("g1", (2, 1)))
    assert pf.Step("a.b").matches(pf.Node("a.b", (7, 7)))
    assert not pf.Step("a.b").matches(pf.Node("axb"))
    assert pf.Step.literal("a*").matches(pf.Node("a*"))
    assert not pf.Step.literal("a*").matches(pf.Node("ab"))


@pytest.mark.parametrize("depth", [1, 99])
def test_nesting_up_to_the_limit_works(depth):
    pattern = a
    for _ in range(depth):
        pattern = ~pattern
    assert parse(str(pattern)) == pattern
    assert hash(pattern) == hash(parse(str(pattern)))
    assert parse("(" * 50 + "a" + ")" * 50) == a


def test_nesting_beyond_the_limit_is_refused():
    with pytest.raises(pf.PatternError, match="nested more than 100 deep"):
        parse("~" * 2000 + "a")
    assert len(parse(" ".join(["a"] * 3000)).parts) == 3000
    assert len(parse(" | ".join(["a"] * 3000)).parts) == 3000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pf.Step("a b"), "can be no step's name"),
        (lambda: pf.Step("a@1"), "can be no step's name"),
        (lambda: pf.Step(""), "can be no step's name"),
        (lambda: pf.Step("a", -1), "index entry -1 holds no iteration"),
        (lambda: pf.Step("a", ((3, 3),)), r"index entry \(3, 3\) holds no iteration"),
        (lambda: pf.Step("a", "2"), "index entry '2' holds no iteration"),
        (lambda: pf.Step("a", ((1, "2"),)), r"index entry \(1, '2'\) holds no iteration"),
        (lambda: pf.Step("a", ((1,),)), r"index entry \(1,\) holds no iteration"),
        (lambda: pf.Then((a,)), r"Then\(parts\) has 1 parts"),
        (lambda: pf.Either(()), r"Either\(parts\) has 0 parts"),
        (lambda: pf.Both(("a", "b")), "Both got 'a' as a part"),
        (lambda: pf.Not("a"), "Not got 'a' as a part"),
        (lambda: a.repeat(-1), "cannot repeat from -1 to None"),
        (lambda: a.repeat(3, 2), "cannot repeat from 3 to 2"),
        (lambda: a.repeat(1, 2.5), "cannot repeat from 1 to 2.5"),
        (lambda: as_pattern(3), "pattern=3 is a int"),
        (lambda: as_step("a b"), "'a b' is not a single step"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_parts_that_make_no_pattern(make, message):
    with pytest.raises(pf.PatternError, match=message):
        make()


@pytest.mark.usefixtures("unchecked")
def test_integers_of_numpy_become_pythons():
    step = pf.Step("h", (np.int64(2), (np.int64(3), None)))
    assert repr(step.levels) == "((2, 3), (3, None))"
    assert step == pf.Pattern.parse("h@2.3:")
