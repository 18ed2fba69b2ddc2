"""Estimates from samples of populations that are known: coverage, bias, and what is exact."""

import copy
import pickle
from itertools import pairwise, product

import jax
import numpy as np
import pytest

import pathflow as pf
from pathflow.results._estimate import fraction

_LAYERS = [["x"], *([f"{name}{i}" for i in range(7)] for name in "abc"), ["qoi"]]
_EDGES = [(u, v) for one, two in pairwise(_LAYERS) for u in one for v in two]
_NODES = [pf.Node(n) for layer in _LAYERS for n in layer]
SPACE = pf.Graph(_NODES, [(pf.Node(u), pf.Node(v)) for u, v in _EDGES]).paths("x", "qoi")
N = 7**3
_EXACT = 1e-12


def population(examples=None, seed=1):
    """Influences of all paths: of both signs, a fifth of them zero."""
    random = np.random.default_rng(seed)
    shape = (N,) if examples is None else (examples, N)
    own, shared = random.normal(size=shape), random.normal(size=N)
    return (own + shared + 0.2) * (random.random(shape) < 0.8)


def audit(influences):
    zeros = np.zeros(influences.shape[:-1])
    return pf.Audit(structural=zeros, reference_total=zeros)


def head_of(influences, k):
    """The k largest paths, as a search would list them."""
    means = np.abs(np.atleast_2d(influences).mean(axis=0))
    first = np.argsort(-means)[:k]
    unseen = influences.sum(axis=-1) - influences[..., first].sum(axis=-1)
    bound = np.delete(means, first).max(initial=0.0)
    certificate = pf.Certificate(True, float(bound), unseen, N - k, 1)
    ranks = tuple(first.tolist())
    return pf.Ranked(SPACE, ranks, influences[..., first], certificate, audit(influences))


def proposal(influences, seed=3):
    """Probabilities that know the influences roughly."""
    random = np.random.default_rng(seed)
    rough = np.abs(np.atleast_2d(influences).mean(axis=0)) * np.exp(0.5 * random.normal(size=N))
    return rough / rough.sum()


def sampled(influences, n, seed, k=0, odds=None, part=0.2, known=(), count=N):
    """A sample with or without a head, uniform or by odds, as `Sample` would draw it."""
    random = np.random.default_rng([seed, n])
    head = head_of(influences, k) if k else None
    tail = np.setdiff1d(np.arange(N), () if head is None else head.ranks)
    if not len(tail):
        ranks, weights = np.zeros(0, int), np.zeros(0)
    elif odds is None:
        ranks, weights = random.choice(tail, n), np.ones(n)
    else:
        even = round(part * n)
        ranks = np.append(random.choice(tail, even), random.choice(N, n - even, p=odds))
        weights = 1 / (part + (1 - part) * len(tail) * odds[ranks])
    total = influences.sum(axis=-1)
    return pf.Sampled(
        SPACE,
        count,
        tuple(ranks.tolist()),
        influences[..., ranks],
        weights,
        total if influences.ndim == 2 else float(total),
        {rank: np.atleast_2d(influences)[:, rank] for rank in known},
        head,
        audit(influences),
    )


def truths(influences, high, low):
    rows = np.atleast_2d(influences)
    return {
        "t": pf.metrics.t_value(rows, high),
        "t of a low path": pf.metrics.t_value(rows, low),
        "absolute": np.abs(rows).sum(axis=1).mean(),
        "positive": np.maximum(rows, 0).sum(axis=1).mean(),
        "negative": np.minimum(rows, 0).sum(axis=1).mean(),
        "squares": np.square(rows).sum(axis=1).mean(),
        "positive share": pf.metrics.positive_share(rows, high),
        "negative share": pf.metrics.negative_share(rows, low),
    }


def estimates(result, high, low, level=0.95):
    high, low = SPACE.unrank(high), SPACE.unrank(low)
    return {
        "t": result.t_value(high, level),
        "t of a low path": result.t_value(low, level),
        "absolute": result.absolute_sum(level),
        "positive": result.positive_sum(level),
        "negative": result.negative_sum(level),
        "squares": result.sum_of(np.square, level),
        "positive share": result.positive_share(high, level),
        "negative share": result.negative_share(low, level),
    }


def placed(influences, fraction):
    """The rank of the path at some place in the order of means."""
    return int(np.argsort(np.atleast_2d(influences).mean(axis=0))[int(fraction * (N - 1))])


