"""Texts that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.drawing import Key, compact, shortened


@given(st.text(max_size=60), st.integers(3, 40))
def test_short_texts_have_their_beginning_and_end(text, length):
    found = shortened(text, length)
    assert len(found) == min(len(text), length)
    if len(text) <= length:
        assert found == text
    else:
        head, tail = found[: length // 2], found[length // 2 + 1 :]
        assert text.startswith(head)
        assert text.endswith(tail)
        assert tail


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x@1 g0@1 c0@1 c0@2 c0@3 h0@3 qoi", "x@1 g0 c0@1…3 h0 qoi"),
        ("x@1 g0@1 h0@1 g0@2 qoi", "x@1 g0 h0 g0@2 qoi"),
        ("x hidden qoi", "x hidden qoi"),
        ("a@0.1 b@0.1 b@1.1", "a@0.1 b b@1.1"),
        ("c@1 c@2 c@5 c@6 q", "c@1…2 c@5…6 q"),
    ],
)
def test_compact_paths(path, text):
    assert compact(pf.Path.parse(path)) == text
    assert compact([Key(n.name, n.index) for n in pf.Path.parse(path)]) == text
