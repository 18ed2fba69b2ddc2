"""How an outer number crosses an inner verb: sums against all paths, exchanges against NumPy."""

import contextlib
import csv
import io
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import pathflow as pf
from examples.lstm_agreement.clauses import __main__ as command
from examples.lstm_agreement.clauses.accuracy import scores
from examples.lstm_agreement.clauses.across import ALL, across, lead_of
from examples.lstm_agreement.clauses.crossing import ENTRIES, STATES, cross, crossing_classes
from examples.lstm_agreement.clauses.exchange import exchange
from examples.lstm_agreement.clauses.sources import Sources, first_of_each
from examples.lstm_agreement.concepts import __main__ as concepts
from examples.lstm_agreement.console import lock
from examples.lstm_agreement.console.command import finished
from examples.lstm_agreement.errors import StudyError
from examples.lstm_agreement.sentences.clauses import (
    COORDINATION,
    OBJECT_RELATIVE,
    SUBJECT_RELATIVE,
    WORDS,
    generate_clauses,
)
from examples.lstm_agreement.sentences.encoding import encode
from examples.lstm_agreement.sentences.lakretz import ADV_ADV
from examples.lstm_agreement.sentences.lexicon import ENGLISH
from examples.lstm_agreement.sentences.marvin_linzen import PairFile
from examples.lstm_agreement.sentences.tasks import SIMPLE, generate, swapped
from examples.lstm_agreement.tables.bootstrap import (
    mean_interval,
    ratio_interval,
    resampled_means,
)
from examples.lstm_agreement.tables.measure import (
    Role,
    Settings,
    noun_influences,
    primary_path,
    traced_model,
)
from pathflow.models import LSTMLanguageModel, ModelCard, Vocabulary, save_checkpoint
from tests.examples.numpy_lstm import forward, margins

SETTINGS = Settings(3, pf.GaussLegendre(), chunk=4)
# One where the sentence goes on behind the inner verb, and one where it ends there.
TASKS = pytest.mark.parametrize("task", [COORDINATION, OBJECT_RELATIVE], ids=lambda t: t.name)


@pytest.fixture(scope="module")
def words():
    clause = {w for forms in WORDS.values() for f in forms for w in (f.singular, f.plural)}
    every = sorted(ENGLISH.words() | clause | {"that", "and"})
    return Vocabulary(("<unk>", "<eos>", *every))


@pytest.fixture(scope="module")
def lstm(words):
    """Weights large enough for every gate to matter."""
    model = LSTMLanguageModel(len(words), 5, 5, 2, True, rngs=nnx.Rngs(4))
    state = nnx.state(model)
    rng = np.random.default_rng(0)
    nnx.update(
        model,
        jax.tree.map(lambda a: jnp.asarray(rng.normal(0, 0.7, a.shape), a.dtype), state),
    )
    return model


@TASKS
def test_classes_are_all_paths_sorted_by_their_edges(lstm, words, task):
    sentences = generate_clauses(task, 2, seed=1)
    verb, last = task.crossed, len(sentences[0].tokens) - 1
    every = noun_influences(lstm, words, sentences, Role.SUBJECT, SETTINGS)
    found = cross(lstm, words, sentences, verb, SETTINGS)
    names = []
    for path in every.space:
        entry = out = ""
        for before, after in pairwise(path):
            steps = [n.index[0] for n in (before, after) if n.index]
            if steps == [verb - 1, verb]:
                entry = f"{before.name} > {after.name}"
            if steps == [verb, verb + 1]:
                out = f", {before.name}"
        names.append(entry + out)
    assert set(names) == set(found.names) == set(crossing_classes(verb, last))
    scale = np.abs(every.influences).sum(axis=1).max()
    for i, name in enumerate(found.names):
        mine = [n == name for n in names]
        expected = every.influences[:, mine].sum(axis=1)
        np.testing.assert_allclose(found.influences[:, i], expected, atol=1e-5 * scale)
    primary = every.space.rank(primary_path(1, last))
    np.testing.assert_allclose(found.primary, every.influences[:, primary], atol=1e-5 * scale)
    for sums in (found.by_entry(), found.by_state(), found.by_state_after()):
        if sums is not None:
            np.testing.assert_allclose(sums.sum(axis=1), every.total, atol=1e-5 * scale)
    assert (found.by_state_after() is None) == (verb == last)
    assert found.structural < 1e-4


