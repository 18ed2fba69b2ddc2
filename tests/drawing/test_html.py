"""Markup that shows texts, and nothing more."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathflow.drawing import (
    BarCell,
    Key,
    Text,
    arrange,
    escaped,
    heading,
    lines,
    short_integer,
    short_number,
    svg,
    table,
)

anything = st.text(st.characters(), max_size=40)


class Reader(HTMLParser):
    """The elements of a text of HTML, their attributes, and what stands between them."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)

    @classmethod
    def of(cls, markup):
        reader = cls()
        reader.feed(markup)
        reader.close()
        return reader


def shown(text):
    return Reader.of(f"<p>{escaped(text)}</p>")


@given(anything)
def test_any_text_is_a_text(text):
    read = shown(text)
    assert read.tags == ["p"]
    visible = [c for c in "".join(read.texts) if c != "\ufffd"]
    assert visible == [c for c in text if c in visible]
    assert len("".join(read.texts)) == len(text)
    # As XML as well, which forbids control characters.
    assert ET.fromstring(f"<p>{escaped(text)}</p>") is not None  # noqa: S314


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\u202eabc", "\ud800"])
def test_what_may_not_stand_in_markup_is_replaced(text):
    assert escaped(text).startswith("\ufffd")


@given(st.lists(anything, min_size=2, max_size=2), st.lists(anything, min_size=4, max_size=4))
def test_tables_have_their_cells(heads, cells):
    rows = [[Text(a), Text(b, right=True)] for a, b in zip(cells[::2], cells[1::2], strict=True)]
    read = Reader.of(table(heads, rows))
    assert read.tags.count("td") == 4
    assert set(read.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert "".join(read.texts).count("<") == "".join([*heads, *cells]).count("<")


def test_no_attribute_can_be_added():
    hostile = '" onclick="alert(1)'
    for markup in (heading(hostile, hostile), lines(hostile), table([hostile], [[Text(hostile)]])):
        assert {name for name, _ in Reader.of(markup).attributes} <= {"style"}
    nodes = [Key(hostile.replace(" ", "")), Key("b")]
    picture = svg(arrange(nodes, [tuple(nodes)]), {tuple(nodes): 1.0}, title=hostile)
    assert not any(name.startswith("on") for name, _ in Reader.of(picture).attributes)


@pytest.mark.parametrize(
    ("weight", "origin", "start", "length"),
    [(1.0, 0.5, 45, 45), (-0.5, 0.5, 22.5, 22.5), (0.5, 0.0, 0, 45), (-1.0, 1.0, 0, 90)],
)
def test_bars_are_as_long_as_their_weight(weight, origin, start, length):
    box = next(
        dict(found) for tag, found in _elements(BarCell(weight, origin).markup()) if tag == "rect"
    )
    assert (float(box["x"]), float(box["width"])) == (start, length)


def test_a_bar_of_nothing():
    box = next(dict(f) for tag, f in _elements(BarCell(np.nan).markup()) if tag == "rect")
    assert float(box["width"]) == 0


def _elements(markup):
    return [(e.tag, e.items()) for e in ET.fromstring(markup).iter()]  # noqa: S314


def test_numbers():
    assert [short_number(x) for x in (0.0, 1.0, 999.7, -12345.0, 9_999_999.0, 1e7, 1e-9)] == [
        "0",
        "+1",
        "+1,000",
        "-12,300",
        "+10,000,000",
        "+1e+07",
        "+1e-09",
    ]
    assert short_integer(10**9 - 1) == "999,999,999"
    assert short_integer(2**5000).endswith("E+1505") or short_integer(2**5000).endswith("e+1505")


@given(st.floats(-1e12, 1e12))
def test_numbers_keep_three_digits(x):
    assert float(short_number(x).replace(",", "")) == pytest.approx(x, rel=6e-3)
