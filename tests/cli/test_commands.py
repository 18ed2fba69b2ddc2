"""Every command, against the library called directly."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.cli import Problem
from tests.cli._run import done, here


def test_trace(run, asked):
    found = done(run("trace", "asked:problem", "--json", "--pattern", ".* gate@3 .*")).json()
    graph = asked.traced()
    paths = [str(p).split() for p in graph.paths("x@1", "qoi")]
    assert (found["n_nodes"], found["n_edges"]) == (len(graph.nodes), len(graph.edges))
    assert found["n_paths"] == len(paths) == 4
    assert found["pattern"]["n_paths"] == sum("gate@3" in p for p in paths)
    assert [n["node"] for n in found["nodes"]] == list(map(str, graph.nodes))
    for n in found["nodes"]:
        assert n["paths"] == sum(n["node"] in p for p in paths)
        assert n["reads"] == [str(u) for u in graph.graph.predecessors(n["node"])]
    text = done(run("trace", "asked:problem", "--rows", "2")).out
    assert "4 paths from x@1 to qoi" in text
    assert f"... and {len(graph.nodes) - 2} more nodes" in text


@pytest.mark.parametrize("name", ["problem", "batch"])
def test_attribute_all(run, asked, name):
    found = done(run("attribute", f"asked:{name}", "--json", "--out", "run", "--quiet")).json()
    saved = pf.load("run")
    assert found["total"] == np.asarray(saved.total).tolist()
    assert [row["influence"] for row in found["rows"]] == [r.influence for r in saved.top()]
    assert [row["path"] for row in found["rows"]] == [str(r.path) for r in saved.top()]
    assert saved.metadata["command"] == {
        "name": "attribute",
        "problem": f"asked:{name}",
        "x64": False,
        "top": None,
        "above": None,
        "by": "magnitude",
        "pattern": None,
        "resume": False,
        "shard": None,
        "block": None,
        "memory": 1.0,
        "rows": 10,
        "out": "run",
        "json": True,
    }
    assert found["metadata"]["command"] == saved.metadata["command"]
    if name == "problem":
        direct = asked.problem().attribute(pf.Enumerate())
        np.testing.assert_array_equal(saved.influences, direct.influences)
        assert saved.audit.ok


def test_attribute_prints_paths_and_audit(run, asked):
    found = done(run("attribute", "asked:problem", "--rows", "2"))
    result = asked.problem().attribute(pf.Enumerate())
    head, first, second, more, *audit = found.out.splitlines()
    assert head == f"4 paths, {result.total:+.6g} in total"
    assert [first, second] == list(map(str, result.top(2)))
    assert more == "... and 2 more"
    assert audit == str(result.audit).splitlines()


@pytest.mark.parametrize("by", ["magnitude", "largest", "smallest"])
def test_attribute_first_and_above(run, asked, by):
    order = {"magnitude": pf.Magnitude(), "largest": pf.Largest(), "smallest": pf.Smallest()}[by]
    every = asked.problem().attribute(pf.Enumerate())
    values = order.score(every.influences.astype(float))
    wanted = [str(r.path) for r in every.top(4, order) if values[r.rank] > 0]
    found = done(run("attribute", "asked:problem", "--top", 2, "--by", by, "--json")).json()
    assert [row["path"] for row in found["rows"]] == wanted[:2]
    assert found["certificate"]["exact"]
    threshold = float(values.max()) / 2
    reaching = [path for path in wanted if values[every.space.rank(path)] >= threshold]
    found = done(
        run("attribute", "asked:problem", "--above", threshold, "--by", by, "--json")
    ).json()
    assert [row["path"] for row in found["rows"]] == reaching


def test_attribute_first_of_a_pattern(run, asked):
    pattern = ".* gate@3 .*"
    found = done(
        run("attribute", "asked:problem", "--top", 9, "--pattern", pattern, "--json")
    ).json()
    assert len(found["rows"]) == 2
    assert all("gate@3" in row["path"].split() for row in found["rows"])


def test_aggregate(run, asked):
    found = done(
        run("aggregate", "asked:problem", "late=.* gate@3 .*", "direct=x state+ qoi", "--json")
    )
    every = asked.problem().attribute(pf.Enumerate())
    rows = {row["class"]: row for row in found.json()["rows"]}
    direct = every["x@1 state@1 state@2 state@3 qoi"]
    assert rows["late"]["influence"] == pytest.approx(every.through("gate@3"))
    assert rows["direct"]["influence"] == pytest.approx(direct)
    assert rows["rest"]["influence"] == pytest.approx(
        every.total - direct - every.through("gate@3")
    )
    assert [row["paths"] for row in found.json()["rows"]] == [2, 1, 1]
    text = run("aggregate", "asked:problem", "late=.* gate@3 .*", "--out", "run")
    assert text.err == "pathflow: saved in run\n"
    assert text.out == f"{pf.load('run')}\n{pf.load('run').audit}\n"
    assert pf.load("run").metadata["command"]["classes"] == ["late=.* gate@3 .*"]


@pytest.mark.filterwarnings("default::pathflow.PatternWarning")
def test_a_pattern_that_matches_nothing_is_a_warning_in_one_line(run):
    found = run("aggregate", "asked:problem", "none=x@1 gate@1 qoi")
    assert found.code == 0
    assert found.err.startswith("pathflow: warning: ")
    assert ".py" not in found.err


def kinds(asked):
    problem = asked.problem()
    yield problem.attribute(pf.Enumerate())
    yield problem.attribute(pf.TopK(2))
    yield problem.attribute(pf.Aggregate({"late": ".* gate@3 .*"}))
    yield problem.attribute(pf.Conductance())
    yield pf.refine(problem.attribute(pf.Enumerate()), "x@1 .* qoi", at="state@2")
    yield asked.batch().attribute(pf.Enumerate())


def test_top_of_every_kind(run, asked):
    for i, result in enumerate(kinds(asked)):
        result.save(f"run{i}")
        rows = done(run("top", f"run{i}", "-n", 1, "--json")).json()["rows"]
        text = done(run("top", f"run{i}", "-n", 1)).out
        assert str(result.audit) in text
        if isinstance(result, pf.Aggregation):
            assert [row["class"] for row in rows] == ["late", "rest"]
            assert rows[0]["influence"] == result["late"]
        elif isinstance(result, pf.Conductances):
            node, edge = result.top_nodes(1)[0], result.top_edges(1)[0]
            assert rows[0]["node"] == str(node.node)
            assert (rows[1]["start"], rows[1]["end"]) == tuple(map(str, edge.edge))
            assert [row["influence"] for row in rows] == [node.influence, edge.influence]
            assert str(node) in text
            assert str(edge) in text
        else:
            assert [row["influence"] for row in rows] == [result.top(1)[0].influence]
            assert str(result.top(1)[0]) in text


def test_top_of_one_example(run, asked):
    result = asked.batch().attribute(pf.Enumerate())
    result.save("run")
    found = done(run("top", "run", "--example", 2, "--by", "smallest", "--json")).json()
    wanted = result.example(2).top(10, pf.Smallest())
    assert [row["influence"] for row in found["rows"]] == [r.influence for r in wanted]
    assert run("top", "run", "--example", 3).code == 1


def test_view_makes_a_page_and_opens_it(run, asked, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    asked.problem().attribute(pf.Enumerate()).save("one")
    asked.problem().attribute(pf.TopK(2)).save("two")
    found = done(run("view", "one"))
    assert found.out == "one.html\n"
    assert opened == [(here("one.html")).as_uri()]
    assert "<html" in here("one.html").read_text()
    assert done(run("view", "one", "two", "--out", "p.html", "--no-open")).out == "p.html\n"
    assert len(opened) == 1
    assert run("view").code == 1
    assert run("view", "one", "one").code == 1


def test_agreement_passes_its_arguments_on(run, monkeypatch):
    from examples.lstm_agreement import __main__ as study
    from examples.lstm_agreement import convert
    from examples.lstm_agreement.train import __main__ as train

    seen = []
    for module in (study, train, convert):
        monkeypatch.setattr(module, "main", lambda a, m=module: seen.append((m, a)) or 1)
    assert run("agreement", "--tiny", "--steps", "3").code == 1
    assert run("agreement", "train", "--help").code == 1
    assert run("agreement", "convert", "a").code == 1
    assert seen == [(study, ["--tiny", "--steps", "3"]), (train, ["--help"]), (convert, ["a"])]
    assert run("agreement", "errors").code == 1


def test_agreement_without_the_repository(run, monkeypatch):
    monkeypatch.setattr("pathflow.cli._agreement.importlib.util.find_spec", lambda _: None)
    found = run("agreement")
    assert (found.code, found.out) == (1, "")
    assert "clone" in found.err


def test_a_problem_is_what_attribute_is_asked(asked):
    problem = asked.batch()
    assert problem.sources == ("x@1",)
    assert str(problem.end) == "qoi"
    direct = pf.attribute(
        problem.graph, problem.args, source="x@1", doi=problem.doi, in_axes=(None, 0)
    )
    np.testing.assert_array_equal(problem.attribute(pf.Enumerate()).influences, direct.influences)


def test_a_problem_needs_a_target(unchecked):
    x = jnp.ones(2)
    graph = pf.trace(lambda x: (pf.tag(x.sum(), "a"), pf.tag(x.prod(), "b")), x)
    with pytest.raises(pf.ArgumentError, match="name one as target"):
        Problem(graph, (x,), source="x", doi=pf.Point())
    assert Problem(graph, (x,), source=["x"], doi=pf.Point(), target="a").sources == ("x",)
    with pytest.raises(pf.ArgumentError, match=r"Problem\(args=...\) takes a tuple.*list"):
        Problem(graph, [x], source="x", doi=pf.Point(), target="a")


def test_float64_is_asked_for_before_the_problem_is_made(run, monkeypatch):
    seen = []
    monkeypatch.setattr("jax.config.update", lambda *a: seen.append((a, "asked" in sys.modules)))
    sys.modules.pop("asked", None)
    done(run("trace", "asked:problem", "--x64"))
    assert seen[0] == (("jax_enable_x64", True), False)


def test_nothing_is_written_into_what_is_read(run, asked):
    asked.problem().attribute(pf.Enumerate()).save("run")
    before = {path: path.read_bytes() for path in here("run").rglob("*") if path.is_file()}
    here("link").symlink_to("run")
    here("model.pt").write_bytes(b"weights")
    for arguments in (
        ("convert", "run", "run/manifest.json", "--to", "json"),
        ("convert", "run", "run/new/out.csv"),
        ("convert", "link", "run/out.csv"),
        ("convert", "run", "link/out.csv"),
        ("convert", "run", "run", "--to", "json"),
        ("convert", "model.pt", "./model.pt", "--to", "safetensors"),
        ("view", "run", "--no-open", "--out", "run/manifest.json"),
        ("view", "link", "--no-open", "--out", "run/page.html"),
    ):
        found = run(*arguments)
        assert (found.code, found.out) == (1, ""), arguments
        assert "which is read" in found.err
    found = {path: path.read_bytes() for path in here("run").rglob("*") if path.is_file()}
    assert found == before
    assert here("model.pt").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["problem", "batch"])
def test_top_of_a_sample(run, asked, name):
    search = pf.Sample(6, jax.random.key(0), head=pf.TopK(1))
    result = getattr(asked, name)().attribute(search)
    result.save("run")
    found = done(run("top", "run", "-n", 3, "--json")).json()
    means = np.atleast_2d(np.asarray(result.influences, np.float64)).mean(axis=0)
    wanted = sorted(range(6), key=lambda i: -abs(means[i]))[:3]
    assert [row["influence"] for row in found["rows"]] == pytest.approx(means[wanted].tolist())
    for row, i in zip(found["rows"], wanted, strict=True):
        assert row["rank"] in [result.ranks[j] for j in range(6) if means[j] == means[i]]
        assert row["path"] == str(result.space.unrank(row["rank"]))
    total = found["estimates"]["absolute_sum"]
    assert [total["estimate"], total["low"], total["high"]] == list(result.absolute_sum())
    assert found["estimates"]["effective_draws"] == result.effective_draws
    text = done(run("top", "run", "-n", 3)).out
    assert str(result) in text
    assert "... and 3 more" in text


def test_top_of_a_curve(run):
    sizes = np.array([0, 1, 4])
    kept, full, empty = np.array([[1.0, 3.0], [2.0, -4.0], [5.0, 7.0]]), [5.0, 7.0], [1.0, 3.0]
    result = pf.Faithfulness(sizes, kept, np.array(full), np.array(empty), tuple("abcd"), True)
    result.save("run")
    found = done(run("top", "run", "--json")).json()
    assert found == {
        "result": "Faithfulness",
        "rows": [
            {"kept": 0, "recovered": 0.0, "accuracy": 1.0},
            {"kept": 1, "recovered": -0.75, "accuracy": 0.5},
            {"kept": 4, "recovered": 1.0, "accuracy": 1.0},
        ],
    }
    lines = done(run("top", "run", "-n", 2)).out.splitlines()
    assert lines[0] == "4 ranked, 3 sizes"
    assert lines[1].split() == ["kept", "recovered", "accuracy"]
    assert lines[3].split() == ["1", "-0.75", "0.5"]
    assert lines[4] == "... and 1 more"
    assert "has no examples" in run("top", "run", "--example", "0").err
