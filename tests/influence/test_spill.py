"""Arrays that wait on disk."""

import gc
import tempfile

import jax.numpy as jnp
import numpy as np
import pytest

from pathflow.influence.branching._spill import Spill


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_arrays_come_back_as_they_were(folder):
    spill = Spill(100)
    given = {
        "held": np.arange(10.0),
        "large": np.arange(24.0).reshape(2, 3, 4),
        ("small", 3): np.zeros(2, np.float32),
        "scalar": np.array(3.0),
        "half": np.asarray(jnp.arange(30, dtype=jnp.bfloat16)),
    }
    for key, array in given.items():
        spill[key] = array
    assert len(list(folder.rglob("*.npy"))) == 2
    for key, array in given.items():
        assert spill[key].dtype == array.dtype
        np.testing.assert_array_equal(spill[key], array)
    spill.close()
    assert not list(folder.iterdir())
    spill.close()


def test_what_somebody_put_there_is_not_run(folder):
    spill = Spill(0)
    spill["all"] = np.arange(10.0)
    (file,) = folder.rglob("*.npy")
    np.save(file, np.array([print], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        spill["all"]


def test_what_fits_touches_no_disk(folder):
    spill = Spill(80)
    spill["all"] = np.arange(10.0)
    assert not list(folder.iterdir())


def test_what_nobody_closes_is_removed_when_it_is_no_longer_used(folder):
    spill = Spill(0)
    spill["all"] = np.arange(10.0)
    assert list(folder.iterdir())
    del spill
    gc.collect()
    assert not list(folder.iterdir())
