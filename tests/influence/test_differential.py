"""The five ways to the same influences, against each other on the same questions: enumeration,
sums on the graph, sums by streaming, the first paths, and samples.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import pathflow as pf
from tests.helpers import (
    OUTPUT,
    count_paths,
    lstm_by_step,
    lstm_params,
    pattern_matches,
    patterns,
    programs,
    structure,
)

_EXACT = 1e-10
_MAX_PATHS = 200


class Question:
    """One question, to be asked of every search."""

    def __init__(self, traced, args, source, doi):
        self._given = {"graph": traced, "args": args, "source": source, "doi": doi}
        self.everything = self.ask(pf.Enumerate())
        self.space = self.everything.space
        self.influences = np.asarray(self.everything.influences)
        self.scale = max(float(np.abs(self.influences).sum()), 1e-6)

    def ask(self, search):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.PatternWarning)
            return pf.attribute(**self._given, search=search)

    def stream(self, classes):
        given = {k: v for k, v in self._given.items() if k not in ("graph", "args")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.PatternWarning)
            return pf.aggregate(self._given["graph"], self._given["args"], classes, **given)

    def matching(self, pattern):
        """Which paths a pattern matches, by the meaning of patterns and no automaton."""
        paths = (self.space.unrank(i) for i in range(self.space.count))
        return np.array([pattern_matches(pattern, tuple(p)) for p in paths])


def check_sums(question, pattern):
    mask = question.matching(pattern)
    expected = question.influences[mask].sum(), question.influences[~mask].sum()
    classes = {"A": pattern, "not A": ~pattern}
    for found in (question.ask(pf.Aggregate(classes)), question.stream(classes)):
        assert abs(found["A"] - expected[0]) <= _EXACT * question.scale
        assert abs(found["not A"] - expected[1]) <= _EXACT * question.scale
        assert abs(found["A"] + found["not A"] - found.total) <= _EXACT * question.scale
        assert found.rest == 0
        assert found.audit.ok
    counts = question.ask(pf.Aggregate(classes)).counts
    assert (counts["A"], counts["not A"]) == (mask.sum(), (~mask).sum())
    return mask


def check_first(question, pattern, mask, k):
    """The list is the head of all matching paths in order, up to paths that tie."""
    found = question.ask(pf.TopK(k, pattern=pattern))
    known = found.certificate
    sizes = np.sort(np.abs(question.influences[mask]))[::-1]
    listed = np.array([abs(row.influence) for row in found.rows])
    # Paths that can carry nothing are not listed, and count as zeros.
    expected = np.zeros(len(listed)) if not len(sizes) else sizes[: len(listed)]
    assert known.exact
    np.testing.assert_allclose(listed, expected, atol=_EXACT * question.scale)
    assert len(listed) >= min(k, np.count_nonzero(sizes > _EXACT * question.scale))
    for row in found.rows:
        assert mask[row.rank]
        assert abs(row.influence - question.influences[row.rank]) <= _EXACT * question.scale
    outside = mask.copy()
    outside[list(found.ranks)] = False
    rest = question.influences[outside]
    assert known.bound >= np.abs(rest).max(initial=0.0) - _EXACT * question.scale
    assert known.unseen_count == outside.sum()
    assert abs(known.unseen_sum - rest.sum()) <= _EXACT * question.scale


def check_sample(question, pattern, mask, seed):
    """Each draw is a matching path with the influence that the enumeration has."""
    if not mask.any():
        return
    key = jax.random.key(seed)
    for proposal in (pf.Uniform(), pf.Importance()):
        found = question.ask(pf.Sample(20, key, proposal=proposal, pattern=pattern))
        ranks = list(found.ranks)
        assert mask[ranks].all()
        expected = question.influences[ranks]
        np.testing.assert_allclose(found.influences, expected, atol=_EXACT * question.scale)
        assert abs(found.total - question.influences[mask].sum()) <= _EXACT * question.scale


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs(), st.data())
def test_all_searches_agree_on_random_programs(program, data):
    args = program.args()
    graph = structure(program, args)
    assume(1 < count_paths(graph, ["x"], OUTPUT) <= _MAX_PATHS)
    traced = pf.trace(program.function(), *args)
    assume(traced.count_paths("x", traced.default_target))
    doi = pf.Line(jnp.full_like(args[0], 0.1), n_steps=2)
    try:
        question = Question(traced, args, "x", doi)
    except pf.DecisionChangedError:
        assume(False)
    labels = [str(n) for n in question.space.nodes]
    pattern = data.draw(patterns(labels, max_leaves=4), label="pattern")
    mask = check_sums(question, pattern)
    check_first(question, pattern, mask, data.draw(st.integers(1, 6), label="k"))
    check_sample(question, pattern, mask, program.seed)


@pytest.mark.parametrize(
    "pattern", ["x@0 g0 c0 h0 g1 c1+ h1 qoi", ".* c1@1 .*", "~(.* h0@2 .*) & .* f? .*"]
)
def test_all_searches_agree_on_the_lstm(pattern):
    params = lstm_params(2, 3, 4, 3)
    traced = pf.trace(lstm_by_step, params)
    direction = jnp.asarray(np.random.default_rng(0).normal(size=3))
    question = Question(traced, (params,), "x@0", pf.Point(direction=direction))
    pattern = pf.Pattern.parse(pattern)
    mask = check_sums(question, pattern)
    assert 0 < mask.sum() < mask.size
    for k in (1, 10, 50):
        check_first(question, pattern, mask, k)
    check_sample(question, pattern, mask, 3)


def test_a_sample_covers_what_the_enumeration_says():
    params = lstm_params(2, 3, 4, 3)
    traced = pf.trace(lstm_by_step, params)
    direction = jnp.asarray(np.random.default_rng(0).normal(size=3))
    question = Question(traced, (params,), "x@0", pf.Point(direction=direction))
    influences = question.influences
    path = str(question.space.unrank(int(np.argmax(influences))))
    rank = question.space.rank(path)
    for proposal, head in ((pf.Uniform(), pf.TopK(20)), (pf.Importance(), None)):
        search = pf.Sample(400, jax.random.key(1), proposal=proposal, of=(path,), head=head)
        found = question.ask(search)
        # At this level, one interval in a thousand misses.
        for interval, truth in (
            (found.absolute_sum(0.999), np.abs(influences).sum()),
            (found.positive_share(path, 0.999), pf.metrics.positive_share(influences, rank)),
            (found.t_value(path, 0.999), pf.metrics.t_value(influences, rank)),
        ):
            assert interval.low - 1e-9 <= truth <= interval.high + 1e-9
