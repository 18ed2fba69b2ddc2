"""What is read back from files is what the result holds."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pathflow as pf
from pathflow import exports
from tests.graph.strategies import spaces
from tests.helpers._results import KINDS, make


def expected(result) -> pd.DataFrame:
    """The rows by `to_pandas`, which has code of its own."""
    if isinstance(result, pf.Conductances):
        nodes = result.to_pandas().rename(columns={"node": "start"}).assign(kind="node", end=None)
        edges = result.to_pandas(edges=True).assign(kind="edge")
        frame = pd.concat([nodes, edges], ignore_index=True)
        if "example" in frame:
            frame = frame.sort_values("example", kind="stable", ignore_index=True)
        order = ["example", "kind", "start", "end", "influence", "share"]
        frame = frame[[name for name in order if name in frame]]
    elif isinstance(result, pf.Sampled):
        rows = np.atleast_2d(result.influences)
        paths = [str(result.space.unrank(rank)) for rank in result.ranks]
        columns = {
            "path": paths * len(rows),
            "rank": [*result.ranks] * len(rows),
            "influence": rows.ravel(),
            "weight": np.tile(result.weights, len(rows)),
        }
        if result.n_examples is not None:
            columns = {"example": np.repeat(np.arange(len(rows)), 3), **columns}
        frame = pd.DataFrame(columns)
    else:
        frame = result.to_pandas()
        if isinstance(result, pf.Refinement):
            frame = frame.drop(columns=[str(n) for n in result.table.nodes])
    return frame


def assert_rows(columns: dict, result, exact=str):
    """Equal, number by number; integers beyond 64 bits by `exact`."""
    frame = expected(result)
    assert sorted(columns) == sorted(frame.columns)
    for name in frame.columns:
        values = frame[name].tolist()
        if name == "paths":
            values = [exact(v) for v in values]
        if name in ("influence", "share", "weight"):
            np.testing.assert_array_equal(
                np.asarray(columns[name], np.float64), frame[name].to_numpy(np.float64)
            )
        else:
            assert [None if v is None or v == "" else v for v in columns[name]] == [
                None if v is None or v != v else v for v in values
            ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_parquet(kind, batch, dtype, rows, tmp_path):
    result, path = make(kind, batch, dtype), tmp_path / "new" / "out.parquet"
    exports.write_parquet(result, path, rows=rows)
    table = pq.read_table(path)
    assert_rows(table.to_pydict(), result)
    # Sums over classes are in float64 whatever the precision.
    stored = "float64" if kind == "aggregation" else dtype
    assert (
        str(table.schema.field("influence").type)
        == {"float64": "double", "float32": "float"}[stored]
    )
    groups = pq.ParquetFile(path).metadata
    assert max(groups.row_group(i).num_rows for i in range(groups.num_row_groups)) <= rows
    facts = json.loads(table.schema.metadata[b"pathflow"])
    assert facts["result"] == type(result).__name__
    np.testing.assert_array_equal(facts["total"], result.total)
    assert facts["audit"]["n_steps"] == 7
    assert [p.name for p in path.parent.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_csv(kind, batch, dtype, tmp_path):
    result, path = make(kind, batch, dtype), tmp_path / "out.csv"
    exports.write_csv(result, path, rows=2)
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    columns = dict(zip(header, map(list, zip(*lines, strict=True)), strict=True))
    for name in {"example", "rank"} & columns.keys():
        columns[name] = list(map(int, columns[name]))
    assert_rows(columns, result)


@pytest.mark.parametrize("kind", KINDS)
def test_json(kind, batch, tmp_path):
    result, path = make(kind, batch), tmp_path / "out.json"
    exports.write_json(result, path, rows=2)
    found = json.loads(path.read_text(), parse_constant=pytest.fail)
    rows = found["rows"]
    assert_rows({name: [row[name] for row in rows] for name in rows[0]}, result, exact=int)
    np.testing.assert_array_equal(found["total"], result.total)
    assert found["metadata"] == json.loads(json.dumps(dict(result.metadata)))
    np.testing.assert_array_equal(found["audit"]["structural"], result.audit.structural)
    assert found["audit"]["ok"] is True
    assert found["audit"]["blocked"] == ["a -> b"]
    if kind == "ranked":
        assert float(found["certificate"]["bound"]) == np.inf
        np.testing.assert_array_equal(
            found["certificate"]["unseen_sum"], result.certificate.unseen_sum
        )


def test_half_of_a_pair_of_surrogates_is_escaped(tmp_path):
    # A node has no such name, but a class may.
    audit = make("attribution", None).audit
    result = pf.Aggregation(("a\ud800",), (frozenset(("a\ud800",)),), np.ones(1), (1,), audit)
    exports.write_parquet(result, tmp_path / "out.parquet")
    exports.write_csv(result, tmp_path / "out.csv")
    exports.write_json(result, tmp_path / "out.json")
    names = ["a\\ud800", "rest"]
    assert pq.read_table(tmp_path / "out.parquet")["class"].to_pylist() == names
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [row["class"] for row in csv.DictReader(file)] == names
    assert [
        row["class"] for row in json.loads((tmp_path / "out.json").read_text())["rows"]
    ] == names


def test_numbers_that_are_not_finite_stay_what_they_are(tmp_path):
    result = make("attribution", None)
    result.influences[:3] = [np.nan, np.inf, -np.inf]
    for write, name in ((exports.write_json, "json"), (exports.write_csv, "csv")):
        write(result, tmp_path / f"out.{name}")
    rows = json.loads((tmp_path / "out.json").read_text(), parse_constant=pytest.fail)["rows"]
    np.testing.assert_array_equal([float(r["influence"]) for r in rows], result.influences)
    assert all(np.isnan(float(r["share"])) for r in rows)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        found = [float(row["influence"]) for row in csv.DictReader(file)]
    np.testing.assert_array_equal(found, result.influences)


def two_ways(layers: int) -> pf.PathSpace:
    """All `2**layers` ways through one of two nodes, layer by layer."""
    nodes = [pf.Node("x"), *(pf.Node(n, (i,)) for i in range(layers) for n in "ab"), pf.Node("q")]
    edges = [("x", "a@0"), ("x", "b@0"), (f"a@{layers - 1}", "q"), (f"b@{layers - 1}", "q")]
    edges += [(f"{u}@{i}", f"{v}@{i + 1}") for i in range(layers - 1) for u in "ab" for v in "ab"]
    return pf.Graph(nodes, edges).paths("x", "q")


def of_two_ways(layers: int) -> pf.Ranked:
    """A list of two paths, the last one and the fourth."""
    space = two_ways(layers)
    certificate = pf.Certificate(True, 0.5, 0.0, space.count - 2, 1)
    ranks = (space.count - 1, 3)
    return pf.Ranked(space, ranks, np.ones(2), certificate, make("ranked", None).audit)


def test_ranks_beyond_64_bits(tmp_path):
    result = of_two_ways(70)
    ranks = result.ranks
    assert ranks == (2**70 - 1, 3)
    exports.write_parquet(result, tmp_path / "out.parquet")
    assert [int(r) for r in pq.read_table(tmp_path / "out.parquet")["rank"].to_pylist()] == [*ranks]
    exports.write_json(result, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert [row["rank"] for row in found["rows"]] == [*ranks]
    assert found["certificate"]["unseen_count"] == 2**70 - 2
    assert result.to_xarray()["rank"].values.tolist() == [*ranks]


def test_numbers_beyond_the_digits_that_python_writes(tmp_path):
    """They are exact, as texts where a reader could not take them as numbers."""
    ranked = of_two_ways(15_000)
    n = ranked.space.count
    audit = ranked.audit
    sums = pf.Aggregation(("a",), (frozenset({"a"}), frozenset()), np.ones(2), (n - 7, 7), audit)
    with pytest.raises(ValueError, match="4300 digits"):
        str(n)
    for name, result, expected in (("rank", ranked, ranked.ranks), ("paths", sums, (n - 7, 7))):
        exports.write_parquet(result, tmp_path / "out.parquet")
        found = pq.read_table(tmp_path / "out.parquet")[name].to_pylist()
        assert tuple(map(exactly, found)) == expected
        exports.write_csv(result, tmp_path / "out.csv")
        csv.field_size_limit(2**20)
        with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
            assert tuple(exactly(row[name]) for row in csv.DictReader(file)) == expected
        exports.write_json(result, tmp_path / "out.json")
        found = json.loads((tmp_path / "out.json").read_text())
        rows = [row[name] for row in found["rows"]]
        assert (exactly(rows[0]), rows[1]) == expected
    exports.write_json(ranked, tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert exactly(found["certificate"]["unseen_count"]) == n - 2


def exactly(digits: str) -> int:
    """The integer of any number of digits: Python reads some thousands at a time."""
    number = 0
    for start in range(0, len(digits), 4000):
        part = digits[start : start + 4000]
        number = number * 10 ** len(part) + int(part)
    return number


@given(spaces(max_nodes=9), st.integers(1, 5))
def test_every_path_is_there_once_with_its_own_number(case, rows):
    _, space = case
    result = pf.Attribution(space, np.arange(space.count) + 0.5, make("ranked", None).audit)
    table = exports._table.table_of(result)
    chunks = list(table.chunks(rows))
    found = [p for chunk in chunks for p in chunk["path"]]
    assert found == list(map(str, space))
    assert [r for chunk in chunks for r in chunk["rank"]] == list(range(space.count))
    assert np.concatenate([chunk["influence"] for chunk in chunks]).tolist() == [
        result[p] for p in found
    ]


@pytest.mark.parametrize("block", [3, 20, 1000])
@pytest.mark.parametrize("examples", [None, 3])
def test_a_run_on_disk_gives_the_rows_of_its_result(tmp_path, block, examples):
    def model(x):
        a, b = pf.tag(jnp.tanh(x), "a"), pf.tag(x * x, "b")
        for i in range(3):
            a, b = pf.tag(jnp.sin(a + b), f"a{i}"), pf.tag(a * b, f"b{i}")
        return (a + b).sum()

    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2) if examples else 2))
    graph = pf.trace(model, x[0] if examples else x)
    ask = {"source": "x", "doi": pf.Point(), "in_axes": (0,) if examples else None}
    run = pf.attribute(graph, (x,), search=pf.EnumerateTo(tmp_path / "run", block=block), **ask)
    for name, source in (("run", run), ("whole", pf.load(tmp_path / "run"))):
        exports.write_parquet(source, tmp_path / f"{name}.parquet", rows=7)
        exports.write_csv(source, tmp_path / f"{name}.csv", rows=7)
    assert run.space.count == 16
    found, wanted = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("run", "whole"))
    assert found.schema.equals(wanted.schema)
    assert found.drop_columns("share").equals(wanted.drop_columns("share"))
    # The sums of shares are taken block by block.
    np.testing.assert_allclose(found["share"], wanted["share"], rtol=1e-14)
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 1 + 16 * (examples or 1)


def test_what_has_no_rows_is_refused(tmp_path, unchecked):
    for write in (exports.write_csv, exports.write_json, exports.write_parquet):
        with pytest.raises(pf.ArgumentError, match="result is a dict"):
            write({}, tmp_path / "out")
        with pytest.raises(pf.ArgumentError, match="rows=0"):
            write(make("attribution", None), tmp_path / "out", rows=0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("old")
    monkeypatch.setattr(exports._table, "shares_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exports.write_csv(make("attribution", None), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_packages_are_named(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(pf.MissingDependencyError, match=r"pyarrow.*pathflow\[export\]"):
        exports.write_parquet(make("attribution", None), tmp_path / "out.parquet")
    with pytest.raises(pf.MissingDependencyError, match=r"xarray.*pathflow\[export\]"):
        make("attribution", None).to_xarray()
