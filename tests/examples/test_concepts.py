"""Concepts: their sentences, influences against single words, exchanges against NumPy."""

import contextlib
import csv
import io
import lzma
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.concepts import __main__ as command
from examples.lstm_agreement.concepts.agreement import Agreement, Asked, PublishedPairs
from examples.lstm_agreement.concepts.catalogue import (
    CONCEPTS,
    GENDER_REFLEXIVE,
    NUMBER,
    NUMBER_ALL,
    published,
)
from examples.lstm_agreement.concepts.concept import Concept, Frames
from examples.lstm_agreement.concepts.measure import (
    Carried,
    carried,
    conditions,
    effect,
    encoded,
    known,
)
from examples.lstm_agreement.concepts.winogender import Winogender, read_templates
from examples.lstm_agreement.console.command import finished
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.marvin_linzen import REFLEXIVE_FILES
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, generate
from examples.lstm_agreement.tables.measure import (
    Role,
    Settings,
    noun_influences,
    primary_path,
    word_influences,
)
from examples.lstm_agreement.tables.table1 import Condition, row_of, summarise
from pathflow.models import LSTMLanguageModel, ModelCard, Vocabulary, save_checkpoint
from tests.examples.numpy_lstm import forward

DATA = Path(__file__).parents[3] / "shared" / "data"
SETTINGS = Settings(2, pf.GaussLegendre(), chunk=3)
GENDER = Frames(
    "MF",
    (("king", "queen"), ("man", "woman"), ("boy", "girl"), ("son", "daughter")),
    (("himself",), ("herself",)),
    {"near": ("The {} near the {other} saw", "The {} near the {other} hurt")},
)


@pytest.fixture(scope="module")
def words():
    more = ["queen", "son", "daughter", "near", "hurt", "saw", "himself", "herself"]
    return Vocabulary(("<unk>", "<eos>", *sorted(ENGLISH.words() | set(more))))


@pytest.fixture(scope="module")
def lstm(words):
    return LSTMLanguageModel(len(words), 4, 4, 2, True, rngs=nnx.Rngs(4))


def test_frames_give_matched_groups(words):
    examples = GENDER.examples(words, 6, seed=1)
    assert [e.condition for e in examples] == ["MM", "MF", "FM", "FF"] * 6
    for e in examples:
        assert e.forms[e.condition[0] == "F"] == e.tokens[e.position]
        other = next(p for p in GENDER.pairs if e.tokens[4] in p)
        assert other[e.condition[1] == "F"] == e.tokens[4]
        assert other != e.forms
        assert (e.good, e.bad) == (
            (("himself",), ("herself",)) if e.condition[0] == "M" else (("herself",), ("himself",))
        )
        assert e.swapped()[e.position] != e.tokens[e.position]
        assert [*e.swapped()[:1], *e.swapped()[2:]] == [*e.tokens[:1], *e.tokens[2:]]
    # Two pairs are sources, the other two stand behind, and so do the verbs, equally often.
    assert set(Counter(e.forms for e in examples).values()) == {12}
    assert set(Counter(e.tokens[5] for e in examples).values()) == {12}
    assert len({e.tokens for e in examples}) == 2 * 2 * 2 * 4 - 8
    assert len(GENDER.examples(words, 100, seed=1)) == 2 * 2 * 2 * 4
    assert examples == GENDER.examples(words, 6, seed=1)


def test_words_that_the_model_does_not_know(words):
    def without(*missing):
        return Vocabulary(tuple(w for w in words.words if w not in missing))

    with pytest.raises(StudyError, match="does not know herself, which are asked about"):
        GENDER.examples(without("herself"), 3, 0)
    with pytest.raises(StudyError, match="both forms of 3 of 4 source words"):
        GENDER.examples(without("queen"), 3, 0)
    assert {e.tokens[-1] for e in GENDER.examples(without("saw"), 3, 0)} == {"hurt"}
    with pytest.raises(StudyError, match="too few words of every frame"):
        GENDER.examples(without("saw", "hurt"), 3, 0)


