"""Table 2: which gates are kept, and what the model prefers then, against NumPy."""

import numpy as np
import pytest

from examples.lstm_agreement.sentences.tasks import NOUN_PP, NOUN_PP_ADV, generate
from examples.lstm_agreement.tables.measure import Role
from examples.lstm_agreement.tables.paired import scheme_pair
from examples.lstm_agreement.tables.table2 import (
    DRAWS,
    PUBLISHED,
    Scheme,
    accuracies,
    all_gates,
    compress,
    differences,
    gate_sets,
    gates_on,
    hold,
    rank_1_paths,
)
from tests.examples.numpy_lstm import margins
from tests.examples.test_report import row

COMPARED = {
    scheme_pair(*pair): pair
    for pair in (
        ("all but CR2", "all but Cs"),
        ("all but CR4", "all but Csi"),
        ("all but Ci", "C"),
        ("C", "all but CFsi"),
    )
}
OTHER = "x@1 o0@1 h0@1 o1@1 h1@1 f1@2 c1@2 c1@3 c1@4 h1@4 qoi"


@pytest.mark.parametrize(("task", "words"), [(NOUN_PP, 4), (NOUN_PP_ADV, 5)])
def test_the_sets_of_the_paper(task, words):
    first = generate(task, 1)[0]
    gates = all_gates(first)
    assert len(gates) == 4 * 2 * words
    assert {g.split("@")[1] for g in gates} == {str(t) for t in range(1, words + 1)}
    sets = dict(gate_sets(first, {}, np.random.default_rng(0)))
    assert tuple(sets)[:7] == PUBLISHED
    assert sets[Scheme("s")] == {"g0@1", "g1@1"}
    assert sets[Scheme("i")] == {"g0@4", "g1@4"}
    assert sets[Scheme("si")] == sets[Scheme("s")] | sets[Scheme("i")]
    for name in ("s", "i", "si"):
        assert sets[Scheme(name, True)] == gates - sets[Scheme(name)]
    assert sets[Scheme("")] == gates
    assert not [s for s in sets if s.name.startswith("F")]


def test_the_sets_of_other_paths_and_of_chance():
    first = generate(NOUN_PP, 1)[0]
    gates = all_gates(first)
    assert gates_on([OTHER], gates) == {"o0@1", "o1@1", "f1@2"}
    sets = list(gate_sets(first, {Role.SUBJECT: (OTHER,)}, np.random.default_rng(0)))
    named = dict(sets)
    assert named[Scheme("Fs")] == named[Scheme("Fsi")] == {"o0@1", "o1@1", "f1@2"}
    assert Scheme("Fi") not in named
    for size in (2, 3, 4, 5):
        kept = [k for scheme, k in sets if scheme == Scheme(f"R{size}", True)]
        # As many as the subject's, the path's, both nouns', and no set of five.
        assert [len(gates - k) for k in kept] == ([size] * DRAWS if size < 5 else [])
        assert len(set(kept)) > 1 or size == 5


@pytest.mark.parametrize("seed", range(3))
def test_random_gates_are_none_of_those_that_they_are_compared_with(seed):
    first = generate(NOUN_PP, 1)[0]
    gates = all_gates(first)
    found = {Role.SUBJECT: (OTHER,), Role.INTERVENING: ("x@4 i0@4 c0@4 h0@4 i1@4 c1@4 h1@4 qoi",)}
    sets = list(gate_sets(first, found, np.random.default_rng(seed)))
    named = {str(s): kept for s, kept in sets if not s.complement}
    n_random = 0
    for scheme, kept in sets:
        if scheme.name.startswith("R"):
            drawn = gates - kept
            same_size = [n for n, other in named.items() if len(other) == len(drawn)]
            assert same_size
            assert not any(drawn & named[n] for n in same_size)
            n_random += 1
    # Two, three, four, five gates.
    assert n_random == 4 * DRAWS
    # All 32 gates of every word, but for those of a set: too few are left for as many again.
    many = {Role.SUBJECT: tuple(f"x@1 {g} qoi" for g in sorted(gates)[:20])}
    crowded = dict(gate_sets(first, many, np.random.default_rng(seed)))
    assert len(crowded[Scheme("Fs")]) == 20
    assert Scheme("R20", True) not in crowded


def test_paths_of_rank_1_of_the_trained_model():
    rows = [
        row(condition="SP", largest="a"),
        row(condition="PS", largest="b"),
        row(condition="PP", largest="a"),
        row(role=Role.SUBJECT, largest="c"),
        row(model="untrained 0", largest="d"),
        row(task="nounPPAdv", largest="e"),
    ]
    found = rank_1_paths(rows, "nounPP")
    assert found == {Role.INTERVENING: ("a", "b"), Role.SUBJECT: ("c",)}


def test_accuracies_are_those_of_the_equations(model, vocabulary):
    sentences = generate(NOUN_PP, 8, seed=3)
    done = []
    held = hold(model, vocabulary, sentences, {Role.SUBJECT: (OTHER,)}, seed=1, advance=done.append)
    found = accuracies(held)
    sets = list(gate_sets(sentences[0], {Role.SUBJECT: (OTHER,)}, np.random.default_rng(1)))
    assert done == [32]
    expected = {}
    for scheme, kept in sets:
        left = all_gates(sentences[0]) - kept
        means = {}

        def note(name, layer, step, value, means=means):
            means[f"{name}{layer}@{step}"] = value.mean(axis=0)
            return value

        def put(name, layer, step, value, means=means, left=left):
            label = f"{name}{layer}@{step}"
            return np.broadcast_to(means[label], value.shape) if label in left else value

        margins(model, vocabulary, sentences, note)
        expected.setdefault(scheme, []).append(margins(model, vocabulary, sentences, put))
    scale = np.abs(expected[Scheme("")]).max()
    assert len(found) == len(expected) * 4
    for entry in found:
        of_condition = [s.condition == entry.condition for s in sentences]
        draws = np.array(expected[entry.scheme])[:, of_condition]
        assert abs(entry.margin.mean - draws.mean()) < 1e-4 * scale
        # A random model is sure of nothing: where the margin is rounding, either verb may win.
        unsure = (np.abs(draws) < 1e-4 * scale).mean()
        assert abs(entry.accuracy.mean - (draws > 0).mean()) <= unsure + 1e-9
        assert entry.n_kept == len(dict(sets)[entry.scheme])
    differ = {entry.scheme: entry.margin.mean for entry in found if entry.condition == "SP"}
    assert len({round(m / scale, 4) for m in differ.values()}) > 5
    for d in differences(held):
        one, other = COMPARED[d.what]
        of_condition = [s.condition == d.condition for s in sentences]
        by_name = {str(scheme): np.array(draws) for scheme, draws in expected.items()}
        right = [(by_name[name] > 0)[:, of_condition] for name in (one, other)]
        unsure = max((np.abs(by_name[n]) < 1e-4 * scale).mean() for n in (one, other))
        assert abs(d.difference.mean - (right[0].mean() - right[1].mean())) <= 2 * unsure + 1e-9
        assert d.n_sentences == 8
    assert {d.what for d in differences(held)} == set(COMPARED)


def test_blocks_of_sentences_do_not_show(model, vocabulary, monkeypatch):
    sentences = generate(NOUN_PP, 3, seed=3)
    whole = compress(model, vocabulary, sentences, {})
    monkeypatch.setattr("examples.lstm_agreement.tables.held._BLOCK", 5)
    parts = compress(model, vocabulary, sentences, {})
    for one, other in zip(whole, parts, strict=True):
        assert one.margin.mean == pytest.approx(other.margin.mean, rel=1e-3, abs=1e-6)
