"""Scores of units by every method, against the equations in NumPy and finite differences."""

import csv

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import stats
from sklearn.neighbors import NearestCentroid

import pathflow as pf
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.rivals import __main__ as rivals
from examples.lstm_agreement.rivals import methods, report
from examples.lstm_agreement.rivals.contextual import decompose
from examples.lstm_agreement.rivals.diagnosis import Diagnosed, accuracy, diagnose, folds, unit_hits
from examples.lstm_agreement.rivals.question import Question, Unit
from examples.lstm_agreement.rivals.rank_agreement import Agreement, agreement
from examples.lstm_agreement.rivals.ways import Ways, ways
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, generate, swapped
from examples.lstm_agreement.tables.measure import Role, noun_influences
from pathflow.models import ModelCard, save_checkpoint
from tests.examples.numpy_lstm import forward, margins

LAST = 4


@pytest.fixture(scope="module")
def question(model, vocabulary):
    return Question(model, vocabulary, generate(NOUN_PP, 2, seed=3))


@pytest.fixture(scope="module")
def scores(question):
    units = range(question.model.hidden_dim)
    return {m.name: m.scores(question, units) for m in (methods.INTERCHANGE, *methods.METHODS)}


def recorded(model, tokens):
    """Every gate and cell by its label, in float64."""
    found = {}

    def keep(name, layer, step, value):
        found[f"{name}{layer}@{step}"] = value
        return value

    forward(model, tokens, keep)
    return found


def readout(question):
    """What one of the last hidden states adds to the score difference, (sentences, units)."""
    rows, words = np.asarray(question.model.output_rows, np.float64), question.words
    return rows[words.correct] - rows[words.wrong]


def on_the_line(question, i, x):
    """Gates and cells of one sentence with another embedding of the subject."""
    model = nnx.clone(question.model)
    tokens = question.words.tokens[i : i + 1]
    model.embedding[...] = model.embedding[...].at[tokens[0, 1]].set(jnp.asarray(x, jnp.float32))
    return recorded(model, tokens)


def points(question, i):
    """The points between the noun's neutral embedding and the noun's, weights, direction."""
    noun, rows = question.sentences[i].subject, np.asarray(question.model.embedding[...], float)
    forms = rows[question.vocabulary.encode((noun.forms.singular, noun.forms.plural))]
    start, end = forms.mean(axis=0), rows[question.words.tokens[i, 1]]
    at, weights = question.settings.rule.nodes_and_weights(question.settings.n_steps)
    return [start + a * (end - start) for a in at], weights, end - start


def close(found, expected, part=1e-3):
    np.testing.assert_allclose(found, expected, atol=part * np.abs(expected).max())


def test_a_swapped_sentence_is_the_other_of_its_group(question):
    of_group = {(s.group, s.condition): s.tokens for s in question.sentences}
    for s in question.sentences:
        other = ("P" if s.condition[0] == "S" else "S") + s.condition[1]
        assert swapped(s).tokens == of_group[s.group, other] != s.tokens
        assert (swapped(s).correct, swapped(swapped(s))) == (s.correct, s)


def test_the_primary_path_is_a_product_of_its_factors(question, scores):
    kernels = [
        np.split(np.asarray(la.input_kernel[...], float), 4, axis=1)[3]
        for la in question.model.layers
    ]
    for i in (0, 3):
        expected = np.zeros(question.model.hidden_dim)
        at, weights, direction = points(question, i)
        for x, weight in zip(at, weights, strict=True):
            v = {name: value[0] for name, value in on_the_line(question, i, x).items()}
            cell = v["i0@1"] * (1 - v["g0@1"] ** 2) * (direction @ kernels[0])
            hidden = v["o0@1"] * (1 - np.tanh(v["c0@1"]) ** 2) * cell
            cell = v["i1@1"] * (1 - v["g1@1"] ** 2) * (hidden @ kernels[1])
            for step in range(2, LAST + 1):
                cell = v[f"f1@{step}"] * cell
            slope = v[f"o1@{LAST}"] * (1 - np.tanh(v[f"c1@{LAST}"]) ** 2)
            expected += weight * readout(question)[i] * slope * cell
        close(scores["paths, primary"][i], expected)


