"""Models of other architectures in the same tables, and many models in one summary."""

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.console import lock
from examples.lstm_agreement.console.text import write_csv
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.family import measuring, report, summary
from examples.lstm_agreement.family.__main__ import OUTPUTS, main
from examples.lstm_agreement.family.amounts import KEY, Amounts
from examples.lstm_agreement.family.languages import English
from examples.lstm_agreement.family.measuring import FILES, find, measure, of_all_models
from examples.lstm_agreement.family.members import GRU, KINDS, LSTM, TRANSFORMER, Member, members
from examples.lstm_agreement.family.patching import swap_subjects
from examples.lstm_agreement.family.views import GRU_VIEW, TransformerView
from examples.lstm_agreement.language_models.evaluation import verb_margins
from examples.lstm_agreement.sentences.tasks import ADV, NOUN_PP, SIMPLE, TASKS, generate
from examples.lstm_agreement.tables import halves
from examples.lstm_agreement.tables.measure import Role, Settings, noun_influences, traced_model
from examples.lstm_agreement.tables.table1 import Condition, compute
from examples.lstm_agreement.tables.table2 import all_gates, compress
from examples.lstm_agreement.train.corpus import read_corpus
from examples.lstm_agreement.train.grammar import VOCABULARY
from tests.examples.english_data import write_data

EXACT = Settings(n_steps=16, rule=pf.GaussLegendre(), chunk=4)
RESULTS = Path(__file__).parents[2] / "examples" / "lstm_agreement" / "results" / "family"


@pytest.fixture(params=KINDS)
def small(request):
    """A small untrained model of each kind."""
    kind = KINDS[request.param]
    return kind, Member(kind, 8, 1).untrained()


def of_task(task, n=2):
    return generate(task, n, seed=4, vocabulary=VOCABULARY)


def embeddings(model):
    return model.stream.embedding if hasattr(model, "stream") else model.embedding


def with_word(model, word, vector):
    """The model with another vector for a word."""
    changed = nnx.clone(model)
    table = embeddings(changed)
    table[...] = table[...].at[word].set(vector)
    return changed


def test_paths_add_up_to_what_the_nouns_number_changes(small):
    kind, model = small
    sentences = of_task(ADV)
    result = noun_influences(model, VOCABULARY, sentences, Role.SUBJECT, EXACT, view=kind.view)
    assert result.audit.ok
    expected = []
    for sentence in sentences:
        noun = sentence.subject
        forms = VOCABULARY.encode((noun.forms.singular, noun.forms.plural))
        word = VOCABULARY.index[noun.number.form_of(noun.forms)]
        neutral = with_word(model, word, embeddings(model)[...][forms].mean(axis=0))
        margins = (verb_margins(m, VOCABULARY, [sentence])[0] for m in (model, neutral))
        expected.append(next(margins) - next(margins))
    np.testing.assert_allclose(result.total, expected, atol=1e-6)


def waits_in_the_second_layer(nodes, at, last):
    """Of a recurrent model: it goes up at the word, and then nothing but the kept node follows."""
    names = [n.split("@") for n in nodes[1:-1]]
    kept = [name for name, t in names if int(t) > at]
    inside = kept[:-1] if kept[-1:] == ["h1"] and "c1" in kept else kept
    return len(set(inside)) == 1 and inside[0] in ("c1", "h1")


def waits_in_the_first_layer(nodes, at, last):
    """It stays below until the last word, and goes up there."""
    names = [(name, int(t)) for name, t in (n.split("@") for n in nodes[1:-1])]
    between = [name for name, t in names if t > at and name[1] == "0"]
    upper = [t for name, t in names if name[1] == "1"]
    waits = "c0" if any(name[0] == "c" for name, _ in names) else "h0"
    stays = [waits] * (last - at) + (["h0"] if waits == "c0" else [])
    return between == stays and all(t == last for t in upper)


