"""Paths of rank 1, measured where they were not found."""

import csv

import numpy as np
import pytest

from examples.lstm_agreement.halves import __main__ as command
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, generate
from examples.lstm_agreement.tables.halves import find, halves, measured_half
from examples.lstm_agreement.tables.held import node_means
from examples.lstm_agreement.tables.measure import EXACT, Role, margins_under, noun_influences
from examples.lstm_agreement.tables.table1 import Condition
from examples.lstm_agreement.tables.table2 import all_gates
from pathflow.models import ModelCard, save_checkpoint


def test_no_group_is_in_both_halves():
    sentences = generate(NOUN_PP, 5)
    even, odd = halves(sentences)
    assert {s.group for s in even} == {0, 2, 4}
    assert {s.group for s in odd} == {1, 3}
    assert len(even) + len(odd) == len(sentences)
    one = sentences[:4]
    assert halves(one) == (one, one)


@pytest.mark.parametrize("condition", ["SS", "SP"])
def test_a_path_is_measured_where_it_was_not_found(model, vocabulary, condition):
    sentences = tuple(s for s in generate(NOUN_PP, 5, seed=1) if s.condition == condition)
    asked = Condition(Role.INTERVENING, sentences)
    half = find(model, vocabulary, asked, EXACT)
    result = noun_influences(model, vocabulary, sentences, Role.INTERVENING, EXACT)
    # An attractor's influence is looked at from its own end.
    influences = np.asarray(result.influences, np.float64) * (1 if condition == "SS" else -1)
    means = {"found": influences[::2].mean(axis=0), "others": influences[1::2].mean(axis=0)}
    largest = int(means["found"].argmax())
    assert half.path == str(result.space.unrank(largest))
    assert (half.n_found, half.n_sentences) == (3, 2)
    own = influences[1::2].clip(min=0)
    assert half.share.mean == pytest.approx((own[:, largest] / own.sum(axis=1)).mean(), rel=1e-4)
    assert half.rank == 1 + sorted(means["others"], reverse=True).index(means["others"][largest])
    assert half.every is (int(influences.mean(axis=0).argmax()) == largest)
    assert measured_half(asked).sentences == sentences[1::2]


def test_the_command(model, vocabulary, tmp_path, monkeypatch):
    path, out = tmp_path / "model.safetensors", tmp_path / "out"
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--sentences", "4", "--accuracy-sentences", "4"]
    asked += ["--tasks", "Simple", "nounPP", "--out", str(out)]
    found, real = [], command.find

    def counted(*arguments, **keywords):
        # The paths of the noun alone are few enough for a test.
        found.append(arguments[2].name)
        if len(found) == 4:
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    def few(sentences, limit):
        simple, noun = (
            Condition(role, tuple(s for s in sentences[task.name] if s.condition == c)[:limit])
            for task, c, role in (
                (SIMPLE, "S", Role.SUBJECT),
                (NOUN_PP, "SP", Role.INTERVENING),
            )
        )
        return [simple, Condition(simple.role, simple.sentences[:2]), noun]

    monkeypatch.setattr(command, "conditions", few)
    monkeypatch.setattr(command, "find", counted)
    found += [""]
    assert command.main(asked) == 130
    assert command.main(asked) == 0
    # The first two were kept.
    assert len(found) == 1 + 3 + 1
    rows = list(csv.DictReader((out / "halves.csv").read_text().splitlines()))
    assert [(r["task"], r["n_found"], r["n_sentences"]) for r in rows] == [
        ("Simple", "2", "2"),
        ("Simple", "1", "1"),
        ("nounPP", "2", "2"),
    ]
    held = {
        (r["scheme"], r["condition"]): float(r["accuracy"])
        for r in csv.DictReader((out / "halves_held.csv").read_text().splitlines())
    }
    _, odd = halves(generate(NOUN_PP, 4, vocabulary=vocabulary))
    encoded = encode(odd, vocabulary)
    of_sp = np.array([s.condition == "SP" for s in odd])
    right = margins_under(model, encoded, {})[of_sp] > 0
    assert held["C", "SP"] == right.mean()
    gates = set(rows[2]["path"].split()) & all_gates(odd[0])
    means = node_means(model, encoded, sorted(gates))
    fixed = {g: command.pf.Fix(means[g]) for g in gates}
    right = margins_under(model, encoded, fixed)[of_sp] > 0
    assert held["all but CFi", "SP"] == right.mean()
    assert "a test's model" in (out / "halves.md").read_text()
    differences = list(csv.DictReader((out / "halves_differences.csv").read_text().splitlines()))
    assert {(d["what"], d["task"]) for d in differences} == {(command.OWN, "nounPP")}
