"""`pathflow convert`: every format, against the library called directly."""

import csv
import json

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import pathflow as pf
from tests.cli._run import done, here
from tests.helpers._torch_writer import Storage, archive, tensor


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "graphml"])
def test_convert(run, asked, ending):
    result = asked.problem().attribute(pf.Enumerate())
    result.save("run")
    found = run("convert", "run", f"out.{ending}")
    assert (found.code, found.out) == (0, "")
    assert found.err == f"pathflow: wrote out.{ending}\n"
    path = here(f"out.{ending}")
    if ending == "parquet":
        values = pq.read_table(path)["influence"].to_numpy()
    elif ending == "csv":
        with path.open() as file:
            values = [float(row["influence"]) for row in csv.DictReader(file)]
    elif ending == "json":
        values = [row["influence"] for row in json.loads(path.read_text())["rows"]]
    else:
        graph = nx.read_graphml(path)
        assert graph.nodes["state@2"]["influence"] == pytest.approx(result.through("state@2"))
        return
    np.testing.assert_array_equal(values, result.influences)


def test_convert_to_an_attribution_graph_of_one_example(run, asked):
    result = asked.batch().attribute(pf.Enumerate())
    result.save("run")
    tokens = ["The", " boys", " greet", " him"]
    name = "attribution-graph"
    found = run("convert", "run", "g.json", "--to", name, "--example", 1, "--tokens", *tokens)
    assert found.code == 0
    graph = json.loads(here("g.json").read_text())
    assert graph["metadata"]["prompt_tokens"] == tokens
    assert graph["metadata"]["slug"] == "g"
    into = sum(
        link["weight"] for link in graph["links"] if link["target"] == graph["nodes"][-1]["node_id"]
    )
    assert into == pytest.approx(result.example(1).total)


def test_convert_a_checkpoint_of_pytorch(run, folder):
    arrays = {"rnn.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.ones(2)}
    (folder / "model.pt").write_bytes(
        archive(
            {
                name: tensor(Storage(str(i), array.ravel()), array.shape)
                for i, (name, array) in enumerate(arrays.items())
            }
        )
    )
    found = run("convert", "model.pt", "model.safetensors")
    assert (found.code, found.out) == (0, "")
    back = load_file(folder / "model.safetensors")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_convert_refuses_what_does_not_fit(run, asked):
    asked.problem().attribute(pf.Enumerate()).save("run")
    for arguments, why in (
        (("run", "out.xlsx"), r".parquet"),
        (("run", "out.safetensors"), "is a folder"),
        (("asked.py", "out.csv"), "is a file"),
        (("asked.py", "out.safetensors"), "torch.save"),
        (("run", "out.csv", "--tokens", "a"), "--tokens"),
        (("run", "out.csv", "--example", "0"), "no axis of examples"),
        (("none", "out.csv"), "none"),
    ):
        found = run("convert", *arguments)
        assert (found.code, found.out) == (1, "")
        assert why in found.err, found.err
        assert not list(here(".").glob("out.*"))


def test_convert_what_is_too_large_for_the_memory(run, asked, monkeypatch):
    result = asked.batch().attribute(pf.Enumerate())
    result.save("run")

    def refuse(folder):
        raise pf.TooManyPathsError(f"{folder} is large", 10**12)

    monkeypatch.setattr(pf, "load", refuse)
    assert run("convert", "run", "out.parquet").code == 0
    values = pq.read_table(here("out.parquet"))["influence"].to_numpy()
    np.testing.assert_array_equal(values, result.influences.ravel())
    found = run("convert", "run", "out.graphml")
    assert found.code == 1
    assert "search again by `pathflow attribute --top K" in found.err
    # A list goes through the blocks, and a page cannot.
    rows = done(run("top", "run", "-n", 2, "--by", "largest", "--json")).json()["rows"]
    for row, wanted in zip(rows, result.top(2, pf.Largest()), strict=True):
        assert (row["path"], row["rank"]) == (str(wanted.path), wanted.rank)
        assert row["influence"] == pytest.approx(wanted.influence)
        assert row["share"] == pytest.approx(wanted.share)
    assert str(result.audit) in done(run("top", "run")).out
    for arguments in (("view", "run"), ("top", "run", "--example", 0)):
        found = run(*arguments)
        assert (found.code, found.out) == (1, "")
        assert "pathflow convert" in found.err