def test_all_paths_are_finite_differences_of_the_cell(question, scores):
    step = 1e-2
    for i in (1, 6):
        expected = np.zeros(question.model.hidden_dim)
        at, weights, direction = points(question, i)
        for x, weight in zip(at, weights, strict=True):
            low, here, high = (
                on_the_line(question, i, x + d * direction) for d in (-step, 0, step)
            )
            change = (high[f"c1@{LAST}"] - low[f"c1@{LAST}"])[0] / (2 * step)
            slope = here[f"o1@{LAST}"] * (1 - np.tanh(here[f"c1@{LAST}"]) ** 2)
            expected += weight * readout(question)[i] * slope[0] * change
        close(scores["paths, all"][i], expected)


def test_the_guided_path_goes_where_most_still_flows(question, scores):
    every = noun_influences(
        question.model, question.vocabulary, question.sentences, Role.SUBJECT, question.settings
    )
    mean = np.asarray(every.influences, np.float64).mean(axis=0)
    flows = {
        tuple(map(str, every.space.unrank(i))): mean[i]
        for i in range(every.space.count)
        if f"c1@{LAST}" in map(str, every.space.unrank(i))
    }
    way = ("x@1",)
    while way[-1] != "qoi":
        ahead = {}
        for path, value in flows.items():
            if path[: len(way)] == way:
                ahead[path[len(way)]] = ahead.get(path[len(way)], 0.0) + value
        way = (*way, max(ahead, key=lambda node: abs(ahead[node])))
    path, found = methods.guided_path(question)
    assert tuple(map(str, path)) == way
    # The units of the last cell divide that path, in every sentence.
    close(scores["paths, guided"].sum(axis=1), np.asarray(every[path]), 1e-4)
    assert found.rows[0].path == path


def test_ways_into_units(question, scores):
    found = ways(question)
    assert [str(e) for e in found.entries[3:6]] == ["g1@4", "i1@1", "i1@2"]
    close(found.influences.sum(axis=0), scores["paths, all"].mean(axis=0), 1e-4)
    close(found.by_word()[1], found.influences[[1, 5, 9]].sum(axis=0), 1e-9)
    # By the candidate at the subject: whatever the first layer does there, and then the cell.
    kernel = np.split(np.asarray(question.model.layers[1].input_kernel[...], float), 4, axis=1)[3]
    expected, step = np.zeros(question.model.hidden_dim), 1e-2
    for i, weights_of_states in enumerate(readout(question)):
        at, weights, direction = points(question, i)
        for x, weight in zip(at, weights, strict=True):
            low, here, high = (
                {k: v[0] for k, v in on_the_line(question, i, x + d * direction).items()}
                for d in (-step, 0, step)
            )
            before, after = (v["o0@1"] * np.tanh(v["c0@1"]) for v in (low, high))
            cell = (after - before) / (2 * step) @ kernel * (1 - here["g1@1"] ** 2) * here["i1@1"]
            cell = cell * here["f1@2"] * here["f1@3"] * here["f1@4"]
            slope = here[f"o1@{LAST}"] * (1 - np.tanh(here[f"c1@{LAST}"]) ** 2)
            expected += weight * weights_of_states * slope * cell / len(question.sentences)
    close(found.influences[0], expected)


def test_gradients_are_those_of_the_last_cell(question, scores):
    here = recorded(question.model, question.words.tokens)
    other = recorded(question.model, question.swapped_words)[f"c1@{LAST}"]
    cell = here[f"c1@{LAST}"]
    weights = readout(question) * here[f"o1@{LAST}"]
    close(scores["gradient"], weights * (1 - np.tanh(cell) ** 2) * (cell - other))
    # Units add up after the last cell, so that the line gives what replacing one there changes.
    close(scores["integrated gradients"], weights * (np.tanh(cell) - np.tanh(other)))