@pytest.mark.parametrize("by_odds", [False, True], ids=["uniform", "importance"])
@pytest.mark.parametrize("k", [0, 25], ids=["no head", "head"])
@pytest.mark.parametrize("examples", [None, 4], ids=["one", "batch"])
def test_intervals_cover_the_truth_and_estimates_are_right_in_the_mean(examples, k, by_odds):
    influences, n, repeats = population(examples), 300, 200
    high, low = placed(influences, 0.97), placed(influences, 0.15)
    odds = proposal(influences) if by_odds else None
    found = [
        estimates(sampled(influences, n, seed, k, odds, known=(high, low)), high, low)
        for seed in range(repeats)
    ]
    for name, truth in truths(influences, high, low).items():
        means, lows, highs = np.array([f[name] for f in found]).T
        assert np.all((lows <= means + _EXACT) & (means <= highs + _EXACT)), name
        covered = np.mean((lows <= truth + _EXACT) & (truth <= highs + _EXACT))
        assert covered >= 0.88, (name, covered)
        error = means.std() / np.sqrt(repeats)
        assert abs(means.mean() - truth) <= 4 * error + _EXACT, name
        # No interval is so wide that it says nothing: that of a normal mean is 3.9 errors wide.
        assert np.mean(highs - lows) <= 8 * means.std() + _EXACT, name


@pytest.mark.parametrize("by_odds", [False, True], ids=["uniform", "importance"])
def test_a_t_value_near_one_is_covered_though_most_samples_agree(by_odds):
    influences = population()
    high = placed(influences, 0.995)
    truth = truths(influences, high, high)["t"]
    odds = proposal(influences) if by_odds else None
    found = np.array(
        [
            sampled(influences, 60, seed, odds=odds, known=(high,)).t_value(SPACE.unrank(high))
            for seed in range(200)
        ]
    )
    assert 0.99 < truth < 1
    assert np.mean(found[:, 0] == 1) > 0.3
    assert np.mean((found[:, 1] <= truth) & (truth <= found[:, 2])) >= 0.88


def test_shares_are_hardly_biased_by_few_draws():
    influences = population()
    high = placed(influences, 0.97)
    truth = pf.metrics.positive_share(influences[None], high)
    results = [sampled(influences, 20, seed, known=(high,)) for seed in range(400)]
    mean = np.mean([r.positive_share(SPACE.unrank(high)).mean for r in results])
    naive = np.mean([influences[high] / r.positive_sum().mean for r in results])
    assert abs(mean / truth - 1) < 0.02 < 0.03 < naive / truth - 1


def test_a_head_that_holds_every_path_leaves_nothing_to_estimate():
    for examples in (None, 3):
        influences = population(examples)
        high, low = placed(influences, 0.9), placed(influences, 0.2)
        found = estimates(sampled(influences, 0, 0, k=N), high, low)
        for name, truth in truths(influences, high, low).items():
            assert found[name].low == found[name].mean == found[name].high, name
            assert found[name].mean == pytest.approx(truth, abs=1e-9), name


def test_a_path_beyond_the_bound_of_the_head_has_an_exact_t_value():
    influences = population()
    result = sampled(influences, 10, 0, k=40)
    for rank in result.head.ranks:
        if abs(influences[rank]) > result.head.certificate.bound:
            found = result.t_value(SPACE.unrank(rank))
            assert found.low == found.high == found.mean
            truth = pf.metrics.t_value(influences[None], rank)
            assert found.mean == pytest.approx(truth, abs=_EXACT)
    # The one path that is as large as the bound is in the tail.
    other = int(np.argsort(-np.abs(influences))[40])
    found = sampled(influences, 10, 0, k=40, known=(other,)).t_value(SPACE.unrank(other))
    assert found.low < found.high


def test_what_is_known_limits_what_is_estimated():
    influences = population()
    least = np.abs(influences.sum())
    for seed, k in product(range(20), (0, 30)):
        result = sampled(influences, 5, seed, k=k)
        mean, low, high = result.absolute_sum(0.999)
        assert least <= low <= mean <= high
        assert result.positive_sum().low >= 0 >= result.negative_sum().high
        if k:
            top = np.sort(np.abs(influences))[::-1]
            assert high <= top[:k].sum() + (N - k) * top[k] + _EXACT
            assert low >= top[:k].sum() - _EXACT
            path = SPACE.unrank(result.head.ranks[0])
            for share in (result.positive_share(path), result.negative_share(path)):
                assert 0 <= share.low <= share.mean <= share.high <= 1


