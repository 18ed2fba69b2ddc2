"""All methods agree path by path, and the command writes what it measured."""

import csv
import json
import math
import sys
import warnings

import numpy as np
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
from benchmarks._measure import agreement, of_the_largest
from benchmarks._pathflow import make_problem
from benchmarks._plan import make_plan
from benchmarks._sentences import agreement as agreement_sentence
from benchmarks._sentences import trained
from benchmarks._setting import Setting
from benchmarks.enumerate import main
from examples.lstm_agreement.sentences.lexicon import ENGLISH

METHODS = {
    "pathflow",
    "pathflow_gauss",
    "chain",
    "depth_first",
    "depth_first_live",
    "meet",
    "meet_live",
    "captum",
    "pathflow_total",
    "pathflow_flows",
    "pathflow_greedy",
    "pathflow_top",
    "captum_layers",
    "guided",
}
TOTALS = {"captum", "pathflow_total"}
# What gives some numbers and not all of them has no sum to compare.
PARTS = {"pathflow_flows", "pathflow_greedy", "pathflow_top", "captum_layers", "guided"}


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
        assert (error is None) == (key in TOTALS), key
        # Captum's conductances are not those of the same points: differences stand for derivatives.
        assert error is None or error < (0.05 if key == "captum_layers" else 1e-4), key
        assert (total_error is None) == (key in PARTS), key
        assert total_error is None or total_error < 1e-4, key


def test_conductances_of_captum_come_closer_with_more_points():
    errors = []
    for points in (20, 80):
        problem = make_problem(small(3, sample=2, points=points))
        chosen = [case for case in cases(problem, 2**30) if case.key == "captum_layers"]
        errors.append(agreement(problem, chosen)["captum_layers"][0])
    assert 1e-6 < errors[1] < 0.5 * errors[0]


def test_guided_refinement_is_what_greedy_does_and_need_not_find_the_largest_path():
    problem = make_problem(small(4, sample=2, sentences=6))
    methods = {case.key: case for case in cases(problem, 2**30)}
    sizes = of_the_largest(
        problem, [methods[k] for k in ("guided", "pathflow_greedy", "pathflow_top")]
    )
    for number in range(problem.setting.sentences):
        given = make_input(problem, number)
        paths = [methods[key].found(given).path(0) for key in ("guided", "pathflow_greedy")]
        assert paths[0] == paths[1]
    np.testing.assert_allclose(sizes["guided"], sizes["pathflow_greedy"], rtol=1e-3)
    np.testing.assert_allclose(sizes["pathflow_top"], 1, rtol=1e-5)
    assert len(sizes["guided"]) == problem.setting.sentences
    assert min(sizes["guided"]) < 0.9
    assert max(sizes["guided"]) <= 1 + 1e-5


def test_the_trained_model_is_asked_agreement_sentences():
    words = trained()[1]
    for steps in range(1, 8):
        said = [
            words.index(w) for w in agreement_sentence(np.random.default_rng(steps), steps, words)
        ]
        assert len(said) == steps + 1
    subject, *_, other = agreement_sentence(np.random.default_rng(0), 5, words)
    assert subject != other
    known = {frozenset((forms.singular, forms.plural)) for forms in ENGLISH.subjects}
    assert frozenset((subject, other)) in known
    problem = make_problem(Setting(2, units=200, embedding=200, vocab=10_000, trained=True))
    assert problem.words == words
    assert words[problem.good] == "is"
    assert words[problem.bad] == "are"
    rows = np.asarray(problem.model.embedding[...])
    sentence = problem.sentence(3)
    # The baseline lies between the two numbers of the subject.
    mirrored = 2 * sentence.baseline - sentence.words[0]
    nearest = np.abs(rows - mirrored).max(axis=1).argmin()
    assert frozenset((words[sentence.tokens[0]], words[nearest])) in known


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
