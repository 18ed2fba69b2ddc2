import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf


@pytest.mark.parametrize(
    ("node", "label"),
    [
        (pf.Node("qoi"), "qoi"),
        (pf.Node("c1", (5,)), "c1@5"),
        (pf.Node("block.attn", (5, 2)), "block.attn@5.2"),
        (pf.Node("h#1", (3,)), "h#1@3"),
    ],
)
def test_label_round_trip(node, label):
    assert str(node) == label
    assert pf.Node.parse(label) == node
    assert pf.Node.parse(f" {label}\n") == node


def test_identity_is_name_and_index():
    assert pf.Node("c", (1,), (4,), "float64") == pf.Node("c", (1,))
    assert (
        len({pf.Node("c", (1,), (4,)), pf.Node("c", (1,)), pf.Node("c", (2,)), pf.Node("c")}) == 3
    )
    assert pf.Node("c") != "c"


@pytest.mark.parametrize("label", ["", "a b", "c@", "c@x", "c@1.", "@1", "c@1@2", "c@-1"])
def test_unreadable_label(label):
    with pytest.raises(pf.GraphError, match="no node label"):
        pf.Node.parse(label)


def test_a_refused_name_is_told_what_to_be():
    with pytest.raises(pf.GraphError) as caught:
        pf.Node("a b")
    assert str(caught.value) == (
        "name='a b' cannot be a node's name: blanks separate labels and '@' starts the index, so "
        "use a name that is not empty and has neither."
    )
    with pytest.raises(pf.GraphError, match=r"characters\.$"):
        pf.Node("a\x00")


@pytest.mark.parametrize("name", ["", "a b", "a@b", "a\n", "a\u2028b", "a\u2029", "a\xa0b"])
def test_name_that_cannot_be_a_label(name):
    with pytest.raises(pf.GraphError, match="cannot be a node's name"):
        pf.Node(name)


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs"]), min_size=1))
def test_name_that_is_not_seen(hidden):
    with pytest.raises(pf.GraphError, match="cannot be a node's name") as error:
        pf.Node(f"a{hidden}b")
    assert str(error.value).isprintable()


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1))
def test_names_in_all_scripts(name):
    if "@" not in name:
        assert pf.Node.parse(str(pf.Node(name, (3,)))) == pf.Node(name, (3,))


def test_negative_index():
    with pytest.raises(pf.GraphError, match="negative"):
        pf.Node("c", (-1,))


def test_frozen():
    with pytest.raises(AttributeError):
        pf.Node("c").name = "d"


def test_path_text_round_trip():
    path = pf.Path.parse("x@2  g0@2 c0@2\tqoi")
    assert str(path) == "x@2 g0@2 c0@2 qoi"
    assert path == pf.Path(["x@2", pf.Node("g0", (2,)), "c0@2", "qoi"])
    assert hash(path) == hash(pf.Path.parse(str(path)))
    assert path[1] == pf.Node("g0", (2,))
    assert repr(path) == "Path('x@2 g0@2 c0@2 qoi')"


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_path(text):
    with pytest.raises(pf.GraphError, match="at least one node"):
        pf.Path.parse(text)