def test_the_sums_of_both_signs_are_the_total():
    for examples in (None, 4):
        influences = population(examples)
        result = sampled(influences, 50, 0, k=10)
        positive, negative = result.positive_sum(), result.negative_sum()
        total = float(np.mean(result.total))
        assert positive.mean + negative.mean == pytest.approx(total, rel=1e-15, abs=1e-13)
        assert positive.mean - negative.mean == pytest.approx(result.absolute_sum().mean)
        assert positive.high + negative.low == pytest.approx(total, rel=1e-15, abs=1e-13)


def test_a_higher_level_is_wider():
    influences = population()
    high, low = placed(influences, 0.9), placed(influences, 0.1)
    result = sampled(influences, 100, 0, known=(high, low))
    wide, narrow = (estimates(result, high, low, level) for level in (0.99, 0.5))
    for name in wide:
        assert wide[name].low < narrow[name].low < narrow[name].high < wide[name].high


def test_a_batch_is_the_mean_of_its_examples():
    influences = population(3)
    high, low = placed(influences, 0.9), placed(influences, 0.1)
    result = sampled(influences, 100, 0, k=5, known=(high, low))
    found = estimates(result, high, low)
    each = [estimates(result.example(i), high, low) for i in range(3)]
    for name in ("t", "t of a low path", "squares", "positive share", "negative share"):
        assert found[name].mean == pytest.approx(np.mean([e[name].mean for e in each]), rel=1e-12)
    alone = sampled(influences[1], 100, 0, known=(high, low)).example
    with pytest.raises(pf.ArgumentError, match="no axis of examples"):
        alone(0)
    with pytest.raises(pf.ArgumentError, match="i=3"):
        result.example(3)


def test_the_influence_of_a_known_path():
    for examples in (None, 2):
        influences = population(examples)
        asked = 17
        result = sampled(influences, 30, 0, k=4, known=(asked,))
        for rank in (asked, result.head.ranks[2], result.ranks[3]):
            found = result[str(SPACE.unrank(rank))]
            assert isinstance(found, float if examples is None else np.ndarray)
            assert np.array_equal(found, influences[..., rank])
        unknown = next(i for i in range(N) if i not in {asked, *result.head.ranks, *result.ranks})
        path = SPACE.unrank(unknown)
        for question in (result.__getitem__, result.t_value, result.positive_share):
            with pytest.raises(pf.GraphError, match=f"{path}.*is not known.*Sample\\(of="):
                question(path)
        with pytest.raises(pf.GraphError, match="is not known"):
            result[tuple(map(str, path))]
        with pytest.raises(pf.UnknownNodeError):
            result["x nothing qoi"]


def test_counts_beyond_floating_point():
    influences = population()
    high = placed(influences, 0.7)
    result = sampled(influences, 200, 0, k=5, known=(high,), count=10**400)
    draws = influences[[r for r in result.ranks if r != high]]
    below = np.mean((draws < influences[high]) + 0.5 * (draws == influences[high]))
    assert result.t_value(SPACE.unrank(high)).mean == pytest.approx(below)
    for question in (result.absolute_sum, result.positive_sum, lambda: result.sum_of(np.square)):
        with pytest.raises(pf.ArgumentError, match=r"1.000e\+400 paths.*Above.*Aggregate"):
            question()
    with pytest.raises(pf.ArgumentError, match="beyond floating point"):
        result.positive_share(SPACE.unrank(high))
    assert "200 draws from 1.000e+400 paths, 5 paths known" in str(result)
    assert "1.000e+400" in repr(result)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, float("nan"), "0.95"])
def test_levels_are_probabilities(level, unchecked):
    influences = population()
    for result in (sampled(influences, 20, 0, known=(3,)), sampled(influences, 0, 0, k=N)):
        path = SPACE.unrank(3)
        for question in (result.absolute_sum, result.positive_sum, result.negative_sum):
            with pytest.raises(pf.ArgumentError, match="is no probability"):
                question(level)
        for question in (result.t_value, result.positive_share, result.negative_share):
            with pytest.raises(pf.ArgumentError, match="is no probability"):
                question(path, level)


