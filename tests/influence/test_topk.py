"""The first paths, those above a threshold, and certificates, against sorted enumerations."""

import re
import tempfile

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
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
_MAX_PATHS = 300
ORDERS = (pf.Magnitude(), pf.Largest(), pf.Smallest())


def question(program, data):
    """The arguments of `attribute` for random sources, points and examples."""
    args, others = program.args(), program.args(1)
    graph = structure(program, args)
    sources = data.draw(st.sampled_from([("x",), ("x", "y")]), label="sources")
    assume(0 < count_paths(graph, sources, OUTPUT) <= _MAX_PATHS)
    traced = pf.trace(program.function(), *args)
    assume(all(_reaches(traced, s, sources) for s in sources))
    batched = data.draw(st.booleans(), label="batched")
    if batched:
        *arrays, params = zip(args, others, strict=True)
        args = (*map(jnp.stack, arrays), params[0])
    starts = tuple(jnp.zeros(traced.node(s).shape) for s in sources)
    line = pf.Line(starts if len(sources) > 1 else starts[0], n_steps=3)
    return {
        "graph": traced,
        "args": args,
        "source": sources,
        "doi": data.draw(st.sampled_from([pf.Point(), line]), label="doi"),
        "in_axes": (0, 0, None) if batched else None,
    }


def _reaches(traced, source, sources):
    """Whether a source has a path of its own, through no other source."""
    others = set(sources) - {source}
    graph = traced.to_networkx()
    return count_paths(graph.subgraph(set(graph) - others), [source], OUTPUT) > 0


def check(found, everything, by, k=None, threshold=0.0, members=None):
    """A result against all influences: its numbers are true, and so is all that it certifies."""
    rows = np.atleast_2d(everything.influences)
    tol = _EXACT * max(np.abs(rows).sum(), 1e-6)
    members = np.ones(rows.shape[1], bool) if members is None else members
    scores = by.score(rows.mean(axis=0))
    ranks = list(found.ranks)
    assert len(set(ranks)) == len(ranks)
    assert members[ranks].all()
    np.testing.assert_allclose(np.atleast_2d(found.influences), rows[:, ranks], atol=tol)
    listed = scores[ranks]
    assert np.all(np.diff(listed) <= tol)
    assert np.all(listed >= threshold - tol)
    outside = members.copy()
    outside[ranks] = False
    known = found.certificate
    assert known.unseen_count == outside.sum()
    np.testing.assert_allclose(known.unseen_sum, rows[:, outside].sum(axis=1), atol=tol)
    np.testing.assert_allclose(found.total, rows[:, members].sum(axis=1), atol=tol)
    assert scores[outside].max(initial=0.0) <= known.bound + tol
    assert found.audit.ok
    if known.exact:
        wanted = np.sort(scores[members & (scores > tol) & (scores >= threshold + tol)])[::-1]
        wanted = wanted[:k]
        assert len(listed) >= len(wanted)
        np.testing.assert_allclose(listed[: len(wanted)], wanted, atol=tol)
    return known