def with_state_of(model, tokens, other, verb, states, rows):
    """Score differences when some states before a step are those of other sentences, in NumPy."""
    hidden = [np.zeros((len(tokens), model.hidden_dim)) for _ in model.layers]
    cells = [h.copy() for h in hidden]
    kept = {}
    for name, sentences in (("mine", tokens), ("other", other)):
        held = {}

        def keep(gate, layer, step, value, held=held):
            held[gate, layer, step] = value
            return value

        forward(model, sentences[:, :verb], keep)
        for layer in (0, 1):
            cell = held["c", layer, verb - 1]
            kept[name, f"c{layer}"] = cell
            kept[name, f"h{layer}"] = held["o", layer, verb - 1] * np.tanh(cell)
    for layer in (0, 1):
        cells[layer] = kept["other" if f"c{layer}" in states else "mine", f"c{layer}"]
        hidden[layer] = kept["other" if f"h{layer}" in states else "mine", f"h{layer}"]
    for step in range(verb, tokens.shape[1]):
        x = np.asarray(model.embedding[...], np.float64)[tokens[:, step]]
        for k, layer in enumerate(model.layers):
            z = x @ np.asarray(layer.input_kernel[...], np.float64)
            z += hidden[k] @ np.asarray(layer.recurrent_kernel[...], np.float64)
            f, i, o, g = np.split(z + np.asarray(layer.bias[...], np.float64), 4, axis=1)
            f, i, o = (1 / (1 + np.exp(-v)) for v in (f, i, o))
            cells[k] = f * cells[k] + i * np.tanh(g)
            x = hidden[k] = o * np.tanh(cells[k])
    return (x * rows).sum(axis=1)


@TASKS
def test_states_exchanged_one_by_one_and_all_but_one(lstm, words, task):
    sentences = generate_clauses(task, 3, seed=2)
    others = [swapped(s) for s in sentences]
    encoded, other = encode(sentences, words), encode(others, words).tokens
    embedding = np.asarray(lstm.output_rows, np.float64)
    rows = embedding[encoded.correct] - embedding[encoded.wrong]
    bias = np.asarray(lstm.output_bias[...], np.float64)
    shift = bias[encoded.correct] - bias[encoded.wrong]
    found = exchange(lstm, words, sentences, task.crossed)

    def expected(states):
        run = (lstm, encoded.tokens, other, task.crossed, states, rows)
        return with_state_of(*run) + shift

    np.testing.assert_allclose(found.clean, margins(lstm, words, sentences), atol=1e-5)
    np.testing.assert_allclose(found.clean, expected(()), atol=1e-5)
    # The whole state is all that is left of the subject.
    np.testing.assert_allclose(found.all_states, margins(lstm, words, others), atol=1e-5)
    for i, state in enumerate(STATES):
        np.testing.assert_allclose(found.by_state[:, i], expected((state,)), atol=1e-5)
        rest = tuple(s for s in STATES if s != state)
        np.testing.assert_allclose(found.but_state[:, i], expected(rest), atol=1e-5)
    assert np.ptp(found.by_state - found.clean[:, None]) > 1e-3


def test_entries_exchanged_one_by_one(lstm, words):
    sentences = generate_clauses(COORDINATION, 2, seed=3)
    verb = COORDINATION.crossed
    graph, parameters = traced_model(lstm, len(sentences[0].tokens))
    tokens = [encode(s, words).tokens for s in (sentences, [swapped(s) for s in sentences])]
    mine, other = [
        pf.activations(graph, (parameters, jnp.asarray(t)), in_axes=(None, 0)) for t in tokens
    ]
    mine, other = [{str(n): np.asarray(v, np.float64) for n, v in f.items()} for f in (mine, other)]
    found = exchange(lstm, words, sentences, verb)

    def replaced(entry):
        """What the node that an entry leads into holds when it alone sees the other sentence."""
        layer = lstm.layers[int(entry.state[1])]
        k, before = int(entry.state[1]), f"{entry.state}@{verb - 1}"
        if entry.state[0] == "c":
            change = mine[f"f{k}@{verb}"] * (other[before] - mine[before])
            return mine[f"c{k}@{verb}"] + change
        below = mine[f"x@{verb}"] if k == 0 else mine[f"h0@{verb}"]
        z = below @ np.asarray(layer.input_kernel[...], np.float64)
        z += other[before] @ np.asarray(layer.recurrent_kernel[...], np.float64)
        part = np.split(z + np.asarray(layer.bias[...], np.float64), 4, axis=1)
        value = part["fiog".index(entry.into[0])]
        return np.tanh(value) if entry.into[0] == "g" else 1 / (1 + np.exp(-value))

    for i, entry in enumerate(ENTRIES):
        new = replaced(entry)

        def instead(gate, layer, step, value, entry=entry, new=new):
            here = (f"{gate}{layer}", step) == (entry.into, verb)
            return new if here else value

        expected = margins(lstm, words, sentences, instead)
        np.testing.assert_allclose(found.by_entry[:, i], expected, atol=1e-5, err_msg=str(entry))


