"""Choosing text, measuring on the published files, and the command that trains."""

import itertools
import lzma
from pathlib import Path

import numpy as np
import pytest

from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.language_models.evaluation import evaluate
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, TASKS, generate
from examples.lstm_agreement.train import __main__ as command
from examples.lstm_agreement.train.corpus import (
    Mixture,
    Part,
    choose_words,
    encode,
    read_corpus,
    task_words,
)
from examples.lstm_agreement.train.corpus_patterns import find, sentences_with, word_classes
from examples.lstm_agreement.train.evaluation import file_accuracies, read_pairs
from examples.lstm_agreement.train.grammar import VOCABULARY
from pathflow.models import Vocabulary, load_checkpoint
from tests.examples.english_data import write_data

TINY = Path(command.__file__).parents[1] / "checkpoints" / "tiny.safetensors"
PAIR = "The {0}\t{2}\tcorrect\tid1\nThe {1}\t{2}\twrong\tid1\n"


@pytest.fixture
def data(tmp_path):
    tasks, texts = tmp_path / "lakretz_na_tasks", tmp_path / "wiki_lm_corpus"
    tasks.mkdir()
    texts.mkdir()
    (tasks / "simple.txt").write_text(
        PAIR.format("boy runs", "boy run", "singular")
        + PAIR.format("boys run", "boys runs", "plural"),
        encoding="utf-8",
    )
    (tasks / "nounpp.txt").write_text(
        PAIR.format("boy near the cars runs", "boy near the cars run", "singular_plural"),
        encoding="utf-8",
    )
    lines = {
        "train_na_rich": "The boy sees a cat .\nThe cats run .\n",
        "train_background": "A cat sleeps .\n" * 3,
        "valid": "The cat runs .\n",
        "test": "The zebra runs .\n",
    }
    for name, text in lines.items():
        (texts / f"{name}.txt.xz").write_bytes(lzma.compress(text.encode()))
    return tmp_path


def test_a_corpus_knows_every_task_word_and_the_most_frequent_others(data):
    corpus = read_corpus(data, size=14)
    words = corpus.vocabulary.words
    assert words[:2] == ("<unk>", "<eos>")
    assert (
        set(words)
        >= task_words(data)
        == {"The", "boy", "boys", "runs", "run", "near", "the", "cars"}
    )
    assert set(words) - task_words(data) == {"<unk>", "<eos>", ".", "A", "cat", "sleeps"}
    assert corpus.vocabulary.decode(corpus.test) == ["The", "<unk>", "runs", ".", "<eos>"]
    assert corpus.counts()[corpus.vocabulary.index["cat"]] == 4
    assert corpus.counts().sum() == len(corpus.rich) + len(corpus.background)


def test_words_stand_by_falling_count():
    vocabulary = choose_words({"a": 1, "b": 5, "c": 5, "d": 0, "<unk>": 9}, {"z", "a"}, 5)
    assert vocabulary.words == ("<unk>", "<eos>", "b", "a", "z")
    with pytest.raises(StudyError, match="size=3 words cannot hold the 2 required"):
        choose_words({}, {"z", "a"}, 3)


def test_a_missing_file_is_named(data, tmp_path):
    (data / "wiki_lm_corpus" / "valid.txt.xz").unlink()
    with pytest.raises(StudyError, match="valid.txt.xz is not there; the data folder must hold"):
        read_corpus(data)
    with pytest.raises(StudyError, match="holds no task file"):
        task_words(tmp_path / "elsewhere")


def test_a_mixture_repeats_and_draws_afresh():
    vocabulary = Vocabulary(("<unk>", "<eos>", "a", "b", "c", "d", "e"))
    first = encode(["a a", "b"], vocabulary)
    second = encode(["c", "d", "e", "c d"], vocabulary)
    mixture = Mixture((Part(first, np.array([3, 1])), Part(second, 2, share=0.5)), end=1)
    rounds = [mixture.round(index).tolist() for index in range(6)]
    for words in rounds:
        sentences = [tuple(g) for last, g in itertools.groupby(words, lambda w: w == 1) if not last]
        counts = {s: sentences.count(s) for s in set(sentences)}
        assert counts.pop((2, 2)) == 3
        assert counts.pop((3,)) == 1
        assert sorted(counts.values()) == [2, 2]
    assert len({tuple(words) for words in rounds}) > 1
    assert rounds[0] == mixture.round(0).tolist()