def heads_of(nodes, at, last):
    """Which layer's heads look from the last word at another, and at the noun."""
    lower = [n for n in nodes if n.startswith("l0.h")]
    here = [n for n in nodes if not n.startswith(("embed", "logits", "qoi"))]
    places = {re.search(r"\[(\d+)\]", n)[1] for n in here if n.startswith("l0")}
    if places <= {str(at)} and any(n.startswith("l1.h") for n in here):
        return "second layer"
    return "first layer" if lower and places == {str(last)} else "rest"


def test_routes_are_what_their_paths_add_up_to(small):
    kind, model = small
    sentences = [s for s in of_task(ADV) if s.condition == "S"]
    at, last = 1, 2
    patterns = kind.view.routes(at, last)
    every = noun_influences(model, VOCABULARY, sentences, Role.SUBJECT, EXACT, view=kind.view)
    sums = noun_influences(
        model,
        VOCABULARY,
        sentences,
        Role.SUBJECT,
        EXACT,
        search=pf.Aggregate(patterns),
        view=kind.view,
    )
    sorted_paths = {"second layer": [], "first layer": [], "rest": []}
    for rank, path in enumerate(every.space):
        nodes = str(path).split()
        if kind is TRANSFORMER:
            name = heads_of(nodes, at, last)
        elif waits_in_the_second_layer(nodes, at, last):
            name = "second layer"
        else:
            name = "first layer" if waits_in_the_first_layer(nodes, at, last) else "rest"
        sorted_paths[name].append(rank)
    for name, ranks in sorted_paths.items():
        assert sums.counts[name] == len(ranks)
        expected = np.asarray(every.influences)[:, ranks].sum(axis=1)
        np.testing.assert_allclose(sums[name], expected, atol=1e-6)
    assert all(sorted_paths.values())
    np.testing.assert_allclose(sums.total, every.total, atol=1e-6)


def test_the_primary_path_of_units_with_gates():
    assert GRU_VIEW.primary_path(1, 1) == "x@1 n0@1 h0@1 n1@1 h1@1 qoi"
    assert GRU_VIEW.primary_path(1, 3) == "x@1 n0@1 h0@1 n1@1 h1@1 h1@2 h1@3 qoi"
    graph, _ = traced_model(Member(GRU, 8, 0).untrained(), 5, GRU_VIEW)
    assert GRU_VIEW.primary_path(1, 4) in graph.paths("x@1", "qoi")
    assert graph.count_paths("x@1", "qoi") == 9 * 4**3 * 4
    gates = all_gates(of_task(NOUN_PP)[0], GRU_VIEW)
    assert len(gates) == 3 * 2 * 4
    assert gates < {str(n) for n in graph.nodes}


def test_no_path_of_a_transformer_goes_back():
    model = Member(TRANSFORMER, 8, 0).untrained()
    view = TRANSFORMER.view
    sentences = of_task(ADV)
    result = noun_influences(model, VOCABULARY, sentences, Role.SUBJECT, EXACT, view=view)
    living = view.living(result.space, 1)
    sizes = np.abs(np.asarray(result.influences)).max(axis=0)
    dead = np.setdiff1d(np.arange(result.space.count), living)
    assert len(dead) > 0
    assert (sizes[dead] == 0).all()
    assert (sizes[living] > 0).all()
    # At the noun the stream is read past every head and perceptron or through them; at the last
    # word through the heads alone; the second layer's heads read both, its perceptron all.
    at_the_noun, at_the_last = 2 * (1 + 4), 2 * 4
    assert len(living) == 2 * (at_the_last + 4 * (at_the_noun + at_the_last))
    gates = all_gates(of_task(NOUN_PP)[0], view)
    graph, _ = traced_model(model, 5, view)
    assert gates < {str(n) for n in graph.nodes}
    with pytest.raises(StudyError, match="no path from word 1 to the verb after word 2 was found"):
        view.primary_path(1, 2)