def test_the_score_of_a_part_is_what_it_adds(question, scores):
    _, hidden = decompose(question.model, question.words.tokens, 1)
    rows = np.asarray(question.model.output_rows, float)
    words = question.words
    right, wrong = ((hidden.word * rows[w]).sum(axis=1) for w in (words.correct, words.wrong))
    close(scores["decomposition"].sum(axis=1), right - wrong, 1e-6)


@pytest.mark.parametrize("name", ["held at zero", "held at mean", "interchange"])
def test_replaced_units_are_those_of_the_equations(question, scores, name):
    other = recorded(question.model, question.swapped_words)
    here = recorded(question.model, question.words.tokens)
    whole = margins(question.model, question.vocabulary, question.sentences)
    for unit in range(question.model.hidden_dim):

        def put(kind, layer, step, value, unit=unit):
            value = value.copy()
            if (kind, layer) == ("c", 1) and step >= 1:
                values = {
                    "held at zero": 0,
                    "held at mean": here[f"c1@{step}"][:, unit].mean(),
                    "interchange": other[f"c1@{step}"][:, unit],
                }
                value[:, unit] = values[name]
            return value

        left = margins(question.model, question.vocabulary, question.sentences, put)
        close(scores[name][:, unit], whole - left)


def test_some_units_alone(question, scores):
    for method in (methods.INTERCHANGE, *methods.METHODS):
        some = method.scores(question, [4, 1])
        close(some, scores[method.name][:, [4, 1]], 1e-6)


def test_one_entry_is_replaced():
    graph = pf.trace(lambda x: 2 * pf.tag(x + 1, "h"), jnp.arange(3.0))
    new = jnp.array([[7.0, 8, 9], [4, 5, 6]])
    zero = pf.do(graph, (jnp.arange(3.0),), {"h": Unit(1, pf.Zero())})
    np.testing.assert_array_equal(zero, [2, 0, 6])
    both = (jnp.stack([jnp.arange(3.0)] * 2),)
    fixed = pf.do(graph, both, {"h": Unit(2, pf.Fix(new))}, in_axes=0)
    np.testing.assert_array_equal(fixed, [[2, 4, 18], [2, 4, 12]])
    doubled = pf.do(graph, both, {"h": Unit(0, pf.Apply(lambda h: 3 * h))}, in_axes=0)
    np.testing.assert_array_equal(doubled, [[6, 4, 6]] * 2)


def test_a_subject_is_in_one_half(vocabulary):
    sentences = generate(NOUN_PP, 60)
    half = folds(sentences)
    subjects = [
        {s.subject.forms for s, h in zip(sentences, half, strict=True) if h == k} for k in (0, 1)
    ]
    assert subjects[0] | subjects[1] == {s.subject.forms for s in sentences}
    assert not subjects[0] & subjects[1]
    assert len(subjects[0]) == len(subjects[1])
    with pytest.raises(StudyError, match="only one"):
        folds(sentences[:4])


def made_up():
    """Sixty words; units that hold number in part, wholly with the first, the word, nothing."""
    rng = np.random.default_rng(0)
    word, plural = np.repeat(np.arange(60), 2), np.tile([False, True], 60)
    noise, sign = 2 * rng.normal(size=120), np.where(plural, 1.0, -1.0)
    cells = np.stack([noise, sign + noise, word * 1.0, np.full(120, 0.3)], axis=1)
    return cells, plural, word % 2


def test_thresholds_are_nearest_centroids():
    cells, plural, half = made_up()
    hits = unit_hits(cells, plural, half)
    for unit in range(2):
        one = cells[:, [unit]]
        for k in (0, 1):
            told = NearestCentroid().fit(one[half != k], plural[half != k]).predict(one[half == k])
            np.testing.assert_array_equal(hits[half == k, unit], told == plural[half == k])
    np.testing.assert_array_equal(hits.mean(axis=0)[2:], 0.5)
    assert hits[:, 0].mean() < 0.6 < hits[:, 1].mean() < 0.8


