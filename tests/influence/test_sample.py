"""Samples of paths: how they are drawn, and their influences, against enumeration."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pathflow as pf
from tests.helpers import pattern_matches

_EXACT = 1e-10
_SOURCES = ("x", "y")
_KEY = jax.random.key(0)
_PROPOSALS = {"uniform": pf.Uniform(), "importance": pf.Importance(0.3)}


def model(x, y, w):
    """Three steps with three ways each: 27 paths from each of two inputs."""
    h = pf.tag(jnp.tanh(w @ x) + y * y, "start")

    def step(h, _):
        a, b = pf.tag(jnp.tanh(w @ h), "a"), pf.tag(jnp.sin(h), "b")
        return pf.tag(a * b - 0.6 * h, "h"), None

    return jnp.sum(jnp.sin(jax.lax.scan(step, h, None, length=3)[0]))


class Case:
    """The model with a question, and all influences by enumeration."""

    def __init__(self, examples):
        random = np.random.default_rng(4)
        shape = (3,) if examples is None else (examples, 3)
        x, y = (jnp.asarray(random.normal(size=shape)) for _ in _SOURCES)
        w = jnp.asarray(random.normal(size=(3, 3)))
        one = (x, y) if examples is None else (x[0], y[0])
        self.graph, self.args = pf.trace(model, *one, w), (x, y, w)
        axes = None if examples is None else (0, 0, None)
        points = tuple(jnp.asarray(random.normal(size=(2, 3))) for _ in _SOURCES)
        doi = pf.Samples(points, weights=jnp.array([0.7, 0.3]))
        self.question = {"source": _SOURCES, "doi": doi, "in_axes": axes}
        self.every = self.ask(pf.Enumerate())
        self.space = self.every.space

    def ask(self, search):
        return pf.attribute(self.graph, self.args, **self.question, search=search)

    def sample(self, n, key=_KEY, proposal=None, **options):
        return self.ask(pf.Sample(n, key, proposal or pf.Uniform(), **options))

    def matching(self, pattern):
        parsed = pf.Pattern.parse(pattern)
        return [i for i, p in enumerate(self.space) if pattern_matches(parsed, p)]


@pytest.fixture(scope="module")
def one():
    return Case(None)


@pytest.fixture(scope="module")
def batch():
    return Case(3)


def is_uniform(drawn, among):
    """Whether all paths, and no other, are drawn about equally often."""
    counts = Counter(drawn)
    return set(counts) <= set(among) and stats.chisquare([counts[i] for i in among]).pvalue > 1e-3


def test_uniform_draws_are_uniform_over_all_paths_from_all_sources(one):
    result = one.sample(2000)
    assert is_uniform(result.ranks, range(one.space.count))
    assert len({str(one.space.unrank(i)[0]) for i in result.ranks}) == 2
    assert np.all(result.weights == 1)
    assert result.count == one.space.count


def test_uniform_draws_are_uniform_over_the_paths_of_a_pattern_and_outside_the_head(one):
    pattern = "x .* a@1 .* | y .* b@2 .*"
    among = one.matching(pattern)
    assert 5 < len(among) < one.space.count
    result = one.sample(1200, pattern=pattern)
    assert is_uniform(result.ranks, among)
    assert result.count == len(among)
    assert result.total == pytest.approx(one.every.influences[among].sum(), abs=_EXACT)
    result = one.sample(1200, pattern=pattern, head=pf.TopK(4, pattern=pattern))
    assert is_uniform(result.ranks, [i for i in among if i not in result.head.ranks])
    assert result.audit.ok


@pytest.mark.parametrize("proposal", _PROPOSALS.values(), ids=_PROPOSALS)
def test_one_key_gives_one_sample(one, proposal):
    first = one.sample(40, proposal=proposal)
    again = one.sample(40, jax.random.key_data(_KEY), proposal)
    assert first.ranks == again.ranks
    assert np.array_equal(first.influences, again.influences)
    others = [jax.random.key(1), *jax.random.split(_KEY)]
    samples = {one.sample(40, key, proposal).ranks for key in others}
    assert len(samples) == len(others)
    assert first.ranks not in samples


def scale_of(case):
    return np.abs(case.every.influences).sum(axis=-1).max()


@pytest.mark.parametrize("proposal", _PROPOSALS.values(), ids=_PROPOSALS)
@pytest.mark.parametrize("options", [{}, {"head": pf.TopK(5)}, {"pattern": "x .*"}], ids=str)
def test_influences_are_those_of_an_enumeration(one, batch, proposal, options):
    for case in (one, batch):
        path = case.space.unrank(3)
        result = case.sample(60, proposal=proposal, of=(path, str(path)), memory=1000, **options)
        expected = case.every.influences[..., list(result.ranks)]
        assert result.influences.shape == expected.shape
        assert np.abs(result.influences - expected).max() <= _EXACT * scale_of(case)
        assert np.allclose(result[path], case.every[path], rtol=0, atol=_EXACT * scale_of(case))
        assert result.audit.ok
        if "pattern" not in options:
            assert np.allclose(result.total, case.every.total, atol=_EXACT * scale_of(case))


def test_weights_of_importance(one):
    """In the mean over all draws they are one, and so does every path count once."""
    n, count, part = 3000, one.space.count, 0.25
    result = one.sample(n, proposal=pf.Importance(part))
    assert abs(result.weights.mean() - 1) <= 5 * result.weights.std() / np.sqrt(n)
    assert result.weights.max() <= 1 / part + _EXACT
    weights = np.bincount(result.ranks, result.weights, count) / n * count
    squares = np.bincount(result.ranks, result.weights**2, count)
    assert np.all(np.abs(weights - 1) <= 5 * np.sqrt(squares) * count / n)
    # Larger paths are drawn more often, so they weigh less.
    large = np.abs(result.influences) > np.quantile(np.abs(one.every.influences), 0.9)
    assert result.weights[large].mean() < 0.5 * result.weights[~large].mean()


@pytest.mark.parametrize("proposal", _PROPOSALS.values(), ids=_PROPOSALS)
@pytest.mark.parametrize("head", [None, pf.TopK(10), pf.Above(0.02)], ids=["all", "10", "above"])
def test_estimates_are_near_what_an_enumeration_says(one, batch, proposal, head):
    for case in (one, batch):
        rows = np.atleast_2d(case.every.influences)
        rank = int(np.argsort(rows.mean(axis=0))[-4])
        path = case.space.unrank(rank)
        result = case.sample(600, proposal=proposal, of=(path,), head=head)
        truths = {
            result.t_value(path, 0.9999): pf.metrics.t_value(rows, rank),
            result.positive_share(path, 0.9999): pf.metrics.positive_share(rows, rank),
            result.absolute_sum(0.9999): np.abs(rows).sum(axis=1).mean(),
            result.negative_sum(0.9999): np.minimum(rows, 0).sum(axis=1).mean(),
        }
        for found, truth in truths.items():
            assert found.low - _EXACT <= truth <= found.high + _EXACT


def test_a_head_that_holds_every_path_needs_no_draws(one, batch):
    for case in (one, batch):
        rows = np.atleast_2d(case.every.influences)
        result = case.sample(10, head=pf.TopK(case.space.count))
        assert len(result) == 0
        path = case.space.unrank(7)
        found = result.t_value(path)
        assert found.low == found.high == pytest.approx(pf.metrics.t_value(rows, 7))
        found = result.absolute_sum()
        assert found.low == found.high == pytest.approx(np.abs(rows).sum(axis=1).mean())
        assert result.audit.ok


def cut_off(x):
    """Two of three ways carry nothing: one multiplies by zero, one is a constant's."""
    a, b = pf.tag(jnp.sin(x), "a"), pf.tag(jnp.tanh(x), "b")
    c = pf.tag(a * jnp.zeros(2) + 0.0, "c")
    return jnp.sum(c) + jnp.sum(b * b)


