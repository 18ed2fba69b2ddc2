"""Work on devices that are named, in this process: the one that is always there.

What more of them find is asked in tests/scale.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.influence.question._devices import Devices

EXAMPLES = 3
# Each axis of one, and the device named or left to JAX.
GRIDS = [pf.Devices(), pf.Devices(devices=tuple(jax.devices()[:1])), pf.Devices(1, 1, 1)]


def fn(x):
    a = pf.tag(jnp.tanh(2 * x), "a")
    return pf.tag(a * x, "b").sum() + a[0]


def ask(search, *, batched):
    x = jnp.array([0.3, -1.2, 0.7])
    traced = pf.trace(fn, x)
    given = jnp.stack([x * (k + 1) for k in range(EXAMPLES)]) if batched else x
    doi = pf.Line(jnp.zeros(3), n_steps=4)
    return pf.attribute(
        traced, (given,), source="x", doi=doi, search=search, in_axes=0 if batched else None
    )


@pytest.mark.parametrize("devices", GRIDS)
@pytest.mark.parametrize("batched", [False, True])
def test_one_device_that_is_named_changes_nothing(devices, batched, tmp_path):
    plain = ask(pf.Enumerate(), batched=batched)
    found = ask(pf.Enumerate(devices=devices), batched=batched)
    np.testing.assert_array_equal(found.influences, plain.influences)
    written = [
        ask(pf.EnumerateTo(tmp_path / str(i), block=2, devices=grid), batched=batched)
        for i, grid in enumerate((None, devices))
    ]
    one, other = (run.load().influences for run in written)
    np.testing.assert_array_equal(one, other)
    sums = ask(pf.Aggregate({"all": ".*"}, pf.OnGraph(devices=devices)), batched=batched)
    np.testing.assert_allclose(sums["all"], plain.total, rtol=1e-12)


def test_numbers_and_vectors_are_filled_up_to_what_devices_divide():
    """Written down for as many devices as are not here: what is cut, not where it goes."""
    grid = Devices()
    object.__setattr__(grid, "paths", 4)
    placed = []
    object.__setattr__(grid, "_put", lambda array, axes: placed.append((array, axes)) or array)
    np.testing.assert_array_equal(grid.cut_rows(np.arange(1, 6)), [1, 2, 3, 4, 5, 0, 0, 0])
    assert grid.cut_rows(np.arange(1, 6, dtype=np.int16)).dtype == np.int16
    np.testing.assert_array_equal(grid.cut_rows(np.arange(8)), np.arange(8))
    vectors = np.ones((5, EXAMPLES, 2, 7))
    filled = grid.cut_paths(vectors, EXAMPLES)
    np.testing.assert_array_equal(filled[:5], vectors)
    np.testing.assert_array_equal(filled[5:], np.zeros((3, EXAMPLES, 2, 7)))
    assert grid.cut_paths(vectors[:, 0], None).shape == (8, 2, 7)
    axes = [axes for _, axes in placed]
    assert axes == [["paths"]] * 3 + [["paths", "examples", "points"], ["paths", "points"]]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"examples": 0}, r"Devices\(examples=0\)"),
        ({"points": -1}, r"Devices\(points=-1\)"),
        ({"paths": 1.5}, r"Devices\(paths=1.5\)"),
        ({"paths": 999}, r"Devices\(examples=1, points=1, paths=999\) takes 999 devices, and this"),
        ({"devices": "cpu"}, r"Devices\(devices='cpu'\)"),
        ({"devices": ()}, r"takes 1 devices, and devices= names 0"),
    ],
)
def test_numbers_of_devices_that_are_none(numbers, says, unchecked):
    with pytest.raises(pf.ArgumentError, match=says):
        pf.Devices(**numbers)


def test_a_whole_number_of_another_type_is_one(unchecked):
    grid = pf.Devices(examples=np.int64(1))
    assert type(grid.examples) is int
    assert grid == pf.Devices()
    with pytest.raises(pf.ArgumentError, match=r"Enumerate\(devices=2\) takes a pathflow.Devices"):
        pf.Enumerate(devices=2)