def test_the_number_of_a_verb_is_the_studys_own(lstm, words):
    """The same configuration gives the numbers of Table 1."""
    every = conditions(NUMBER.source.examples(words, 3, seed=2))
    assert len(every) == 2 + 4
    for frame, condition, some in (every[1], every[3]):
        task = {t.name: t for t in (SIMPLE, NOUN_PP)}[frame]
        sentences = tuple(
            s for s in generate(task, 3, seed=2, vocabulary=words) if s.condition == condition
        )
        expected = noun_influences(lstm, words, sentences, Role.SUBJECT, SETTINGS)
        asked = encoded(some, words)
        found = word_influences(lstm, asked.tokens, 1, asked.forms, asked.qoi, SETTINGS)
        np.testing.assert_array_equal(found.influences, expected.influences)
        row = summarise("trained", Condition(Role.SUBJECT, sentences), expected)
        key = Role.SUBJECT, frame, condition
        assert row_of("trained", key, primary_path(1, len(some[0].tokens) - 1), found) == row


def test_all_verbs_are_the_sum_of_single_verbs(lstm, words):
    frame, _, some = conditions(NUMBER_ALL.source.examples(words, 2, seed=1))[0]
    assert frame == "Simple"
    asked = encoded(some, words)
    assert isinstance(asked.qoi, pf.SetDifference)
    assert asked.qoi.good.shape == (2, len(ENGLISH.verbs))
    found = word_influences(lstm, asked.tokens, 1, asked.forms, asked.qoi, SETTINGS)
    single = [
        word_influences(
            lstm,
            asked.tokens,
            1,
            asked.forms,
            pf.LogitDifference(asked.qoi.good[:, k], asked.qoi.bad[:, k]),
            SETTINGS,
        ).influences
        for k in range(len(ENGLISH.verbs))
    ]
    scale = np.abs(single).sum()
    np.testing.assert_allclose(found.influences, np.sum(single, axis=0), atol=1e-5 * scale)


def scores_of(lstm, words, tokens, examples):
    logits = forward(lstm, tokens)
    return np.array(
        [
            row[words.encode(e.good)].sum() - row[words.encode(e.bad)].sum()
            for row, e in zip(logits, examples, strict=True)
        ]
    )


@pytest.mark.parametrize("source", [GENDER, NUMBER_ALL.source], ids=["gender", "all verbs"])
def test_what_is_known(lstm, words, source):
    _, condition, some = conditions(source.examples(words, 6, seed=1))[-1]
    clean = scores_of(lstm, words, np.stack([words.encode(e.tokens) for e in some]), some)
    other = scores_of(lstm, words, np.stack([words.encode(e.swapped()) for e in some]), some)
    found = known(lstm, words, "concept", some)
    assert (found.condition, found.n_sentences) == (condition, len(some))
    assert found.accuracy.mean == (clean > 0).mean()
    assert found.moved.mean == (clean > other).mean()
    assert found.shift.mean == pytest.approx((clean - other).mean() / len(some[0].good), abs=1e-6)


def test_what_is_carried(lstm, words):
    examples = [e for e in GENDER.examples(words, 3, seed=0) if e.condition == "FM"]
    models = {"trained": lstm, "untrained 0": lstm}
    concept = Concept("gender", GENDER)
    (found, mean), (again, _) = carried(models, words, concept, examples, SETTINGS)
    assert (found.row.model, again.row.model) == ("trained", "untrained 0")
    assert (found.row.task, found.row.condition, found.row.n_paths) == ("near", "FM", 41_561)
    assert mean.sum() == pytest.approx(found.row.total.mean, rel=1e-4)
    clean, other = [
        scores_of(lstm, words, np.stack([words.encode(t) for t in tokens]), examples)
        for tokens in ([e.tokens for e in examples], [e.swapped() for e in examples])
    ]
    assert found.exchanged.mean == pytest.approx((clean - other).mean(), rel=1e-3)
    # Weights are small, so that a path's influence is nearly what it does, half of the way.
    along = 2 * found.row.primary.mean / found.exchanged.mean
    assert found.along_primary.mean == pytest.approx(along, rel=0.2, abs=1e-4)
    # The largest path of the first and third example, in the second.
    asked = encoded(examples, words)
    result = word_influences(lstm, asked.tokens, asked.position, asked.forms, asked.qoi, SETTINGS)
    influences = np.asarray(result.influences, np.float64)
    largest = influences[[0, 2]].mean(axis=0).argmax()
    assert found.chosen == str(result.space.unrank(int(largest)))
    along = 2 * influences[1, largest] / (clean - other)[1]
    assert found.along_largest.mean == pytest.approx(along, rel=0.2, abs=1e-4)