def only_zeros(x):
    return jnp.sum(pf.tag(jnp.sin(x), "a") * jnp.zeros(2))


def test_paths_that_are_zero_by_construction():
    x = jnp.array([0.3, 0.7])
    question = {"source": "x", "doi": pf.Point()}
    graph = pf.trace(cut_off, x)
    every = pf.attribute(graph, (x,), **question)
    assert (every.influences == 0).any()
    for proposal in _PROPOSALS.values():
        search = pf.Sample(200, _KEY, proposal, of=("x a c output",))
        result = pf.attribute(graph, (x,), **question, search=search)
        assert set(result.ranks) == set(range(every.space.count))
        assert np.allclose(result.influences, every.influences[list(result.ranks)])
        assert result["x a c output"] == 0
        assert result.audit.ok
    graph = pf.trace(only_zeros, x)
    for proposal in _PROPOSALS.values():
        search = pf.Sample(5, _KEY, proposal)
        result = pf.attribute(graph, (x,), **question, search=search)
        assert result.total == 0
        assert result.absolute_sum() == (0, 0, 0)
        assert not result.influences.any()
        assert result.audit.ok


def twins(x):
    """Eight paths in float32, of which each has a twin."""
    for name, share in (("a", 0.3), ("b", 0.29)):
        left, right = pf.tag(share * x, name), pf.tag((1 - share) * x, f"{name}{name}")
        x = pf.tag(left + right, f"{name}sum")
    left, right = pf.tag(0.1 * x, "left"), pf.tag(0.1 * x, "right")
    return jnp.sum(left) + jnp.sum(right)