@pytest.mark.parametrize("kind", [GRU, TRANSFORMER], ids=lambda k: k.name)
def test_the_path_that_is_found_has_most(kind):
    model = Member(kind, 8, 2).untrained()
    sentences = of_task(ADV, 3)
    asked = [
        Condition(Role.SUBJECT, tuple(s for s in sentences if s.condition == c))
        for c in ADV.conditions
    ]
    found = find(model, VOCABULARY, asked, kind.view, EXACT)
    result = noun_influences(model, VOCABULARY, sentences, Role.SUBJECT, EXACT, view=kind.view)
    means = np.mean(np.asarray(result.influences), axis=0)
    assert found == {(1, 2): str(result.space.unrank(int(means.argmax())))}


def test_a_transformer_in_table_1():
    model = Member(TRANSFORMER, 8, 2).untrained()
    sentences = tuple(s for s in of_task(SIMPLE, 3) if s.condition == "S")
    asked = [Condition(Role.SUBJECT, sentences)]
    view = TRANSFORMER.view
    view = view.with_paths(find(model, VOCABULARY, asked, view, EXACT))
    ((_, row, result),) = compute({"trained": model}, VOCABULARY, asked, EXACT, view=view)
    living = view.living(result.space, 1)
    influences = np.asarray(result.influences, np.float64)[:, living]
    assert row.n_paths == len(living) < result.space.count
    assert row.rank.mean == 1
    assert row.largest == view.primary_path(1, 1)
    own = influences.mean(axis=0).argmax()
    positive = influences.clip(min=0)
    assert row.share.mean == pytest.approx(np.mean(positive[:, own] / positive.sum(axis=1)))
    others = np.delete(influences, own, axis=1)
    assert row.t.mean == pytest.approx(np.mean(influences[:, [own]] > others))


def test_gates_of_other_architectures_are_held(small):
    kind, model = small
    sentences = of_task(NOUN_PP, 1)
    view = kind.view
    if isinstance(view, TransformerView):
        paths = {(1, 4): "embed[1] l0.mlp[1] l1.h2[4] logits qoi"}
        view = view.with_paths(paths | {(4, 4): "embed[4] l1.mlp[4] logits qoi"})
    found = {
        (c.condition, str(c.scheme)): c
        for c in compress(model, VOCABULARY, sentences, {}, view=view)
    }
    kept = found["SP", "C"]
    gates = all_gates(sentences[0], view)
    assert kept.n_kept == len(gates)
    margins = verb_margins(model, VOCABULARY, sentences)
    place = [s.condition for s in sentences].index("SP")
    assert kept.margin.mean == pytest.approx(margins[place], abs=1e-5)
    # With every gate but two held at the mean over sentences, little of the noun is left.
    of_path = 2
    assert found["SP", "Cs"].n_kept == of_path
    assert found["SP", "all but Cs"].n_kept == len(gates) - of_path
    assert ("SP", f"all but CR{of_path}") in found


def test_a_subject_that_changes_its_number(small):
    kind, model = small
    sentences = tuple(s for s in of_task(ADV, 3) if s.condition == "S")
    sets = {"all": ".*", **kind.view.routes(1, 2)}
    patches = {p.paths: p for p in swap_subjects(model, VOCABULARY, sentences, sets, kind.view)}
    # By hand: the vector of the other form, where the noun is read.
    changes = []
    for sentence in sentences:
        forms = VOCABULARY.encode((sentence.subject.forms.singular, sentence.subject.forms.plural))
        other = with_word(model, forms[0], embeddings(model)[...][forms[1]])
        margins = [verb_margins(m, VOCABULARY, [sentence])[0] for m in (model, other)]
        changes.append(margins[1] - margins[0])
    whole = patches["all"]
    assert whole.whole == pytest.approx(np.mean(changes), abs=1e-5)
    assert whole.along.mean == pytest.approx(whole.whole, abs=1e-5)
    before = verb_margins(model, VOCABULARY, sentences)
    assert whole.sparing == pytest.approx(np.mean(before > 0))
    assert whole.accuracy == pytest.approx(np.mean(before + changes > 0))


