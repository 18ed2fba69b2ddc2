"""Every distribution of interest, with one source and several, alone and in batches."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pathflow as pf
from pathflow.influence.question._asked import describe
from tests.helpers import INTERESTS, OUTPUT, PROGRAMS, SOURCES, brute_force


def by_path(result):
    space = result.space
    paths = [tuple(str(n) for n in space.unrank(i)) for i in range(space.count)]
    return dict(zip(paths, np.asarray(result.influences).tolist(), strict=True))


@pytest.fixture(scope="module", params=PROGRAMS)
def case(request):
    """A program, its graph and its arguments."""
    program = PROGRAMS[request.param]
    args = program.args()
    return program, pf.trace(program.function(), *args), args


@pytest.mark.parametrize("sources", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("interest", INTERESTS.values(), ids=INTERESTS)
def test_every_path_and_their_sum(case, interest, sources):
    program, traced, args = case
    values = {k: np.asarray(v) for k, v in zip("xy", args, strict=False) if k in sources}
    doi, points = interest.make(values, np.random.default_rng(3))
    expected = brute_force(program, args, points)
    result = pf.attribute(traced, args, source=sources, doi=doi)
    found = by_path(result)
    assert set(found) == set(expected.influences)
    assert all(abs(found[p] - v) <= 1e-10 * expected.scale for p, v in expected.influences.items())
    assert result.total == pytest.approx(expected.total, abs=1e-10 * expected.scale)
    assert result.audit.ok
    assert result.audit.n_steps == len(points.weights)
    if isinstance(doi, pf.Line):
        starts = [np.asarray(b) for b in jax.tree.leaves(doi.baseline)]
        ends = list(values.values())
        change = program.function()(*args) - program.function()(*starts, *args[len(starts) :])
        assert result.audit.quadrature == pytest.approx(float(result.total - change), abs=1e-12)
        assert len(starts) == len(ends)


def test_the_order_of_the_sources_is_the_order_of_the_baselines(case):
    _, traced, args = case
    x, y = args[:2]
    one, other = (
        by_path(pf.attribute(traced, args, source=names, doi=pf.Line(baselines, n_steps=2)))
        for names, baselines in ((("x", "y"), (x + 1, y - 1)), (("y", "x"), (y - 1, x + 1)))
    )
    assert set(one) == set(other)
    assert all(one[path] == pytest.approx(other[path], rel=1e-12) for path in one)


class TestBatches:
    """Examples along an axis: each gives what it gives alone."""

    examples = 3

    def batch(self, program):
        args = [program.args(example) for example in range(self.examples)]
        return args, (*(jnp.stack(v) for v in zip(*(a[:2] for a in args), strict=True)), args[0][2])

    def rows_agree(self, result, alone):
        assert result.n_examples == len(alone)
        assert result.audit.ok
        for i, one in enumerate(alone):
            scale = np.abs(one.influences).sum()
            np.testing.assert_allclose(
                result.example(i).influences, one.influences, atol=1e-12 * scale
            )
            assert result.total[i] == pytest.approx(float(one.total), abs=1e-12 * scale)

    @pytest.mark.parametrize("interest", INTERESTS.values(), ids=INTERESTS)
    def test_one_distribution_for_all(self, case, interest):
        program, traced, _ = case
        args, stacked = self.batch(program)
        doi, _ = interest.make({"x": np.asarray(args[0][0])}, np.random.default_rng(3))
        result = pf.attribute(traced, stacked, source="x", doi=doi, in_axes=(0, 0, None))
        self.rows_agree(result, [pf.attribute(traced, a, source="x", doi=doi) for a in args])

    @pytest.mark.parametrize(
        "make",
        [
            lambda v: pf.Line(v, n_steps=3),
            lambda v: pf.Point(direction=v),
            lambda v: pf.Samples(jnp.stack([v, 2 * v], axis=-2)),
        ],
        ids=["Line", "Point", "Samples"],
    )
    def test_one_distribution_for_each(self, case, make):
        program, traced, _ = case
        args, stacked = self.batch(program)
        own = jnp.asarray(np.random.default_rng(8).normal(size=(self.examples, 3)))
        result = pf.attribute(traced, stacked, source="x", doi=make(own), in_axes=(0, 0, None))
        alone = [
            pf.attribute(traced, a, source="x", doi=make(v)) for a, v in zip(args, own, strict=True)
        ]
        self.rows_agree(result, alone)

    def test_weights_in_a_list_are_those_of_all(self, case):
        program, traced, _ = case
        args, stacked = self.batch(program)
        values = jnp.asarray(np.random.default_rng(4).normal(size=(3, 3)))
        doi = pf.Samples(values, weights=[0.5, 0.25, 0.25])
        result = pf.attribute(traced, stacked, source="x", doi=doi, in_axes=(0, 0, None))
        same = pf.Samples(values, weights=jnp.asarray([0.5, 0.25, 0.25]))
        self.rows_agree(result, [pf.attribute(traced, a, source="x", doi=same) for a in args])

    def test_of_several_sources(self, case):
        program, traced, _ = case
        args, stacked = self.batch(program)
        doi = pf.Line((jnp.zeros(3), jnp.ones(2)), n_steps=3)
        result = pf.attribute(traced, stacked, source=("x", "y"), doi=doi, in_axes=(0, 0, None))
        alone = [pf.attribute(traced, a, source=("x", "y"), doi=doi) for a in args]
        self.rows_agree(result, alone)

    def test_of_only_some_arguments(self, case):
        """The source's own argument may be the one without examples."""
        program, traced, _ = case
        args, stacked = self.batch(program)
        mixed = (args[0][0], stacked[1], args[0][2])
        doi = pf.Line(jnp.zeros(3), n_steps=3)
        result = pf.attribute(traced, mixed, source="x", doi=doi, in_axes=(None, 0, None))
        alone = [pf.attribute(traced, (args[0][0], *a[1:]), source="x", doi=doi) for a in args]
        self.rows_agree(result, alone)

    def test_along_any_axis_and_in_the_parameters(self, case):
        program, traced, _ = case
        args, stacked = self.batch(program)
        matrices = jnp.stack([args[0][2]["w"] * (1 + k) for k in range(self.examples)], axis=1)
        moved = (jnp.moveaxis(stacked[0], 0, -1), stacked[1], {"w": matrices})
        doi = pf.Line(jnp.zeros(3), n_steps=3)
        result = pf.attribute(traced, moved, source="x", doi=doi, in_axes=(1, 0, {"w": 1}))
        alone = [
            pf.attribute(traced, (*a[:2], {"w": matrices[:, k]}), source="x", doi=doi)
            for k, a in enumerate(args)
        ]
        self.rows_agree(result, alone)

    def test_of_one(self, case):
        _, traced, args = case
        doi = pf.Line(jnp.zeros(3), n_steps=3)
        batched = pf.attribute(
            traced, (args[0][None], *args[1:]), source="x", doi=doi, in_axes=(0, None, None)
        )
        self.rows_agree(batched, [pf.attribute(traced, args, source="x", doi=doi)])


