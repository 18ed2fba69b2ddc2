"""Rows of Table 1 from influences that are known, and their interval."""

import numpy as np
import pytest

import pathflow as pf
from examples.lstm_agreement.sentences.tasks import NOUN_PP, SIMPLE, TASKS, generate
from examples.lstm_agreement.tables.bootstrap import Rank, rank_interval
from examples.lstm_agreement.tables.measure import Role, Settings, primary_path
from examples.lstm_agreement.tables.table1 import (
    Condition,
    compute,
    conditions,
    numbers_of_sentences,
    summarise,
)
from pathflow import metrics
from pathflow.metrics import Interval


def one_word_space(position):
    """The paths of a two-layer LSTM from its last word."""
    names = ["x", *(f"{n}{layer}" for layer in (0, 1) for n in "fiogch")]
    edges = [(b, f"{g}{layer}") for layer, b in enumerate(("x", "h0")) for g in "fiog"]
    edges += [(f"{g}{layer}", f"c{layer}") for layer in (0, 1) for g in "fig"]
    edges += [(f"{g}{layer}", f"h{layer}") for layer in (0, 1) for g in "oc"]
    nodes = [pf.Node(n, (position,)) for n in names] + [pf.Node("qoi")]
    ends = [(f"{u}@{position}", f"{v}@{position}") for u, v in edges]
    return pf.Graph(nodes, [*ends, (f"h1@{position}", "qoi")]).paths(f"x@{position}", "qoi")


def test_the_first_sentences_of_a_condition():
    sentences = tuple(s for s in generate(NOUN_PP, 5) if s.condition == "SP")
    whole = Condition(Role.SUBJECT, sentences)
    assert whole.first(2) == Condition(Role.SUBJECT, sentences[:2])
    assert whole.first(9) == whole
    assert whole.first(2).name == whole.name


def hand_made(role, condition):
    """Two sentences with two paths each that have any influence: the primary and the first."""
    task = SIMPLE if role is Role.SUBJECT else NOUN_PP
    sentences = tuple(s for s in generate(task, 2) if s.condition == condition)
    space = one_word_space(role.noun(sentences[0]).position)
    influences = np.zeros((2, 16))
    position = role.noun(sentences[0]).position
    influences[:, space.rank(primary_path(position, position))] = [3.0, -1.0]
    influences[:, 0] = [1.0, -4.0]
    audit = pf.Audit(
        structural=np.array([1e-7, 3e-7]),
        reference_total=influences.sum(axis=1),
        quadrature=np.array([0.1, -0.3]),
        n_steps=50,
    )
    result = pf.Attribution(space=space, influences=influences, audit=audit, metadata={})
    return Condition(role, sentences), result


def test_a_subject():
    made = hand_made(Role.SUBJECT, "P")
    row = summarise("trained", *made)
    assert numbers_of_sentences(*made) == {"primary": (3.0, -1.0), "magnitude": (0.75, 0.2)}
    assert (row.task, row.condition, row.n_sentences, row.n_paths) == ("Simple", "P", 2, 16)
    assert row.sign == 1
    assert row.p_plus.mean == 0.5
    assert row.total.mean == pytest.approx((4 - 5) / 2)
    assert row.primary.mean == 1.0
    # Three quarters of all positive influence, and none of it.
    assert row.share.mean == pytest.approx((0.75 + 0.0) / 2)
    # Above all 15 others, and above one alone.
    assert row.t.mean == pytest.approx((1 + 1 / 15) / 2)
    assert row.magnitude.mean == pytest.approx((0.75 + 0.2) / 2)
    assert row.rank.mean == 1
    assert row.largest == "x@1 g0@1 c0@1 h0@1 g1@1 c1@1 h1@1 qoi"
    assert row.largest_share == row.share
    assert row.structural == 3e-7
    assert row.quadrature == pytest.approx(0.2 / np.mean([3.9, 4.7]))


@pytest.mark.parametrize(("condition", "sign", "rank"), [("SS", 1, 1), ("SP", -1, 16)])
def test_an_intervening_noun_is_measured_from_its_own_end(condition, sign, rank):
    row = summarise("trained", *hand_made(Role.INTERVENING, condition))
    assert row.sign == sign
    assert row.rank.mean == rank
    shares = (0.75, 0.0) if sign > 0 else (0.0, 0.2)
    assert row.share.mean == pytest.approx(np.mean(shares))
    largest = one_word_space(4).unrank(0) if sign < 0 else primary_path(4, 4)
    assert row.largest == str(largest)
    # The t-value is the paper's, whatever the sign.
    assert row.t.mean == pytest.approx((1 + 1 / 15) / 2)


