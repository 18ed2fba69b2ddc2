"""All methods agree path by path, and the command writes what it measured."""

import csv
import json
import math
import sys
import warnings

import pytest

with warnings.catch_warnings():
    # Other people's imports; what our own code warns of is still an error.
    warnings.simplefilter("ignore")
    pytest.importorskip("torch")
    pytest.importorskip("captum")

import pathflow as pf
from benchmarks import _machine
from benchmarks._cases import cases, disagreement, make_input, midpoint
from benchmarks._gates import gate_graph, unit_costs
from benchmarks._measure import agreement
from benchmarks._pathflow import make_problem
from benchmarks._plan import make_plan
from benchmarks._setting import Setting
from benchmarks.enumerate import main

METHODS = {
    "pathflow",
    "pathflow_gauss",
    "chain",
    "depth_first",
    "depth_first_live",
    "meet",
    "meet_live",
    "captum",
}


def small(steps, **sizes):
    # Weights large enough that gates saturate and influences depend on the point.
    return Setting(steps, units=8, embedding=6, vocab=20, scale=2.0, repeats=1, **sizes)


@pytest.mark.parametrize("steps", [2, 3])
def test_all_methods_agree_path_by_path(steps):
    problem = make_problem(small(steps, sample=2_000))
    methods = list(cases(problem, 2**30))
    assert {case.key for case in methods} == METHODS
    errors = agreement(problem, methods)
    for key, (error, total_error) in errors.items():
        assert (error is None) == (key == "captum"), key
        assert error is None or error < 1e-4, key
        assert total_error is not None, key
        assert total_error < 1e-4, key


def test_a_wrong_influence_is_seen():
    problem = make_problem(small(2, sample=2_000))
    given = make_input(problem, 0)
    reference = midpoint(problem, given.sentence)
    methods = {case.key: case for case in cases(problem, 2**30)}
    largest = int(abs(reference.influences).argmax())
    wrong = reference.influences.copy()
    wrong[largest] *= 1.01
    other = pf.Attribution(reference.space, wrong, reference.audit)
    error, total_error = disagreement(methods["meet"].found(given), other, 0)
    assert math.isclose(error, 0.01, rel_tol=0.05)
    assert total_error > 1e-4


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_gate_graph_has_the_paths_of_the_traced_model(steps):
    traced = make_problem(small(steps)).traced
    gates = gate_graph(steps, 2, live=False)
    space = traced.paths("x@0", "qoi")
    assert gates.count == space.count
    by_prefix = {gates.prefix("qoi", n) for n in range(gates.count)}
    by_suffix = {gates.suffix("x@0", n) for n in range(gates.count)}
    assert by_prefix == by_suffix == {tuple(map(str, path)) for path in space}


def test_the_cut_is_the_cheapest_of_all():
    gates = gate_graph(2, 1, live=True)
    price = unit_costs(650, 50)

    def work(before):
        total = 0
        for (u, v), kind in gates.kinds.items():
            push, pull = price[kind] * gates.prefixes[u], price[kind] * gates.suffixes[v]
            total += push if v in before else min(push, pull) if u in before else pull
        return total

    cuts = [frozenset({"x@0"})]
    for node in gates.nodes[1:-1]:
        cuts += [cut | {node} for cut in cuts if cut.issuperset(gates.before[node])]
    assert len(cuts) > 20
    plan = make_plan(gates, 650, 50)
    assert work({"x@0", *plan.left}) == min(map(work, cuts))
    assert work({"x@0", *plan.left}) < max(map(work, cuts))


@pytest.mark.slow
def test_the_command_prints_and_writes_one_table(tmp_path, capsys):
    sizes = "--T 2 --units 8 --embedding 6 --vocab 20 --points 5 --nodes 3 --repeats 2 --sample 5"
    assert main([*sizes.split(), "--threads", "1", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    lines = list(csv.DictReader((tmp_path / "enumerate_T2_1threads.csv").read_text().splitlines()))
    whole = json.loads((tmp_path / "enumerate_T2_1threads.json").read_text())
    rows = {row["key"]: row for row in whole["rows"]}
    assert rows.keys() > METHODS | {"pathflow_first", "floor_torch", "floor_xla", "floor_best"}
    assert len(lines) == len(rows)
    assert all(line["method"] in printed for line in lines)
    assert all(min(row["seconds"]) > 0 for row in rows.values())
    assert "0 compilations" in rows["pathflow"]["note"]
    assert "extrapolated from 5 random paths" in rows["chain"]["note"]
    by_method = {line["method"]: line for line in lines}
    ratio = float(by_method["(c) captum, the total alone"]["ratio"])
    assert math.isclose(
        ratio,
        float(by_method["(c) captum, the total alone"]["median s"])
        / float(by_method["pathflow Enumerate, 5 points"]["median s"]),
    )


def test_a_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(_machine, "find_spec", lambda name: None if name == "captum" else sys)
    with pytest.raises(SystemExit) as exit_:
        main(["--T", "2"])
    assert exit_.value.code == 2
    assert "captum, which is not installed" in capsys.readouterr().err


def test_more_threads_than_processors_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--T", "2", "--threads", "100000"])
    assert "--threads 100000" in capsys.readouterr().err