def test_the_family():
    found = members([64, 16], 2, 1)
    assert [m.name for m in found] == [
        "lstm-64-0",
        "lstm-64-1",
        "lstm-16-0",
        "lstm-16-1",
        "gru-64-0",
        "transformer-64-0",
    ]
    assert found[0].group == "lstm-64"
    of_text = members([200], 1, 0, English())
    assert [m.name for m in of_text] == ["english-lstm-200-0"]
    assert of_text[0].untrained().vocab_size == 10_000


def test_what_is_common_to_models():
    count = Counter
    assert summary.what_it_is(count({"holds": 3})) == "of all"
    assert summary.what_it_is(count({"does not hold": 3})) == "of none"
    assert summary.what_it_is(count({"open": 3})) == "all open"
    assert summary.what_it_is(count({"holds": 2, "partly": 1})) == "differs by training"
    assert summary.in_short(count({"open": 1, "holds": 2})) == "2 holds, 1 open"
    assert str(summary.Spread.over([0.5, 0.1, 0.3])) == "0.30 [0.10, 0.50]"
    assert str(summary.Spread.over([-0.001, 0.1])) == "0.05 [0.00, 0.10]"


def test_the_shipped_summary_is_that_of_the_shipped_tables():
    family = summary.read_all(RESULTS)
    text = (RESULTS / "family.md").read_text()
    assert text.startswith(report.markdown(family, {}).rstrip())
    header, lines = report.answers_csv(family)
    with (RESULTS / "family_verdicts.csv").open() as file:
        shipped = list(csv.reader(file))
    assert shipped == [header, *([str(v) for v in line] for line in lines)]
    sizes = Counter(one.member.group for one in family)
    lstms = [n for name, n in sizes.items() if name.startswith("lstm")]
    assert len(lstms) >= 2
    assert min(sizes.values()) >= 2
    for one in family:
        assert max(float(r["structural"]) for r in one.lines["table1.csv"]) < 1e-4


def test_files_of_something_else(tmp_path):
    for name in FILES:
        (tmp_path / of_all_models(name)).write_text("group,seed,odd\nlstm-8,0,1\n")
    with pytest.raises(StudyError, match="the tables of lstm-8-0 are none of this study"):
        summary.read_all(tmp_path)


def only(monkeypatch, *tasks, held=()):
    """Leaves the other tasks' conditions out: each length of a sentence is compiled anew."""
    every, names = measuring.conditions, [task.name for task in tasks]
    monkeypatch.setattr(
        measuring,
        "conditions",
        lambda sentences, n: [c for c in every(sentences, n) if c.sentences[0].task in names],
    )
    monkeypatch.setattr(measuring.table2, "TASKS", held)


@pytest.mark.one_python
@pytest.mark.slow
def test_the_whole_command(tmp_path, capsys, monkeypatch):
    only(monkeypatch, SIMPLE, NOUN_PP, held=(NOUN_PP,))
    out = tmp_path / "family"
    few = ["--sizes", "8", "--seeds", "1", "--other-seeds", "1", "--updates", "3"]
    amounts = ["--sentences", "2", "--accuracy-sentences", "2", "--steps", "2"]
    # The other architectures have 64 units; three updates of them take seconds.
    assert main([*few, *amounts, "--out", str(out)]) == 0
    first = {f.name: f.read_bytes() for f in out.iterdir() if f.is_file()}
    assert set(first) == {*OUTPUTS, "family.run.json", ".lock"}
    assert "3/3 transformer-64-0: measured\n" in capsys.readouterr().err
    assert main([*few, *amounts, "--out", str(out), "--only-measured"]) == 0
    assert main([*few, *amounts, "--out", str(out)]) == 0
    assert "3/3 transformer-64-0: measured before" in capsys.readouterr().err
    for name in OUTPUTS:
        if name.endswith(".csv"):
            assert (out / name).read_bytes() == first[name]