def test_the_interval_of_a_rank():
    rng = np.random.default_rng(0)
    influences = rng.standard_normal((30, 5000))
    influences[:, 7] += 10
    assert rank_interval(influences, 7) == Rank(Interval(1, 1, 1), 1.0)
    found = rank_interval(influences, 3)
    assert found == rank_interval(influences, 3, seed=0)
    assert found != rank_interval(influences, 3, seed=1)
    assert 1 < found.place.low < found.place.mean < found.place.high <= 5000
    assert found.first == 0
    # Paths in more than one piece, and from the other end, against sorting.
    for path in (3, 4999):
        means = influences.mean(axis=0)
        assert rank_interval(influences, path).place.mean == 1 + np.sum(means > means[path])
        assert rank_interval(influences, path, sign=-1).place.mean == 1 + np.sum(
            means < means[path]
        )


def test_how_often_a_path_is_the_first():
    # Every sentence has one path above the other, so that resamples do, by counting.
    influences = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 4)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(9, np.full(9, 1 / 9), size=1000)
    first = np.mean(draws[:, :5].sum(axis=1) > 4.5)
    assert rank_interval(influences, 0).first == first
    assert 0.4 < first < 0.8


@pytest.mark.parametrize("size", [1, 3, 70])
def test_a_row_does_not_depend_on_where_influences_are(tmp_path, size):
    condition, result = hand_made(Role.SUBJECT, "P")
    influences = np.random.default_rng(size).standard_normal((size, 16)).astype(np.float32)
    audit = pf.Audit(
        structural=np.full(size, 1e-7),
        reference_total=influences.sum(axis=1),
        quadrature=np.full(size, 0.1),
    )
    held = summarise("m", condition, pf.Attribution(result.space, influences, audit))
    np.save(tmp_path / "x.npy", influences)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert summarise("m", condition, pf.Attribution(result.space, on_disk, audit)) == held
    exact = influences.astype(np.float64)
    path = result.space.rank(condition.primary_path)
    assert held.share.mean == pytest.approx(metrics.positive_share(exact, path))
    assert held.t.mean == pytest.approx(metrics.t_value(exact, path))
    assert held.largest == str(result.space.unrank(int(exact.mean(axis=0).argmax())))


def test_what_is_asked():
    sentences = {t.name: generate(t, 5) for t in TASKS}
    asked = conditions(sentences, 3)
    names = [c.name for c in asked]
    assert len(names) == len(set(names)) == 3 * 2 + 4 * 4
    assert names[2:6] == [f"{n}, subject" for n in ("Adv S", "Adv P", "namePP SS", "namePP PS")]
    assert names[0] == "Simple S, subject"
    assert names[-1] == "nounPPAdv PP, intervening noun"
    assert all(len(c.sentences) == 3 for c in asked)
    assert asked[-1].primary_path == primary_path(4, 5)


def test_rows_come_one_by_one(model, vocabulary):
    sentences = {t.name: generate(t, 2) for t in TASKS}
    simple = [c for c in conditions(sentences, 2) if c.sentences[0].task == "Simple"]
    done = []
    rows = compute(
        {"trained": model, "untrained": model},
        vocabulary,
        simple,
        Settings(4, chunk=2),
        advance=lambda what, n: done.append((what, n)),
    )
    condition, row, result = next(rows)
    assert condition is simple[0]
    assert (row.model, row.condition, result.n_examples) == ("trained", "S", 2)
    assert done == [("Simple S, subject, trained", n) for n in (0, 2)]
    rest = [row for _, row, _ in rows]
    assert [(r.model, r.condition) for r in rest] == [
        ("untrained", "S"),
        ("trained", "P"),
        ("untrained", "P"),
    ]
    assert rest[0].share == row.share


def test_only_what_is_wanted_is_measured(model, vocabulary):
    simple = conditions({t.name: generate(t, 1) for t in TASKS}, 1)[:2]
    rows = compute(
        {"trained": model, "untrained": model},
        vocabulary,
        simple,
        Settings(2, chunk=1),
        wanted=lambda name, condition: (name, condition.sentences[0].condition) == ("trained", "P"),
    )
    assert [(row.model, row.condition) for _, row, _ in rows] == [("trained", "P")]