def test_what_cannot_be_estimated(unchecked):
    influences = population()
    with pytest.raises(pf.ArgumentError, match="at least two draws, and there are 1"):
        sampled(influences, 1, 0).absolute_sum()
    for of in (np.sum, lambda _: 3.0, lambda rows: rows[:, :2]):
        with pytest.raises(pf.ShapeError, match=r"given influences of shape .* entry by entry"):
            sampled(influences, 5, 0).sum_of(of)
    one = sampled(influences, 3, 0, known=(0,), count=1)
    with pytest.raises(pf.ArgumentError, match="there is one path"):
        one.t_value(SPACE.unrank(0))
    with pytest.raises(pf.ArgumentError, match="no path"):
        one[3]
    for influences, weights in ((np.zeros(3), np.ones(4)), (np.zeros(4), np.ones(3))):
        with pytest.raises(pf.ShapeError, match="each of the 3 ranks"):
            pf.Sampled(SPACE, N, (0, 1, 2), influences, weights, 0.0, {}, None, audit(influences))


def test_a_tail_without_other_draws_may_be_anything():
    influences = population()
    result = sampled(influences, 5, 0, k=N - 1)
    (tail,) = set(range(N)) - set(result.head.ranks)
    assert set(result.ranks) == {tail}
    truth = pf.metrics.t_value(influences[None], tail)
    assert result.t_value(SPACE.unrank(tail)) == pytest.approx((truth,) * 3)
    result = sampled(influences, 2, 0, k=N - 2)
    drawn = result.ranks[0]
    found = result.t_value(SPACE.unrank(drawn))
    assert found.low <= pf.metrics.t_value(influences[None], drawn) <= found.high


def test_fractions():
    # Agresti and Coull's interval, worked out by hand.
    n, z = 40, 1.959963984540054
    middle = (30 + z * z / 2) / (n + z * z)
    half = z * np.sqrt(middle * (1 - middle) / (n + z * z))
    found = fraction(np.repeat([1.0, 0.0], [30, 10]), np.ones(n), 0.95)
    assert found == pytest.approx((0.75, middle - half, middle + half))
    assert fraction(np.zeros(0), np.zeros(0), 0.95) == pytest.approx((0.5, 0, 1))
    assert fraction(np.ones(10), np.ones(10), 0.95).high == 1
    assert fraction(np.ones(10), np.ones(10), 0.95).low < 0.8
    # Weights that are all the same change nothing; unequal ones make the interval wider.
    values = np.repeat([1.0, 0.0], 20)
    assert fraction(values, np.full(n, 3.0), 0.9) == pytest.approx(
        fraction(values, np.ones(n), 0.9)
    )
    unequal = fraction(np.ones(n), np.repeat([0.1, 3.0], 20), 0.9)
    assert unequal.low < fraction(np.ones(n), np.ones(n), 0.9).low


def test_a_pytree_and_copies():
    result = sampled(population(2), 10, 0, k=3, known=(5,))
    doubled = jax.tree.map(lambda leaf: 2 * leaf, result)
    path = SPACE.unrank(5)
    assert np.allclose(doubled[path], 2 * result[path])
    assert doubled.head.ranks == result.head.ranks
    assert doubled.n_examples == 2
    leaves, structure = jax.tree.flatten(result)
    assert jax.tree.unflatten(structure, leaves).t_value(path) == result.t_value(path)
    assert structure == jax.tree.structure(doubled)
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):  # noqa: S301
        assert other.t_value(path) == result.t_value(path)


def test_effective_draws():
    equal = sampled(np.ones(N), 50, 0)
    assert equal.effective_draws == pytest.approx(50)
    one = np.full(N, 1e-9)
    one[equal.ranks[7]] = 1.0
    assert sampled(one, 50, 0).effective_draws == pytest.approx(1, abs=1e-6)
    # Draws in proportion to what they carry all carry the same.
    influences = population()
    odds = np.abs(influences) / np.abs(influences).sum()
    by_odds = sampled(influences, 200, 0, odds=odds, part=0.01)
    assert by_odds.effective_draws > 150 > sampled(influences, 200, 0).effective_draws
    assert sampled(np.zeros(N), 50, 0).effective_draws == 0
    assert sampled(influences, 0, 0, k=N).effective_draws == 0
    assert sampled(population(2), 50, 0).effective_draws > 20


def test_text():
    result = sampled(population(), 100, 0, k=3)
    assert str(result).startswith("100 draws from 343 paths, 3 paths known as the head\ntotal ")
    assert len(str(result).splitlines()) == 2
    assert "a few draws outweigh the others, as if there were" in str(
        sampled(population() ** 9, 100, 0)
    )
    result = sampled(population(), 10, 0, k=3)
    assert repr(result) == "Sampled(10 of 343 paths)"
    assert repr(sampled(population(2), 10, 0)) == "Sampled(10 of 343 paths, 2 examples)"
    assert "(exact), absolute sum unknown" in str(sampled(population(), 1, 0))