def test_a_regression_reads_what_units_hold_together():
    cells, plural, half = made_up()
    assert accuracy(cells[:, :2], plural, half) > 0.95
    assert accuracy(cells[:, :1], plural, half) < 0.6
    # The word says nothing of the number, nor does a unit with rounding in it.
    still = cells[:, 2:] + np.array([0, 1]) * 1e-8 * np.where(plural, 1, -1)[:, None]
    assert accuracy(still, plural, half) == 0.5


def test_agreement_is_scipys():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30), rng.integers(-4, 4, 30).astype(float)
    found = agreement(a, b)
    assert found.signed == pytest.approx(stats.spearmanr(a, b).statistic)
    assert found.size == pytest.approx(stats.spearmanr(abs(a), abs(b)).statistic)
    assert np.isnan(agreement(a, b, signed=False).signed)
    assert np.isnan(agreement(np.ones(30), b).size)


def test_equal_units_share_the_first_places():
    reference = np.arange(10.0)[::-1]
    assert agreement(-reference, reference).n_first == 5
    assert agreement(np.arange(10.0), reference).n_first == 0
    # Unit 0 is first; four of the other nine, of which four are the reference's.
    assert agreement(np.array([2.0] + [1] * 9), reference).n_first == pytest.approx(1 + 16 / 9)


def test_shares_are_parts_of_the_change_of_the_score(question, scores):
    found = {str(d.node): d for d in diagnose(question)}
    assert len(found) == 2 * 6 * 5
    # The word before the subject knows nothing of it.
    assert {(d.accuracy, d.share) for d in found.values() if d.node.index == (0,)} == {(0.5, None)}
    change = []
    for i, one in enumerate(readout(question)):
        noun, embedding = question.sentences[i].subject, question.model.embedding[...]
        forms = embedding[question.vocabulary.encode((noun.forms.singular, noun.forms.plural))]
        ends = [
            on_the_line(question, i, x)
            for x in (forms.mean(axis=0), embedding[question.words.tokens[i, 1]])
        ]
        start, end = (v[f"o1@{LAST}"] * np.tanh(v[f"c1@{LAST}"]) @ one for v in ends)
        change.append(end - start)
    through = scores["paths, all"].sum(axis=1).mean() / np.mean(change)
    assert found[f"c1@{LAST}"].share == pytest.approx(through, abs=1e-3)
    # What leaves the subject, and what enters the last hidden state, is all there is.
    for nodes in ([f"{gate}0@1" for gate in "fiog"], ["h1@4"], ["o1@4", "c1@4"]):
        assert sum(found[n].share for n in nodes) == pytest.approx(1, abs=1e-4)


def test_methods_are_compared_with_interchange(question, scores):
    told = []
    first, *others = methods.compare(question, advance=told.append)
    assert [s.method for s in others] == list(methods.METHODS)
    assert told == [first.method.name, *(s.method.name for s in others)]
    reference = scores["interchange"]
    half = folds(question.sentences)
    assert first.against.size == pytest.approx(
        stats.spearmanr(*(abs(reference[half == k].mean(axis=0)) for k in (0, 1))).statistic
    )
    for s in others:
        close(s.scores, scores[s.method.name].mean(axis=0), 1e-4)
        assert s.seconds > 0
        if s.method.signed:
            expected = stats.spearmanr(s.scores, reference.mean(axis=0)).statistic
            assert s.against.signed == pytest.approx(expected)


