"""The command: its files, its exit codes, its errors."""

import csv
from pathlib import Path

import numpy as np
import pytest

from examples.lstm_agreement.__main__ import first_groups, main, parser, sentences_of
from examples.lstm_agreement.language_models.untrained import untrained
from examples.lstm_agreement.sentences.lakretz import read_task
from examples.lstm_agreement.sentences.tasks import SIMPLE, count_groups
from examples.lstm_agreement.tables import measure
from examples.lstm_agreement.tables.table1 import compute
from pathflow.models import Checkpoint, ModelCard, Vocabulary, save_checkpoint

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "lakretz_na_tasks"


@pytest.fixture(scope="session")
def checkpoint(model, vocabulary, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    return path


# Untrained models get fewer sentences than the trained one.
QUICK = ["--controls", "1", "--control-sentences", "2", "--sentences", "3", "--steps", "4"]
QUICK += ["--accuracy-sentences", "5"]


@pytest.mark.slow
def test_the_whole_study(checkpoint, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    arguments = ["--checkpoint", str(checkpoint), "--out", str(out), *QUICK]
    assert main([*arguments, "--tasks", "Simple", "nounPP"]) == 0
    names = {"tables.md", "paths.png", "paths.svg", "rows.jsonl", "tables.run.json", "blocks"} | {
        f"{name}.csv"
        for name in ("table1", "table2", "neurons", "ablations", "accuracy", "differences")
    }
    names.add(".lock")
    assert {f.name for f in out.iterdir()} == names
    rows = list(csv.DictReader((out / "table1.csv").read_text().splitlines()))
    # Simple and nounPP from the subject, nounPP from the noun, each on two models.
    assert len(rows) == 2 * (2 + 4 + 4)
    assert {(r["model"], r["n_sentences"]) for r in rows} == {
        ("trained", "3"),
        ("untrained 0", "2"),
    }
    assert {(r["task"], r["role"], r["n_paths"]) for r in rows} == {
        ("Simple", "subject", "16"),
        ("nounPP", "subject", "6946"),
        ("nounPP", "intervening noun", "16"),
    }
    assert max(float(r["structural"]) for r in rows) < 1e-4
    accuracies = list(csv.DictReader((out / "accuracy.csv").read_text().splitlines()))
    assert len(accuracies) == 2 + 2 + 2 + 4 + 4
    assert {r["n_sentences"] for r in accuracies} == {"5"}
    differences = list(csv.DictReader((out / "differences.csv").read_text().splitlines()))
    # Subject against noun, trained against not, from both nouns, and four pairs of schemes.
    assert len(differences) == 4 + (2 + 4) + 4 + 4 * 4
    text = (out / "tables.md").read_text()
    assert "a test's model" in text
    compressed = list(csv.DictReader((out / "table2.csv").read_text().splitlines()))
    assert {r["task"] for r in compressed} == {"nounPP"}
    # The paper's schemes and those of the paths of rank 1, in four conditions; random gates.
    named = [r for r in compressed if not r["scheme"].startswith("all but CR")]
    assert len(named) == (7 + 6) * 4
    assert len(compressed) > len(named)
    neurons = list(csv.DictReader((out / "neurons.csv").read_text().splitlines()))
    assert len(neurons) == 2 * (2 + 4 + 4)
    assert len(list(csv.DictReader((out / "ablations.csv").read_text().splitlines()))) == 5 * 6
    assert "## Primary neurons" in text
    shown = capsys.readouterr()
    assert "From the intervening noun" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--tasks-dir", "nowhere"], "lexicon.tsv does not exist"),
    ],
)
def test_inputs_that_cannot_be_used(checkpoint, tmp_path, capsys, arguments, message):
    start = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "out"), *QUICK]
    assert main([*start, *arguments]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sentences", "0"],
        ["--rule", "simpson"],
        ["--tiny", "--checkpoint", "x"],
        ["--tiny", "--decayed"],
        ["--tasks", "x"],
    ],
)
def test_wrong_options(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_run_goes_on_where_it_was_stopped(checkpoint, tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    asked = ["--checkpoint", str(checkpoint), *QUICK, "--tasks", "Simple"]
    assert main([*asked, "--out", str(whole)]) == 0

    passed = []

    def stopped(*arguments, **keywords):
        # Once for the trained model, and once for the other.
        for found in compute(*arguments, **keywords):
            if len(passed) == 3:
                raise KeyboardInterrupt
            passed.append(found)
            yield found

    with monkeypatch.context() as patched:
        patched.setattr("examples.lstm_agreement.__main__.compute", stopped)
        assert main([*asked, "--out", str(parts)]) == 130
    rows = parts / "rows.jsonl"
    assert len(rows.read_text().splitlines()) == 3
    # As if the machine had stopped in the middle of a write.
    rows.write_text(rows.read_text() + '{"key": "ab')
    done = []
    with monkeypatch.context() as patched:
        measured = compute

        def counted(*arguments, **keywords):
            for found in measured(*arguments, **keywords):
                done.append(found[1].condition)
                yield found

        patched.setattr("examples.lstm_agreement.__main__.compute", counted)
        capsys.readouterr()
        assert main([*asked, "--out", str(parts)]) == 0
    assert len(done) == 1
    assert "3 rows found" in capsys.readouterr().err
    assert (parts / "table1.csv").read_text() == (whole / "table1.csv").read_text()
    # Another quadrature is another row.
    assert main([*asked, "--steps", "5", "--out", str(parts)]) == 0
    assert "rows found" not in capsys.readouterr().err
    rows.write_text("something else\n")
    assert main([*asked, "--out", str(parts)]) == 1
    assert "rows.jsonl:1 is no row of this study" in capsys.readouterr().err


def test_interruption_keeps_what_is_done(checkpoint, tmp_path, capsys, monkeypatch):
    def interrupted(*_args, **_keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr("examples.lstm_agreement.__main__.compute", interrupted)
    (tmp_path / "tables.md").write_text("of an earlier run")
    assert main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), *QUICK]) == 130
    assert f"what is kept in {tmp_path}" in capsys.readouterr().err
    assert {f.name for f in tmp_path.iterdir()} == {"accuracy.csv", ".lock"}