# The word classes need counts: each noun and verb is seen where its number shows.
_SEEN = [
    f"{text} ."
    for noun in ("dog", "key", "tower", "author")
    for text in (
        f"we saw a {noun} today",
        f"we saw many {noun}s today",
        f"a {noun}",
        f"two {noun}s",
    )
] + [
    f"{text} ."
    for verb in ("know", "write")
    for text in (f"he {verb}s", f"they {verb}", f"it {verb}s")
]
_TEXT = [
    "Then the key near the towers is lost .",  # attractor, singular
    "Then the keys near the tower are lost .",  # attractor, plural
    "Then the keys of the two towers probably know .",  # congruent, over an adverb
    "Then the keys of London are lost .",  # a name
    "Then the author really often writes .",  # adverbs
    "Then the authors really write .",
    "Then the key , with the towers , is lost .",  # the comma ends the search
    "Then near the dog of the keys are towers .",  # the verb agrees with no head
    "Then the dogs know .",  # adjacent
]


@pytest.fixture(scope="module")
def text():
    lines = [*_SEEN * 3, *_TEXT]
    words = dict.fromkeys(w for line in lines for w in line.split())
    vocabulary = Vocabulary(("<unk>", "<eos>", *words, "London2"))
    return vocabulary, encode(_TEXT, vocabulary), encode(lines, vocabulary)


def test_agreement_over_other_words_is_found(text):
    vocabulary, words, everything = text
    # The search needs some words before the first verb.
    padded = np.concatenate([encode(["we saw ."] * 8, vocabulary), words])
    found = find(padded, word_classes(vocabulary, everything))

    def kept(marks):
        held = sentences_with(padded, marks, vocabulary)
        return " ".join(vocabulary.decode(held)).split(" <eos>")[:-1]

    clean = {k: [s.strip() for s in kept(getattr(found, k))] for k in vars(found)}
    assert clean == {
        "attractor": _TEXT[:2],
        "congruent": [_TEXT[2]],
        "distant": [_TEXT[3]],
        "adverb_singular": [_TEXT[4]],
        "adverb_plural": [_TEXT[2], _TEXT[5]],
    }


def test_long_and_unknown_sentences_are_left_out(text):
    vocabulary, _, _ = text
    words = encode(["the key", "the zebra", "the " * 60], vocabulary)
    marks = np.ones(len(words), bool)
    assert vocabulary.decode(sentences_with(words, marks, vocabulary)) == ["the", "key", "<eos>"]
    assert len(sentences_with(words, marks, vocabulary, longest=100, most_unknown=1.0)) == len(
        words
    )


def test_published_files_are_read_in_pairs_and_scored(data):
    assert [p.condition for p in read_pairs(data / "lakretz_na_tasks" / "nounpp.txt")] == ["SP"]
    tiny = load_checkpoint(TINY)
    for file in ("simple", "nounpp"):
        path = data / "lakretz_na_tasks" / f"{file}.txt"
        text = path.read_text(encoding="utf-8").replace("runs", "speaks").replace("run", "speak")
        path.write_text(text, encoding="utf-8")
    reference = data / "lakretz_reference"
    reference.mkdir()
    (reference / "table2_lakretz2019.tsv").write_text(
        "na_task\tfile\tcondition\tfull\nnounPP\tnounpp\tSP\t87.2\nx\tsimple\tS\t-\n",
        encoding="utf-8",
    )
    rows = file_accuracies(tiny.model, tiny.vocabulary, data)
    assert [(r.file, r.condition, r.n_sentences, r.value) for r in rows] == [
        ("nounpp", "SP", 1, 1.0),
        ("simple", "S", 1, 1.0),
        ("simple", "P", 1, 1.0),
    ]
    assert [r.published for r in rows] == [0.872, None, None]