def test_another_quantity():
    def of(means, largest):
        row = type("Row", (), {"task": "Simple", "condition": "S", "largest": largest})
        return Carried("number", 1, row, *[None] * 4), np.asarray(means)

    means = np.linspace(1, 0, 30)
    turned = means.copy()
    turned[[9, 20]] = turned[[20, 9]]
    found = effect(of(means, "a"), of(turned, "a"))
    assert (found.frame, found.condition, found.n_first) == ("Simple", "S", 9)
    assert 0.9 < found.paths < 1
    assert effect(of(means, "a"), of(2 * means, "a")).paths == pytest.approx(1)


TEMPLATES = "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
LINE = "teacher\tstudent\t1\tThe $OCCUPATION saw the $PARTICIPANT, so $POSS_PRONOUN book fell.\n"


def test_a_template(tmp_path):
    (tmp_path / "templates.tsv").write_text(
        TEMPLATES + LINE + LINE.replace("\t1\t", "\t0\t").replace("$POSS", "$NOM")
    )
    first, second = read_templates(tmp_path / "templates.tsv")
    assert first.tokens == ("The", "teacher", "saw", "the", "$PARTICIPANT", ",", "so")
    assert (first.position, first.pronouns) == (4, ("his", "her"))
    assert second.tokens == ("The", "$OCCUPATION", "saw", "the", "student", ",", "so")
    assert (second.position, second.pronouns) == (1, ("he", "she"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.replace("\t1\t", "\t2\t"), r"templates.tsv:2: expected 4 tab-separated"),
        (LINE.replace("$POSS_PRONOUN", "her"), r"templates.tsv:2: no pronoun"),
        (LINE.replace("$PARTICIPANT", "pupil"), r"templates.tsv:2: no pronoun"),
    ],
)
def test_malformed_templates_are_named(tmp_path, line, message):
    (tmp_path / "templates.tsv").write_text(TEMPLATES + line)
    with pytest.raises(StudyError, match=message):
        read_templates(tmp_path / "templates.tsv")
    with pytest.raises(StudyError, match="does not exist"):
        read_templates(tmp_path / "none.tsv")


def test_templates_with_nouns_of_known_gender(tmp_path, words):
    lines = [LINE.replace("teacher", f.singular).replace("$POSS", "$NOM") for f in ENGLISH.subjects]
    more = {",", "so", "he", "she"}
    vocabulary = Vocabulary((*words.words, *more))
    (tmp_path / "templates.tsv").write_text(TEMPLATES + "".join(lines))
    source = Winogender(tmp_path, GENDER.pairs)
    examples = source.examples(vocabulary, 40, seed=0)
    assert Counter(e.condition for e in examples) == {"M": 40, "F": 40}
    for e in examples:
        assert e.frame == "templates, word 5 of 7"
        assert e.forms[e.condition == "F"] == e.tokens[4]
        assert e.good == (("she",) if e.condition == "F" else ("he",))
        # A woman is not in a sentence about a man of the same pair.
        assert e.tokens[1] not in e.forms
    with pytest.raises(StudyError, match=r"knows the words of 0 sentences"):
        source.examples(words, 4, 0)


@pytest.mark.skipif(not DATA.is_dir(), reason="the published files are not part of the project")
def test_the_published_files(words):
    concepts = published(DATA / "marvin_linzen", DATA / "winogender")
    assert len(concepts) == len(REFLEXIVE_FILES) + 1
    templates = read_templates(DATA / "winogender" / "templates.tsv")
    assert len(templates) == 120
    for template in templates:
        assert template.tokens[template.position] in ("$OCCUPATION", "$PARTICIPANT")
        assert sum("$" in t for t in template.tokens) == 1
    source = PublishedPairs(DATA / "marvin_linzen", REFLEXIVE_FILES[0])
    every = Vocabulary(("<unk>", "<eos>", *_words(source.folder)))
    examples = source.examples(every, 20, seed=0)
    assert Counter(e.condition for e in examples) == {"S": 20, "P": 20}
    assert all((e.good == ("themselves",)) == (e.condition == "P") for e in examples)


def _words(folder):

    text = lzma.decompress((folder / "simple_reflexives.tsv.xz").read_bytes()).decode()
    return sorted({"The", *re.findall(r"\w+", text)})