def test_ties_in_float32_are_ties():
    x = jnp.asarray([0.1, -0.7, 1.3], jnp.float32)
    graph = pf.trace(twins, x)
    # Weights of 1/3, whose sums in float64 are no float32.
    question = {"source": "x", "doi": pf.Line(0 * x, n_steps=3, rule=pf.Midpoint())}
    every = pf.attribute(graph, (x,), **question)
    path, twin = (f"x a asum bb bsum {end} output" for end in ("left", "right"))
    ranks = [every.space.rank(p) for p in (path, twin)]
    for head in (None, pf.TopK(2)):
        search = pf.Sample(200, _KEY, of=(path,), head=head)
        result = pf.attribute(graph, (x,), **question, search=search)
        assert result.influences.dtype == np.float32
        assert ranks[1] in result.ranks
        assert result[twin] == result[path]
        # Float32 rounds the two in one way only if both are followed in one way.
        others = [r for r in result.ranks if r != ranks[0]]
        values = every.influences[others]
        ties = np.isin(others, ranks)
        below = np.mean(np.where(ties, 0.5, values < every.influences[ranks[0]]))
        tail = (5 if head else 7) / 7
        in_head = 0 if head is None else np.sum(result.head.influences < result[path]) / 7
        assert result.t_value(path).mean == pytest.approx(in_head + tail * below)


def long_chain(x):
    def step(h, _):
        a, b = pf.tag(0.8 * h, "a"), pf.tag(0.7 * h, "b")
        return pf.tag(0.9 * h + a + b, "h"), None

    return jnp.sum(jax.lax.scan(step, x, None, length=650)[0])


def test_more_paths_than_floating_point_counts(unchecked):
    x = jnp.array([0.3, 0.7])
    graph = pf.trace(long_chain, x)
    path = "x " + " ".join(f"h@{i}" for i in range(650)) + " output"
    # Part of the draws is uniform, and all of them are weighed.
    search = pf.Sample(4, _KEY, pf.Importance(0.5), of=(path,))
    result = pf.attribute(graph, (x,), source="x", doi=pf.Point(), search=search)
    assert result.count == 3**650 > 10**308
    assert result.total == pytest.approx(2.4**650)
    assert result[path] == pytest.approx(0.9**650)
    # No other path is as large.
    assert result.t_value(path).mean == 1
    letters = [str(result.space.unrank(rank)) for rank in result.ranks]
    others = [(p.count("a@"), p.count("b@")) for p in letters]
    expected = [0.9 ** (650 - a - b) * 0.8**a * 0.7**b for a, b in others]
    assert np.allclose(result.influences, expected, rtol=1e-9, atol=0)
    assert "e+310 paths" in str(result)