@settings(max_examples=settings().max_examples // 7)
@given(programs(5, inputs=("x", "y"), decided_by_values=False), st.data())
def test_lists_are_the_heads_of_the_sorted_enumeration(program, data):
    given = question(program, data)
    everything = pf.attribute(**given)
    n = everything.space.count
    # By bounds, or from an enumeration where that is less work.
    exhaustive = data.draw(st.sampled_from([0, 0, 10_000]), label="exhaustive")
    for by in ORDERS:
        k = data.draw(st.sampled_from([1, (n + 1) // 2, n + 3]), label="k")
        found = pf.attribute(**given, search=pf.TopK(k, by=by, exhaustive=exhaustive))
        assert check(found, everything, by, k).exact
        scores = by.score(np.atleast_2d(everything.influences).mean(axis=0))
        threshold = float(np.median(np.abs(scores))) or 1.0
        found = pf.attribute(**given, search=pf.Above(threshold, by=by, exhaustive=exhaustive))
        assert check(found, everything, by, threshold=threshold).exact
    # Of the paths that a pattern matches; then with too little memory for a list that is exact.
    space = everything.space
    pattern = data.draw(patterns([str(v) for v in space.nodes]), label="pattern")
    members = np.array([pattern_matches(pattern, tuple(path)) for path in space])
    if not members.any():
        return
    for memory in (2**29, data.draw(st.sampled_from([1, 300, 3000]), label="memory")):
        search = pf.TopK(n // 2 + 1, pattern=pattern, memory=memory)
        found = pf.attribute(**given, search=search)
        known = check(found, everything, search.by, search.k, members=members)
        assert known.exact or memory < 2**29


def lstm_question(steps):
    params = lstm_params(2, 3, 4, steps)
    return {
        "graph": pf.trace(lstm_by_step, params),
        "args": (params,),
        "source": "x@0",
        "doi": pf.Line(jnp.full(3, 0.2), n_steps=2),
    }


@pytest.fixture(scope="module")
def small():
    given = lstm_question(3)
    return given, pf.attribute(**given)


@pytest.mark.parametrize(("by", "budget"), [*zip(ORDERS, [40, 1, 30], strict=True)])
def test_a_certificate_never_claims_too_much(small, by, budget):
    """With a budget that is too small the list may miss paths, and the bound says how large."""
    given, everything = small
    for k in (1, 40):
        found = pf.attribute(**given, search=pf.TopK(k, by=by, budget=budget, exhaustive=0))
        check(found, everything, by, k)
    least = float(np.sort(by.score(np.asarray(everything.influences)))[-200])
    found = pf.attribute(**given, search=pf.Above(least, by=by, budget=budget, exhaustive=0))
    known = check(found, everything, by, threshold=least)
    assert not known.exact
    assert least <= known.bound < np.inf


def test_little_memory_makes_bounds_wider_and_nothing_wrong(small):
    """Tangents are dropped, factors are cut short and go to disk."""
    given, everything = small
    for memory in (1, 5_000):
        found = pf.attribute(**given, search=pf.TopK(25, memory=memory, exhaustive=0))
        check(found, everything, pf.Magnitude(), 25)


def test_a_pattern_restricts_the_list(small):
    given, everything = small
    space = everything.space
    pattern = pf.Pattern.parse(".* c1@1 .*")
    members = np.array(
        [pattern_matches(pattern, tuple(space.unrank(i))) for i in range(space.count)]
    )
    found = pf.attribute(**given, search=pf.TopK(30, pattern=pattern))
    assert check(found, everything, pf.Magnitude(), 30, members=members).exact


def test_the_first_of_many_are_the_first_of_more():
    """Over twenty words there are 1e15 paths, and nothing but consistency to compare with."""
    given = lstm_question(20)
    assert given["graph"].count_paths("x@0", "qoi") > 10**15
    few, many = (pf.attribute(**given, search=pf.TopK(k)) for k in (20, 40))
    assert few.certificate.exact
    assert many.certificate.exact
    assert few.ranks == many.ranks[:20]
    last = abs(few.rows[-1].influence)
    above = pf.attribute(**given, search=pf.Above(last))
    assert above.certificate.exact
    assert above.ranks[:20] == few.ranks
    assert few.certificate.bound <= last
    assert few.audit.ok
    sums = pf.attribute(**given, search=pf.Aggregate({"first": str(few.rows[0].path)}))
    np.testing.assert_allclose(sums["first"], few.rows[0].influence, rtol=1e-9)


def test_a_list_in_float32_is_the_list_in_float64():
    def model(x, w):
        for _ in range(5):
            x = pf.tag(jnp.tanh(w @ x), "a") * pf.tag(jnp.sin(x), "b")
        return jnp.sum(x)

    random = np.random.default_rng(0)
    x, w = random.normal(size=3), random.normal(size=(3, 3))
    lists = []
    for dtype in (jnp.float64, jnp.float32):
        args = (jnp.asarray(x, dtype), jnp.asarray(w, dtype))
        traced = pf.trace(model, *args)
        search = pf.TopK(10, exhaustive=0)
        lists.append(pf.attribute(traced, args, source="x", doi=pf.Point(), search=search))
    assert lists[1].influences.dtype == np.float32
    assert lists[0].ranks == lists[1].ranks
    np.testing.assert_allclose(lists[1].influences, lists[0].influences, rtol=1e-4)
    assert all(found.certificate.exact for found in lists)
    assert 0 < lists[1].certificate.bound < abs(lists[1].influences[-1])


def test_equal_paths_are_listed_by_rank():
    def model(x):
        for _ in range(5):
            x = pf.tag(0.5 * x, "a") + pf.tag(0.5 * x, "b")
        return jnp.sum(x)

    x = jnp.array([0.5, 1.0])
    traced = pf.trace(model, x)
    for exhaustive in (0, 100):
        search = pf.TopK(9, exhaustive=exhaustive)
        found = pf.attribute(traced, (x,), source="x", doi=pf.Point(), search=search)
        assert found.ranks == tuple(range(9))
        assert found.certificate.exact
        assert found.certificate.bound == found.rows[-1].influence


def test_paths_without_influence_are_not_listed():
    def model(x):
        return jnp.sum(pf.tag(jnp.maximum(x, 0), "kink") + pf.tag(jnp.sin(x), "sine"))

    x = jnp.array([-0.5, -1.0])
    traced = pf.trace(model, x)
    for exhaustive in (0, 100):
        search = pf.TopK(9, exhaustive=exhaustive)
        found = pf.attribute(traced, (x,), source="x", doi=pf.Point(), search=search)
        assert [str(row.path) for row in found.rows] == ["x sine output"]
        assert found.certificate.exact
        assert (found.certificate.bound, found.certificate.unseen_count) == (0.0, 1)


@pytest.mark.parametrize("exhaustive", [0, 10_000])
def test_progress_grows_to_one_in_each_sweep(small, exhaustive):
    seen = []
    search = pf.TopK(300, exhaustive=exhaustive, progress=seen.append)
    found = pf.attribute(**small[0], search=search)
    assert found.metadata["search"] == "TopK"
    sweeps = [list(part) for part in np.split(seen, np.flatnonzero(np.diff(seen) <= 0) + 1)]
    assert [sweep[-1] for sweep in sweeps] == [1.0] * len(sweeps)


def test_numbers_of_numpy_are_numbers(small, unchecked):
    least = np.float32(1e-3)
    found = pf.attribute(**small[0], search=pf.Above(least))
    assert np.all(np.abs(found.influences) >= least)
    assert len(pf.attribute(**small[0], search=pf.TopK(np.int64(3)))) == 3


def test_influences_far_below_one_are_no_zeros():
    """Squares of 1e-30 are no float32, and a bound of zero would hide every path."""

    def model(x):
        a = pf.tag(jnp.sin(x) * np.float32(1e-15), "a")
        b = pf.tag(jnp.cos(x) * np.float32(2e-15), "b")
        return jnp.sum(a * np.float32(1e-15)) + jnp.sum(b * np.float32(1e-15))

    x = jnp.array([0.5, 1.0, 1.5], jnp.float32)
    traced = pf.trace(model, x)
    found = pf.attribute(traced, (x,), source="x", doi=pf.Point(), search=pf.TopK(1, exhaustive=0))
    everything = pf.attribute(traced, (x,), source="x", doi=pf.Point())
    assert found.ranks == (everything.top(1)[0].rank,)
    assert 0 < abs(found.rows[0].influence) < 1e-28
    assert found.certificate.exact


def test_a_listed_path_can_be_refined(small):
    given, _ = small
    found = pf.attribute(**given, search=pf.TopK(1, exhaustive=0))
    best = found.rows[0]
    at = str(best.path[-2])
    parts = pf.refine(found, best.path, at=at)
    assert parts.total == pytest.approx(best.influence, rel=1e-9)


def test_a_threshold_above_all_gives_an_empty_list(small):
    given, everything = small
    for exhaustive in (0, 10_000):
        found = pf.attribute(**given, search=pf.Above(1e6, exhaustive=exhaustive))
        assert len(found) == 0
        assert found.certificate.exact
        assert found.certificate.unseen_count == everything.space.count
        assert found.certificate.unseen_sum == pytest.approx(everything.total)


def test_a_pattern_without_a_path_warns_and_lists_nothing(small):
    given, _ = small
    with pytest.warns(pf.PatternWarning, match="nowhere"):
        found = pf.attribute(**given, search=pf.TopK(3, pattern=".* nowhere .*"))
    assert len(found) == 0
    assert found.certificate.exact
    assert found.certificate.unseen_count == 0


def test_a_partial_that_is_not_finite_is_named_as_such():
    def model(x):
        return jnp.sum(pf.tag(jnp.sqrt(x), "root")) + jnp.sum(pf.tag(x * x, "square"))

    x = jnp.array([0.0, 1.0])
    traced = pf.trace(model, x)
    with pytest.raises(pf.NonFiniteError, match="NaN or infinite"):
        pf.attribute(
            traced, (x,), source="x", doi=pf.Point(jnp.ones(2)), search=pf.TopK(2, exhaustive=0)
        )


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: pf.TopK(0), "TopK(k=0)"),
        (lambda: pf.TopK(True), "TopK(k=True)"),
        (lambda: pf.TopK(3, budget=0), "TopK(budget=0)"),
        (lambda: pf.TopK(3, memory=-1), "memory=-1"),
        (lambda: pf.TopK(3, exhaustive=-1), "TopK(exhaustive=-1)"),
        (lambda: pf.TopK(3, by="largest"), "TopK(by='largest')"),
        (lambda: pf.Above(0), "Above(threshold=0)"),
        (lambda: pf.Above(0.5, by="largest"), "Above(by='largest')"),
        (lambda: pf.Above(float("nan")), "threshold=nan"),
        (lambda: pf.TopK(3, pattern="(a"), "column"),
    ],
)
def test_wrong_arguments_are_named(unchecked, make, name):
    with pytest.raises(pf.PathflowError, match=re.escape(name)):
        make()


def test_an_interrupted_search_leaves_nothing_on_disk(small, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def stop(_fraction):
        assert list(tmp_path.iterdir())
        raise KeyboardInterrupt

    search = pf.TopK(3, memory=1, exhaustive=0, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        pf.attribute(**small[0], search=search)
    assert not list(tmp_path.iterdir())