def test_the_subject_exchanged_along_the_primary_path(lstm, words):
    sentences = generate_clauses(OBJECT_RELATIVE, 2, seed=3)
    encoded = encode(sentences, words)
    other = encode([swapped(s) for s in sentences], words).tokens
    held = {}

    def keep(gate, layer, step, value):
        held[gate, layer, step] = value
        return value

    forward(lstm, encoded.tokens, keep)
    changed = {}

    def keep_other(gate, layer, step, value):
        changed[gate, layer, step] = value
        return value

    # Nothing but the candidate of the first layer sees the other form at the subject itself.
    forward(lstm, other, keep_other)
    c0 = held["f", 0, 1] * held["c", 0, 0] + held["i", 0, 1] * changed["g", 0, 1]
    h0 = held["o", 0, 1] * np.tanh(c0)
    layer = lstm.layers[1]
    before = held["o", 1, 0] * np.tanh(held["c", 1, 0])
    z = h0 @ np.asarray(layer.input_kernel[...], np.float64)
    z += before @ np.asarray(layer.recurrent_kernel[...], np.float64)
    g1 = np.tanh(np.split(z + np.asarray(layer.bias[...], np.float64), 4, axis=1)[3])
    cell = held["f", 1, 1] * held["c", 1, 0] + held["i", 1, 1] * g1
    last = encoded.tokens.shape[1] - 1
    for step in range(2, last + 1):
        cell = held["f", 1, step] * cell + held["i", 1, step] * held["g", 1, step]
    h1 = held["o", 1, last] * np.tanh(cell)
    logits = h1 @ np.asarray(lstm.output_rows, np.float64).T
    logits += np.asarray(lstm.output_bias[...], np.float64)
    at = np.arange(len(sentences))
    expected = logits[at, encoded.correct] - logits[at, encoded.wrong]
    found = exchange(lstm, words, sentences, OBJECT_RELATIVE.crossed)
    np.testing.assert_allclose(found.primary, expected, atol=1e-5)


def test_ways_and_verdicts_are_what_was_measured(lstm, words):
    sentences = generate_clauses(COORDINATION, 5, seed=1)
    models = {"trained": lstm, "untrained 0": lstm}
    ways, verdicts = across(models, words, sentences, COORDINATION.crossed, SETTINGS)
    crossing = cross(lstm, words, sentences, COORDINATION.crossed, SETTINGS)
    changed = exchange(lstm, words, sentences, COORDINATION.crossed)
    assert [v.condition for v in verdicts] == ["S", "P", ALL]
    mine = np.array([s.condition == "P" for s in sentences])
    for kind in ("before", "entry", "after", "way"):
        of_kind = [w for w in ways if (w.kind, w.condition) == (kind, "P")]
        assert sum(w.fraction.mean for w in of_kind) == pytest.approx(1)
        assert sum(w.size.mean for w in of_kind) == pytest.approx(1)
        # The same model stands in for an untrained one.
        assert [w.untrained.mean for w in of_kind] == pytest.approx([w.size.mean for w in of_kind])
    before = [w for w in ways if (w.kind, w.condition) == ("before", "P")]
    influence = crossing.by_state()[mine].mean(axis=0)
    assert [w.influence.mean for w in before] == pytest.approx(influence.tolist())
    lost = (changed.clean[:, None] - changed.by_state)[mine]
    assert [w.exchanged.mean for w in before] == pytest.approx(lost.mean(axis=0).tolist())
    assert [w.accuracy.mean for w in before] == pytest.approx(
        (changed.by_state[mine] > 0).mean(axis=0).tolist()
    )
    verdict = verdicts[1]
    top = int(influence.argmax())
    assert verdict.first == STATES[top]
    best = np.delete(lost.mean(axis=0), top).max()
    assert verdict.lead.mean == pytest.approx(lost.mean(axis=0)[top] - best)
    names = {True: "confirmed", False: "refuted"}
    clear = verdict.lead.low > 0 or verdict.lead.high < 0
    assert verdict.answer == (names[verdict.lead.low > 0] if clear else "open")
    assert verdict.accuracy_exchanged.mean == (changed.all_states[mine] > 0).mean()