@pytest.mark.parametrize(
    "content",
    [
        "The boy runs\tsingular\tcorrect\tid1\nThe boy run\tsingular\twrong\tid2\n",
        "The boy runs\tsingular\twrong\tid1\nThe boy run\tsingular\tcorrect\tid1\n",
        "The boy runs\nThe boy run\n",
        PAIR.format("boy runs", "girl run", "singular"),
        PAIR.format("boy runs", "boy runs", "singular"),
    ],
)
def test_lines_that_are_no_pair_are_named(tmp_path, content):
    path = tmp_path / "simple.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=r"simple.txt:1"):
        read_pairs(path)


def test_the_command_trains_and_writes_what_belongs_to_a_model(tmp_path, capsys):
    assert command.main(["--tiny", "--steps", "3", "--out", str(tmp_path)]) == 0
    assert "wrote tiny.safetensors" in capsys.readouterr().out
    model, vocabulary, card = load_checkpoint(tmp_path / "tiny.safetensors")
    assert vocabulary == VOCABULARY
    assert model.hidden_dim == 64
    assert card.training["updates"] == 3
    assert "nounPP SP" in card.evaluation
    assert "| updates | 3 |" in (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert (tmp_path / "tiny.log.csv").read_text(encoding="utf-8").startswith("step,words,seconds")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "name", "tied", "rate", "decay"),
    [([], "english", True, "0.0025", "0"), (["--decayed"], "decayed", False, "0.001", "0.1")],
)
def test_the_command_trains_on_texts(tmp_path, capsys, options, name, tied, rate, decay):
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    arguments = ["--data", str(data), "--steps", "2", "--seed", "3", "--out", str(out), *options]
    assert command.main(arguments) == 0
    assert f"wrote {name}.safetensors" in capsys.readouterr().out
    model, vocabulary, card = load_checkpoint(out / f"{name}.safetensors")
    assert vocabulary == read_corpus(data).vocabulary
    assert (model.n_layers, model.hidden_dim, model.tied) == (2, 200, tied)
    assert card.training["seed"] == 3
    assert f"AdamW, {rate} after 500" in card.training["optimizer"]
    assert card.training["optimizer"].endswith(f"weight decay {decay}")
    assert card.training["words_seen"] == 2 * 4096
    # Two updates leave the model where it began: every word as likely as any other.
    assert card.evaluation["valid_perplexity"] == pytest.approx(len(vocabulary), rel=0.1)
    assert {"saturated g0", "saturated g1", "simple S", "simple P"} < set(card.evaluation)
    accuracies = (out / f"{name}.accuracy.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:3] for line in accuracies[1:]] == [
        ["simple", "S", "60"],
        ["simple", "P", "60"],
    ]


def test_the_command_names_missing_data(tmp_path, capsys):
    assert command.main(["--data", str(tmp_path)]) == 1
    assert "error:" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main([])


def test_the_shipped_small_model_masters_every_condition():
    model, vocabulary, _ = load_checkpoint(TINY)
    for task in TASKS:
        sentences = generate(task, 60, seed=11, vocabulary=vocabulary.words)
        for accuracy in evaluate(model, vocabulary, sentences):
            assert accuracy.value >= 0.95, accuracy


def test_the_shipped_model_of_english_is_what_its_card_says():
    path = Path(command.__file__).parents[1] / "checkpoints" / "english.safetensors"
    assert path.stat().st_size <= 15_000_000
    model, vocabulary, card = load_checkpoint(path)
    assert (model.n_layers, model.hidden_dim, len(vocabulary)) == (2, 200, 10_000)
    assert "Wikipedia contributors" in card.attribution
    assert "CC BY-SA 3.0" in card.licence
    # On generated sentences with other words than the published ones, so with room below.
    for task, floor in ((SIMPLE, 0.85), (NOUN_PP, 0.65)):
        sentences = generate(task, 200, seed=11, vocabulary=vocabulary.words)
        values = [a.value for a in evaluate(model, vocabulary, sentences)]
        assert np.mean(values) >= floor, (task.name, values)