def test_quantities_of_interest_differ_by_example():
    def fn(x):
        return pf.tag(jnp.tanh(pf.tag(2 * x, "a") @ jnp.ones((3, 4)) + jnp.arange(4.0)), "logits")

    x = jnp.array([0.3, -1.2, 0.7])
    traced = pf.trace(fn, x, qoi=pf.LogitDifference(0, 1))
    pairs = list(itertools.permutations(range(4), 2))[:5]
    good, bad = jnp.array(pairs).T
    batch = jnp.stack([x * (1 + k / 10) for k in range(len(pairs))])
    doi = pf.Line(jnp.zeros(3))
    result = pf.attribute(
        traced, (batch,), source="x", doi=doi, qoi=pf.LogitDifference(good, bad), in_axes=0
    )
    for k, (g, b) in enumerate(pairs):
        one = pf.attribute(traced, (batch[k],), source="x", doi=doi, qoi=pf.LogitDifference(g, b))
        logits, before = fn(batch[k]), fn(0 * x)
        change = float(logits[g] - logits[b] - before[g] + before[b])
        assert result.total[k] == pytest.approx(float(one.total), rel=1e-12)
        assert result.total[k] == pytest.approx(change, rel=1e-6)


@pytest.mark.parametrize("make", [jnp.asarray, np.asarray])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64"])
def test_indices_of_a_smaller_type_are_those_they_stand_for(make, dtype):
    """A graph that was traced with a Python number takes the indices of a data set."""
    x = jnp.arange(6.0).reshape(2, 3) + 1
    ask = {"source": "x", "doi": pf.Line(jnp.zeros(3))}
    graph = pf.trace(lambda x: pf.tag(x**2, "a") * 3, x[0], qoi=pf.LogitDifference(0, 1))
    each = pf.LogitDifference(*(make([k, 2], dtype=dtype) for k in (1, 0)))
    found = pf.attribute(graph, (x,), **ask, qoi=each, in_axes=0)
    y = 3 * np.asarray(x) ** 2
    np.testing.assert_allclose(found.total, [y[0, 1] - y[0, 0], y[1, 2] - y[1, 2]], atol=1e-12)
    one = pf.attribute(graph, (x[0],), **ask, qoi=pf.LogitDifference(make(2, dtype=dtype), 0))
    assert one.total == pytest.approx(y[0, 2] - y[0, 0])