def test_every_concept_is_a_question(words):
    names = [c.name for c in CONCEPTS]
    assert len(names) == len(set(names))
    with pytest.raises(StudyError, match="source words"):
        GENDER_REFLEXIVE.source.examples(
            Vocabulary((*(w for w in words.words if w != "queen"), "found")), 2, 0
        )
    one, every = Agreement((SIMPLE,)), Agreement((SIMPLE,), Asked.ALL_VERBS)
    for a, b in zip(one.examples(words, 4, 0), every.examples(words, 4, 0), strict=True):
        assert (a.tokens, a.forms) == (b.tokens, b.forms)
        assert set(a.good) < set(b.good)
        assert set(a.bad) < set(b.bad)


@pytest.fixture(scope="module")
def whole(lstm, words, tmp_path_factory):
    """A model's file, what a command is asked about it, the folder that it wrote, and its words."""
    folder = tmp_path_factory.mktemp("whole")
    path, out, said = folder / "model.safetensors", folder / "out", io.StringIO()
    save_checkpoint(path, lstm, words, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--sentences", "2", "--steps", "2", "--longest", "1"]
    asked += ["--accuracy-sentences", "3", "--controls", "1", "--concepts"]
    asked += [NUMBER.name, NUMBER_ALL.name, "number of a reflexive"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert command.main([*asked, "--out", str(out)]) == 0
    return path, asked, out, said.getvalue()


def test_the_command(whole, capsys):
    _, asked, out, said = whole
    assert "wrote concepts.md" in said
    message = "number of a reflexive is left out: the model does not know themselves"
    assert message in said
    assert message in (out / "concepts.md").read_text()
    assert {f.name for f in out.iterdir()} == {
        "concepts.md",
        "concepts.png",
        "concepts.jsonl",
        "concepts.run.json",
        ".lock",
        *(f"concepts_{n}.csv" for n in ("known", "paths", "quantity")),
    }
    rows = list(csv.DictReader((out / "concepts_paths.csv").read_text().splitlines()))
    # Paths of the short sentences alone, and the accuracy of all.
    assert len(rows) == 2 * 2 * 2
    knows = list(csv.DictReader((out / "concepts_known.csv").read_text().splitlines()))
    assert Counter(r["frame"] for r in knows) == {"Simple": 2 * 2, "nounPP": 2 * 4}
    assert {r["n_words"] for r in rows} == {"1", str(len(ENGLISH.verbs))}
    assert max(float(r["structural"]) for r in rows) < 1e-4
    both = list(csv.DictReader((out / "concepts_quantity.csv").read_text().splitlines()))
    assert [(r["frame"], r["condition"]) for r in both] == [("Simple", c) for c in "SP"]
    alone = [*asked, "--concepts", "number of a reflexive", "--out", str(out)]
    assert command.main(alone) == 1
    assert "error: number of a reflexive is left out" in capsys.readouterr().err


def test_it_goes_on_where_it_was_stopped(whole, tmp_path, monkeypatch):
    path, asked, at_once, _ = whole
    out, asked = tmp_path / "out", [*asked, "--out"]
    measured, of_a_condition = [], command.carried

    def dies(*arguments, **keywords):
        measured.append(arguments)
        if len(measured) == 3:
            raise KeyboardInterrupt
        return of_a_condition(*arguments, **keywords)

    monkeypatch.setattr(command, "carried", dies)
    assert command.main([*asked, str(out)]) == 130
    assert command.main([*asked, str(out)]) == 0
    # Two quantities of two conditions, one of them twice.
    assert len(measured) == 5
    for name in (n for n in command.OUTPUTS if not n.endswith(".png")):
        assert (out / name).read_bytes() == (at_once / name).read_bytes()
    assert finished(out, command.STEP, path, {"sentences": 2})


def test_published_concepts_are_chosen_by_name_too(words, tmp_path):
    (tmp_path / "templates.tsv").write_text(TEMPLATES)
    asked = ["--templates-dir", str(tmp_path), "--concepts", NUMBER.name]
    chosen, left_out = command._examples(words, command.parser().parse_args(asked))
    assert ([c.name for c, _ in chosen], left_out) == ([NUMBER.name], [])
    asked = [*asked, "gender of a pronoun"]
    _, left_out = command._examples(words, command.parser().parse_args(asked))
    # The own one, whose words the model does not know, and the published one without sentences.
    assert [x.split(" is left out")[0] for x in left_out] == ["gender of a pronoun"] * 2