@pytest.mark.one_python
def test_models_of_texts(tmp_path, capsys, monkeypatch):
    """Trained on texts, measured with their words, and told apart from those of the grammar."""
    only(monkeypatch, SIMPLE)
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    words = read_corpus(data).vocabulary
    member = Member(LSTM, 8, 1, English(data, words))
    model = member.trained(out / "models", 2)
    before = member.untrained()
    assert model.vocab_size == len(words) != len(VOCABULARY)
    assert model.tied
    assert not np.array_equal(model.embedding[...], before.embedding[...])
    np.testing.assert_array_equal(
        member.trained(out / "models", 2).embedding[...], model.embedding[...]
    )
    amounts = Amounts(2, 2, Settings(2, pf.GaussLegendre(), 1))
    folder = out / "tables" / member.name
    assert measure(member, model, amounts, folder)
    lines = summary.Measured.read(member, folder).lines
    sentences = generate(SIMPLE, 2, vocabulary=words)
    expected = verb_margins(model, words, sentences) > 0
    accuracies = [float(r["accuracy"]) for r in lines["accuracy.csv"] if r["task"] == "Simple"]
    assert accuracies == [expected[::2].mean(), expected[1::2].mean()]

    # The words of the shipped model are others: neither trained nor mixed up.
    asked = ["--data", str(data), "--sizes", "8", "--seeds", "2", "--other-seeds", "0"]
    few = ["--sentences", "2", "--accuracy-sentences", "2", "--steps", "2", "--out", str(out)]
    assert main([*asked, *few, "--updates", "2"]) == 1
    assert re.search(r"are not the 10,000\b.* of the shipped model", capsys.readouterr().err)
    assert main([*asked, *few, "--only-measured"]) == 1
    assert "english-lstm-8-1 was measured with words" in capsys.readouterr().err

    measured = [summary.Measured.read(member, folder)]
    for name in FILES:
        write_csv(out / of_all_models(name), *report.all_lines(measured, name))
    (found,) = summary.read_all(out)
    assert found.member.name == member.name
    assert isinstance(found.member.language, English)


def test_texts_are_asked_for():
    with pytest.raises(StudyError, match="name their folder by --data"):
        Member(LSTM, 8, 0, English()).trained(Path("nowhere"), 1)


def test_a_model_is_measured_anew_where_something_changed(tmp_path, monkeypatch):
    amounts = Amounts(2, 2, Settings(2, pf.GaussLegendre(), 1))
    member = Member(LSTM, 8, 0)
    calls = []
    monkeypatch.setattr(
        "examples.lstm_agreement.family.measuring._tables",
        lambda *_args: calls.append(1) or dict.fromkeys(FILES, (["a"], [["1"]])),
    )
    assert measure(member, member.untrained(), amounts, tmp_path)
    assert not measure(member, member.untrained(), amounts, tmp_path)
    assert measure(member, Member(LSTM, 8, 1).untrained(), amounts, tmp_path)
    assert measure(
        member, Member(LSTM, 8, 1).untrained(), Amounts(2, 3, amounts.settings), tmp_path
    )
    assert len(calls) == 3
    assert (tmp_path / "table1.csv").read_text() == "a\n1\n"


