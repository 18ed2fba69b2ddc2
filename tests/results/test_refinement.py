import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf

C, H = pf.Node("c", (2,), (3,)), pf.Node("h", (), (2,))
TABLE = pf.PartTable([C, H], [("0", "1", "2"), ("a", "rest")], np.array([[-1, -1], [0, 1], [2, 0]]))


def refinement(influences=(0.5, -2.0, 3.0), table=TABLE, **changes):
    influences = np.asarray(influences)
    parent = influences.sum(-1) if influences.ndim > 1 else float(influences.sum())
    audit = pf.Audit(structural=np.zeros(influences.shape[:-1]), reference_total=parent)
    facts = {"paths": "x .* qoi", "n_zeros": 4, "metadata": {"search": "Refine"}, **changes}
    return pf.Refinement(table=table, influences=influences, parent=parent, audit=audit, **facts)


def test_rows_and_sums():
    found = refinement()
    assert len(found) == 3
    assert found.labels == ("()", "c@2[0] h[rest]", "c@2[2] h[a]")
    assert found.n_examples is None
    assert found.total == found.parent == 1.5
    assert found["c@2[0]"] == found["h[rest]"] == found["c@2[0] h[rest]"] == found[1] == -2.0
    assert found["c@2[1]"] == found["c@2[0] h[a]"] == 0.0
    assert found["()"] == 0.5
    assert found.by_part("c@2").tolist() == [-2.0, 0.0, 3.0]
    assert found.by_part(H).tolist() == [3.0, -2.0]


def test_lists():
    found = refinement()
    first, second = found.top(2)
    assert (first.parts, first.row, first.influence) == ("c@2[2] h[a]", 2, 3.0)
    assert first.share == pytest.approx(3 / 3.5)
    assert second.share == 1.0
    assert [p.row for p in found.top(5, pf.Smallest())] == [1, 0, 2]
    assert str(first) == "+3   85.7%  c@2[2] h[a]"
    frame = found.to_pandas()
    assert list(frame) == ["parts", "c@2", "h", "influence", "share"]
    assert frame["c@2"].isna().tolist() == [True, False, False]
    assert frame["c@2"].tolist()[1:] == ["0", "2"]
    assert found.to_pandas(k=1)["influence"].tolist() == [3.0]
    assert "x .* qoi' at c@2, h: 3 rows total 1.5, 4 always zero" in repr(found)


def test_a_batch():
    found = refinement([[0.5, -2.0, 3.0], [1.5, 2.0, -1.0]])
    assert found.n_examples == 2
    assert found["h[rest]"].tolist() == [-2.0, 2.0]
    assert found.by_part("c@2").tolist() == [[-2.0, 0.0, 3.0], [2.0, 0.0, -1.0]]
    one = found.example(1)
    assert (one[0], one.parent, one.n_examples) == (1.5, 2.5, None)
    mean = found.mean()
    assert mean.influences.tolist() == [1.0, 0.0, 1.0]
    assert mean.parent == 2.0
    assert [p.influence for p in found.top(3)] == [1.0, 1.0, 0.0]
    frame = found.to_pandas()
    assert frame["example"].tolist() == [0, 0, 0, 1, 1, 1]
    assert frame["influence"].tolist() == found.influences.ravel().tolist()
    for index in (-1, 2):
        with pytest.raises(pf.ArgumentError, match="outside"):
            found.example(index)
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        one.mean()


def test_is_a_pytree():
    found = refinement([[0.5, -2.0, 3.0], [1.5, 2.0, -1.0]])
    doubled = jax.jit(lambda r: jax.tree.map(lambda a: 2 * a, r))(found)
    assert doubled["h[rest]"].tolist() == [-4.0, 4.0]
    assert np.asarray(doubled.parent).tolist() == [3.0, 5.0]
    assert (doubled.table, doubled.n_zeros, doubled.paths) == (TABLE, 4, "x .* qoi")
    assert doubled.metadata == {"search": "Refine"}
    json.dumps(doubled.metadata)


def test_nan_stays():
    found = refinement([np.nan, 1.0, 2.0])
    assert np.isnan(found.total)
    with pytest.raises(pf.NonFiniteError):
        found.top()


def test_tables_are_equal_by_what_they_say():
    same = pf.PartTable([C, H], [("0", "1", "2"), ("a", "rest")], TABLE.chosen.copy())
    assert same == TABLE
    assert hash(same) == hash(TABLE)
    assert pf.PartTable([C, H], [("0", "1", "2"), ("a", "b")], TABLE.chosen) != TABLE
    assert TABLE != 1
    assert repr(TABLE) == "PartTable(c@2, h, 3 rows)"


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ("c@2", pf.ArgumentError, r"'c@2' is no part; .* as in c@2\[0\]"),
        ("c@1[0]", pf.UnknownNodeError, "c@1"),
        ("c@2[3]", pf.UnknownNodeError, "those of c@2 are 0, 1, 2"),
        (3, pf.ArgumentError, r"row 3 is outside 0 \.\. 2"),
        (-1, pf.ArgumentError, "row -1"),
        (True, pf.ArgumentError, "neither"),
        (None, pf.ArgumentError, "neither"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_parts_that_are_not_there(parts, error, message):
    with pytest.raises(error, match=message):
        refinement()[parts]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: refinement([1.0, 2.0]), pf.ShapeError, r"influences has shape \(2,\)"),
        (lambda: refinement([1, 2, 3]), pf.ShapeError, "dtype int64"),
        (lambda: refinement(metadata={"a": {1}}), pf.ArgumentError, "JSON"),
        (lambda: pf.PartTable([C], [("0",)], np.array([[1]])), pf.ShapeError, "chosen has shape"),
        (lambda: pf.PartTable([C], [("0",)], np.array([[-2]])), pf.ShapeError, "chosen has shape"),
        (lambda: pf.PartTable([C], [], np.array([[0]])), pf.ShapeError, "chosen has shape"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_jax_arrays_are_summed_in_float64():
    found = refinement(np.array([1e8, 1.0, -1e8], np.float32))
    on_device = jax.tree.map(jnp.asarray, found)
    assert on_device.total == 1.0
