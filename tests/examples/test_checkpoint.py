"""Models of PyTorch in the study: reading, converting, and the published scores."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from examples.lstm_agreement import convert, reference
from examples.lstm_agreement.__main__ import main
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.language_models.checkpoint import open_checkpoint
from examples.lstm_agreement.reference import TOLERANCE, compare, read_reference
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from pathflow._errors import CheckpointError
from pathflow.models import load_checkpoint
from tests.helpers._torch_lm import arrays, module, numpy_logits
from tests.helpers._torch_writer import archive, legacy

DATA = Path(__file__).parents[3] / "shared" / "data"
# The file of the published model, which is not part of the project.
PUBLISHED = os.environ.get("PATHFLOW_GULORDAVA")
WORDS = ("the", "<unk>", "The", "<eos>", "key", "keys", "near", "cat", "cats", "sees", "see")


@pytest.fixture
def files(tmp_path):
    """A small model and its words, as PyTorch 0.3 would have written it."""
    words = tmp_path / "vocab.txt"
    words.write_text("\n".join(WORDS))
    path = tmp_path / "lm.pt"
    path.write_bytes(legacy(module(arrays(), old=True)))
    return path, words


def test_a_file_of_pytorch_and_its_conversion_are_one_model(files, tmp_path, capsys):
    path, words = files
    target = tmp_path / "lm.safetensors"
    assert convert.main([str(path), str(words), str(target)]) == 0
    assert capsys.readouterr().out == f"wrote {target}: 2 x 3 units, 11 words\n"
    models = [open_checkpoint(path, words), open_checkpoint(target)]
    assert models[0].vocabulary == models[1].vocabulary
    logits = [model(np.array([2, 4, 6, 0, 8])) for model, _, _ in models]
    np.testing.assert_array_equal(*logits)
    assert load_checkpoint(target).card.training["file"] == "lm.pt"


def test_which_files_take_a_vocabulary(files, tmp_path):
    path, words = files
    with pytest.raises(StudyError, match="lm.pt is a file of PyTorch, .* with --vocab"):
        open_checkpoint(path)
    path.write_bytes(archive(module(arrays())))
    with pytest.raises(StudyError, match="with --vocab"):
        open_checkpoint(path)
    target = tmp_path / "lm.safetensors"
    convert.main([str(path), str(words), str(target)])
    with pytest.raises(StudyError, match="leave out --vocab"):
        open_checkpoint(target, words)
    for vocab in (None, words):
        with pytest.raises(CheckpointError, match="absent.pt"):
            open_checkpoint(tmp_path / "absent.pt", vocab)


def test_a_conversion_that_fails_writes_nothing(files, tmp_path, capsys):
    path, words = files
    target = tmp_path / "lm.safetensors"
    words.write_text("\n".join(WORDS[:5]))
    assert convert.main([str(path), str(words), str(target)]) == 1
    assert "a model of 11 words, and the vocabulary has 5" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-1])
    assert convert.main([str(path), str(words), str(target)]) == 1
    assert "error: " in capsys.readouterr().err
    assert convert.main([str(path), str(words), str(target), "--end", "."]) == 1
    assert "end='.'" in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.slow
def test_the_study_of_a_model_of_pytorch(tmp_path, capsys):
    words = ["<unk>", "<eos>", *sorted(ENGLISH.words())]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "lm.pt").write_bytes(legacy(module(arrays(vocab=len(words)), old=True)))
    start = ["--checkpoint", str(tmp_path / "lm.pt"), "--vocab", str(tmp_path / "vocab.txt")]
    quick = ["--controls", "0", "--sentences", "2", "--steps", "2", "--accuracy-sentences", "3"]
    out = tmp_path / "out"
    assert main([*start, *quick, "--tasks", "Simple", "--out", str(out)]) == 0
    rows = list(csv.DictReader((out / "table1.csv").read_text().splitlines()))
    assert [(r["task"], r["condition"], r["n_paths"]) for r in rows] == [
        ("Simple", "S", "16"),
        ("Simple", "P", "16"),
    ]
    assert "model: lm (lm.pt)" in capsys.readouterr().out


SENTENCES = (
    ("The key near the cats", "singular", "plural", "sees", "see"),
    ("The keys near the cat", "plural", "singular", "see", "sees"),
    ("The cats near the keys", "plural", "plural", "see", "sees"),
)
CONTEXT = "the keys near <unk> . <eos>"


def log_softmax(logits):
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


@pytest.fixture
def folder(tmp_path):
    """Scores of the small model, from the equations, as the published ones are laid out."""
    place = {word: i for i, word in enumerate(WORDS)}
    lines = ["sentence number_subject number_intervening correct wrong logp_correct logp_wrong id"]
    lines = [lines[0].replace(" ", "\t")]
    for sentence, subject, other, correct, wrong in SENTENCES:
        words = [*CONTEXT.split(), *sentence.split()]
        tokens = [place.get(word, place["<unk>"]) for word in words]
        scores = log_softmax(numpy_logits(arrays(), tokens)[-1])
        numbers = [f"{scores[place[verb]]:.6f}" for verb in (correct, wrong)]
        lines.append(
            "\t".join([f"{sentence} {correct}", subject, other, correct, wrong, *numbers, ""])
        )
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "gulordava650_nounpp_logprobs.tsv").write_text("\n".join(lines) + "\n")
    (folder / "init_context.txt").write_text(CONTEXT.replace(" . ", " .\n"))
    return folder


def test_the_comparison_finds_the_scores_of_the_same_model(files, folder, capsys):
    path, words = files
    arguments = [str(folder), str(path), "--vocab", str(words)]
    assert reference.main(arguments) == 0
    found = compare(*open_checkpoint(path, words)[:2], read_reference(folder))
    assert found.largest < 1e-5
    assert found.accuracies.keys() == {"SP", "PS", "PP"}
    assert all(here == published for here, published in found.accuracies.values())
    # Another model has other scores.
    path.write_bytes(legacy(module(arrays(seed=1), old=True)))
    assert reference.main(arguments) == 2
    assert "largest difference" in capsys.readouterr().out


def test_scores_that_cannot_be_used(files, folder, tmp_path, capsys):
    path, words = files
    assert reference.main([str(tmp_path), str(path), "--vocab", str(words)]) == 1
    assert "init_context.txt as published" in capsys.readouterr().err
    words.write_text("\n".join(WORDS).replace("cats", "dogs"))
    assert reference.main([str(folder), str(path), "--vocab", str(words)]) == 1
    assert "the model's vocabulary lacks cats." in capsys.readouterr().err


@pytest.mark.skipif(not DATA.is_dir(), reason="the published scores are not part of the project")
def test_the_published_scores_are_read():
    published = read_reference(DATA / "lakretz_reference")
    assert published.scores.shape == (4000, 2)
    assert {c: published.conditions.count(c) for c in ("SS", "SP", "PS", "PP")} == dict.fromkeys(
        ("SS", "SP", "PS", "PP"), 1000
    )
    assert (published.scores[:, 0] > published.scores[:, 1]).sum() == 3773


@pytest.mark.slow
@pytest.mark.skipif(
    PUBLISHED is None or not DATA.is_dir(),
    reason="set PATHFLOW_GULORDAVA to the file of the published model",
)
def test_the_published_model_has_the_published_scores():
    model, vocabulary, _ = open_checkpoint(Path(PUBLISHED), DATA / "gulordava_vocab" / "vocab.txt")
    assert (model.n_layers, model.hidden_dim, model.vocab_size) == (2, 650, 50_001)
    found = compare(model, vocabulary, read_reference(DATA / "lakretz_reference"))
    assert found.largest < TOLERANCE
    assert found.accuracies["SP"] == pytest.approx((0.867, 0.867))
