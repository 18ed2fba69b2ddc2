"""The accumulator against the functions on the whole array."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pathflow as pf
from pathflow import metrics

_ORDERS = (pf.Magnitude(), pf.Largest(), pf.Smallest())


def fan(width, target="qoi"):
    """A space of `width` paths: one through each of so many nodes."""
    middle = [f"m{i}" for i in range(width)]
    nodes = [pf.Node(n) for n in ("x", *middle, target)]
    return pf.Graph(nodes, [e for m in middle for e in (("x", m), (m, target))]).paths("x", target)


SPACES = {width: fan(width) for width in range(2, 7)}


def result(influences, space=None):
    influences = np.asarray(influences)
    audit = pf.Audit(structural=np.zeros(influences.shape[:-1]), reference_total=0.0)
    return pf.Attribution(space or SPACES[influences.shape[-1]], influences, audit)


# Sums of a few of these are exact in whatever order, so that ties of means are ties.
batches = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(1, 6), st.integers(2, 6)),
    elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]),
)


@given(batches, st.data())
def test_equals_the_functions_on_the_whole_array(influences, data):
    rank = data.draw(st.integers(0, influences.shape[1] - 1))
    cuts = data.draw(st.lists(st.integers(0, len(influences)), max_size=3).map(sorted))
    split = data.draw(st.integers(0, len(cuts) + 1))
    parts = (metrics.PathStatistics(rank), metrics.PathStatistics(rank))
    for i, rows in enumerate(np.split(influences, cuts)):
        parts[i >= split].update(result(rows))
    found = parts[0].merge(parts[1])
    assert found.n_sentences == len(influences)
    sentences = found.sentences
    np.testing.assert_array_equal(sentences.total, influences.sum(1, dtype=float))
    np.testing.assert_array_equal(sentences.influence, influences[:, rank])
    np.testing.assert_array_equal(sentences.t, metrics.t_values(influences, rank))
    for field, values in (
        ("positive_share", influences),
        ("negative_share", -influences),
        ("magnitude_share", np.abs(influences)),
    ):
        np.testing.assert_array_equal(
            getattr(sentences, field), metrics.positive_shares(values, rank)
        )
    summary = found.summary(n_resamples=3)
    for i, by in enumerate(_ORDERS):
        counts, fractions = (1, 10, 100, 1000), (0.5, 0.9)
        curve = metrics.concentrations(influences, counts, by)
        np.testing.assert_array_equal(sentences.concentration[:, i], curve)
        effective = [metrics.effective_numbers(influences, f, by) for f in fractions]
        np.testing.assert_array_equal(sentences.effective[:, i], np.stack(effective, 1))
        assert summary.rank[by].mean == found.rank(by) == metrics.rank_of(influences, rank, by)
        assert summary.effective[by][0.9].mean == metrics.effective_number(influences, 0.9, by)
    assert summary.positive_fraction.mean == metrics.positive_fraction(influences)
    assert summary.t == metrics.bootstrap_interval(
        metrics.t_values(influences, rank), n_resamples=3
    )
    assert str(summary.path) == str(found.path) == f"x m{rank} qoi"


def test_one_example_and_a_path_by_its_labels():
    statistics = metrics.PathStatistics("x m1 qoi", counts=[2], fractions=[1.0])
    statistics.update(result([3.0, 1.0, -1.0]))
    summary = statistics.summary()
    assert summary.influence == (1.0, 1.0, 1.0)
    assert summary.positive_share.mean == 0.25
    assert {by: i.mean for by, i in summary.rank.items()} == dict.fromkeys(_ORDERS, 2)
    assert summary.concentration[pf.Magnitude()] == {2: (0.8, 0.8, 0.8)}
    assert summary.effective[pf.Largest()][1.0].mean == 2
    assert math.isnan(summary.rank[pf.Largest()].low)
    # All but a rank has an interval here.
    rows = [
        ("total", "3  [3, 3]"),
        ("P+", "1  [1, 1]"),
        ("influence", "1  [1, 1]"),
        ("t-value", "0.5  [0.5, 0.5]"),
        ("positive share", "0.25  [0.25, 0.25]"),
        ("negative share", "0  [0, 0]"),
        ("magnitude share", "0.2  [0.2, 0.2]"),
        ("rank, magnitude", "2"),
        ("rank, largest", "2"),
        ("rank, smallest", "2"),
        ("in 2 paths, magnitude", "0.8  [0.8, 0.8]"),
        ("in 2 paths, largest", "1  [1, 1]"),
        ("in 2 paths, smallest", "1  [1, 1]"),
        ("paths for 100%, magnitude", "3  [3, 3]"),
        ("paths for 100%, largest", "2  [2, 2]"),
        ("paths for 100%, smallest", "1  [1, 1]"),
    ]
    facts = "x m1 qoi: 1 sentences, 3 paths"
    assert str(summary).splitlines() == [facts, *(f"  {name:<25}  {v}" for name, v in rows)]
    html = summary._repr_html_()
    cells = [re.findall(r"<t[dh][^>]*>([^<]*)", row) for row in html.split("<tr")[1:]]
    assert cells[0] == ["statistic", "mean", "low", "high"]
    assert len(cells) == 1 + len(rows)
    assert cells[5] == ["positive share", "0.25", "0.25", "0.25"]
    assert cells[8][:2] == ["rank, magnitude", "2"]
    assert html.startswith(f"<div><div><b>PathSummary</b> {facts}</div>")
    # Every number stands on the right.
    assert html.count('text-align:right;">') == 3 * (1 + len(rows))
    assert repr(statistics) == "PathStatistics('x m1 qoi', 1 sentences)"


def test_intervals_of_a_rank():
    rng = np.random.default_rng(0)
    space = fan(200)
    influences = rng.standard_normal((60, 200))
    influences[:, 7] += 10
    clear, unclear = (metrics.PathStatistics(rank, rank_resamples=400, seed=1) for rank in (7, 3))
    for s in (clear, unclear):
        for rows in np.split(influences, 3):
            s.update(result(rows, space))
    assert clear.summary().rank[pf.Largest()] == (1, 1, 1)
    found = unclear.summary().rank[pf.Largest()]
    # The places that resampling with replacement gives, within what 400 draws leave open.
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=400)
    means = weights @ influences
    places = 1 + np.count_nonzero(means > means[:, [3]], axis=1)
    low, high = np.quantile(places, [0.025, 0.975])
    assert found.mean == metrics.rank_of(influences, 3)
    assert found.low == pytest.approx(low, abs=15)
    assert found.high == pytest.approx(high, abs=15)
    again = metrics.PathStatistics(3, rank_resamples=400, seed=2)
    again.update(result(influences, space))
    assert again.summary().rank != unclear.summary().rank
    assert unclear.merge(again).summary().rank[pf.Largest()].mean == found.mean


def test_weights_of_resamples_are_those_of_the_poisson_bootstrap():
    influences = np.random.default_rng(0).standard_normal((9, 5))
    statistics = metrics.PathStatistics(2, rank_resamples=30, seed=4)
    statistics.update(result(influences))
    drawn = np.random.default_rng(4)
    weights = np.stack([drawn.poisson(size=30) for _ in influences])
    assert weights.max() > 2
    means = weights.T @ influences / weights.sum(0)[:, None]
    places = 1 + np.count_nonzero(means > means[:, [2]], axis=1)
    for level in (0.2, 0.5, 0.8):
        found = statistics.summary(level=level).rank[pf.Largest()]
        ends = np.quantile(places, [(1 - level) / 2, (1 + level) / 2])
        assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-12)


def test_what_a_summary_draws_is_fixed_by_its_seed():
    influences = np.random.default_rng(0).standard_normal((9, 5))
    statistics = metrics.PathStatistics(2)
    statistics.update(result(influences))
    found = statistics.summary(level=0.7, n_resamples=50, seed=6)
    drawn = {"level": 0.7, "n_resamples": 50, "seed": 6}
    assert found.total == metrics.bootstrap_interval(influences.sum(1), **drawn)
    assert found.influence == metrics.bootstrap_interval(influences[:, 2], **drawn)


def test_memory_is_one_sum_per_path():
    statistics = metrics.PathStatistics(0)
    for _ in range(50):
        statistics.update(result(np.ones((4, 6))))
    held = [statistics._held.sums, *(a for b in statistics._held.batches for a in b)]
    assert sum(a.size for a in held) == 6 + 200 * (6 + 3 * 4 + 3 * 2)


def test_nan_is_never_dropped():
    statistics = metrics.PathStatistics(0)
    statistics.update(result([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]]))
    assert np.isnan(statistics.sentences.t).tolist() == [True, False]
    assert np.isnan(statistics.sentences.concentration[0]).all()
    with pytest.raises(pf.ArgumentError, match="NaN"):
        statistics.summary()


def test_a_refused_update_changes_nothing():
    statistics = metrics.PathStatistics(0)
    statistics.update(result(np.ones((2, 3))))
    for bad, message in (
        (result(np.ones(4)), r"update\(result=\.\.\.\) has the paths of .* 4 paths"),
        (result(np.ones(3), fan(3, "other")), "has the paths of .*other"),
    ):
        with pytest.raises(pf.ArgumentError, match=message):
            statistics.update(bad)
    assert statistics.n_sentences == 2


@pytest.mark.usefixtures("unchecked")
def test_arguments():
    for call, message in (
        (lambda: metrics.PathStatistics(0, counts=[0]), "counts holds 0"),
        (lambda: metrics.PathStatistics(0, fractions=[2.0]), r"fraction=2\.0"),
        (lambda: metrics.PathStatistics(0, rank_resamples=-1), "rank_resamples=-1"),
        (lambda: metrics.PathStatistics(0).update(np.ones((2, 3))), "takes an Attribution"),
        (lambda: metrics.PathStatistics(9).update(result(np.ones(3))), "rank=9 is outside"),
        (
            lambda: metrics.PathStatistics(0).summary(),
            "^PathStatistics has no sentence yet; update it with a result.$",
        ),
        (lambda: metrics.PathStatistics(0).rank(), "no sentence yet"),
        (lambda: metrics.PathStatistics(0).path, "no sentence yet"),
    ):
        with pytest.raises(pf.ArgumentError, match=message):
            call()
    with pytest.raises(pf.UnknownNodeError):
        metrics.PathStatistics("x m9 qoi").update(result(np.ones(3)))


def test_what_cannot_be_merged():
    def made(path=0, width=3, **choices):
        statistics = metrics.PathStatistics(path, **choices)
        if width:
            statistics.update(result(np.ones(width)))
        return statistics

    for one, other, message in (
        (made(), made(counts=[5]), "was made with counts"),
        (made(rank_resamples=2), made(rank_resamples=2), "has the seed 0 too"),
        (made(), made(width=4), r"merge\(other=\.\.\.\) has the paths"),
        (made(), made(path=1), "is of path 1, but this of 0"),
        (made(), made(path=1, width=0), "is of path 1, but this of 0"),
    ):
        with pytest.raises(pf.ArgumentError, match=message):
            one.merge(other)
    assert made().merge(made("x m0 qoi")).n_sentences == 2
    assert made(width=0).merge(made(width=0)).n_sentences == 0


def test_merging_leaves_both_as_they_were():
    one, two = metrics.PathStatistics(0), metrics.PathStatistics(0)
    one.update(result([1.0, 2.0]))
    merged = one.merge(two)
    merged.update(result([3.0, 4.0]))
    assert (one.n_sentences, two.n_sentences, merged.n_sentences) == (1, 0, 2)
    assert one.sentences.influence.tolist() == [1.0]
    assert one.rank() == 2