def test_the_tables():
    scored = [
        methods.Scored(methods.METHODS[0], 1.234, np.array([0.5, -2, 1, 0]), Agreement(1, -0.5, 3)),
        methods.Scored(
            methods.METHODS[-1], 0.1, np.array([1, 0.5, 1, 1, 1]), Agreement(0.25, np.nan, 2.5)
        ),
    ]
    header, lines = report.unit_table(scored)
    assert len(header) == 7
    assert lines == [
        ("paths, primary", "gradients", "1.23", "1, 2, 0", "1.00", "-0.50", "3"),
        ("classifier", "1 run, labels", "0.10", "0, 2, 3 (4)", "0.25", "-", "2.5"),
    ]
    found = Ways(
        tuple(pf.Node(f"{g}1", (t,)) for g in "gif" for t in (0, 1)),
        np.array([[0, 1, 2, 3], [1, -9, 0, 4], [0] * 4, [0, 1, 0, 0], [0] * 4, [0] * 4], float),
    )
    header, lines = report.way_table(scored, found, SIMPLE)
    assert header == ("unit", "paths, primary", "all", "determiner@0", "subject@1", "largest")
    assert lines[0] == ("1", "-2.000", "-7.000", "+1.000", "-8.000", "g1@1 -9.000")
    assert [line[0] for line in lines] == ["1", "2", "0", "3"]
    nodes = [Diagnosed(pf.Node("c0", (0,)), 0.5, None), Diagnosed(pf.Node("c0", (1,)), 1.0, -0.25)]
    header, lines = report.node_table(nodes, SIMPLE)
    assert (header, lines) == (
        ("node", "determiner@0", "subject@1"),
        [("c0", "0.50 / -", "1.00 / -0.25")],
    )


def test_the_command(model, vocabulary, tmp_path, capsys):
    path, out = tmp_path / "model.safetensors", tmp_path / "out"
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--out", str(out), "--sentences"]
    assert rivals.main([*asked, "2"]) == 0
    assert "wrote rivals.md" in capsys.readouterr().out
    assert {f.name for f in out.iterdir()} == {
        "rivals.md",
        ".lock",
        "rivals.jsonl",
        "rivals.run.json",
        "rivals.csv",
        "rivals_methods.csv",
        "rivals_ways.csv",
        "rivals_nodes.csv",
    }
    rows = list(csv.DictReader((out / "rivals.csv").read_text().splitlines()))
    assert len(rows) == (1 + len(methods.METHODS)) * model.hidden_dim
    assert "a test's model" in (out / "rivals.md").read_text()
    assert rivals.main([*asked, "1"]) == 1
    assert "error: " in capsys.readouterr().err


def test_it_goes_on_where_it_was_stopped(model, vocabulary, tmp_path, monkeypatch):
    path, asked = tmp_path / "model.safetensors", []
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    # Few and quick ones; the last but one is stopped.
    few = [methods.METHODS[i] for i in (3, 5, 8)]
    monkeypatch.setattr(methods, "METHODS", few)
    monkeypatch.setattr(methods, "_timed", lambda m, q: asked.append(m.name) or real(m, q))
    real = lambda m, q: (1.0, m.scores(q, range(q.model.hidden_dim)))  # noqa: E731
    monkeypatch.setattr(rivals, "guided_path", lambda _question: ("x@1 qoi", None))
    called = ["--checkpoint", str(path), "--sentences", "2", "--out"]
    assert rivals.main([*called, str(tmp_path / "whole")]) == 0

    def dies(*_arguments, **_keywords):
        raise KeyboardInterrupt

    parts = [*called, str(tmp_path / "parts")]
    for name, n_asked in (("diagnose", 4), ("ways", 0)):
        asked.clear()
        with monkeypatch.context() as patched:
            patched.setattr(rivals, name, dies)
            assert rivals.main(parts) == 130
        assert len(asked) == n_asked
    assert rivals.main(parts) == 0
    assert not asked
    for name in rivals.OUTPUTS:
        assert (tmp_path / "parts" / name).read_text() == (tmp_path / "whole" / name).read_text()
    # Other sentences are another question.
    assert rivals.main([*parts, "--seed", "1"]) == 0
    assert len(asked) == 4
    (tmp_path / "parts" / "rivals.jsonl").write_text("{}\n")
    assert rivals.main(parts) == 1