def test_a_line_with_a_tolerance_is_refined_once():
    x = jnp.array([0.3, 0.7])
    graph = pf.trace(cut_off, x)
    doi = pf.Line(jnp.zeros(2), n_steps=1, tol=1e-6)
    search = pf.Sample(20, _KEY, head=pf.TopK(1))
    result = pf.attribute(graph, (x,), source="x", doi=doi, search=search)
    assert result.audit.n_steps == result.head.audit.n_steps > 1
    every = pf.attribute(graph, (x,), source="x", doi=doi)
    assert np.allclose(result.influences, every.influences[list(result.ranks)], atol=1e-14)


def test_progress_is_told(one):
    for proposal in _PROPOSALS.values():
        told = []
        one.sample(50, proposal=proposal, memory=1000, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 1
        assert len(told) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, r"n=1\) takes an integer of at least 2"),
        ({"n": 2.0}, r"n=2.0\) takes an integer"),
        ({"n": True}, "n=True"),
        ({"key": 0}, r"key=0\) takes one random key, such as jax.random.key\(0\)"),
        ({"key": None}, "key=None"),
        ({"key": np.array([1.5, 2.5])}, "takes one random key"),
        ({"key": jax.random.split(_KEY, 3)}, "takes one random key"),
        ({"proposal": "uniform"}, r"proposal='uniform'\) takes Uniform\(\) or Importance\(\)"),
        ({"proposal": pf.Uniform}, "takes Uniform"),
        ({"of": "x a output"}, r"takes a tuple of paths: of=\(path,\)"),
        ({"of": (3,)}, r"of=\(3,\)\) takes a tuple of paths"),
        ({"of": pf.Path(("x", "a", "output"))}, "takes a tuple of paths"),
        ({"head": 10}, r"head=10\) takes Above\(...\), TopK\(...\) or None"),
        ({"head": pf.Greedy()}, "takes Above"),
        ({"head": pf.TopK(3, by=pf.Largest())}, r"Largest\(\); the head is .* by Magnitude\(\)"),
        ({"head": pf.TopK(3, pattern="x .*")}, "pattern 'x .\\*' and the sample about None"),
        ({"memory": 0}, r"Sample\(memory=...\) takes a positive number of bytes"),
    ],
    ids=str,
)
def test_wrong_arguments(options, message, unchecked):
    with pytest.raises(pf.ArgumentError, match=message):
        pf.Sample(**{"n": 10, "key": _KEY, **options})


@pytest.mark.parametrize("part", [0, 1, -0.1, float("nan"), "0.2", None])
def test_wrong_parts(part, unchecked):
    with pytest.raises(pf.ArgumentError, match=r"Importance\(part=.*between 0 and 1"):
        pf.Importance(part)


def test_equal_patterns_written_in_two_ways_agree():
    pattern = pf.Pattern.parse("x .*")
    pf.Sample(5, _KEY, pattern=pattern, head=pf.TopK(3, pattern="x   .*"))


def test_paths_that_are_none(one):
    with pytest.raises(pf.NoPathError, match="no node on them has a name like `gg`"):
        one.sample(5, pattern=".* gg .*")
    with pytest.raises(pf.UnknownNodeError):
        one.sample(5, of=("x nothing output",))
    with pytest.raises(pf.GraphError, match="give all of it"):
        one.sample(5, of=("x",))
    outside = one.space.unrank(one.matching("y .*")[0])
    with pytest.raises(pf.GraphError, match="y.*does not match the pattern 'x .\\*'"):
        one.sample(5, pattern="x .*", of=(outside,))


def test_a_partial_that_is_not_finite():
    def root(x):
        return jnp.sum(pf.tag(jnp.sqrt(x), "r"))

    x = jnp.array([0.0, 1.0])
    graph = pf.trace(root, x)
    with pytest.raises(pf.NonFiniteError, match="path is NaN or infinite"):
        pf.attribute(
            graph, (x,), source="x", doi=pf.Point(direction=x + 1), search=pf.Sample(5, _KEY)
        )
