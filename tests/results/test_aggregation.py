import sys

import jax
import numpy as np
import pytest

import pathflow as pf

NAMES = ("direct", "late")
# Paths by what they are in: neither, one of the two, both.
PARTS = (frozenset(), frozenset({"direct"}), frozenset({"late"}), frozenset(NAMES))
ROW = np.array([1.0, -2.0, 4.0, 0.5])
BATCH = np.stack([ROW, 2 * ROW, -ROW])
COUNTS = (10**36, 1, 7, 2)


def audit(structural=1e-12) -> pf.Audit:
    return pf.Audit(structural=structural, reference_total=np.zeros(np.shape(structural)))


def result(amounts=ROW, counts=COUNTS, **metadata) -> pf.Aggregation:
    residuals = np.full(amounts.shape[:-1], 1e-12)
    return pf.Aggregation(NAMES, PARTS, amounts, counts, audit(residuals), metadata)


def test_a_path_in_two_classes_counts_in_both_and_once_in_the_total():
    one = result()
    assert one["direct"] == -1.5
    assert one["late"] == 4.5
    assert one.rest == one["rest"] == 1.0
    assert one.total == 3.5
    assert one.influences.tolist() == [-1.5, 4.5]
    assert one.overlapping
    assert one.counts == {"direct": 3, "late": 9, "rest": 10**36}
    assert one.count == 10**36 + 10
    assert isinstance(one.total, float)
    assert "overlap" in str(one)


def test_disjoint_classes_and_the_rest_sum_to_the_total():
    one = pf.Aggregation(NAMES, PARTS[1:3], ROW[1:3], None, audit())
    assert one.influences.sum() + one.rest == one.total == 2.0
    assert not one.overlapping
    assert one.counts is None
    assert one.count is None
    assert "overlap" not in str(one)


def test_text_is_a_table():
    assert str(result()).splitlines() == [
        "class    influence  share of total  number of paths",
        "direct        -1.5          -42.9%                3",
        "late          +4.5          128.6%                9",
        "rest            +1           28.6%        1.000e+36",
        "total         +3.5          100.0%        1.000e+36",
        "Classes overlap: a path in several of them counts in each, and once in the total.",
    ]
    assert "number of paths" not in str(result(counts=None))
    assert "mean of 3" in str(result(BATCH))
    assert "nan%" in str(result(0 * ROW))
    assert "e+5000" in str(result(counts=(10**5000, 1, 1, 1)))


def test_repr_is_short():
    text = repr(result(BATCH))
    assert "3 examples" in text
    assert "1.000e+36 paths" in text
    assert "ok=True" in text
    assert len(text) < 200


def test_a_batch():
    many = result(BATCH, seed=3)
    assert many.n_examples == 3
    assert many["late"].tolist() == [4.5, 9.0, -4.5]
    assert many.influences.shape == (3, 2)
    assert many.rest.tolist() == [1.0, 2.0, -1.0]
    assert many.example(1).total == 7.0
    assert many.example(1).metadata == {"seed": 3}
    assert many.mean()["direct"] == pytest.approx(-1.0)
    assert many.mean().counts == many.counts


def test_to_pandas():
    table = result().to_pandas()
    assert list(table.columns) == ["class", "influence", "share", "paths"]
    assert table["class"].tolist() == ["direct", "late", "rest"]
    assert table["influence"].tolist() == [-1.5, 4.5, 1.0]
    assert table["share"].tolist() == pytest.approx([-1.5 / 3.5, 4.5 / 3.5, 1 / 3.5])
    assert table["paths"].tolist() == [3, 9, 10**36]
    many = result(BATCH, counts=None).to_pandas()
    assert list(many.columns) == ["example", "class", "influence", "share"]
    assert many["example"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert many["influence"].tolist()[6:] == [1.5, -4.5, -1.0]


def test_to_pandas_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(pf.MissingDependencyError, match=r"pathflow\[table\]"):
        result().to_pandas()


def test_is_a_pytree():
    many = result(BATCH, seed=3)
    doubled = jax.jit(lambda r: jax.tree.map(lambda leaf: 2 * leaf, r))(many)
    assert isinstance(doubled, pf.Aggregation)
    assert doubled["late"].tolist() == [9.0, 18.0, -9.0]
    assert doubled.counts == many.counts
    assert doubled.metadata == {"seed": 3}
    assert doubled.example(0)["direct"] == -3.0


def test_sums_are_float64_whatever_the_amounts():
    single = result(ROW.astype(np.float32))
    assert single.influences.dtype == np.float64


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no class"),
        (("a", "a"), "'a' is named twice"),
        (("rest",), "'rest'"),
        (("total",), "'total'"),
        (("a", 1), r"named 1, which is no text; name it '1'\."),
        ((None,), r"named None, which is no text"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_names_that_classes_cannot_have(names, message):
    with pytest.raises(pf.ArgumentError, match=message):
        pf.Aggregation(names, (frozenset(),), ROW[:1], None, audit())


@pytest.mark.usefixtures("unchecked")
def test_arguments_that_fit_nothing():
    with pytest.raises(pf.ArgumentError, match=r"'early'.*direct, late.*'rest'"):
        result()["early"]
    with pytest.raises(pf.ArgumentError, match="parts"):
        pf.Aggregation(("a",), (frozenset({"b"}),), ROW[:1], None, audit())
    with pytest.raises(pf.ArgumentError, match="parts"):
        pf.Aggregation(("a",), (frozenset(), frozenset()), ROW[:2], None, audit())
    with pytest.raises(pf.ShapeError, match=r"\(3,\) for 4 parts"):
        result(ROW[:3])
    with pytest.raises(pf.ShapeError, match="int64"):
        result(np.zeros(4, int))
    with pytest.raises(pf.ShapeError, match="3 numbers for 4 parts"):
        result(counts=(1, 2, 3))
    with pytest.raises(pf.ArgumentError, match="JSON"):
        result(key=object())
    with pytest.raises(pf.ArgumentError, match=r"i=3 is outside 0 \.\. 2"):
        result(BATCH).example(3)
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        result().mean()