def test_a_lead_is_over_the_best_other_state():
    lost = np.tile([0.1, 3.0, 1.0, 2.0], (20, 1)) + np.random.default_rng(0).normal(0, 0.1, (20, 4))
    ahead, top = lead_of(np.array([0.0, 5.0, 1.0, 2.0]), lost)
    assert top == 1
    assert 0.8 < ahead.low < ahead.mean < ahead.high < 1.2
    behind, top = lead_of(np.array([9.0, 5.0, 1.0, 2.0]), lost)
    assert top == 0
    assert -3.1 < behind.low < behind.mean < behind.high < -2.7


def test_a_ratio_of_means():
    rng = np.random.default_rng(1)
    whole = rng.normal(4, 1, 200)
    found = ratio_interval(0.25 * whole + rng.normal(0, 0.1, 200), whole)
    assert found.low < 0.25 < found.high
    assert found.high - found.low < 0.02
    assert ratio_interval(0.5 * whole, whole) == pytest.approx((0.5, 0.5, 0.5))


def test_groups_are_drawn_whole():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 4)
    values = np.repeat(rng.normal(0, 1, 40), 4)
    # Four copies of a number say no more than one.
    whole, once = mean_interval(values, groups), mean_interval(values[::4])
    assert whole == pytest.approx(once)
    apart = mean_interval(values)
    assert whole.high - whole.low > 1.7 * (apart.high - apart.low)
    # The usual formula for forty independent numbers.
    error = values[::4].std(ddof=1) / np.sqrt(40)
    assert whole.high - whole.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    # A group counts by its sentences, and by hand, in Python.
    uneven, sizes = np.array([1.0, 2.0, 4.0, 8.0]), np.array([7, 7, 7, 9])
    drawn = np.random.default_rng(0).multinomial(2, [0.5, 0.5], size=1000)
    expected = [(7 * a + 8 * b) / (3 * a + b) for a, b in drawn.tolist()]
    np.testing.assert_allclose(resampled_means(uneven, sizes), expected)
    states = np.stack([values, -values], axis=1)
    (ahead, _), (alone, _) = (lead_of(np.array([1.0, 0.0]), states, g) for g in (groups, None))
    assert ahead.high - ahead.low > 1.7 * (alone.high - alone.low)


def test_accuracy_over_several_lengths(lstm, words):
    mixed = [*generate(SIMPLE, 3, vocabulary=words), *generate_clauses(SUBJECT_RELATIVE, 3)]
    found = scores(lstm, words, mixed, "here")
    assert [s.condition for s in found] == ["S", "SS", "SP", "P", "PS", "PP"]
    for score in found:
        mine = [s for s in mixed if s.condition == score.condition]
        expected = (margins(lstm, words, mine) > 0).mean()
        assert (score.n_sentences, score.accuracy.mean) == (3, expected)


def test_sources(words):
    sources = Sources(words, 500, 0)
    sentences, source = sources.sentences(COORDINATION)
    assert (source, len(sentences)) == ("own generator", 1000)
    # There are fewer groups of the first verb than that.
    assert len(sources.first_verb(COORDINATION)) == 2 * 12 * len(WORDS["intransitive"])
    assert sources.first_verb(ADV_ADV) == ()
    assert list(sources.pairs([PairFile("none")])) == []
    with pytest.raises(StudyError, match="no own generator of Adv_Adv"):
        sources.sentences(ADV_ADV)
    few = first_of_each(sentences, ("P", "S"), 3)
    assert [s.condition for s in few] == ["P"] * 3 + ["S"] * 3
    with pytest.raises(StudyError, match="of condition SP"):
        first_of_each(sentences, ("S", "SP"), 3)