def test_indices_that_are_cut_are_refused():
    with jax.enable_x64(False):
        x = jnp.ones(3)
        graph = pf.trace(lambda x: pf.tag(x**2, "a") * 3, x, qoi=pf.Logit(jnp.int8(0)))
        with pytest.raises(pf.ShapeError, match=r"qoi.index has dtype int32.*traced with int8"):
            pf.attribute(graph, (x,), source="x", doi=pf.Point(), qoi=pf.Logit(jnp.asarray(300)))


def test_a_function_of_the_output_is_a_quantity_wherever_one_is_asked_for():
    def fn(x):
        return pf.tag(jnp.tanh(pf.tag(2 * x, "a")), "logits")

    def quantity(output):
        return output[0] - output[2] ** 2

    batch = jnp.array([[0.3, -1.2, 0.7], [0.1, 0.2, -0.5]])
    traced = pf.trace(fn, batch[0], qoi=quantity)
    ask = {"source": "x", "doi": pf.Line(jnp.zeros(3)), "qoi": quantity, "in_axes": 0}
    expected = [float(quantity(fn(x))) for x in batch]
    found = [
        pf.attribute(traced, (batch,), **ask),
        pf.aggregate(fn, (batch,), {"all": ".*"}, **ask),
        pf.aggregate(traced, (batch,), {"all": ".*"}, **ask),
        pf.conductance(fn, (batch,), **ask),
    ]
    for result in found:
        np.testing.assert_allclose(result.total, expected, rtol=1e-5)
    intervened = pf.do(traced, (batch,), {}, qoi=quantity, in_axes=0)
    np.testing.assert_allclose(intervened, expected, rtol=1e-12)
    with pytest.raises(pf.ArgumentError, match=r"attribute\(qoi=.*another quantity"):
        pf.attribute(traced, (batch,), **{**ask, "qoi": lambda y: y[0]})
    with pytest.raises(pf.ArgumentError, match=r"attribute\(qoi=.*function of the output.*got 3"):
        pf.attribute(traced, (batch,), **{**ask, "qoi": 3})