def test_a_model_goes_on_table_by_table(tmp_path, monkeypatch):
    only(monkeypatch, SIMPLE)
    amounts = Amounts(4, 4, Settings(2, pf.GaussLegendre(), 2))
    member = Member(LSTM, 8, 0)
    model, done, dying = member.untrained(), [], ""

    def watched(module, name):
        real = getattr(module, name)

        def watch(*arguments, **keywords):
            done.append(name)
            if name == dying:
                raise KeyboardInterrupt
            return real(*arguments, **keywords)

        monkeypatch.setattr(module, name, watch)

    watched(measuring, "evaluate")
    watched(measuring, "_routes")
    watched(measuring, "_patches")
    assert measure(member, model, amounts, tmp_path / "whole")
    assert done == ["evaluate"] * 5 + ["_routes", "_patches"]
    done.clear()
    dying = "_patches"
    with pytest.raises(KeyboardInterrupt):
        measure(member, model, amounts, tmp_path / "parts")
    rows = (tmp_path / "parts" / "rows.jsonl").read_text()
    # Two conditions, of the model and of the same before its training.
    assert len(rows.splitlines()) == 4
    done.clear()
    dying = ""
    with monkeypatch.context() as patched:
        patched.setattr(measuring, "numbers_of_sentences", None)
        assert measure(member, model, amounts, tmp_path / "parts")
    assert done == ["_patches"]
    for name in FILES:
        parts, whole = (tmp_path / folder / name for folder in ("parts", "whole"))
        assert parts.read_text() == whole.read_text()
    assert {f.name for f in (tmp_path / "parts").iterdir()} == {*FILES, KEY}
    patches = list(csv.DictReader((tmp_path / "whole" / "patches.csv").read_text().splitlines()))
    # What the path of rank 1 does is measured in the other half of the groups.
    half = halves.find(
        model,
        VOCABULARY,
        measuring.conditions({t.name: of_seed(t, 4) for t in TASKS}, 4)[0],
        amounts.settings,
    )
    odd = [s for s in of_seed(SIMPLE, 4) if s.group % 2 and s.condition == "S"]
    (expected,) = swap_subjects(model, VOCABULARY, odd, {"rank 1": half.path}, LSTM.view)
    found = next(p for p in patches if (p["condition"], p["paths"]) == ("S", "rank 1"))
    assert float(found["along"]) == pytest.approx(expected.along.mean, rel=1e-5)
    assert float(found["whole"]) == pytest.approx(expected.whole, rel=1e-5)


def of_seed(task, n):
    return generate(task, n, seed=0, vocabulary=VOCABULARY)


def test_the_tables_of_a_model_are_not_the_familys(tmp_path, capsys):
    """What one model's tables are called is left alone, and what is there stays after an error."""
    for name in (*FILES, "family.md"):
        (tmp_path / name).write_text("kept\n")
    assert not set(FILES) & set(OUTPUTS)
    assert main(["--only-measured", "--out", str(tmp_path)]) == 1
    assert "has the tables of none of the 18 models" in capsys.readouterr().err
    for name in (*FILES, "family.md"):
        assert (tmp_path / name).read_text() == "kept\n"


def test_models_that_were_measured_otherwise_are_not_mixed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "examples.lstm_agreement.family.measuring._tables",
        lambda *_args: dict.fromkeys(FILES, (["a"], [["1"]])),
    )
    member = Member(LSTM, 8, 0)
    few = Amounts(2, 2, Settings(2, pf.GaussLegendre(), 1))
    measure(member, member.untrained(), few, tmp_path / "tables" / member.name)
    asked = ["--sizes", "8", "--only-measured", "--out", str(tmp_path)]
    assert main(asked) == 1
    error = capsys.readouterr().err
    assert "lstm-8-0 was measured with amounts '2 2 0', points '2 GaussLegendre()'" in error
    assert "asked for are amounts '24 100 0'" in error
    # Asked alike, they are read, and are no tables of the study.
    alike = ["--sentences", "2", "--accuracy-sentences", "2", "--steps", "2"]
    assert main([*asked, *alike]) == 1
    assert "the tables of lstm-8-0 are none of this study" in capsys.readouterr().err
    (tmp_path / "tables" / member.name / "key.json").write_text("[]")
    assert main(asked) == 1
    assert "says not how lstm-8-0 was measured" in capsys.readouterr().err


def test_one_family_at_a_time(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lock, "_take", lambda _file, folder: refuse(folder))
    assert main(["--only-measured", "--out", str(tmp_path)]) == 1
    assert f"{tmp_path} is taken" in capsys.readouterr().err


def refuse(folder):
    raise StudyError(f"{folder} is taken")
