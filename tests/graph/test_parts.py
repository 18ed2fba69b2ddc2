import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow.graph import as_parts

shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(shapes, st.data())
def test_parts_are_a_partition_of_the_entries(shape, data):
    size = int(np.prod(shape))
    kinds = [pf.Components(), pf.Groups(1), pf.Groups(size)]
    kinds += [pf.Axis(a) for a in range(-len(shape), len(shape))]
    places = data.draw(st.permutations(range(size)))
    cuts = sorted(data.draw(st.lists(st.integers(0, size), min_size=1, max_size=3)))
    kinds.append(pf.Groups(np.split(np.array(places, int), cuts)[:-1]))
    for parts in kinds:
        division = parts.divide(shape)
        assert division.owner.shape == (size,)
        found = np.concatenate([division.entries(i) for i in range(len(division.names))])
        assert sorted(found.tolist()) == list(range(size))
        assert len(set(division.names)) == len(division.names)


def test_components():
    assert pf.Components().divide((3,)).names == ("0", "1", "2")
    assert pf.Components().divide((2, 2)).names == ("0.0", "0.1", "1.0", "1.1")
    assert pf.Components().divide(()).names == ("0",)
    assert pf.Components().divide((0,)).names == ()


def test_axes():
    division = pf.Axis(1).divide((2, 3))
    assert division.names == ("0", "1", "2")
    assert division.owner.reshape(2, 3).tolist() == [[0, 1, 2], [0, 1, 2]]
    assert pf.Axis(-2).divide((2, 3)).owner.tolist() == [0, 0, 0, 1, 1, 1]


def test_groups():
    assert pf.Groups(2).divide((4,)).owner.tolist() == [0, 0, 1, 1]
    named = pf.Groups({"plural": [3], "singular": np.array([True, False, False, False])})
    division = named.divide((2, 2))
    assert division.names == ("plural", "singular", "rest")
    assert division.owner.tolist() == [1, 2, 2, 0]
    assert pf.Groups([[0, 1], [], [2, 3]]).divide((4,)).names == ("0", "1", "2")
    assert repr(pf.Groups(3)) == "Groups(3)"
    assert repr(named) == "Groups({'plural': 1 entries, 'singular': 1 entries})"


def test_equal_groups_are_equal():
    assert pf.Groups([[0, 1]]) == pf.Groups({"0": np.array([0, 1])})
    assert hash(pf.Groups([[0, 1]])) == hash(pf.Groups({"0": (0, 1)}))
    assert pf.Groups(2) != pf.Groups([[0, 1], [2, 3]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pf.Groups(0), pf.ArgumentError, "groups=0"),
        (lambda: pf.Groups(None), pf.ArgumentError, "groups=None is neither a number of groups"),
        (lambda: pf.Groups(True), pf.ArgumentError, "groups=True is neither a number of groups"),
        (lambda: pf.Groups([]), pf.ArgumentError, "groups is empty"),
        (lambda: pf.Groups({1: [0], "1": [1]}), pf.ArgumentError, "two are written alike"),
        (lambda: pf.Groups([[0], [1, 0]]), pf.ArgumentError, "place 0 twice"),
        (lambda: pf.Groups([[0, 0]]), pf.ArgumentError, "place 0 twice"),
        (lambda: pf.Groups([[-1]]), pf.ArgumentError, "place -1"),
        (lambda: pf.Groups([[0.5]]), pf.ArgumentError, "holds float64"),
        (lambda: pf.Groups({"a b": [0]}), pf.ArgumentError, "'a b'"),
        (lambda: pf.Groups({"rest": [0]}), pf.ArgumentError, "'rest'"),
        (lambda: pf.Groups(3).divide((4,)), pf.ShapeError, "divides no node of 4 entries"),
        (lambda: pf.Groups([[4]]).divide((4,)), pf.ShapeError, "has the place 4"),
        (
            lambda: pf.Groups([np.eye(3, 2, dtype=bool)]).divide((2, 3)),
            pf.ShapeError,
            r"'0' is a boolean array of shape \(3, 2\), but the node has shape \(2, 3\)",
        ),
        (lambda: pf.Groups([[True]]).divide((4,)), pf.ShapeError, "give a mask of the node's"),
        (lambda: pf.Axis(1).divide((4,)), pf.ShapeError, "divides no node of shape"),
        (
            lambda: as_parts("units"),
            pf.ArgumentError,
            r"^parts='units' is no way to divide a node; give Components\(\), Groups\(...\) or ",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()