class TestArraysOfAQuantity:
    """Each array may be one for each example, or shared, in a function as in its graph."""

    MATRIX = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)))
    XS = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.2], [-0.7, 0.8, 0.1]])
    W = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4)))
    ASK = {"source": "x", "doi": pf.Line(jnp.zeros(3), n_steps=9), "in_axes": 0}  # noqa: RUF012

    def model(self, x):
        return self.MATRIX @ pf.tag(jnp.tanh(x), "h")

    @pytest.mark.parametrize(
        ("one", "many"),
        [
            (pf.LogitDifference(0, 3), pf.LogitDifference(jnp.array([0, 1, 2]), 3)),
            (pf.LogitDifference(0, 3), pf.LogitDifference(jnp.array([0, 1, 2]), jnp.array(3))),
            (
                pf.SetDifference(jnp.array([0, 1]), jnp.array([2])),
                pf.SetDifference(jnp.array([[0, 1], [1, 2], [2, 3]]), jnp.array([2])),
            ),
            # As many in each set as there are examples: shared, since one alone is no set.
            (
                pf.SetDifference(jnp.array([0, 1, 3]), jnp.array([2])),
                pf.SetDifference(jnp.array([0, 1, 3]), jnp.array([2])),
            ),
            (pf.Custom(jnp.dot, (W[0],)), pf.Custom(jnp.dot, (W,))),
            (pf.Custom(jnp.dot, (W[0],)), pf.Custom(jnp.dot, (W[0],))),
        ],
    )
    def test_are_told_apart(self, one, many):
        graph = pf.trace(self.model, self.XS[0], qoi=one)
        expected = pf.attribute(graph, (self.XS,), qoi=many, **self.ASK).total
        of_function = pf.aggregate(self.model, (self.XS,), {"z": ".*"}, qoi=many, **self.ASK)
        np.testing.assert_allclose(of_function.total, expected, rtol=1e-12)
        flows = pf.conductance(self.model, (self.XS,), qoi=many, **self.ASK)
        np.testing.assert_allclose(flows.total, expected, rtol=1e-12)

    def test_are_refused_where_they_may_be_either(self):
        def quantity(output, w):
            return output[0] * w.sum()

        many = pf.Custom(quantity, (self.W,))
        for ask in (
            lambda: pf.aggregate(self.model, (self.XS,), {"z": ".*"}, qoi=many, **self.ASK),
            lambda: pf.conductance(self.model, (self.XS,), qoi=many, **self.ASK),
        ):
            with pytest.raises(pf.ArgumentError, match=r"qoi=Custom.*pathflow.trace\(fn, \*ex"):
                ask()
        one = pf.Custom(quantity, (self.W[0],))
        graph = pf.trace(self.model, self.XS[0], qoi=one)
        found = pf.aggregate(graph, (self.XS,), {"z": ".*"}, qoi=many, **self.ASK)
        by_hand = [quantity(self.model(x), w) for x, w in zip(self.XS, self.W, strict=True)]
        np.testing.assert_allclose(found.total, by_hand, rtol=1e-2)
        # Another number of examples leaves no doubt.
        twice = jnp.concatenate([self.XS, self.XS])
        shared = pf.aggregate(self.model, (twice,), {"z": ".*"}, qoi=one, **self.ASK)
        np.testing.assert_allclose(
            shared.total[:3], [quantity(self.model(x), self.W[0]) for x in self.XS], rtol=1e-2
        )


def test_a_result_says_what_was_asked(case):
    _, traced, args = case
    doi = pf.Line(jnp.zeros(3), n_steps=3)
    searches = pf.Enumerate(), pf.TopK(2), pf.Aggregate({"all": ".*"})
    results = [pf.attribute(traced, args, source="x", doi=doi, search=s) for s in searches]
    assert [r.metadata["search"] for r in results] == ["Enumerate", "TopK", "Aggregate"]
    for result in results:
        assert (result.metadata["sources"], result.metadata["target"]) == (["x"], OUTPUT)
        assert result.metadata["doi"].startswith("Line(n_steps=3")
        assert result.metadata["dtype"] == "float64"
    # Those that single paths can be asked of on hold the question itself.
    assert [getattr(r, "question", None) is not None for r in results] == [True, True, False]


def test_influence_of_an_output_that_is_named_is_the_default(case):
    _, traced, args = case
    doi = pf.Point()
    named, default = (
        pf.attribute(traced, args, source="x", target=t, doi=doi) for t in (OUTPUT, None)
    )
    np.testing.assert_array_equal(named.influences, default.influences)


class _Ends(pf.AbstractRule):
    """A rule that says nothing of itself but where it stands in memory."""

    def nodes_and_weights(self, n):
        return np.array([0.0, 1.0]), np.array([0.5, 0.5])


def test_what_is_told_of_an_interest_is_the_same_in_each_process():
    told = describe(pf.Line(jnp.zeros(2), rule=_Ends()))
    assert "_Ends object" in told
    assert "0x" not in told