def test_all_groups_where_more_are_asked_for(model, vocabulary):
    options = parser().parse_args(["--sentences", "100000", "--accuracy-sentences", "3"])
    checkpoint = Checkpoint(model, vocabulary, ModelCard(""))
    found = sentences_of(SIMPLE, checkpoint, options)
    assert len(found) == 2 * count_groups(SIMPLE, vocabulary=vocabulary)
    assert len(set(found)) == len(found)
    assert first_groups(found, options) == found[:6]
    options.tasks_dir = PUBLISHED
    assert first_groups(found, options) == found


def test_a_kill_loses_one_block(checkpoint, tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    asked = ["--checkpoint", str(checkpoint), "--controls", "0", "--sentences", "40", "--steps"]
    asked += ["2", "--accuracy-sentences", "5", "--tasks", "Simple", "--out"]
    assert main([*asked, str(whole)]) == 0
    real, done = measure.pf.attribute, []

    def dies(*arguments, **keywords):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return real(*arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr("pathflow.attribute", dies)
        assert main([*asked, str(parts)]) == 130
    assert not (parts / "rows.jsonl").exists()
    # As if the disk had been full: a block whose line is there, and whose numbers are not.
    (array,) = (parts / "blocks").glob("*.npy")
    values = np.load(array, mmap_mode="r+")
    values[3] += 1
    values.flush()
    done.clear()

    def counted(*arguments, **keywords):
        done.append(1)
        return real(*arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr("pathflow.attribute", counted)
        assert main([*asked, str(parts)]) == 0
    # Two conditions of three blocks, paths and units; one block was kept, and one was damaged.
    assert len(done) == 2 * 2 * 3 - 1
    for name in ("table1.csv", "neurons.csv", "ablations.csv", "differences.csv"):
        assert (parts / name).read_text() == (whole / name).read_text()
    with monkeypatch.context() as patched:
        patched.setattr("pathflow.attribute", dies)
        done[:] = [1, 1]
        assert main([*asked, str(parts)]) == 0


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published files are not part of the project"
)
def test_published_sentences(model, vocabulary, tmp_path):
    published = read_task(SIMPLE, PUBLISHED)
    words = {w for s in published for w in s.words()} - {"doctors"}
    few = Vocabulary(("<unk>", "<eos>", *sorted(words)))
    known = [s for s in published if "doctors" not in s.words()]
    options = parser().parse_args(["--tasks-dir", str(PUBLISHED)])
    found = sentences_of(SIMPLE, Checkpoint(model, few, ModelCard("")), options)
    assert sorted(found, key=lambda s: s.group) == known
    assert [s.condition for s in found] == ["S"] * 285 + ["P"] * 285
    # Drawn at random: the file begins with all the sentences about one noun.
    assert len({s.tokens for s in found[:40]}) > 10


def test_the_untrained_model_has_the_same_sizes(model):
    other = untrained(model, 1)
    assert other.embedding.shape == model.embedding.shape
    assert other.n_layers == model.n_layers
    assert abs(other.embedding[...] - model.embedding[...]).max() > 0
