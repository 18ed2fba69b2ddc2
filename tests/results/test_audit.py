import jax
import numpy as np
import pytest

import pathflow as pf


@pytest.mark.parametrize(
    ("dtype", "structural", "ok"),
    [
        ("float64", 1e-11, True),
        ("float64", 1e-9, False),
        ("float32", 1e-5, True),
        ("float32", 1e-3, False),
        ("float64", np.nan, False),
        ("float64", np.array([1e-12, 1e-9]), False),
        ("float64", np.array([1e-12, 1e-11]), True),
    ],
)
def test_tolerance(dtype, structural, ok):
    audit = pf.Audit(structural=structural, reference_total=0.0, dtype=dtype)
    assert audit.ok is ok
    assert f"ok={ok}" in repr(audit)


def test_text_says_what_was_found():
    audit = pf.Audit(
        structural=np.array([2e-12, 1e-16]),
        reference_total=np.zeros(2),
        quadrature=np.array([1e-3, -3e-2]),
        n_steps=50,
        blocked=("a -> b",),
    )
    text = str(audit)
    assert text.splitlines()[0] == "audit (float64, 50 points): ok"
    assert "2.0e-12" in text
    assert "3.0e-02" in text
    assert "a -> b" in text
    assert "FAILED" in str(pf.Audit(structural=1.0, reference_total=0.0))
    unchecked = pf.Audit(structural=np.nan, reference_total=np.nan)
    assert "not checked" in str(unchecked)
    assert "quadrature" not in str(unchecked)


def test_example_and_mean():
    audit = pf.Audit(
        structural=np.array([2e-12, 1e-16]),
        reference_total=np.array([1.0, 3.0]),
        quadrature=np.array([1e-3, -3e-3]),
        n_steps=7,
        blocked=("a -> b",),
    )
    second = audit.example(1)
    assert (second.structural, second.reference_total, second.quadrature) == (1e-16, 3.0, -3e-3)
    assert (second.n_steps, second.blocked) == (7, ("a -> b",))
    mean = audit.mean()
    assert mean.structural == 2e-12
    assert mean.reference_total == 2.0
    assert mean.quadrature == pytest.approx(-1e-3)
    assert (mean.n_steps, mean.blocked, mean.dtype) == (7, ("a -> b",), "float64")


def test_without_quadrature():
    audit = pf.Audit(structural=np.zeros(2), reference_total=np.ones(2))
    assert audit.example(0).quadrature is None
    assert audit.mean().quadrature is None
    assert len(jax.tree.leaves(audit)) == 2