@pytest.fixture(scope="module")
def whole(lstm, words, tmp_path_factory):
    """A model's file, what a command is asked about it, the folder that it wrote, and its words."""
    folder = tmp_path_factory.mktemp("whole")
    path, out, said = folder / "model.safetensors", folder / "out", io.StringIO()
    save_checkpoint(path, lstm, words, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--controls", "1", "--sentences", "2"]
    asked += ["--accuracy-sentences", "4", "--tasks", "coordination", "complement"]
    with contextlib.redirect_stdout(said):
        assert command.main([*asked, "--out", str(out)]) == 0
    return path, asked, out, said.getvalue()


def test_the_command(whole, tmp_path, capsys):
    _, _, out, said = whole
    assert "wrote clauses.md" in said
    assert {f.name for f in out.iterdir()} == {
        "clauses.md",
        "clauses.png",
        "clauses.jsonl",
        "clauses.run.json",
        ".lock",
        *(f"clauses_{n}.csv" for n in ("accuracy", "paths", "across", "verdicts")),
    }
    rows = list(csv.DictReader((out / "clauses_paths.csv").read_text().splitlines()))
    assert [(r["model"], r["role"], r["task"], r["condition"]) for r in rows[:2]] == [
        ("trained", "subject", "complement", "SS"),
        ("untrained 0", "subject", "complement", "SS"),
    ]
    assert {r["n_paths"] for r in rows} == {"16", "6946", "1089"}
    verdicts = list(csv.DictReader((out / "clauses_verdicts.csv").read_text().splitlines()))
    assert [(r["task"], r["condition"]) for r in verdicts] == [
        ("coordination", c) for c in ("S", "P", "all")
    ]
    assert max(float(r["structural"]) for r in (*rows, *verdicts)) < 1e-4
    text = (out / "clauses.md").read_text()
    assert "a test's model" in text
    assert "Whether intervention agrees" in text
    assert command.main(["--checkpoint", str(tmp_path / "none"), "--out", str(out)]) == 1
    assert "error: " in capsys.readouterr().err


def test_a_task_with_unknown_words_is_left_out(model, vocabulary, tmp_path, capsys):
    path, out = tmp_path / "model.safetensors", tmp_path / "out"
    save_checkpoint(path, model, vocabulary, ModelCard("a test's model"))
    asked = ["--checkpoint", str(path), "--out", str(out), "--tasks", "object relative"]
    assert command.main(asked) == 1
    error = capsys.readouterr().err
    assert "object relative is left out: vocabulary holds 0 of the 8 transitive verbs" in error
    assert "no task is left" in error


def test_it_goes_on_where_it_was_stopped(whole, tmp_path, monkeypatch, capsys):
    path, asked, at_once, _ = whole
    out, measured = tmp_path / "out", []
    out.mkdir()
    (out / "clauses.md").write_text("of an earlier run")
    of_a_task = command._measure

    def dies(task, *more):
        measured.append(task.name)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return of_a_task(task, *more)

    monkeypatch.setattr(command, "_measure", dies)
    parts = [*asked, "--out", str(out)]
    assert command.main(parts) == 130
    assert "goes on from what is kept" in capsys.readouterr().err
    # What was there is not taken away before there is something instead.
    assert (out / "clauses.md").read_text() == "of an earlier run"
    assert command.main(parts) == 0
    assert measured == ["complement", "coordination", "coordination"]
    for name in (n for n in command.OUTPUTS if not n.endswith(".png")):
        assert (out / name).read_bytes() == (at_once / name).read_bytes()
    assert finished(out, command.STEP, path, {"sentences": 2})
    assert finished(out, command.STEP, path, {"sentences": 3}) is None
    # Other sentences are another question.
    assert command.main([*parts, "--seed", "1", "--tasks", "complement"]) == 0
    assert len(measured) == 4
    (out / "clauses.jsonl").write_text("{}\n")
    assert command.main(parts) == 1
    assert "clauses.jsonl:1 is no task of this study" in capsys.readouterr().err


def test_one_run_at_a_time(lstm, words, tmp_path, monkeypatch, capsys):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, lstm, words, ModelCard("a test's model"))

    def taken(_file, folder):
        raise StudyError(f"{folder} is taken")

    monkeypatch.setattr(lock, "_take", taken)
    for main in (command.main, concepts.main):
        assert main(["--checkpoint", str(path), "--out", str(tmp_path)]) == 1
        assert f"{tmp_path} is taken" in capsys.readouterr().err
