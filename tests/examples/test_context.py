"""Long contexts: sentences, classes of paths, and sums against all paths."""

import csv

import numpy as np
import pytest

import pathflow as pf
from examples.lstm_agreement.context import __main__ as command
from examples.lstm_agreement.context.lengths import measure, path_classes
from examples.lstm_agreement.context.sentences import long_sentences
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.tasks import Number
from examples.lstm_agreement.tables.measure import (
    Role,
    Settings,
    noun_influences,
    primary_path,
    traced_model,
)
from pathflow import metrics
from pathflow.models import ModelCard, save_checkpoint

SETTINGS = Settings(3, pf.Midpoint())


@pytest.mark.parametrize("n_phrases", [0, 1, 40])
def test_sentences_of_a_group_differ_in_numbers_only(n_phrases):
    sentences = long_sentences(n_phrases, 3, seed=2)
    conditions = ("SS", "SP", "PS", "PP") if n_phrases else ("S", "P")
    assert [s.condition for s in sentences] == [*conditions] * 3
    for s in sentences:
        assert len(s.tokens) == 2 + 3 * n_phrases
        assert s.tokens[1] == s.subject.number.form_of(s.subject.forms)
        assert s.condition[0] == s.subject.number.value
        assert s.correct != s.wrong
        if s.intervening is not None:
            assert s.tokens[-1] == s.intervening.number.form_of(s.intervening.forms)
            assert s.intervening.number == Number(s.condition[1])
    one = sentences[: len(conditions)]
    assert len({s.subject.forms for s in one}) == len({s.group for s in one}) == 1
    assert sentences == long_sentences(n_phrases, 3, seed=2)
    assert sentences != long_sentences(n_phrases, 3, seed=3)


def test_no_sentences():
    for arguments in ((-1, 3), (2, 0)):
        with pytest.raises(StudyError, match="at least 0 and 1"):
            long_sentences(*arguments)


def test_classes_are_apart_and_hold_what_they_say(model, vocabulary):
    sentences = [s for s in long_sentences(1, 2) if s.condition == "SP"]
    settings = Settings(3, pf.Midpoint(), chunk=2)
    every = noun_influences(model, vocabulary, sentences, Role.SUBJECT, settings)
    members = {name: set() for name in path_classes(3)}
    for path in every.space:
        gates = [n.name for n in path]
        waits = (
            {n.index[0] for n in path if n.name == "c1"},
            {n.index[0] for n in path if n.name == "c0"},
        )
        leaves = [n.index[0] for n in path if n.name == "h0"]
        if str(path) == primary_path(1, 4):
            members["primary"].add(str(path))
        elif waits[0] == {1, 2, 3, 4} and leaves == [1] and gates.count("h1") == 1:
            members["second cell"].add(str(path))
        elif waits[1] == {1, 2, 3, 4} and leaves == [4]:
            members["first cell"].add(str(path))
    graph, _ = traced_model(model, 5)
    for name, pattern in path_classes(3).items():
        matched = graph.count_paths("x@1", "qoi", pattern)
        assert matched == len(members[name]) > 0, name
    (found,) = measure(model, vocabulary, sentences, SETTINGS, draws=200)
    assert (found.n_words, found.condition, found.n_paths) == (3, "SP", 6946)
    labels = [str(path) for path in every.space]
    scale = np.abs(every.influences).sum(axis=1).mean()
    for name, chosen in members.items():
        mine = every.influences[:, [label in chosen for label in labels]].sum(axis=1).mean()
        assert abs(found.classes[name].mean - mine) < 1e-4 * scale
    assert sum(c.mean for c in found.classes.values()) == pytest.approx(found.total.mean, rel=1e-4)
    # Estimates: right within twice their intervals, which are no wider than they need be.
    primary = every.space.rank(primary_path(1, 4))
    exact = {
        "absolute": scale,
        "share": metrics.positive_shares(every.influences, primary).mean(),
        "t": metrics.t_values(every.influences, primary).mean(),
    }
    for name, value in exact.items():
        estimate = getattr(found, name)
        width = max(estimate.high - estimate.low, 1e-6)
        assert abs(estimate.mean - value) < width, name
        assert width < 0.6 * max(value, 0.2), name


def test_the_command(model, vocabulary, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    out = tmp_path / "out"
    asked = ["--checkpoint", str(path), "--out", str(out), "--phrases", "0", "1"]
    assert command.main([*asked, "--sentences", "2", "--draws", "20"]) == 0
    assert "wrote context.csv" in capsys.readouterr().out
    assert {f.name for f in out.iterdir()} == {
        ".lock",
        "context.jsonl",
        "context.run.json",
        *("context.md", "context.csv", "context.png"),
    }
    rows = list(csv.DictReader((out / "context.csv").read_text().splitlines()))
    assert [(r["n_words"], r["condition"]) for r in rows] == [
        *(("0", c) for c in "SP"),
        *(("3", c) for c in ("SS", "SP", "PS", "PP")),
    ]
    assert (rows[0]["first_cell"], rows[0]["n_paths"], rows[2]["n_paths"]) == ("nan", "16", "6946")
    assert max(float(r["structural"]) for r in rows) < 1e-4
    assert "a test's model" in (out / "context.md").read_text()
    assert command.main(["--checkpoint", str(tmp_path / "none"), "--out", str(out)]) == 1
    assert "error: " in capsys.readouterr().err


def test_it_goes_on_where_it_was_stopped(model, vocabulary, tmp_path, capsys, monkeypatch):
    # Shares of a model that has learnt nothing may all be zero, which has no logarithm to draw.
    monkeypatch.setattr(command.figure, "draw", lambda _numbers, _file: None)
    path, done = tmp_path / "model.safetensors", []
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--phrases", "0", "--sentences", "2", "--draws", "20"]
    assert command.main([*asked, "--out", str(tmp_path / "whole")]) == 0

    def dies(*arguments, **keywords):
        done.append(arguments)
        # Three searches for each of two conditions.
        if len(done) == 4:
            raise KeyboardInterrupt
        return noun_influences(*arguments, **keywords)

    monkeypatch.setattr("examples.lstm_agreement.context.lengths.noun_influences", dies)
    parts = [*asked, "--out", str(tmp_path / "parts")]
    assert command.main(parts) == 130
    assert command.main(parts) == 0
    assert len(done) == 3 + 1 + 3
    assert command.main(parts) == 0
    assert len(done) == 7
    for name in ("context.csv", "context.md"):
        assert (tmp_path / "parts" / name).read_text() == (tmp_path / "whole" / name).read_text()
    # Other draws are another question.
    assert command.main([*parts, "--seed", "1"]) == 0
    assert len(done) == 13
    (tmp_path / "parts" / "context.jsonl").write_text("{}\n")
    assert command.main(parts) == 1
    assert "context.jsonl:1 is no length of this study" in capsys.readouterr().err
