"""Datasets hold the result's numbers under the right names."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from tests.helpers._results import METADATA, make


@pytest.fixture(params=[None, 1, 3], ids=["one", "batch of one", "batch"])
def batch(request):
    return request.param


def dims(batch, *axes):
    return axes if batch is None else ("example", *axes)


def assert_facts(found, result, batch):
    assert found.attrs["doi"] == METADATA["doi"]
    assert json.loads(found.attrs["sources"]) == METADATA["sources"]
    assert found.attrs["audit_n_steps"] == 7
    assert json.loads(found.attrs["audit_ok"]) is True
    assert all(isinstance(v, str | int | float) for v in found.attrs.values())
    assert found["total"].dims == dims(batch)
    np.testing.assert_array_equal(found["total"], result.total)
    for name in ("structural", "reference_total", "quadrature"):
        assert found[name].dims == dims(batch)
        np.testing.assert_array_equal(found[name], getattr(result.audit, name))
    assert ("example" in found.coords) == (batch is not None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_attribution(batch, dtype):
    result = make("attribution", batch, dtype)
    found = result.to_xarray()
    assert found["influence"].dims == dims(batch, "path")
    assert found["influence"].dtype == dtype
    for path in result.space:
        np.testing.assert_array_equal(found["influence"].sel(path=str(path)), result[path])
    assert_facts(found, result, batch)
    bare = result.to_xarray(labels=False)
    assert "path" not in bare.coords
    np.testing.assert_array_equal(bare["influence"], result.influences)


def test_aggregation(batch):
    result = make("aggregation", batch)
    found = result.to_xarray()
    assert found["class"].values.tolist() == [*result.names, "rest"]
    for name in found["class"].values:
        one = found["influence"].sel({"class": name})
        np.testing.assert_array_equal(one, result[name])
        assert int(one["paths"]) == result.counts[name]
    assert_facts(found, result, batch)


def test_conductances(batch):
    result = make("conductances", batch)
    found = result.to_xarray()
    for n in result.nodes:
        one = found["node_influence"].sel(node=str(n))
        np.testing.assert_array_equal(one, result.through(n))
    for i, (u, v) in enumerate(result.edges):
        one = found["edge_influence"].isel(edge=i)
        assert (one["start"], one["end"]) == (str(u), str(v))
        np.testing.assert_array_equal(one, result.along(u, v))
    assert_facts(found, result, batch)


def test_refinement(batch):
    result = make("refinement", batch)
    found = result.to_xarray()
    for parts in result.labels:
        np.testing.assert_array_equal(found["influence"].sel(parts=parts), result[parts])
    np.testing.assert_array_equal(found["parent"], result.parent)
    assert_facts(found, result, batch)


def test_ranked(batch):
    result = make("ranked", batch)
    found = result.to_xarray()
    assert found["rank"].values.tolist() == [*result.ranks]
    for path in found["path"].values:
        np.testing.assert_array_equal(found["influence"].sel(path=path), result[path])
    np.testing.assert_array_equal(found["unseen_sum"], result.certificate.unseen_sum)
    assert found.attrs["certificate_bound"] == np.inf
    assert int(found.attrs["certificate_unseen_count"]) == result.certificate.unseen_count
    assert_facts(found, result, batch)


HALF = [jnp.bfloat16, jnp.float16]


@pytest.mark.parametrize("half", HALF, ids=str)
@pytest.mark.parametrize("kind", ["attribution", "ranked", "conductances", "refinement"])
def test_numbers_of_16_bits_become_those_of_32(kind, batch, half, tmp_path):
    whole = make(kind, batch, "float32")
    changed = {
        name: np.asarray(getattr(whole, name)).astype(half)
        for name in ("influences", "node_influences", "edge_influences")
        if hasattr(whole, name)
    }
    result = dataclasses.replace(whole, **changed, metadata={})
    data, frame = result.to_xarray(), result.to_pandas()
    for name, values in changed.items():
        found = data[{"influences": "influence"}.get(name, name.removesuffix("s"))]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, values.astype(np.float32))
    assert frame["influence"].dtype == (np.float64 if kind == "conductances" else np.float32)
    wanted = changed["node_influences" if kind == "conductances" else "influences"]
    np.testing.assert_array_equal(frame["influence"], wanted.astype(np.float32).ravel())
    # Labels may be anything, but the format of this file takes no zero bytes in a text.
    data = data.drop_vars([name for name, c in data.coords.items() if c.dtype == object])
    data.to_netcdf(tmp_path / "out.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "out.nc", engine="scipy") as back:
        for name in data.data_vars:
            np.testing.assert_array_equal(back[name], data[name])
